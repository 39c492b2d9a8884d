"""The cost model's count of what a task writes and reads, held against what the adapters really send."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pointsman.adapters.task_table import TaskTable
from pointsman.report.figures import aws_units as units
from pointsman.values.taxonomy import Tier
from tests.support.attempts import answered, finished, started
from tests.support.aws import SESSION, TABLES, Aws, MotoLedger
from tests.support.router import Router, build

NAMES = {TABLES.tasks: "task", TABLES.usage: "row", TABLES.limits: "limit"}


@pytest.fixture
def sent() -> Iterator[list[tuple[str, ...]]]:
    """Collect each request to DynamoDB: its operation, and the table of each item."""
    recorded: list[tuple[str, ...]] = []

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        tables = [params["TableName"]] if "TableName" in params else []
        for item in params.get("TransactItems", []):
            tables += [action["TableName"] for action in item.values()]
        for table, expected in sorted(params.get("RequestItems", {}).items()):
            tables += [table] * len(expected["Keys"])
        recorded.append((model.name, *(NAMES[table] for table in tables)))

    SESSION.events.register("before-parameter-build.dynamodb", note)
    yield recorded
    SESSION.events.unregister("before-parameter-build.dynamodb", note)


@pytest.fixture
def router(sent: list[tuple[str, ...]], aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Router:
    built = build(aws, ledger, task_table)
    sent.clear()
    return built


@pytest.mark.parametrize("tier", list(Tier))
def test_a_plain_task_sends_what_the_cost_model_counts(router: Router, sent: list[tuple[str, ...]], tier: Tier) -> None:
    router.model.then(answered())
    finished(router, started(router, str(tier)))
    slot_or_counters = ["limit"] * (1 if tier is Tier.ORCHESTRATION else 2)
    assert json.dumps(sent) == json.dumps(
        [
            ("BatchGetItem", *["limit"] * units.MODELS_READ),
            ("PutItem", "task"),
            ("BatchGetItem", *["limit"] * 5, "task"),
            ("TransactWriteItems", "row", "task", *slot_or_counters),
            ("TransactWriteItems", "row", *slot_or_counters, "task"),
            ("GetItem", "task"),
            ("UpdateItem", "task"),
        ]
    )


def test_the_cost_model_counts_them_in_units() -> None:
    assert units.TASK_WRITES == 2 + 4 + 1 + 1 + 1
    assert units.call_writes(Tier.ORCHESTRATION) == 2 * (1 + 2 + 1) + 2 * (1 + 1 + 4)
    assert units.call_writes(Tier.IMPLEMENTATION) == 2 * (1 + 2 + 2) + 2 * (1 + 2 + 4)
    assert units.MODELS_READ + units.CALL_READS + units.TASK_READS == 3 + 6 + 1
