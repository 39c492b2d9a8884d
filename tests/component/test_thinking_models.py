"""Fake models that spend any cap on thinking unless it is off, through the real SDKs: two calls answer every task."""

from typing import Any

from pointsman.values.status import Status
from tests.support.product import Product

FIELDS: list[dict[str, Any]] = [
    *({"effort": effort} for effort in (None, "none", "low", "xhigh", "max")),
    {"max_output_tokens": 50},
    {"private": True},
]


def test_every_task_is_answered_within_two_calls(product: Product) -> None:
    product.providers.fault("anthropic", {"thinking": "all"})
    player = product.configured()
    tasks = [{"tier": tier, **fields} for tier in ("implementation", "reasoning") for fields in FIELDS]
    unclear = {"prompt": "Can somebody have a look at the thing from yesterday please?", "private": True}
    ids = [product.send(player, **{"prompt": "Explain it.", **task}) for task in [*tasks, unclear]]
    records = [product.end(player, task_id).record for task_id in ids]
    assert {record.status for record in records} == {Status.COMPLETED}
    assert max(record.attempts for record in records) == 2
    assert {record.effort for record in records} == {"none"}
    assert product.providers.control("GET", "verdict")["errors"] == 0
