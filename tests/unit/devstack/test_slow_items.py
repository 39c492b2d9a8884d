"""Slow items of the emulator: whose writes take their time, and who meets a conflict meanwhile."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from devstack import slow_items

LIMITS, USAGE = "stack-LimitTable", "stack-UsageTable"


class Emulator(SimpleNamespace):
    """The part of MiniStack's module that is used, with the requests that it answered."""

    def __init__(self, *tags: tuple[str, str]) -> None:
        super().__init__(
            _tables={LIMITS: {"pk_name": "limit", "TableArn": "l"}, USAGE: {"pk_name": "day_shard", "TableArn": "u"}},
            _tags={"l": [{"Key": key, "Value": value} for key, value in tags]},
            answered=list[str](),
        )

    async def handle_request(self, method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        self.answered.append(headers["x-amz-target"])
        return 200, {}, b"{}"


def request(action: str, **fields: Any) -> tuple[Any, ...]:
    return "POST", "/", {"x-amz-target": f"DynamoDB_20120810.{action}"}, json.dumps(fields).encode(), {}


def update(key: str, table: str = LIMITS) -> dict[str, Any]:
    return {"TableName": table, "Key": {"limit": {"S": key}}}


def transaction(*keys: str) -> tuple[Any, ...]:
    put = {"TableName": USAGE, "Item": {"day_shard": {"S": "2026-11-28#1"}}}
    return request("TransactWriteItems", TransactItems=[{"Put": put}, *({"Update": update(key)} for key in keys)])


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Emulator:
    module = Emulator(("team", "x"), ("slow-items", "0.02 budget#"))
    monkeypatch.setattr(slow_items.importlib, "import_module", lambda name: module)
    slow_items.contend_slow_items()
    return module


def answers(emulator: Emulator, *requests: tuple[Any, ...]) -> list[Any]:
    async def together() -> list[Any]:
        return await asyncio.gather(*(emulator.handle_request(*one) for one in requests))

    return asyncio.run(together())


def test_second_write_of_a_slow_item_meets_a_conflict(emulator: Emulator) -> None:
    first, second, third = answers(
        emulator,
        transaction("budget#1"),
        transaction("model#a", "budget#1"),
        request("UpdateItem", **update("budget#1")),
    )
    assert (first[0], second[0], third[0], len(emulator.answered)) == (200, 400, 400, 1)
    reasons = [reason["Code"] for reason in json.loads(second[2])["CancellationReasons"]]
    assert (json.loads(second[2])["__type"], reasons) == (
        "TransactionCanceledException",
        ["None", "None", "TransactionConflict"],
    )
    assert json.loads(third[2])["__type"] == "TransactionConflictException"
    assert answers(emulator, transaction("budget#1"))[0][0] == 200


@pytest.mark.parametrize(
    "other",
    [
        transaction("model#a"),
        transaction("budget#2"),
        request("GetItem", **update("budget#1")),
        request("UpdateItem", **update("budget#1", USAGE)),
        request("PutItem", TableName="unknown", Item={}),
    ],
    ids=["another item", "another slow item", "a read", "another table", "no table"],
)
def test_all_else_goes_on(emulator: Emulator, other: tuple[Any, ...]) -> None:
    assert [answer[0] for answer in answers(emulator, transaction("budget#1"), other)] == [200, 200]
