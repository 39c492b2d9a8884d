"""One booked call: what is reserved for it, when it is not made, what it costs, and what its end may not overwrite."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from pointsman.adapters.limit_items import DynamoModelHealth
from pointsman.adapters.sweep_store import DynamoSweepStore
from pointsman.adapters.task_item import to_item
from pointsman.adapters.task_table import TaskTable
from pointsman.execution.budget import OPEN, Cap
from pointsman.execution.calls import Intent, Reservation
from pointsman.execution.ledger_view import LedgerView
from pointsman.execution.model_health import HealthUpdate, ModelState
from pointsman.execution.outcome import Outcome
from pointsman.execution.records import Payload, SubtaskEnd
from pointsman.execution.workflow_state import Next
from pointsman.routing.catalog import load_catalog
from pointsman.services.attempt import FUNCTION_SECONDS
from pointsman.services.settlement import SETTLING_SECONDS
from pointsman.values.status import ENDED, Status
from pointsman.values.times import to_text
from tests.support.attempts import (
    GEMINI,
    HAIKU,
    SONNET,
    USED,
    answered,
    asked,
    during_the_call,
    started,
    step,
)
from tests.support.aws import Aws, MotoLedger
from tests.support.fakes import NOON
from tests.support.ledger import MODEL, NO_QUOTA, intent, known, settled, task
from tests.support.router import Router, build


@pytest.fixture
def router(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Router:
    return build(aws, ledger, task_table)


def open_amount(ledger: MotoLedger) -> int:
    return ledger.reader.counters("2026-11").get("month" + OPEN, 0)


# What is reserved


@pytest.mark.parametrize("split", [False, True])
def test_reservation_is_the_worst_case_of_all_that_is_sent(router: Router, ledger: MotoLedger, split: bool) -> None:
    """By the prices in the catalog's data, for the bytes of the request as it was sent: schema and clamped cap too."""
    prompt, held = "ä" * 20_000, list[int]()
    run = started(router, "orchestration", prompt=prompt, private=True, split=split, max_output_tokens=128_000)
    during_the_call(router, lambda: held.append(open_amount(ledger)))
    router.model.then(answered())
    step(router, run)
    (request,) = router.model.questions
    model = load_catalog().get(HAIKU)
    schema = json.dumps(request.schema, separators=(",", ":"), ensure_ascii=False) if request.schema else ""
    assert bool(schema) is split
    tokens = len((request.prompt + request.system + 2 * schema).encode()) + 1_000  # it is stated twice
    assert request.prompt == prompt
    assert request.max_output_tokens == model.max_output
    assert held == [model.worst_cost_nano(tokens, model.max_output, NOON)]


# When it is not made


@pytest.mark.parametrize(("late", "made"), [(0.0, True), (2.0, True), (2.001, False)])
def test_slot_that_has_grown_old_is_given_back_unused(
    router: Router, ledger: MotoLedger, monkeypatch: pytest.MonkeyPatch, late: float, made: bool
) -> None:
    """Sent late, the request could be one too many in the provider's minute."""
    reserve = MotoLedger.reserve

    def slowly(*args: Any) -> Reservation:
        reservation = reserve(*args)
        router.clock.advance(late)
        return reservation

    monkeypatch.setattr(MotoLedger, "reserve", slowly)
    router.model.then(answered())
    run = step(router, started(router))
    assert asked(router) == ([GEMINI] if made else [])
    assert len(ledger.look(None, GEMINI, NOON.date()).model.slots) == made
    assert ((run.next is Next.DELIVER), run.hop) == (made, 0)


@pytest.mark.parametrize("left", [5.0, 40.0, 10_000.0])
def test_call_gets_no_more_time_than_the_deadline_leaves(router: Router, left: float) -> None:
    run = started(router, "implementation", deadline=to_text(NOON + timedelta(seconds=left)))
    router.model.then(answered())
    step(router, run)
    (request,) = router.model.questions
    assert request.timeout == min(left, FUNCTION_SECONDS[run.here.function] - SETTLING_SECONDS)


# What it costs


def test_call_is_billed_by_the_model_that_answered(router: Router, ledger: MotoLedger) -> None:
    router.model.then(replace(answered(), answered_by=f"{SONNET}-20260928"))
    step(router, started(router, "implementation"))
    cost = load_catalog().get(SONNET).cost_nano(USED, NOON)
    assert cost != load_catalog().get(HAIKU).cost_nano(USED, NOON)
    assert (router.task().cost_nano, router.task().model, router.task().cost_known) == (cost, SONNET, True)
    assert ledger.reader.counters("2026-11")["month"] == cost


@pytest.mark.parametrize("free", [False, True])
def test_answer_of_a_model_without_a_price_costs_its_reservation(
    router: Router, ledger: MotoLedger, free: bool
) -> None:
    held = list[int]()
    run = started(router, "orchestration" if free else "implementation")
    during_the_call(router, lambda: held.append(open_amount(ledger)))
    router.model.then(replace(answered(), answered_by="claude-unheard-of-9"))
    step(router, run)
    record = router.task()
    assert (record.cost_nano, record.cost_known, record.model) == (held[0], False, "claude-unheard-of-9")
    assert (held[0] > 0) is not free
    assert record.status is Status.COMPLETED
    assert "UnknownCost" in router.counts
    assert ledger.reader.counters("2026-11").get("month", 0) == held[0]


# What an end may not overwrite


def end_by_answer(ledger: MotoLedger, tasks: TaskTable, attempt: Intent) -> None:
    ledger.settle(settled(attempt), HealthUpdate(), Payload(inline="late words"))


def end_by_completion(_: MotoLedger, tasks: TaskTable, attempt: Intent) -> None:
    tasks.complete(replace(task(tasks), answer=Payload(inline="late words")), attempt.at)


def end_by_failure(_: MotoLedger, tasks: TaskTable, attempt: Intent) -> None:
    tasks.fail("t-1", 1, "another", attempt.at)


def end_by_waiting(_: MotoLedger, tasks: TaskTable, attempt: Intent) -> None:
    tasks.wait(task(tasks))


def end_by_subtasks(_: MotoLedger, tasks: TaskTable, attempt: Intent) -> None:
    end = SubtaskEnd("t-2", "completed", None, None, None, 0, None, truncated=False)
    tasks.close(replace(task(tasks), status=Status.COMPLETED, results=[end], closed_by="t-2"), attempt.at)


@pytest.mark.parametrize("late", [end_by_answer, end_by_completion, end_by_failure, end_by_waiting, end_by_subtasks])
@pytest.mark.parametrize("status", sorted(ENDED))
def test_end_is_never_overwritten_by_a_later_one(
    aws: Aws, ledger: MotoLedger, task_table: TaskTable, late: Any, status: Status
) -> None:
    known(task_table)
    attempt = intent()
    assert ledger.reserve(attempt, NO_QUOTA, ModelState(MODEL)).made
    ended = replace(task(task_table), status=status, reason="deadline", ended_at=to_text(NOON))
    aws.client("dynamodb").put_item(TableName=aws.tables.tasks, Item=to_item(ended))
    late(ledger, task_table, attempt)
    after = task(task_table)
    if late is end_by_answer and status is Status.COMPLETED:
        assert after.status is status
        return
    assert (after.status, after.reason, after.ended_at) == (status, "deadline", to_text(NOON))
    assert (after.answer, after.results) == (Payload(), [])
    if late is end_by_answer:
        assert (after.cost_nano, after.attempts) == (60, 1)  # paid all the same


# What is read


class StaleReads:
    """A DynamoDB client whose eventually consistent reads have not seen any write yet.

    Reads of an index are never consistent, and are left alone.
    """

    def __init__(self, client: Any) -> None:
        self._client, call = client, client._make_api_call

        def stale(operation: str, arguments: dict[str, Any]) -> Any:
            if operation == "BatchGetItem":
                tables = arguments["RequestItems"]
                if not all(it.get("ConsistentRead") for it in tables.values()):
                    return {"Responses": {}}
            elif (
                operation in {"GetItem", "Query"}
                and "IndexName" not in arguments
                and not arguments.get("ConsistentRead")
            ):
                return {"Items": []} if operation == "Query" else {}
            return call(operation, arguments)

        client._make_api_call = stale


def test_every_read_of_a_store_sees_the_writes_before_it(aws: Aws) -> None:
    client = aws.dynamodb()
    StaleReads(client)
    ledger, tasks, sweep = (
        MotoLedger(client, aws.tables),
        TaskTable(client, aws.tables),
        DynamoSweepStore(client, aws.tables),
    )
    known(tasks)
    attempt = intent()
    assert ledger.reserve(attempt, NO_QUOTA, ModelState(MODEL)).made
    view = ledger.look("t-1", MODEL, NOON.date())
    assert view.task == tasks.read("t-1") == tasks.read_many(["t-1"])["t-1"] is not None
    assert view.counters == ledger.reader.counters("2026-11", 22) != {}
    assert ledger.find_intent(attempt.key) is not None
    assert list(ledger.reader.open_intents(NOON, NOON + timedelta(seconds=1))) == [attempt.key]
    assert ledger.settle(settled(attempt, Outcome.UNKNOWN), HealthUpdate({"rest_until": 5}), None)
    assert ledger.find_outcome(attempt.key) is not None
    assert len(list(ledger.reader.rows(NOON, NOON + timedelta(seconds=1)))) == 1
    assert ledger.look("t-1", MODEL, NOON.date()).model.backoff_until == 5
    sweep.settled(NOON, NOON)
    assert sweep.watermarks() is not None
    ledger.record_refusal("2026-11", [Cap("month", 5)], NOON)
    assert len(sweep.refusing_since("2026-11")) == 1
    states = DynamoModelHealth(client, aws.tables).states([MODEL])
    assert states[MODEL].backoff_until == 5


def test_call_that_passes_the_months_end_is_judged_by_the_new_months_counters(
    router: Router, ledger: MotoLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was released in the old month must not stretch the new month's cap, nor its spending stop the call."""
    clock, days = router.clock, list[str]()
    clock.time = datetime(2026, 11, 30, 23, 59, 59, 900_000, tzinfo=UTC)
    look = ledger.look

    def slow_look(task_id: str | None, model: str, day: date) -> LedgerView:
        view = look(task_id, model, day)
        if not days:
            clock.advance(0.2)
            view = replace(view, counters={"month": 9 * 10**12}, released={"month": 9 * 10**12})
        days.append(day.isoformat())
        return view

    run = started(router, "implementation")
    monkeypatch.setattr(ledger, "look", slow_look)
    router.model.then(answered())
    assert step(router, run).next is Next.DELIVER
    assert days == ["2026-11-30", "2026-12-01"]
    assert ledger.reader.counters("2026-12", 1)["day_01"] == ledger.reader.counters("2026-12")["month"] > 0
