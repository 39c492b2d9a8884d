"""A paid answer is not dropped while its function has time, nor for counters that cannot be reached."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from pointsman.adapters import dynamo
from pointsman.adapters.task_table import TaskTable
from pointsman.execution.budget import OPEN
from pointsman.execution.workflow_state import Next
from pointsman.services.intake import QueueMessage
from pointsman.services.settlement import SETTLING_SECONDS
from pointsman.values.status import Status
from tests.support.attempts import GEMINI, HAIKU, answered, asked, finished, started, step
from tests.support.aws import Aws, MotoLedger
from tests.support.fakes import NOON
from tests.support.router import Router, build, build_sweep

type Meddler = Callable[[list[str]], Exception | None]
"""Gets the keys in the limit table that a settlement writes; returns what stands in its way."""


class Desk:
    """A router whose settlements meet with what a test puts in their way."""

    def __init__(self, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
        client = aws.dynamodb()
        call, self.meddle, self.tries = client._make_api_call, no_trouble, 0
        self.lose_answers, self.place = 0, "settle"

        def meddled(operation: str, arguments: Any) -> Any:
            if place_of(operation, arguments) != self.place:
                return call(operation, arguments)
            self.tries += 1
            updates = [item["Update"]["Key"] for item in arguments.get("TransactItems", []) if "Update" in item]
            if trouble := self.meddle([key["limit"]["S"] for key in updates if "limit" in key]):
                raise trouble
            result = call(operation, arguments)
            if self.lose_answers:
                self.lose_answers -= 1
                raise ConnectTimeoutError(endpoint_url="x")
            return result

        client._make_api_call = meddled
        monkeypatch.setattr(dynamo, "_pause", lambda attempt: None)
        self.ledger = MotoLedger(client, aws.tables)
        self.router: Router = build(aws, self.ledger, TaskTable(client, aws.tables))
        self.sweep = build_sweep(aws, self.router)

    def counters(self) -> tuple[int, int]:
        counters = self.ledger.reader.counters("2026-11", 22)
        assert counters["month"] == counters["day_22"]
        return counters["month"], counters["month" + OPEN]

    def row(self) -> dict[str, Any]:
        (row,) = self.ledger.reader.rows(NOON - timedelta(hours=1), NOON + timedelta(hours=1))
        return row


def place_of(operation: str, arguments: Any) -> str | None:
    rows = [item["Put"]["Item"]["row"]["S"] for item in arguments.get("TransactItems", []) if "Put" in item]
    if any(row.endswith("#outcome") for row in rows):
        return "settle"
    return "reserve" if rows else {"BatchGetItem": "look", "PutItem": "claim"}.get(operation)


def no_trouble(keys: list[str]) -> Exception | None:
    return None


def out_of_reach(keys: list[str]) -> Exception | None:
    return ConnectTimeoutError(endpoint_url="x")


def any_conflict(keys: list[str]) -> Exception | None:
    return conflict(["released#"])


def conflict(keys: list[str]) -> Exception | None:
    reasons = [{"Code": "TransactionConflict"}]
    error: Any = {"Error": {"Code": "TransactionCanceledException", "Message": ""}, "CancellationReasons": reasons}
    return ClientError(error, "TransactWriteItems") if any("released#" in key for key in keys) else None


@pytest.fixture
def desk(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(aws, monkeypatch)


def test_settlement_is_tried_until_the_store_is_back(desk: Desk) -> None:
    run, router = started(desk.router, "implementation"), desk.router
    router.model.then(answered())
    back = NOON + timedelta(seconds=100)
    desk.meddle = lambda _: out_of_reach([]) if router.clock.now() < back else None
    assert step(router, run).next is Next.DELIVER
    assert (asked(router), router.task("t-1").status) == ([HAIKU], Status.COMPLETED)
    assert desk.counters() == (desk.row()["cost_nano"], 0)
    assert "counters_due" not in desk.row()


def test_answer_is_stored_before_counters_that_stay_contended_and_the_sweep_completes_them_once(desk: Desk) -> None:
    run, router = started(desk.router, "implementation"), desk.router
    router.model.then(answered())
    desk.meddle = conflict
    finished(router, run)
    row = desk.row()
    assert (asked(router), router.task("t-1").status) == ([HAIKU], Status.COMPLETED)
    assert (row["outcome"], row["counters_due"], row["cost_known"]) == ("answered", True, True)
    assert row["cost_nano"] == router.task("t-1").cost_nano < row["reserved_nano"]
    assert desk.counters() == (row["reserved_nano"], row["reserved_nano"])  # the caps hold meanwhile

    desk.meddle = no_trouble
    router.clock.advance(1200)
    for _ in range(2):
        desk.sweep()
        assert desk.counters() == (row["cost_nano"], 0)
    assert "counters_due" not in desk.row()
    assert list(desk.ledger.reader.open_intents(NOON, NOON + timedelta(hours=1))) == []


def test_settlement_whose_answer_was_lost_counts_as_made(desk: Desk) -> None:
    run, router = started(desk.router, "implementation"), desk.router
    router.model.then(answered())
    desk.lose_answers = 1
    assert step(router, run).next is Next.DELIVER
    assert (asked(router), router.task("t-1").reason) == ([HAIKU], None)
    assert desk.counters() == (desk.row()["cost_nano"], 0)


def test_settlement_ends_with_its_functions_time(desk: Desk) -> None:
    run, router = started(desk.router, "implementation"), desk.router
    router.model.then(answered())
    desk.meddle = out_of_reach
    began = router.clock.now()
    after = step(router, run)
    assert 300 - SETTLING_SECONDS < (router.clock.now() - began).total_seconds() < 300
    assert (after.next, after.hop, after.crashes, after.reason) == (Next.WAIT, 0, 0, "unavailable")
    assert "outcome" not in desk.row()


@pytest.mark.parametrize("trouble", ["out_of_reach", "any_conflict"])
@pytest.mark.parametrize(("place", "requests"), [("look", 1), ("reserve", 1), ("settle", 2)])
def test_own_tables_trouble_buys_no_other_model(desk: Desk, place: str, requests: int, trouble: str) -> None:
    """Half an hour of it; a call that was made and never settled is closed as unknown and made again."""
    run, router = started(desk.router, "orchestration"), desk.router
    assert len(run.plan) > 1
    router.model.then(*[answered()] * 3)
    back, meddle = NOON + timedelta(minutes=30), {"out_of_reach": out_of_reach, "any_conflict": any_conflict}[trouble]
    desk.place, desk.meddle = place, lambda keys: meddle(keys) if router.clock.now() < back else None
    finished(router, run)
    assert asked(router) == [GEMINI] * requests
    assert (router.task("t-1").status, router.task("t-1").model) == (Status.COMPLETED, GEMINI)
    assert router.clock.now() >= back


def test_claim_that_meets_trouble_returns_to_the_queue(desk: Desk) -> None:
    desk.place, desk.meddle = "claim", out_of_reach
    message = QueueMessage("m-1", '{"prompt": "Is it done?", "task_id": "t-1", "tier": "orchestration"}')
    assert list(desk.router.run(message)) == ["m-1"]
    desk.meddle = no_trouble
    assert desk.router.run(message) == {}
    assert asked(desk.router) == []
