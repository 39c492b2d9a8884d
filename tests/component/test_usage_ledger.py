"""Ledger, budget and guards on moto: what one transaction writes, and what many at once cannot break."""

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from pointsman.adapters.limit_items import DynamoModelHealth
from pointsman.adapters.task_table import TaskTable
from pointsman.adapters.usage_ledger import DynamoUsageLedger
from pointsman.execution.budget import OPEN, Cap
from pointsman.execution.calls import Intent, Purpose, Share
from pointsman.execution.ledger_keys import SHARDS, RowKey
from pointsman.execution.model_health import SLOT_KEPT_FOR, Admission, HealthUpdate, ModelState, admit, health_update
from pointsman.execution.outcome import AccountTrouble, CallResult, CheckResult, Outcome
from pointsman.execution.records import Payload, TaskRecord
from pointsman.execution.sender_limits import PaceUpdate
from pointsman.routing.catalog import Quota
from pointsman.routing.config import Budget
from pointsman.routing.limit_rules import LimitKind, LimitSubject
from pointsman.values.errors import StoreError
from pointsman.values.status import Status
from pointsman.values.times import to_ms, to_text
from pointsman.values.usage import Usage
from tests.support.aws import SESSION, TABLES, Aws, MotoLedger, create_tables
from tests.support.fakes import NOON
from tests.support.ledger import (
    CALLED,
    GEMINI,
    MODEL,
    NO_QUOTA,
    free_intent,
    intent,
    known,
    scan,
    settled,
    task,
)

# What one transaction writes


def test_a_reservation_is_written_as_a_whole(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> None:
    known(task_table)
    attempt_intent = intent()
    assert ledger.reserve(attempt_intent, NO_QUOTA, ModelState(MODEL)).made

    assert ledger.find_intent(attempt_intent.key) == Intent(
        **{
            **{name: getattr(attempt_intent, name) for name in Intent.__dataclass_fields__},
            "charge": type(attempt_intent.charge)(attempt_intent.charge.month, attempt_intent.charge.counters, (), 100),
        }
    )
    assert ledger.find_outcome(attempt_intent.key) is None
    counters = ledger.reader.counters("2026-11", 22)
    names = ["month", "day_22", "month_implementation", "day_22_implementation"]
    assert counters == {**dict.fromkeys(names, 100), **{name + OPEN: 100 for name in names}}
    record = task(task_table)
    assert (record.last_attempt, record.rows) == (attempt_intent.spec.attempt_id, [attempt_intent.key])
    assert record.open_intent == attempt_intent.key
    view = ledger.look("t-1", MODEL, NOON.date())
    assert view.task == record
    assert view.counters == counters


def test_a_settlement_is_written_as_a_whole(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> None:
    known(task_table)
    attempt_intent = intent()
    ledger.reserve(attempt_intent, NO_QUOTA, ModelState(MODEL))
    lesson = HealthUpdate({"rest_until": 5})
    assert ledger.settle(settled(attempt_intent, Outcome.TRUNCATED), lesson, Payload(inline="words"))

    counters = ledger.reader.counters("2026-11", 22)
    assert {name: count for name, count in counters.items() if not name.endswith(OPEN)} == dict.fromkeys(
        ["month", "day_22", "month_implementation", "day_22_implementation"], 60
    )
    assert {count for name, count in counters.items() if name.endswith(OPEN)} == {0}
    record = task(task_table)
    assert (record.status, record.answer, record.truncated) == (Status.COMPLETED, Payload(inline="words"), True)
    assert (record.open_intent, record.attempts, record.cost_nano, record.cost_known) == (None, 1, 60, True)
    assert (record.model, record.usage, record.ended_at) == (
        MODEL,
        CALLED.as_dict(),
        to_text(NOON + timedelta(seconds=2)),
    )
    assert ledger.look("t-1", MODEL, NOON.date()).model.backoff_until == 5
    outcome = ledger.find_outcome(attempt_intent.key)
    assert outcome is not None
    assert outcome.outcome is Outcome.TRUNCATED


def test_a_failed_call_leaves_the_task_open_and_adds_up(ledger: MotoLedger, task_table: TaskTable) -> None:
    known(task_table)
    for turn, (outcome, cost) in enumerate([(Outcome.UNKNOWN, 100), (Outcome.NOT_SENT, 0), (Outcome.ANSWERED, 60)], 1):
        attempt_intent = intent(turn=turn)
        assert ledger.reserve(attempt_intent, NO_QUOTA, ModelState(MODEL)).made
        answer = Payload(ref="tasks/t-1/answer") if outcome is Outcome.ANSWERED else None
        assert ledger.settle(settled(attempt_intent, outcome, cost), HealthUpdate(), answer)
        if not answer:
            assert task(task_table).status is Status.STARTED
    record = task(task_table)
    assert (record.attempts, record.cost_nano, record.cost_known, len(record.rows)) == (2, 160, False, 3)
    assert (record.status, record.answer.ref) == (Status.COMPLETED, "tasks/t-1/answer")


@pytest.mark.parametrize("why", ["budget", "slot", "turn", "completed", "failed", "intent"])
def test_a_refused_reservation_writes_nothing(aws: Aws, ledger: MotoLedger, task_table: TaskTable, why: str) -> None:
    known(task_table)
    attempt_intent, state, admission = (
        intent(),
        ModelState(MODEL),
        admit(ModelState(MODEL), Quota(9, None, None), 1, NOON),
    )
    assert isinstance(admission, Admission)
    if why == "budget":
        attempt_intent = intent(amount=801)
    elif why == "slot":
        ledger.reserve(intent("t-7", amount=0, purpose=Purpose.CLASSIFICATION), admission, state)
    elif why == "turn":
        ledger.reserve(intent(turn=2, at=NOON - timedelta(seconds=1)), NO_QUOTA, state)
    elif why == "intent":
        ledger.reserve(attempt_intent, NO_QUOTA, state)
    else:
        end = {"completed": Status.COMPLETED, "failed": Status.FAILED}[why]
        aws.client("dynamodb").update_item(
            TableName=aws.tables.tasks,
            Key={"task_id": {"S": "t-1"}},
            UpdateExpression="SET #s = :e",
            ExpressionAttributeNames={"#s": "status"},
            ExpressionAttributeValues={":e": {"S": end}},
        )
    before = [scan(aws.client("dynamodb"), table) for table in (TABLES.tasks, TABLES.usage, TABLES.limits)]
    reservation = ledger.reserve(attempt_intent, admission, state)

    assert not reservation.made
    assert reservation.attempt_used == (why not in {"budget", "slot"})
    assert before == [scan(aws.client("dynamodb"), table) for table in (TABLES.tasks, TABLES.usage, TABLES.limits)]


def test_a_call_above_the_cap_alone_is_refused_on_an_empty_month(ledger: MotoLedger, task_table: TaskTable) -> None:
    known(task_table)
    assert not ledger.reserve(intent(amount=801), NO_QUOTA, ModelState(MODEL)).made
    assert ledger.reserve(intent(amount=800), NO_QUOTA, ModelState(MODEL)).made
    assert not ledger.reserve(intent(turn=2, amount=1), NO_QUOTA, ModelState(MODEL)).made


def test_an_outcome_is_written_once(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> None:
    known(task_table)
    attempt_intent = intent()
    ledger.reserve(attempt_intent, NO_QUOTA, ModelState(MODEL))
    assert ledger.settle(settled(attempt_intent, Outcome.UNKNOWN, 100), HealthUpdate(), None)
    before = [scan(aws.client("dynamodb"), table) for table in (TABLES.tasks, TABLES.usage, TABLES.limits)]

    late = settled(attempt_intent, after=400)
    assert not ledger.settle(
        late, health_update(ModelState(MODEL, failures=2), late.result, late.at), Payload(inline="late")
    )
    assert before == [scan(aws.client("dynamodb"), table) for table in (TABLES.tasks, TABLES.usage, TABLES.limits)]
    assert task(task_table).status is Status.STARTED


def test_a_booking_does_not_wait_for_a_task_that_has_moved_on(ledger: MotoLedger, task_table: TaskTable) -> None:
    known(task_table)
    first, second = intent(), intent(turn=2)
    ledger.reserve(first, NO_QUOTA, ModelState(MODEL))
    ledger.reserve(second, NO_QUOTA, ModelState(MODEL))

    assert ledger.settle(settled(first), HealthUpdate({"gone": True}), Payload(inline="of the first"))
    record = task(task_table)
    assert (record.status, record.open_intent, record.answer) == (
        Status.STARTED,
        second.key,
        Payload(),
    )
    assert ledger.look(None, MODEL, NOON.date()).model.retired
    assert ledger.reader.counters("2026-11", 22)["month"] == 160
    assert ledger.settle(settled(second), HealthUpdate(), Payload(inline="of the second"))
    assert task(task_table).answer.inline == "of the second"


def test_a_classification_is_one_attempt_with_shares_beside_it(ledger: MotoLedger) -> None:
    attempt_intent = free_intent(1, purpose=Purpose.CLASSIFICATION, type=None)
    assert ledger.reserve(attempt_intent, NO_QUOTA, ModelState(GEMINI)).made
    parts = tuple(Share(f"t-{n}", n, Usage(input=n), {"ticket": str(n)}, None) for n in range(12))
    assert ledger.settle(settled(attempt_intent, cost=0), HealthUpdate(), None, parts)

    rows = list(ledger.reader.rows(NOON, NOON + timedelta(seconds=1)))
    (attempt,) = [row for row in rows if row["kind"] == "attempt"]
    shares = sorted((row for row in rows if row["kind"] == "share"), key=lambda row: row["row"])
    assert [row["task_id"] for row in shares] == [f"t-{n}" for n in range(12)]
    assert sum(row["cost_nano"] for row in shares) == 66
    assert attempt["outcome"] == "answered"
    assert all(row["day_shard"] == RowKey.of(row["task_id"], "1", NOON).day_shard for row in shares)


# Many at once


def test_the_cap_holds_whatever_runs_at_once(ledger: MotoLedger, task_table: TaskTable) -> None:
    known(task_table, *(f"t-{n}" for n in range(40)))

    def call(number: int) -> bool:
        attempt_intent = intent(f"t-{number}", amount=90)
        if not ledger.reserve(attempt_intent, NO_QUOTA, ModelState(MODEL)).made:
            return False
        held = ledger.reader.counters("2026-11", 22)
        assert held["day_22"] <= 800
        if number % 2:
            ledger.settle(settled(attempt_intent, cost=70), HealthUpdate(), None)
        return True

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(call, range(40)))
    counters = ledger.reader.counters("2026-11", 22)
    assert counters["day_22"] <= 800
    assert counters["day_22"] == sum((70 if number % 2 else 90) for number in range(40) if results[number])
    assert counters["day_22" + OPEN] == sum(90 for number in range(40) if results[number] and not number % 2)
    assert sum(results) >= 8


def test_a_turn_is_taken_once(ledger: MotoLedger, task_table: TaskTable) -> None:
    known(task_table)

    def take(number: int) -> bool:
        at = NOON + timedelta(milliseconds=number)
        return ledger.reserve(intent(at=at), NO_QUOTA, ModelState(MODEL)).made

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(take, range(32))).count(True) == 1
    assert len(task(task_table).rows) == 1
    assert len(list(ledger.reader.open_intents(NOON, NOON + timedelta(seconds=1)))) == 1


def test_an_outcome_is_written_by_one_of_many(ledger: MotoLedger, task_table: TaskTable) -> None:
    known(task_table)
    attempt_intent = intent()
    ledger.reserve(attempt_intent, NO_QUOTA, ModelState(MODEL))
    with ThreadPoolExecutor(8) as pool:
        results = list(
            pool.map(lambda n: ledger.settle(settled(attempt_intent, cost=n), HealthUpdate(), None), range(10, 26))
        )
    assert results.count(True) == 1
    assert ledger.reader.counters("2026-11", 22)["month"] == 10 + results.index(True)


def test_slots_are_taken_at_most_as_often_as_the_quota_says(ledger: MotoLedger, task_table: TaskTable) -> None:
    quota = Quota(rpm=5, tpm=None, rpd=None)
    known(task_table, *(f"t-{n}" for n in range(24)))

    def take(number: int) -> bool:
        for _ in range(50):
            state = ledger.look(None, GEMINI, NOON.date()).model
            admission = admit(state, quota, 10, NOON)
            if isinstance(admission, CallResult):
                return False
            reservation = ledger.reserve(free_intent(number), admission, state)
            if reservation.made:
                return True
            assert not reservation.attempt_used
        raise AssertionError("never got through")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(take, range(24))).count(True) == 5
    state = ledger.look(None, GEMINI, NOON.date()).model
    assert (len(state.slots), state.version, state.day_count, state.day) == (5, 5, 5, "2026-11-22")


def test_conflicts_are_tried_again_and_refusals_are_not(
    aws: Aws, task_table: TaskTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(task_table)
    client, pauses, conflicts = aws.dynamodb(), list[float](), 3
    monkeypatch.setattr(time, "sleep", pauses.append)
    call = client._make_api_call

    def busy(operation: str, arguments: Any) -> Any:
        if operation == "TransactWriteItems" and len(pauses) < conflicts:
            reasons = [{"Code": "None"}, {"Code": "TransactionConflict"}]
            error = {"Error": {"Code": "TransactionCanceledException", "Message": ""}, "CancellationReasons": reasons}
            raise ClientError(error, operation)
        return call(operation, arguments)

    client._make_api_call = busy
    ledger = MotoLedger(client, aws.tables)
    assert ledger.reserve(intent(), NO_QUOTA, ModelState(MODEL)).made
    assert len(pauses) == 3
    assert not ledger.reserve(intent(), NO_QUOTA, ModelState(MODEL)).made
    assert len(pauses) == 3

    conflicts = 10**6
    with pytest.raises(StoreError, match="TransactionCanceledException"):
        ledger.reserve(intent(turn=2), NO_QUOTA, ModelState(MODEL))
    assert len(pauses) < 30
    assert max(pauses) <= 1.0


CALLS: dict[str, Callable[[DynamoUsageLedger], object]] = {
    "look": lambda ledger: ledger.look("t-1", MODEL, NOON.date()),
    "look_at_limits": lambda ledger: ledger.look_at_limits(["month"], [], [], NOON.date()),
    "ended_among": lambda ledger: ledger.ended_among({"t-1.1": 0}, NOON),
    "reserve": lambda ledger: ledger.reserve(intent(), NO_QUOTA, ModelState(MODEL)),
    "begin": lambda ledger: ledger.begin((PaceUpdate(LimitSubject(LimitKind.SENDER, "s"), 0, {"t-1.1": 0}),), NOON),
    "settle": lambda ledger: ledger.settle(settled(intent()), HealthUpdate(), None),
    "record_check": lambda ledger: ledger.record_check(TaskRecord("t-1", Status.STARTED), CheckResult(), NOON),
    "record_refusal": lambda ledger: ledger.record_refusal("2026-11", [Cap("month", 5)], NOON),
    "record_health": lambda ledger: ledger.record_health(MODEL, HealthUpdate({"rest_until": 5})),
    "find_intent": lambda ledger: ledger.find_intent(intent().key),
    "find_outcome": lambda ledger: ledger.find_outcome(intent().key),
}


@pytest.mark.parametrize("method", [name for name in vars(DynamoUsageLedger) if not name.startswith("_")])
def test_table_without_an_answer_is_a_store_out_of_reach(aws: Aws, method: str) -> None:
    client = aws.session.client("dynamodb")

    def unanswered(operation: str, _: Any) -> Any:
        raise ConnectTimeoutError(endpoint_url=operation)

    client._make_api_call = unanswered
    with pytest.raises(StoreError, match="ConnectTimeoutError"):
        CALLS[method](DynamoUsageLedger(client, aws.tables))


@pytest.mark.parametrize("recognized", [True, False])
@pytest.mark.parametrize("account", [None, *AccountTrouble])
def test_stored_outcome_says_what_the_workflow_follows(
    ledger: MotoLedger, task_table: TaskTable, recognized: bool, account: AccountTrouble | None
) -> None:
    known(task_table)
    result = CallResult(
        Outcome.INVALID, retry_after=1.25, until=NOON, recognized=recognized, account=account, detail="not kept"
    )
    ledger.settle(settled(intent(), Outcome.INVALID, result=result), HealthUpdate(), None)
    assert ledger.find_outcome(intent().key) == replace(result, detail="stored")


# The model's item


def slot(ledger: MotoLedger, mine: Intent, quota: Quota | None = None, tokens: int = 500) -> None:
    state = ledger.look(None, mine.spec.model, NOON.date()).model
    admission = admit(state, quota or Quota(15, 1000, 20), tokens, mine.at)
    assert isinstance(admission, Admission)
    assert ledger.reserve(mine, admission, state).made


def test_a_slot_is_corrected_to_the_tokens_used(ledger: MotoLedger, task_table: TaskTable) -> None:
    known(task_table, "t-1")
    attempt_intent = free_intent(1)
    slot(ledger, attempt_intent)
    assert ledger.look(None, GEMINI, NOON.date()).model.slots["t-1.000001.000001"].tokens == 500
    ledger.settle(settled(attempt_intent, cost=0), HealthUpdate(), Payload(inline="a"))
    assert ledger.look(None, GEMINI, NOON.date()).model.slots["t-1.000001.000001"].tokens == CALLED.prompt == 110


def test_a_slot_that_was_not_used_is_given_back(ledger: MotoLedger, task_table: TaskTable) -> None:
    known(task_table, "t-1", "t-2")
    one, other = free_intent(1), free_intent(2)
    slot(ledger, one)
    slot(ledger, other)
    unsent = settled(one, Outcome.NOT_SENT, 0)
    ledger.settle(unsent, health_update(ModelState(GEMINI), unsent.result, unsent.at), None)
    state = ledger.look(None, GEMINI, NOON.date()).model
    assert (list(state.slots), state.day_count, state.failures) == (["t-2.000001.000001"], 1, 1)


def test_a_slot_given_back_after_midnight_is_not_taken_from_the_new_day(
    ledger: MotoLedger, task_table: TaskTable
) -> None:
    known(task_table, "t-1", "t-2")
    midnight = datetime(2026, 11, 22, 8, tzinfo=NOON.tzinfo)
    one, other = free_intent(1, midnight - timedelta(seconds=1)), free_intent(2, midnight + timedelta(seconds=1))
    slot(ledger, one)
    slot(ledger, other)
    ledger.settle(settled(one, Outcome.NOT_SENT, 0, after=3), HealthUpdate(), None)
    state = ledger.look(None, GEMINI, NOON.date()).model
    assert (list(state.slots), state.day, state.day_count) == (["t-2.000001.000001"], "2026-11-22", 1)


def test_old_slots_are_dropped(ledger: MotoLedger, task_table: TaskTable) -> None:
    known(task_table, "t-1", "t-2")
    slot(ledger, free_intent(1))
    slot(ledger, free_intent(2, NOON + SLOT_KEPT_FOR + timedelta(seconds=1)))
    assert list(ledger.look(None, GEMINI, NOON.date()).model.slots) == ["t-2.000001.000001"]


def test_a_lesson_outlives_a_slot_that_is_gone(ledger: MotoLedger, task_table: TaskTable) -> None:
    known(task_table, "t-1")
    attempt_intent = free_intent(1)
    ledger.reserve(attempt_intent, NO_QUOTA, ModelState(GEMINI))
    gone = settled(attempt_intent, Outcome.ANSWERED, 0)
    assert ledger.settle(gone, HealthUpdate({"failures": 0, "opens": 0}), Payload(inline="a"))
    assert task(task_table).status is Status.COMPLETED


def test_a_model_that_was_probed_before_it_had_a_quota_takes_slots(ledger: MotoLedger, task_table: TaskTable) -> None:
    known(task_table, "t-1", "t-2")
    probe = admit(ModelState(GEMINI, opens=1), None, 1, NOON)
    assert isinstance(probe, Admission)
    assert ledger.reserve(free_intent(1), probe, ModelState(GEMINI)).made
    slot(ledger, free_intent(2, NOON + timedelta(minutes=3)))
    assert list(ledger.look(None, GEMINI, NOON.date()).model.slots) == ["t-2.000001.000001"]


def test_one_probe_passes(ledger: MotoLedger, task_table: TaskTable) -> None:
    known(task_table, "t-1", "t-2")
    first = settled(free_intent(0, purpose=Purpose.CLASSIFICATION), Outcome.UNAVAILABLE, 0)
    ledger.reserve(first.intent, NO_QUOTA, ModelState(GEMINI))
    ledger.settle(first, health_update(ModelState(GEMINI, failures=4), first.result, NOON), None)
    later = NOON + timedelta(seconds=21)
    seen = ledger.look(None, GEMINI, NOON.date()).model
    assert seen.opens == 1
    for number, built in ((1, True), (2, False)):
        admission = admit(seen, None, 1, later)
        assert isinstance(admission, Admission)
        assert ledger.reserve(free_intent(number, later), admission, seen).made is built


def test_the_router_sees_all_models_at_once(aws: Aws, ledger: MotoLedger) -> None:
    attempt_intent = free_intent(1, purpose=Purpose.CLASSIFICATION)
    ledger.reserve(attempt_intent, NO_QUOTA, ModelState(GEMINI))
    ledger.settle(settled(attempt_intent, Outcome.RETIRED, 0), HealthUpdate({"gone": True, "gone_at": 5}), None)
    states = DynamoModelHealth(aws.client("dynamodb"), aws.tables).states([GEMINI, MODEL])
    assert states == {GEMINI: ModelState(GEMINI, retired=True, retired_at=5)}


# Reading the ledger


def test_rows_are_read_across_days_and_shards(ledger: MotoLedger, task_table: TaskTable) -> None:
    budget = Budget(month_usd=None)
    names = [f"t-{n}" for n in range(30)]
    known(task_table, *names)
    start = NOON - timedelta(days=1)
    attempt_intent = [intent(name, at=start + timedelta(hours=2 * n), budget=budget) for n, name in enumerate(names)]
    for number, first_intent in enumerate(attempt_intent):
        assert ledger.reserve(first_intent, NO_QUOTA, ModelState(MODEL)).made
        if number % 3:
            assert ledger.settle(settled(first_intent), HealthUpdate(), None)

    rows = list(ledger.reader.rows(start, NOON + timedelta(days=3)))
    assert Counter(row["task_id"] for row in rows) == Counter(names)
    assert {row["day_shard"].split("#")[1] for row in rows} <= {str(n) for n in range(SHARDS)}
    answered = [row for row in rows if "outcome" in row]
    assert len(answered) == 20
    assert {(row["cost_nano"], row["reserved_nano"], row["output"], row["metadata"]["ticket"]) for row in answered} == {
        (60, 100, 40, "A-1")
    }
    within = list(ledger.reader.rows(start + timedelta(hours=2), start + timedelta(hours=6)))
    assert {row["task_id"] for row in within} == {"t-1", "t-2"}
    open_ones = {one.spec.task_id for one in ledger.open_intents(start, NOON + timedelta(days=3))}
    assert open_ones == {f"t-{n}" for n in range(0, 30, 3)}
    again = next(one for one in ledger.open_intents(start, start + timedelta(seconds=1)))
    assert again == ledger.find_intent(attempt_intent[0].key)
    assert ledger.settle(settled(again, Outcome.UNKNOWN, 100), HealthUpdate(), None)


def test_an_open_intent_is_settled_from_its_stored_row(ledger: MotoLedger, task_table: TaskTable) -> None:
    known(task_table)
    ledger.reserve(intent(), NO_QUOTA, ModelState(MODEL))
    (stored,) = ledger.open_intents(NOON - timedelta(days=2), NOON + timedelta(days=1))
    assert ledger.settle(settled(stored, Outcome.UNKNOWN, stored.charge.amount), HealthUpdate(), None)
    counters = ledger.reader.counters("2026-11", 22)
    assert (counters["month"], counters["month" + OPEN]) == (100, 0)
    assert task(task_table).open_intent is None
    assert list(ledger.reader.open_intents(NOON - timedelta(days=2), NOON + timedelta(days=1))) == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "settle", "settle", "settle again", "close", "add_reply", "fail"]),
        st.integers(0, 3),
        st.integers(0, 400),
        st.sampled_from(Outcome),
    ),
    max_size=25,
)


@given(steps=STEPS, seed=st.integers())
@settings(max_examples=25)
def test_counters_equal_the_rows_after_anything(steps: list[tuple[str, int, int, Outcome]], seed: int) -> None:
    """The month's counters are the sum of the ledger's rows, and never above a cap that reservations keep."""
    dice, names = random.Random(seed), [f"t-{n}" for n in range(4)]
    with mock_aws():
        client = SESSION.client("dynamodb")
        create_tables(client)
        ledger, tasks = MotoLedger(client, TABLES), TaskTable(client, TABLES)
        known(tasks, *names)
        recorded, turns, now = list[Intent](), Counter[str](), NOON
        for what, which, amount, outcome in steps:
            now += timedelta(seconds=dice.randrange(90))
            name = names[which]
            if what == "reserve":
                turns[name] += 1
                attempt_intent = intent(name, turns[name], amount, now)
                if ledger.reserve(attempt_intent, NO_QUOTA, ModelState(MODEL)).made:
                    recorded.append(attempt_intent)
            elif what.startswith("settle") and recorded:
                attempt_intent = recorded[which % len(recorded)]
                cost = (
                    attempt_intent.charge.amount
                    if outcome is Outcome.UNKNOWN
                    else min(amount, attempt_intent.charge.amount)
                )
                answer = Payload(inline="a") if outcome in {Outcome.ANSWERED, Outcome.TRUNCATED} else None
                ledger.settle(settled(attempt_intent, outcome, cost), HealthUpdate(), answer)
            elif what == "close":
                for attempt_intent in ledger.open_intents(NOON - timedelta(hours=1), now - timedelta(seconds=60)):
                    ledger.settle(
                        settled(attempt_intent, Outcome.UNKNOWN, attempt_intent.charge.amount), HealthUpdate(), None
                    )
            elif what == "add_reply":
                tasks.add_reply(name, f"place-{amount}")
            elif what == "fail":
                tasks.fail(name, 1, "deadline", now)
            assert ledger.reader.counters("2026-11", 22).get("day_22", 0) <= 800

        counters = ledger.reader.counters("2026-11", 22)
        rows = list(ledger.reader.rows(NOON - timedelta(hours=1), now + timedelta(hours=1)))
        opened = sum(row["reserved_nano"] for row in rows if "outcome" not in row)
        spent = sum(row["cost_nano"] for row in rows if "outcome" in row)
        assert counters.get("month", 0) == counters.get("day_22", 0) == opened + spent
        assert counters.get("month_implementation" + OPEN, 0) == opened
        for name in names:
            record = task(tasks, name)
            rows_of_task = [row for row in rows if row["task_id"] == name]
            assert record.rows == [RowKey(row["day_shard"], row["row"]) for row in rows_of_task]
            assert record.cost_nano == sum(row["cost_nano"] for row in rows_of_task if "outcome" in row)


def test_milliseconds_decide_the_lease() -> None:
    assert to_ms(NOON + timedelta(milliseconds=1)) - to_ms(NOON) == 1
