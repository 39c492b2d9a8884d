"""The economy lane, step by step: into a batch, out of it, and every way that ends otherwise."""

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pointsman.contracts.sender import Sender
from pointsman.execution.batch import BatchEntry
from pointsman.execution.outcome import AccountTrouble, CallResult, Outcome
from pointsman.execution.records import TaskRecord
from pointsman.routing.lanes import StandardReason
from pointsman.values.errors import LaneError, StoreError
from pointsman.values.lane import Lane
from pointsman.values.status import Status
from pointsman.values.usage import Usage
from tests.support.economy import HAIKU, SONNET, EconomyWorld
from tests.support.fake_batches import answered_entry, not_processed, unreachable

ECONOMY = {"lane": "economy"}
HOUR = timedelta(hours=1)
USED = Usage(input=100, output=20)


@pytest.fixture
def world() -> EconomyWorld:
    return EconomyWorld()


def test_economy_task_is_answered_in_a_batch_at_half_the_price(world: EconomyWorld) -> None:
    world.send("t-1", **ECONOMY)
    assert world.workflow.executions == {}
    assert world.run() is not None
    (batch,) = world.batches.batches.values()
    assert len(batch.requests) == 1
    world.run(after=HOUR)
    world.play_all()
    record = world.task("t-1")
    assert (record.status, record.attempts) == (Status.COMPLETED, 1)
    (row,) = world.rows()
    request = next(iter(batch.requests.values()))
    usage = Usage(input=100 + len(request.prompt), output=200)
    standard = world.ctx.policy.catalog.get(HAIKU).cost_nano(usage, world.clock.now())
    assert 2 * row["cost_nano"] == standard
    assert row["outcome"] == "answered"
    assert world.asked == []
    assert record.delivered_at


# Into the lane, or not


def test_standard_task_starts_at_once_and_keeps_nothing_of_lanes(world: EconomyWorld) -> None:
    world.send("t-1")
    assert [*world.workflow.executions] == ["t-1"]
    assert world.task("t-1").lane is None
    assert "lane" not in world.store.items["tasks"]["t-1",]


def test_economy_task_without_a_deadline_gets_48_hours(world: EconomyWorld) -> None:
    world.send("t-1", **ECONOMY)
    record = world.task("t-1")
    assert record.deadline == "2026-11-24T12:00:00.000Z"
    assert record.lane is not None
    assert (record.lane.lane, record.lane.until) == (Lane.ECONOMY, "2026-11-23T12:00:00.000Z")


@pytest.mark.parametrize(
    ("fields", "options", "reason"),
    [
        ({"deadline": "2026-11-23T12:30:00Z"}, {}, StandardReason.DEADLINE),
        ({"type": "status"}, {}, StandardReason.NO_BATCHES),
        ({}, {"chains": {"implementation": ["gemini-3.5-flash-lite"]}}, StandardReason.NO_BATCHES),
    ],
)
def test_task_that_the_lane_cannot_take_goes_the_standard_way_and_says_why(
    fields: dict[str, str], options: dict[str, object], reason: StandardReason
) -> None:
    world = EconomyWorld(**options)
    world.send("t-1", **{**ECONOMY, **fields})
    record = world.task("t-1")
    assert [*world.workflow.executions] == ["t-1"]
    assert record.lane is not None
    assert (record.lane.lane, record.lane.reason) == (Lane.STANDARD, reason)


def test_task_goes_the_standard_way_where_the_lane_is_not_deployed(world: EconomyWorld) -> None:
    world.intake = replace(world.intake, economy=False)
    world.send("t-1", **ECONOMY)
    record = world.task("t-1")
    assert record.lane is not None
    assert record.lane.reason == StandardReason.NOT_DEPLOYED
    assert [*world.workflow.executions] == ["t-1"]


def test_rules_put_types_and_senders_into_the_lane() -> None:
    world = EconomyWorld(
        lanes={
            "documentation": "economy",
            "role:*": {"lane": "economy", "longest_wait_hours": 2},
            "role:FAST": "standard",
        }
    )
    ours, fast, key = Sender("role:CI"), Sender("role:FAST"), Sender("key:chat")
    world.send("by-type")
    world.send("by-sender", type="code_generation", sender=ours)
    world.send("other-type", type="code_generation")
    world.send("first-rule", sender=fast)
    world.send("stated", lane="standard", sender=ours)
    world.send("front-door", sender=key)
    lanes = {task_id: world.task(task_id).lane for task_id in ("by-type", "by-sender", "first-rule")}
    assert lanes["by-type"] is not None
    assert lanes["by-type"].hours == 24
    assert lanes["by-sender"] is not None
    assert (lanes["by-sender"].hours, lanes["by-sender"].until) == (2, "2026-11-22T14:00:00.000Z")
    assert {*world.workflow.executions} == {"other-type", "stated", "front-door"} | (
        set() if lanes["first-rule"] else {"first-rule"}
    )


def test_tasks_wait_for_others_for_a_few_minutes(world: EconomyWorld) -> None:
    world.send("t-1", **ECONOMY)
    run = world.run(after=timedelta(minutes=4))
    assert run is not None
    assert (run.waiting, run.created_batches) == (1, 0)
    world.send("t-2", **ECONOMY)
    world.run(after=timedelta(minutes=2))
    (batch,) = world.batches.batches.values()
    assert len(batch.requests) == 2


def test_batches_are_made_by_model(world: EconomyWorld) -> None:
    world.send("t-1", **ECONOMY)
    world.send("t-2", type="architecture", **ECONOMY)
    world.run()
    assert [{it.model for it in batch.requests.values()} for batch in world.batches.batches.values()] == [
        {HAIKU},
        {SONNET},
    ]


def test_nothing_to_do_asks_the_provider_for_nothing(world: EconomyWorld) -> None:
    calls: list[str] = []
    world.batches.on_call = calls.append
    run = world.run()
    assert run is not None
    assert (run.open_batches, run.waiting, calls) == (0, 0, [])


# How entries end


@pytest.mark.parametrize("kind", ["expired", "canceled"])
def test_entry_that_was_not_processed_is_released_and_goes_the_standard_way(world: EconomyWorld, kind: str) -> None:
    world.batches.result_of = lambda _: not_processed(kind)
    world.send("t-1", **ECONOMY)
    world.run()
    world.run(after=HOUR)
    world.play_all()
    record = world.task("t-1")
    assert (record.status, record.attempts) == (Status.COMPLETED, 1)
    assert record.lane is not None
    assert (record.lane.lane, record.lane.reason) == (Lane.STANDARD, StandardReason.EXPIRED)
    batch_row, single_row = world.rows()
    assert (batch_row["outcome"], batch_row["cost_nano"], "batch_entry" in single_row) == ("not_sent", 0, False)
    assert world.counters()["month"] == single_row["cost_nano"] == record.cost_nano


@pytest.mark.parametrize(
    ("outcome", "status", "calls"),
    [
        (CallResult(Outcome.REFUSED, usage=USED, unbilled=True), Status.FAILED, 0),
        (CallResult(Outcome.INVALID, unbilled=True), Status.FAILED, 0),
        (CallResult(Outcome.TRUNCATED, "half", USED, batch=True), Status.COMPLETED, 0),
        (CallResult(Outcome.EMPTY, "", USED, batch=True), Status.COMPLETED, 1),
        (CallResult(Outcome.UNAVAILABLE, unbilled=True), Status.COMPLETED, 1),
        (CallResult(Outcome.RETIRED, unbilled=True), Status.COMPLETED, 1),
        (CallResult(Outcome.UNKNOWN), Status.COMPLETED, 1),
    ],
    ids=lambda value: str(value.outcome) if isinstance(value, CallResult) else None,
)
def test_entry_leads_where_its_outcome_leads_any_call(
    world: EconomyWorld, outcome: CallResult, status: Status, calls: int
) -> None:
    world.batches.result_of = lambda _: outcome
    world.send("t-1", **ECONOMY)
    world.run()
    world.run(after=HOUR)
    world.play_all()
    record = world.task("t-1")
    assert (record.status, len(world.asked)) == (status, calls)
    assert record.truncated is (outcome.outcome is Outcome.TRUNCATED)
    assert record.cost_nano == sum(row["cost_nano"] for row in world.rows())


def test_retired_model_in_a_batch_is_known_to_be_gone(world: EconomyWorld) -> None:
    world.batches.result_of = lambda _: CallResult(Outcome.RETIRED, unbilled=True)
    world.send("t-1", **ECONOMY)
    world.run()
    world.run(after=HOUR)
    assert world.health.states([HAIKU])[HAIKU].is_retired(world.clock.now())
    world.send("t-2", **ECONOMY)
    world.run()
    assert (
        len(world.batches.batches) == 1
        or next(iter(world.batches.batches["msgbatch_0001"].requests.values())).model != HAIKU
    )


def test_answer_that_fails_its_check_goes_one_tier_up() -> None:
    world = EconomyWorld(verify={"documentation": {"sections": ["Answer"]}})
    world.send("t-1", **ECONOMY)
    world.run()
    world.run(after=HOUR)
    world.play_all()
    record = world.task("t-1")
    assert [request.model for request in world.asked] == [SONNET]
    assert record.checked is not None
    assert record.checked.escalated_after == "sections"
    assert record.status is Status.COMPLETED


def test_answer_by_schema_is_checked(world: EconomyWorld) -> None:
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    world.batches.result_of = lambda request: replace(answered_entry(request), text='{"ok": true}')
    world.send("t-1", output_schema=schema, **ECONOMY)
    world.run()
    (batch,) = world.batches.batches.values()
    assert next(iter(batch.requests.values())).schema
    world.run(after=HOUR)
    world.play_all()
    record = world.task("t-1")
    assert (record.status, world.asked) == (Status.COMPLETED, [])
    assert record.checked is not None
    assert record.checked.passed


def test_effort_and_cap_are_those_of_any_call() -> None:
    world = EconomyWorld(effort={"documentation": "low"}, output_caps={"documentation": 777})
    world.send("t-1", **ECONOMY)
    world.run()
    (batch,) = world.batches.batches.values()
    (request,) = batch.requests.values()
    assert (request.effort, request.max_output_tokens) == ("low", 777)


def test_audited_task_is_audited() -> None:
    world = EconomyWorld(audit={"share": 1.0})
    world.send("t-1", **ECONOMY)
    world.run()
    world.run(after=HOUR)
    world.play_all()
    audit = world.task("t-1").audit
    assert audit is not None
    assert (audit.model, audit.outcome) == (SONNET, "answered")


# Batches


def test_batch_is_cancelled_when_the_longest_time_is_over(world: EconomyWorld) -> None:
    world.configure(lanes={"documentation": {"lane": "economy", "longest_wait_hours": 2}})
    world.batches.takes = lambda: timedelta(hours=20)
    world.send("t-1")
    world.run()
    world.run(after=HOUR)
    assert world.batches.cancelled == []
    world.run(after=HOUR)
    world.run()
    assert world.batches.cancelled == ["msgbatch_0000"]
    assert world.workflow.executions == {}, "it waits for its result"
    world.run()
    world.play_all()
    assert world.task("t-1").status is Status.COMPLETED
    assert [row["outcome"] for row in world.rows()] == ["not_sent", "answered"]


def test_unanswered_creation_blocks_the_next_until_it_is_found(world: EconomyWorld) -> None:
    world.batches.create_results = ["lost"]
    world.send("t-1", **ECONOMY)
    world.send("t-2", type="architecture", **ECONOMY)
    run = world.run()
    assert run is not None
    assert (run.unanswered, world.batches.creations) == (1, 1)
    run = world.run()
    assert run is not None
    assert (run.unanswered, run.open_batches, world.batches.creations) == (0, 2, 2)
    world.run(after=HOUR)
    world.play_all()
    assert [world.task(task_id).status for task_id in ("t-1", "t-2")] == [Status.COMPLETED] * 2
    assert [row["outcome"] for row in world.rows()] == ["answered", "answered"]


def test_someone_elses_batch_of_the_same_size_is_refuted_by_its_ids(world: EconomyWorld) -> None:
    world.batches.create_results = ["lost"]
    world.send("t-1", **ECONOMY)
    world.run()
    ours = world.batches.batches["msgbatch_0000"]
    world.batches.take({"theirs-0000": next(iter(ours.requests.values()))})
    world.run(after=HOUR)
    world.play_all()
    assert world.task("t-1").status is Status.COMPLETED
    assert [row["outcome"] for row in world.rows()] == ["answered"]
    assert world.batches.cancelled == []


def test_creation_that_left_no_batch_ends_as_unknown(world: EconomyWorld) -> None:
    world.batches.create_results = [CallResult(Outcome.UNKNOWN, detail="ReadTimeout")]
    world.send("t-1", **ECONOMY)
    world.run()
    run = world.run(after=timedelta(minutes=30))
    assert run is not None
    assert (run.unanswered, run.open_batches) == (1, 1)
    world.run(after=HOUR)
    world.play_all()
    unknown, answered = world.rows()
    assert (unknown["outcome"], unknown["cost_known"]) == ("unknown", False)
    assert unknown["cost_nano"] == unknown["reserved_nano"]
    assert answered["outcome"] == "answered"
    assert world.batches.creations == 1


def test_unreachable_provider_leaves_an_unanswered_creation_as_it_is(world: EconomyWorld) -> None:
    world.batches.create_results = ["lost"]
    world.send("t-1", **ECONOMY)
    world.run()
    world.batches.broken = unreachable()
    run = world.run(after=2 * HOUR)
    assert run is not None
    assert (run.unanswered, "batch_not_read" in world.logged) == (1, True)
    assert "outcome" not in world.rows()[0]
    world.batches.broken = None
    world.run()
    world.play_all()
    assert [row["outcome"] for row in world.rows()] == ["answered"]


@pytest.mark.parametrize("outcome", [Outcome.RATE_LIMITED, Outcome.NOT_SENT, Outcome.ACCOUNT])
def test_creation_that_was_refused_for_now_is_tried_again_with_what_is_reserved(
    world: EconomyWorld, outcome: Outcome
) -> None:
    trouble = AccountTrouble.CREDIT if outcome is Outcome.ACCOUNT else None
    world.batches.create_results = [CallResult(outcome, unbilled=True, account=trouble)]
    world.send("t-1", **ECONOMY)
    world.run()
    assert world.batches.batches == {}
    run = world.run()
    assert run is not None
    assert (run.created_batches, len(world.rows())) == (1, 1)


def test_creation_that_is_refused_for_good_sends_its_tasks_the_standard_way(world: EconomyWorld) -> None:
    world.batches.create_results = [CallResult(Outcome.INVALID, unbilled=True)]
    world.send("t-1", **ECONOMY)
    world.run()
    world.play_all()
    assert [row["outcome"] for row in world.rows()] == ["not_sent", "answered"]
    assert world.task("t-1").status is Status.COMPLETED


def test_results_that_are_gone_end_as_unknown(world: EconomyWorld) -> None:
    world.send("t-1", deadline="2027-03-01T00:00:00Z", **ECONOMY)
    world.run()
    world.run(after=timedelta(days=30))
    world.play_all()
    assert [row["outcome"] for row in world.rows()] == ["unknown", "answered"]


def test_results_are_read_again_without_paying_or_starting_twice(world: EconomyWorld) -> None:
    world.send("t-1", **ECONOMY)
    world.send("t-2", **ECONOMY)
    world.run()
    world.clock.advance(3600)
    world.deadly = 0.05
    while world.run(after=timedelta(minutes=16)) is None or len(world.workflow.executions) < 2:
        pass
    world.deadly = 0.0
    world.day(1)
    assert len(world.rows()) == 2
    assert world.counters()["month"] == sum(row["cost_nano"] for row in world.rows())
    assert Counter(json.loads(detail)["task_id"] for _, detail in world.bus.events) == {"t-1": 1, "t-2": 1}


def test_two_runs_do_not_have_the_lane_at_once(world: EconomyWorld) -> None:
    world.send("t-1", **ECONOMY)
    now = world.clock.now()
    assert world.batch_store.take("another", now + HOUR, now) is not None
    run = world.run()
    assert run is not None
    assert (run.busy, world.batches.creations) == (True, 0)
    run = world.run(after=HOUR)
    assert run is not None
    assert run.created_batches == 1


# What happens meanwhile


def test_task_that_is_cancelled_in_the_pool_ends_and_comes_into_no_batch(world: EconomyWorld) -> None:
    world.send("t-1", **ECONOMY)
    world.cancel("t-1")
    assert world.task("t-1").status is Status.CANCELLED
    world.run()
    assert (world.batches.creations, world.rows()) == (0, [])


def test_task_that_is_cancelled_in_its_batch_ends_with_its_entry(world: EconomyWorld) -> None:
    world.send("t-1", **ECONOMY)
    world.run()
    world.cancel("t-1")
    assert world.task("t-1").status is Status.STARTED
    world.run(after=HOUR)
    world.play_all()
    record = world.task("t-1")
    assert (record.status, record.answer.inline) == (Status.CANCELLED, None)
    assert record.cost_nano == world.rows()[0]["cost_nano"] > 0
    assert [kind for kind, _ in world.bus.events] == ["Task Cancelled"]


def test_message_that_comes_again_is_a_duplicate(world: EconomyWorld) -> None:
    world.send("t-1", copies=2, **ECONOMY)
    world.run()
    world.send("t-1", **ECONOMY)
    world.day(2)
    assert len(world.rows()) == 1
    assert len(world.bus.events) == 1


def test_replay_of_a_failed_economy_task_goes_the_standard_way(world: EconomyWorld) -> None:
    world.batches.result_of = lambda _: CallResult(Outcome.REFUSED, usage=USED, unbilled=True)
    world.send("t-1", **ECONOMY)
    world.day(2)
    assert world.task("t-1").status is Status.FAILED
    world.replay("t-1")
    world.play_all()
    record = world.task("t-1")
    assert (record.status, record.generation, record.lane) == (Status.COMPLETED, 2, None)


def test_budget_that_was_lowered_refuses_before_the_batch(world: EconomyWorld) -> None:
    world.send("t-1", **ECONOMY)
    world.configure(budget={"month_usd": "0.000001"})
    world.run()
    world.play_all()
    record = world.task("t-1")
    assert (record.status, record.reason, world.rows()) == (Status.FAILED, "over_budget", [])
    assert world.batches.creations == 0


def test_sender_at_its_pace_waits_in_the_pool() -> None:
    world = EconomyWorld(limits={"rules": [{"sender": "role:*", "in_flight": 1}]})
    for number in range(2):
        world.send(f"t-{number}", sender=Sender("role:CI"), **ECONOMY)
    world.run()
    run = world.run()
    assert run is not None
    assert (run.waiting, len(world.rows())) == (1, 1)
    world.day(3)
    assert [row["outcome"] for row in world.rows()] == ["answered", "answered"]


def test_model_that_ends_while_its_task_waits_is_followed_by_its_successor(world: EconomyWorld) -> None:
    world.configure(chains={"implementation": ["claude-sonnet-4-5"]})
    world.clock.time = datetime(2026, 11, 29, 23, 50, tzinfo=UTC)
    world.send("t-1", **ECONOMY)
    world.run(after=timedelta(minutes=20))
    world.play_all()
    record = world.task("t-1")
    assert (record.status, record.model) == (Status.COMPLETED, SONNET)
    assert record.lane is not None
    assert record.lane.reason == "retired"


def test_task_that_waits_too_long_in_the_pool_leaves_it(world: EconomyWorld) -> None:
    world.send("t-1", **ECONOMY)
    world.run(after=timedelta(hours=19))
    world.play_all()
    record = world.task("t-1")
    assert record.lane is not None
    assert (record.lane.reason, record.status) == (StandardReason.WAITED, Status.COMPLETED)


def test_sweep_leaves_the_entries_of_a_batch_open(world: EconomyWorld) -> None:
    world.batches.takes = lambda: timedelta(hours=23)
    world.send("t-1", **ECONOMY)
    world.run()
    world.clock.advance(20 * 3600)
    world.sweep()
    assert "outcome" not in world.rows()[0]
    world.day(5)
    assert [row["outcome"] for row in world.rows()] == ["answered"]


def test_trouble_with_one_task_is_no_others_and_is_raised_in_the_end(world: EconomyWorld) -> None:
    world.send("t-1", **ECONOMY)
    world.send("t-2", **ECONOMY)
    world.run()
    broken = world.tasks.read

    def read(task_id: str) -> TaskRecord | None:
        if task_id == "t-1":
            raise StoreError("out of reach")
        return broken(task_id)

    world.tasks.read = read  # type: ignore[method-assign]
    with pytest.raises(LaneError, match="out of reach"):
        world.run(after=HOUR)
    world.tasks.read = broken  # type: ignore[method-assign]
    world.run(after=HOUR)
    world.play_all()
    assert [world.task(task_id).status for task_id in ("t-1", "t-2")] == [Status.COMPLETED] * 2


@pytest.mark.parametrize(("seconds", "begun"), [(30.0, True), (29.9, False)])
def test_an_entry_is_begun_only_while_the_run_has_the_time_to_settle_it(
    world: EconomyWorld, seconds: float, begun: bool
) -> None:
    left_out = (BatchEntry("t-1"), not_processed("expired"))
    assert world.settlement.settle_entries([left_out], world.clock.now() + timedelta(seconds=seconds)) is begun


# Split work

SPLIT = json.dumps(
    {
        "answer": "Two pages and a look at the build.",
        "subtasks": [
            {"prompt": "Write the guide.", "type": "documentation"},
            {"prompt": "Write the reference.", "type": "documentation"},
            {"prompt": "Is the build green?", "type": "status"},
        ],
    }
)


def test_subtasks_of_a_split_task_go_through_the_lane_and_end_their_parent(world: EconomyWorld) -> None:
    world.configure(lanes={"documentation": "economy"})
    plain = world.answer
    world.answer = lambda it: replace(plain(it), text=SPLIT) if "Split" in it.prompt else plain(it)
    fields: dict[str, str] = {"type": "orchestration", "deadline": "2026-11-25T12:00:00Z"}
    world.send("t-1", prompt="Split the work.", split=True, **fields)
    world.play_all()
    guide, reference, build = world.receive_subtasks()
    world.play_all()
    assert world.task(build).status is Status.COMPLETED
    assert [world.task(task_id).status for task_id in ("t-1", guide, reference)] == [
        Status.WAITING,
        Status.STARTED,
        Status.STARTED,
    ]
    world.run()
    (batch,) = world.batches.batches.values()
    assert {it.prompt for it in batch.requests.values()} == {"Write the guide.", "Write the reference."}
    world.run(after=HOUR)
    world.play_all()
    parent = world.task("t-1")
    assert (parent.status, [end.status for end in parent.results]) == (Status.COMPLETED, ["completed"] * 3)
    assert sum("batch_entry" in row for row in world.rows()) == 2
    assert world.counters()["month"] == sum(row["cost_nano"] for row in world.rows())
    told = Counter(json.loads(detail)["task_id"] for _, detail in world.bus.events)
    assert told == {"t-1": 1, guide: 1, reference: 1, build: 1}


def test_subtasks_whose_parents_deadline_is_too_close_go_the_standard_way(world: EconomyWorld) -> None:
    world.configure(lanes={"documentation": "economy"})
    plain = world.answer
    world.answer = lambda it: replace(plain(it), text=SPLIT) if "Split" in it.prompt else plain(it)
    world.send("t-1", prompt="Split the work.", split=True, type="orchestration")
    world.play_all()
    guide, *_ = world.receive_subtasks()
    world.play_all()
    lane = world.task(guide).lane
    assert lane is not None
    assert (lane.lane, lane.reason) == (Lane.STANDARD, StandardReason.DEADLINE)
    assert world.task("t-1").status is Status.COMPLETED


def test_task_that_is_split_in_a_batch_has_its_subtasks_in_the_lane_too() -> None:
    world = EconomyWorld(chains={"orchestration": [HAIKU]}, lanes={"documentation": "economy"})
    world.batches.result_of = lambda it: (
        replace(answered_entry(it), text=SPLIT) if "Split" in it.prompt else answered_entry(it)
    )
    fields: dict[str, str] = {"type": "orchestration", "deadline": "2026-11-26T12:00:00Z", "lane": "economy"}
    world.send("t-1", prompt="Split the work.", split=True, **fields)
    assert world.workflow.executions == {}
    world.run()
    world.run(after=HOUR)
    world.play_all()
    assert world.task("t-1").status is Status.WAITING
    guide, reference, build = world.receive_subtasks()
    world.run()
    world.run(after=HOUR)
    world.play_all()
    parent = world.task("t-1")
    assert (parent.status, [end.status for end in parent.results]) == (Status.COMPLETED, ["completed"] * 3)
    assert [world.task(task_id).lane is not None for task_id in (guide, reference, build)] == [True, True, False]
    assert [sum("batch_entry" in row for row in world.rows(task_id)) for task_id in ("t-1", guide, reference)] == [
        1
    ] * 3
    assert world.counters()["month"] == sum(row["cost_nano"] for row in world.rows())
