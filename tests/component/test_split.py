"""One message, many tasks: handed out by an answer, waited for, gathered in one event, whatever comes in between."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pointsman.adapters.task_table import TaskTable
from pointsman.client import Client, Places
from pointsman.contracts.sender import Sender
from pointsman.entrypoints.settings import Settings
from pointsman.execution.budget import OPEN
from pointsman.execution.outcome import AccountTrouble, CallResult, Outcome
from pointsman.execution.subtasks import SPLIT_SCHEMA
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.report.figures import ledger_entries
from pointsman.report.figures.task_costs import TaskCostCollector, task_costs
from pointsman.services.attempt import Attempt
from pointsman.services.intake import QueueMessage
from pointsman.services.replay import Replay, ReplayOptions
from pointsman.services.subtasks import WAITS_AFTER_DEADLINE
from pointsman.values.errors import DeliveryError, PublishError
from pointsman.values.status import Status
from pointsman.values.times import parse_time, to_text
from pointsman_cli import tasks as stated
from pointsman_cli.commands import status
from tests.support.attempts import GEMINI, HAIKU, USED, answered, asked, configured, finished, started, step
from tests.support.aws import BUCKET, TABLES, Aws, MotoLedger
from tests.support.fakes import NOON, FakeDeadLetterQueue
from tests.support.in_process import in_process
from tests.support.router import SHIPPED, Router, build, build_sweep

PARTS = [{"prompt": f"Write part {number}.", "type": "code_generation"} for number in (1, 2, 3)]
REFUSED = CallResult(Outcome.REFUSED, usage=USED)


@pytest.fixture
def router(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Router:
    return build(aws, ledger, task_table)


def handing_out(*parts: dict[str, Any], answer: str = "Three parts.") -> CallResult:
    return answered(json.dumps({"answer": answer, "subtasks": list(parts)}))


def begun(router: Router, **fields: Any) -> WorkflowState:
    return started(router, split=True, metadata={"ticket": "PAY-7"}, **fields)


def waiting(router: Router, *parts: dict[str, Any], **fields: Any) -> WorkflowState:
    """Have t-1 hand out subtasks; they lie in the queue afterwards."""
    router.model.then(handing_out(*(parts or PARTS)))
    return finished(router, begun(router, **fields))


def route_messages(router: Router) -> None:
    """Have the router take what was sent to the queue."""
    bodies, router.queue.bodies = router.queue.bodies, []
    for number, body in enumerate(bodies):
        assert router.run(QueueMessage(f"sub-{number}", body), owner=f"router-{number}") == {}


def run_of(router: Router, number: int, suffix: str = "") -> WorkflowState:
    return WorkflowState.from_state(json.loads(router.workflow.executions[f"t-1-s{number:02d}{suffix}"]))


def do(router: Router, number: int, result: CallResult | None = None) -> None:
    """Have a subtask done and delivered."""
    router.model.then(result or answered(f"part {number}"))
    finished(router, run_of(router, number))


def told(router: Router, task_id: str = "t-1") -> list[dict[str, Any]]:
    """Return the events of a task."""
    return [detail for _, text in router.bus.events if (detail := json.loads(text))["task_id"] == task_id]


def short(detail: dict[str, Any]) -> list[tuple[str, str | None, str | None]]:
    return [(subtask["status"], subtask["answer"], subtask["reason"]) for subtask in detail["subtasks"]]


def test_a_ticket_is_handed_out_gathered_and_adds_up(router: Router, ledger: MotoLedger) -> None:
    run = waiting(router, reply_to="the-token-of-the-sender")
    (question,) = router.model.questions
    assert (question.model, question.schema) == (GEMINI, SPLIT_SCHEMA)
    assert "hand out work" in question.system
    assert (run.next, router.task().status, router.bus.events) == (Next.DELIVER, Status.WAITING, [])

    route_messages(router)
    do(router, 2)
    do(router, 1, REFUSED)
    assert (router.task().status, told(router)) == (Status.WAITING, [])
    do(router, 3)

    (detail,) = told(router)
    assert (detail["status"], detail["answer"], detail["partial"]) == ("completed", "Three parts.", True)
    assert short(detail) == [("failed", None, "refused"), ("completed", "part 2", None), ("completed", "part 3", None)]
    assert detail["subtask_counts"] == {"completed": 2, "failed": 1, "cancelled": 0, "rejected": 0, "unfinished": 0}
    assert [place for place, *_ in router.replies.sent] == ["the-token-of-the-sender"]
    parts = [router.task(f"t-1-s0{number}") for number in (1, 2, 3)]
    assert detail["cost_with_subtasks_nano_usd"] == sum(entry.cost_nano for entry in [router.task(), *parts])
    assert {(part.parent_id, part.deadline) for part in parts} == {("t-1", router.task().deadline)}
    for part in parts:
        (ours,) = told(router, part.task_id)
        assert (ours["parent_id"], ours["metadata"]) == ("t-1", {"ticket": "PAY-7"})
        assert "subtasks" not in ours

    attempts, shares = ledger_entries.read_entries(ledger.reader.rows(NOON, router.clock.now() + timedelta(hours=1)))
    counters = ledger.reader.counters("2026-11")
    assert counters["month"] == sum(attempt.cost_nano for attempt in attempts) == detail["cost_with_subtasks_nano_usd"]
    assert counters["month" + OPEN] == 0
    collector = TaskCostCollector()
    collector.add(task_costs(attempts, shares))
    groups = collector.labels()
    for label, name in (("ticket", "PAY-7"), ("parent_id", "t-1")):
        group = groups[label].named[name]
        assert (group.tasks, group.attempts, group.cost_nano) == (4, 4, counters["month"])


def test_subtasks_of_a_far_deadline_end_while_the_answer_is_in_the_bucket(aws: Aws, router: Router) -> None:
    sweep = build_sweep(aws, router)
    waiting(router, deadline=to_text(NOON + timedelta(days=300)))
    route_messages(router)
    deadlines = {router.task(f"t-1-s0{number}").deadline for number in (1, 2, 3)}
    assert deadlines == {router.task().deadline}
    (deadline,) = map(parse_time, deadlines)
    assert deadline + WAITS_AFTER_DEADLINE - router.clock.now() < timedelta(days=61)
    do(router, 1)
    router.clock.time = deadline + WAITS_AFTER_DEADLINE + timedelta(seconds=1)
    assert sweep().gathered == 1
    (detail,) = told(router)
    assert [subtask["status"] for subtask in detail["subtasks"]] == ["completed", "unfinished", "unfinished"]


def test_sender_is_booked_told_and_inherited(router: Router, ledger: MotoLedger) -> None:
    body = {"prompt": "Plan it.", "task_id": "t-1", "tier": "orchestration", "split": True, "sender": "key:forged"}
    text = json.dumps({**body, "metadata": {"sender": "key:forged"}})
    assert router.run(QueueMessage("m-1", text, sender=Sender("key:ci"))) == {}
    router.model.then(handing_out(PARTS[0]))
    finished(router, WorkflowState.from_state(json.loads(router.workflow.executions["t-1"])))
    assert router.queue.senders == ["key:ci"]

    rules = Settings(subtask_role_ids="AROADELIVERY").sender_rules
    (part,) = router.queue.bodies
    inherited = rules.sender_of("AROADELIVERY:delivery", router.queue.senders[0], part)
    forged = rules.sender_of("AROATEAM:ada", "key:ci", "{")
    assert router.run(QueueMessage("m-2", part, sender=inherited), QueueMessage("m-3", "{", sender=forged)) == {}
    do(router, 1)

    senders = {"t-1": "key:ci", "t-1-s01": "key:ci", "m-3": "role:AROATEAM:ada"}
    assert {task_id: router.task(task_id).sender for task_id in senders} == senders
    details = [json.loads(text) for _, text in router.bus.events]
    assert {detail["task_id"]: detail["sender"] for detail in details} == senders
    collector = TaskCostCollector()
    rows = ledger.reader.rows(NOON, router.clock.now() + timedelta(hours=1))
    collector.add(task_costs(*ledger_entries.read_entries(rows)))
    assert {name: totals.tasks for name, totals in collector.labels()["sender"].named.items()} == {"key:ci": 2}


def test_all_completed_is_not_partial_and_none_completed_is_a_failure(router: Router) -> None:
    waiting(router, *PARTS[:2])
    route_messages(router)
    for number in (1, 2):
        do(router, number, REFUSED)
    (detail,) = told(router)
    assert (detail["status"], detail["reason"], detail["answer"]) == ("failed", "subtasks_failed", None)
    assert (detail["partial"], [subtask["status"] for subtask in detail["subtasks"]]) == (False, ["failed", "failed"])

    router.model.then(handing_out(PARTS[0]))
    router.run(
        QueueMessage("m-2", json.dumps({"prompt": "b", "task_id": "t-2", "tier": "orchestration", "split": True}))
    )
    finished(router, WorkflowState.from_state(json.loads(router.workflow.executions["t-2"])))
    route_messages(router)
    router.model.then(answered())
    finished(router, WorkflowState.from_state(json.loads(router.workflow.executions["t-2-s01"])))
    (detail,) = told(router, "t-2")
    assert (detail["status"], detail["partial"]) == ("completed", False)


def test_split_in_a_fence_is_read_and_half_a_character_replaced(router: Router) -> None:
    """nanobrowser/nanobrowser 264: a fence around structured output; half a surrogate pair reaches no queue."""
    first, second = '{"prompt": "One \\ud83d", "type": "status"}', '{"prompt": "Two", "type": "status"}'
    text = f'{{"answer": "Two.", "subtasks": [{first}, {second},]}}'
    router.model.then(answered(f"```json\n{text}\n```"))
    finished(router, begun(router))
    prompts = [json.loads(body)["prompt"] for body in router.queue.bodies]
    assert (prompts, len(router.model.questions)) == (["One \ufffd", "Two"], 1)
    route_messages(router)
    assert len(router.workflow.executions) == 3


def test_an_answer_without_subtasks_completes_plainly(router: Router) -> None:
    router.model.then(handing_out(answer="Nothing to hand out."))
    finished(router, begun(router))
    (detail,) = told(router)
    assert (detail["status"], detail["answer"]) == ("completed", "Nothing to hand out.")
    assert not {"subtasks", "partial"} & detail.keys()
    assert router.queue.bodies == []


@pytest.mark.parametrize("tier", ["implementation", "reasoning"])
def test_in_another_tier_a_split_task_is_answered_plainly(router: Router, tier: str) -> None:
    said = json.dumps({"answer": "a", "subtasks": PARTS})
    router.model.then(answered(said))
    finished(router, started(router, tier, split=True))
    assert router.model.questions[0].schema is None
    assert (told(router)[0]["answer"], router.queue.bodies) == (said, [])


def test_answer_that_looks_like_subtasks_is_delivered_without_split(router: Router) -> None:
    said = json.dumps({"answer": "a", "subtasks": PARTS})
    router.model.then(answered(said))
    finished(router, started(router))
    assert (told(router)[0]["answer"], router.queue.bodies) == (said, [])


def test_the_paid_fallback_hands_out_too(router: Router) -> None:
    router.model.then(CallResult(Outcome.ACCOUNT, account=AccountTrouble.KEY), handing_out(*PARTS))
    finished(router, begun(router))
    assert asked(router) == [GEMINI, HAIKU]
    assert all(question.schema == SPLIT_SCHEMA for question in router.model.questions)
    assert (router.task().status, len(router.queue.bodies)) == (Status.WAITING, 3)


BAD = [
    answered("no JSON"),
    handing_out({"prompt": " "}),
    handing_out(*[PARTS[0]] * 21),
    CallResult(Outcome.TRUNCATED, '{"answer": "x", "subtas', USED),
]


@pytest.mark.parametrize("bad", BAD, ids=["no JSON", "blank", "too many", "cut off"])
def test_malformed_split_is_charged_and_retried_once_then_on_the_next_model(
    router: Router, ledger: MotoLedger, bad: CallResult
) -> None:
    router.model.then(bad, bad, bad, handing_out(*PARTS))
    finished(router, begun(router))
    assert asked(router) == [GEMINI, GEMINI, HAIKU, HAIKU]
    task = router.task()
    assert (task.status, task.attempts, task.usage["output"]) == (Status.WAITING, 4, 4 * USED.output)
    rows = sorted(ledger.reader.rows(NOON, router.clock.now() + timedelta(hours=1)), key=lambda row: row["turn"])
    assert [row["outcome"] for row in rows] == [*["malformed"] * 3, "answered"]
    assert all(row["cost_known"] for row in rows)
    assert task.cost_nano == ledger.reader.counters("2026-11")["month"] == 2 * rows[-1]["cost_nano"]


def test_a_task_whose_answers_are_all_bad_fails(router: Router) -> None:
    router.model.then(*[answered("no JSON")] * 4)
    finished(router, begun(router))
    assert [(detail["status"], detail["reason"]) for detail in told(router)] == [("failed", "malformed")]


def test_a_subtask_hands_out_nothing_whatever_its_message_says(router: Router) -> None:
    """By the answer it cannot say so; here somebody sends the message by hand, before the answer's own."""
    body = {"task_id": "t-1-s01", "parent_id": "t-1", "prompt": "Split me.", "tier": "orchestration", "split": True}
    router.run(QueueMessage("by-hand", json.dumps(body)))
    router.model.then(handing_out(*PARTS))
    finished(router, run_of(router, 1))
    assert router.model.questions[0].schema is None
    assert router.queue.bodies == []


def test_a_foreign_task_with_a_subtasks_id_counts_as_rejected(router: Router) -> None:
    body = {"task_id": "t-1-s02", "parent_id": "t-1", "prompt": "Not the same.", "type": "code_generation"}
    router.run(QueueMessage("by-hand", json.dumps(body)))
    waiting(router, *PARTS[:2])
    route_messages(router)
    assert list(router.dead.codes()) == ["task_id_conflict"]
    do(router, 1)
    (detail,) = told(router)
    assert short(detail) == [("completed", "part 1", None), ("rejected", None, "task_id_conflict")]
    do(router, 2, answered("of the foreign task"))
    assert len(told(router)) == 1


def test_a_rejection_can_be_the_last_end(router: Router) -> None:
    body = {"task_id": "t-1-s02", "parent_id": "t-1", "prompt": "Not the same.", "type": "code_generation"}
    router.run(QueueMessage("by-hand", json.dumps(body)))
    waiting(router, *PARTS[:2])
    bodies, router.queue.bodies = router.queue.bodies, []
    assert router.run(QueueMessage("sub-1", bodies[0])) == {}
    router.model.then(answered("part 1"))
    assert step(router, run_of(router, 1)).next is Next.DELIVER  # the first one's end is not delivered yet
    assert router.run(QueueMessage("sub-2", bodies[1])) == {}
    assert short(told(router)[0]) == [("completed", "part 1", None), ("rejected", None, "task_id_conflict")]
    router.intake.delivery.finish("t-1-s01", 1, None)
    assert len(told(router)) == 1


def test_two_last_ends_at_once_make_one_event(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(router, *PARTS[:2])
    route_messages(router)
    both, close, won = threading.Barrier(2), TaskTable.close, list[bool]()

    def together(*args: Any) -> Any:
        both.wait(10)  # both have read that all have ended
        ended = close(*args)
        won.append(ended is not None)
        return ended

    monkeypatch.setattr(TaskTable, "close", together)
    for number in (1, 2):
        router.model.then(answered(f"part {number}"))
        assert step(router, run_of(router, number)).next is Next.DELIVER
    ends = [
        threading.Thread(target=router.intake.delivery.finish, args=(f"t-1-s0{number}", 1, None)) for number in (1, 2)
    ]
    for end in ends:
        end.start()
    for end in ends:
        end.join(30)
    assert sorted(won) == [False, True]
    assert len(told(router)) == 1
    assert router.task().closed_by in {"t-1-s01", "t-1-s02"}


def test_repeated_dispatch_after_a_crash_changes_nothing(router: Router) -> None:
    """The sending dies midway; the workflow tries again; the router is given every message twice."""
    router.model.then(handing_out(*PARTS))
    run = step(router, begun(router))
    router.queue.failures = [PublishError("down")]
    with pytest.raises(DeliveryError, match=r"task t-1: subtasks not sent \(down\)"):
        router.intake.delivery.finish("t-1", 1, None)
    assert router.task().status is Status.STARTED
    finished(router, run)
    router.queue.bodies *= 2
    assert step(router, replace(run, attempt=2, next=Next.RUN)).next is Next.DELIVER
    route_messages(router)
    assert sorted(router.workflow.executions) == ["t-1", "t-1-s01", "t-1-s02", "t-1-s03"]
    for number in (1, 2, 3):
        do(router, number)
    for task_id in ("t-1", "t-1-s01", "t-1-s03"):  # deliveries that the workflow repeats
        router.intake.delivery.finish(task_id, 1, None)
    assert (len(router.bus.events), len(told(router)), len(router.model.questions)) == (4, 1, 4)


def test_an_attempt_that_comes_too_late_asks_nothing_again(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    """It had looked before the first one's answer was stored, and reserves only after."""
    run = waiting(router)
    monkeypatch.setattr(Attempt, "_without_call", lambda *_: None)
    after = step(router, replace(run, attempt=9, next=Next.RUN))
    assert (after.next, after.reason, len(router.model.questions)) == (Next.RUN, Outcome.UNKNOWN, 1)


def test_undelivered_parent_is_delivered_by_the_subtask_that_completed_it(router: Router) -> None:
    waiting(router, *PARTS[:1])
    route_messages(router)
    router.model.then(answered("part 1"))
    step(router, run_of(router, 1))
    publish = router.bus.publish

    def only_subtasks(kind: str, detail: str) -> None:
        if json.loads(detail)["task_id"] == "t-1":
            raise PublishError("down")
        publish(kind, detail)

    router.bus.publish = only_subtasks  # type: ignore[method-assign]
    with pytest.raises(DeliveryError, match="task t-1: not delivered to event bus"):
        router.intake.delivery.finish("t-1-s01", 1, None)
    assert (router.task().status, told(router)) == (Status.COMPLETED, [])
    router.bus.publish = publish  # type: ignore[method-assign]
    router.intake.delivery.finish("t-1-s01", 1, None)
    router.intake.delivery.finish("t-1-s01", 1, None)
    assert (len(told(router)), len(told(router, "t-1-s01"))) == (1, 1)


def test_the_sweep_sends_out_what_the_workflow_did_not(aws: Aws, router: Router, ledger: MotoLedger) -> None:
    sweep = build_sweep(aws, router)
    router.model.then(handing_out(*PARTS))
    step(router, begun(router))
    assert (sweep().gathered, router.task().status, len(router.queue.bodies)) == (0, Status.WAITING, 3)
    route_messages(router)
    for number in (1, 2, 3):
        do(router, number)
    assert (len(told(router)), sweep().gathered) == (1, 0)


def test_undispatchable_subtask_ends_its_parent(aws: Aws, router: Router, ledger: MotoLedger) -> None:
    sweep = build_sweep(aws, router)
    router.model.then(handing_out(*PARTS))
    step(router, begun(router))
    router.queue.failures = [PublishError("down")] * 9
    assert (sweep().undelivered, router.task().status) == (1, Status.STARTED)
    router.clock.time = parse_time(router.task().deadline) + WAITS_AFTER_DEADLINE + timedelta(seconds=1)
    assert sweep().gathered == 1
    assert (told(router)[0]["reason"], told(router)[0]["subtask_counts"]["unfinished"]) == ("subtasks_failed", 3)


def test_the_sweep_ends_what_nobody_came_to_end(aws: Aws, router: Router, ledger: MotoLedger) -> None:
    """The last subtask's function died after its end was stored, and its workflow is gone."""
    sweep = build_sweep(aws, router)
    waiting(router, *PARTS[:1])
    route_messages(router)
    router.model.then(answered("part 1"))
    step(router, run_of(router, 1))
    router.bus.broken = PublishError("down")
    swept = sweep()
    assert (swept.undelivered, router.task().status, told(router)) == (1, Status.COMPLETED, [])
    router.bus.broken = None
    assert sweep().delivered == 1
    assert short(told(router)[0]) == [("completed", "part 1", None)]
    router.clock.advance(180)
    assert sweep().delivered == 1  # the subtask's own end
    assert list(router.tasks.wanting_attention()) == []


def test_past_the_deadline_the_sweep_ends_it_with_what_there_is(aws: Aws, router: Router, ledger: MotoLedger) -> None:
    sweep = build_sweep(aws, router)
    waiting(router)
    lost, *bodies = router.queue.bodies  # one ends in the dead-letter queue, as SQS moves it
    router.queue.bodies = bodies
    route_messages(router)
    do(router, 2)
    router.clock.time = parse_time(router.task().deadline) + WAITS_AFTER_DEADLINE - timedelta(seconds=1)
    assert sweep().gathered == 0
    router.clock.advance(2)
    assert sweep().gathered == 1
    (detail,) = told(router)
    assert detail["partial"]
    assert short(detail) == [
        ("unfinished", None, "deadline"),
        ("completed", "part 2", None),
        ("unfinished", None, "deadline"),
    ]
    router.run(QueueMessage("late", lost))  # replayed from there, much later
    finished(router, run_of(router, 1))
    assert len(told(router)) == 1


def test_a_place_to_reply_to_that_comes_later_is_answered_as_well(router: Router) -> None:
    task = {"prompt": "Is it done?", "task_id": "t-1", "tier": "orchestration", "split": True}
    again = {**task, "metadata": {"ticket": "PAY-7"}}
    waiting(router, *PARTS[:1])
    assert router.run(QueueMessage("m-2", json.dumps({**again, "reply_to": "the-token-while-it-waits"}))) == {}
    route_messages(router)
    do(router, 1)
    assert router.run(QueueMessage("m-3", json.dumps({**again, "reply_to": "the-token-when-it-has-ended"}))) == {}
    places = {place: json.loads(detail) for place, detail, _ in router.replies.sent}
    assert set(places) == {"the-token-while-it-waits", "the-token-when-it-has-ended"}
    assert places["the-token-while-it-waits"] == places["the-token-when-it-has-ended"] == told(router)[0]


def test_a_failed_task_that_is_replayed_hands_out_anew(router: Router) -> None:
    waiting(router, *PARTS[:1])
    route_messages(router)
    do(router, 1, REFUSED)
    replayed(router, "t-1")
    second = json.loads(list(router.workflow.executions.values())[-1])
    assert (second["task_id"], second["generation"], router.task().subtasks) == ("t-1", 2, [])
    router.model.then(handing_out(*PARTS[:1]))
    finished(router, WorkflowState.from_state(second))
    route_messages(router)
    router.model.then(answered("at last"))
    finished(router, run_of(router, 1, "-g2"))
    last = told(router)[-1]
    assert (last["generation"], last["status"], short(last)) == (2, "completed", [("completed", "at last", None)])


def test_a_subtask_that_is_replayed_is_waited_for_again_until_the_end(router: Router) -> None:
    waiting(router, *PARTS[:2])
    route_messages(router)
    do(router, 1, REFUSED)
    replayed(router, "t-1-s01")
    do(router, 2)
    assert told(router) == []
    second = WorkflowState.from_state(json.loads(list(router.workflow.executions.values())[-1]))
    router.model.then(answered("at last"))
    finished(router, second)
    assert short(told(router)[0]) == [("completed", "at last", None), ("completed", "part 2", None)]


def replayed(router: Router, task_id: str) -> None:
    intake = router.intake

    replay = Replay(
        intake.ctx,
        intake.tasks,
        intake.payloads,
        router.workflow,
        intake.model_health,
        intake.classifier,
        FakeDeadLetterQueue(),
        router.queue,
        intake.reject.reply_places,
    )
    (line,) = replay(ReplayOptions(ids=frozenset({task_id}), execute=True), "operator")
    assert line.replayed


def test_large_parts_travel_by_s3_and_by_reference(aws: Aws, router: Router) -> None:
    parts = [{**entry, "prompt": entry["prompt"] + "x" * 9_000} for entry in PARTS]
    waiting(router, *parts)
    assert router.task().drafts.ref
    route_messages(router)
    do(router, 1, answered("y" * 70_000))
    do(router, 2, answered("\x01" * 8_000))  # six times as long in JSON
    do(router, 3, answered("z" * 60_000))
    (detail,) = told(router)
    assert len(json.dumps(detail)) < 256_000
    first, second, third = detail["subtasks"]
    assert (second["answer"], third["answer"], first["answer"]) == ("\x01" * 8_000, "z" * 60_000, None)
    key = first["answer_ref"].removeprefix(f"s3://{BUCKET}/")
    assert aws.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"y" * 70_000


def test_the_client_and_the_commands_tell_of_subtasks(aws: Aws, router: Router) -> None:
    app = in_process(aws.settings(), SHIPPED, aws.session).runtime
    client = Client(Places("no-queue", TABLES.tasks, BUCKET), aws.session)
    waiting(router, *PARTS[:2])
    bodies, router.queue.bodies = router.queue.bodies, router.queue.bodies[:1]
    route_messages(router)
    assert client.result("t-1") is None
    far = stated.task_document(app, router.task(), stand_in=False)
    assert [subtask["status"] for subtask in far["subtasks"]] == ["claimed", "queued"]
    assert dict(status.status_rows(far))["subtasks"] == "2: 1 claimed, 1 queued; $0 together"
    assert dict(status.status_rows(far))["not delivered"] is None

    router.queue.bodies = bodies
    route_messages(router)
    do(router, 1)
    do(router, 2, REFUSED)
    result = client.wait("t-1", timeout=1)
    assert (result.answer, result.partial) == ("Three parts.", True)
    assert [(subtask.status, subtask.answer, subtask.reason) for subtask in result.subtasks] == [
        ("completed", "part 1", None),
        ("failed", None, "refused"),
    ]
    assert result.cost_with_subtasks_usd > result.cost_usd
    assert stated.result_document(result, stand_in=False)["subtasks"][0]["answer"] == "part 1"
    done = stated.task_document(app, router.task(), stand_in=False)
    assert [subtask["status"] for subtask in done["subtasks"]] == ["completed", "failed"]


def test_a_split_answer_is_neither_checked_nor_audited(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> None:
    verify = {"orchestration": {"min_chars": 5_000, "judge": True}}
    router = configured(aws, ledger, task_table, audit={"share": 1.0}, verify=verify)
    router.model.then(handing_out(PARTS[0]))
    run = step(router, begun(router, type="orchestration"))
    assert (run.next, router.task().checked) == (Next.DELIVER_SAMPLED, None)
    router.intake.delivery.finish("t-1", 1, None)
    route_messages(router)
    router.model.then(answered("part 1"))
    step(router, run_of(router, 1))
    router.intake.delivery.finish("t-1-s01", 1, None)
    assert router.task().status is Status.COMPLETED
    assert step(router, replace(run, next=Next.RUN)).next is Next.DELIVER
    assert len(router.model.questions) == 2


def test_a_plain_task_asks_the_store_no_more_than_before(
    aws: Aws, router: Router, count_calls: Callable[[], list[str]]
) -> None:
    """A parent of the sender's own is none that waits."""
    router.model.then(answered())
    state, calls = started(router, parent_id="a-quarter-plan"), count_calls()
    assert step(router, state).delivered
    assert calls[-2:] == ["GetItem", "UpdateItem"]
    assert calls.count("GetItem") == calls.count("UpdateItem") == 1


@pytest.fixture
def count_calls(task_table: TaskTable) -> Callable[[], list[str]]:
    def begin() -> list[str]:
        client: Any = task_table._client
        call, calls = client._make_api_call, list[str]()

        def counted(operation: str, arguments: Any) -> Any:
            calls.append(operation)
            return call(operation, arguments)

        client._make_api_call = counted
        return calls

    return begin
