"""What cannot be delivered is kept, shown, and delivered once it can be: to those who were not told yet."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from pointsman.adapters.messaging import QueueAndTokenReplies
from pointsman.adapters.task_item import to_item
from pointsman.adapters.task_table import TaskTable
from pointsman.entrypoints import runtime
from pointsman.entrypoints.delivery import deliver
from pointsman.execution.executions import DeadExecution
from pointsman.execution.outcome import Shortfall
from pointsman.execution.records import Payload, TaskRecord
from pointsman.execution.waiting import Waiting, WaitingFor
from pointsman.execution.workflow_state import Next
from pointsman.routing.decision import Decision, Source
from pointsman.services.intake import QueueMessage
from pointsman.services.sweep import Sweep
from pointsman.values.errors import DeliveryError, PublishError, SweepError
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import to_text
from pointsman_cli.commands.status import status_rows
from pointsman_cli.tasks import task_document
from tests.support.attempts import Crash, answered, started, step
from tests.support.aws import Aws, MotoLedger
from tests.support.in_process import in_process
from tests.support.router import SHIPPED, Router, build, build_sweep

TOKEN = "AQCk-the-senders-secret"


@pytest.fixture
def router(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Router:
    return build(aws, ledger, task_table)


@pytest.fixture
def sweep(aws: Aws, router: Router, ledger: MotoLedger) -> Sweep:
    return build_sweep(aws, router)


@pytest.fixture
def done(router: Router) -> Callable[..., TaskRecord]:
    """Store a task that was answered and is not delivered."""

    def store(*reply_to: str) -> TaskRecord:
        router.run(QueueMessage("m-1", '{"prompt": "Write it.", "task_id": "t-1", "tier": "reasoning"}'))
        record = replace(
            router.task(),
            status=Status.COMPLETED,
            answer=Payload(inline="words"),
            reply_to=list(reply_to),
            ended_at=to_text(router.clock.now()),
        )
        client: Any = router.tasks._client
        client.put_item(TableName=router.tasks._table, Item=to_item(record))
        return record

    return store


def shown(aws: Aws, router: Router) -> dict[str, Any]:
    """Return the lines that `pointsman status` prints."""
    app = in_process(aws.settings(), SHIPPED, aws.session)
    record = task_document(app.runtime, router.task(), stand_in=False)
    return {name: value for name, value in status_rows(record) if value is not None}


def test_a_reply_queue_that_comes_later_is_answered_by_the_sweep(
    aws: Aws, router: Router, sweep: Sweep, done: Callable[..., TaskRecord]
) -> None:
    sqs, late = aws.client("sqs"), aws.reply_arn.replace("replies", "late")
    replies = QueueAndTokenReplies(sqs, aws.client("stepfunctions"))
    object.__setattr__(router.intake.delivery, "replies", replies)
    done(aws.reply_arn, late)
    since = to_text(router.clock.now())
    for _ in range(3):  # the workflow's retries
        with pytest.raises(DeliveryError, match="late"):
            router.intake.delivery.finish("t-1", 1, None)
        router.clock.advance(60)
    assert list(router.tasks.wanting_attention()) == ["t-1"]
    assert shown(aws, router)["not delivered"].startswith(
        f"since {since}, to {late} (AWS.SimpleQueueService.NonExistentQue"
    )
    assert (sweep().delivered, sweep().undelivered) == (0, 1)

    url = sqs.create_queue(QueueName="late")["QueueUrl"]
    assert sweep().delivered == 1
    assert json.loads(sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"])["answer"] == "words"
    assert (list(router.tasks.wanting_attention()), sweep().delivered) == ([], 0)
    assert "not delivered" not in shown(aws, router)
    assert router.task().delivered_at
    # Six tries, and who could be reached was told once.
    assert [kind for kind, _ in router.bus.events] == ["Task Completed"]
    first = sqs.get_queue_url(QueueName="replies")["QueueUrl"]
    assert len(sqs.receive_message(QueueUrl=first, MaxNumberOfMessages=10)["Messages"]) == 1


def test_hold_is_announced_only_of_a_task_that_has_not_ended(router: Router, done: Callable[..., TaskRecord]) -> None:
    at = router.clock.now()
    entry = Waiting(WaitingFor.BUDGET, at, at, "claude-sonnet-5-5", None, Shortfall("month", 3, 2, 1)).as_state()
    announce = router.intake.delivery.announce_hold
    assert not announce("nobody", 1, entry)
    router.run(QueueMessage("m-1", '{"prompt": "Write it.", "task_id": "t-1", "tier": "reasoning"}'))
    assert not announce("t-1", 2, entry)
    assert announce("t-1", 1, entry)
    ((kind, detail),) = router.bus.events
    assert (kind, json.loads(detail)["waiting_for"]["cap"]) == ("Task Held", "month")
    assert router.replies.sent == []
    done()
    assert not announce("t-1", 1, entry)
    assert len(router.bus.events) == 1


def test_function_tells_a_hold_from_an_end(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "function_runtime", lambda: SimpleNamespace(part=lambda _: router.intake.delivery))
    router.run(QueueMessage("m-1", '{"prompt": "Write it.", "task_id": "t-1", "tier": "reasoning"}'))
    at = router.clock.now()
    entry = Waiting(WaitingFor.BUDGET, at, at, "claude-sonnet-5-5", None, Shortfall("month", 3, 2, 1)).as_state()
    state = {"task_id": "t-1", "generation": 1, "next": "wait", "announce_hold": True, "waiting_for": entry}
    assert deliver(state) == {"task_id": "t-1", "status": "held"}
    late = {**state, "next": "fail", "reason": "deadline"}
    assert deliver(late) == {"task_id": "t-1", "status": "failed"}
    assert [kind for kind, _ in router.bus.events] == ["Task Held", "Task Failed"]


def test_a_bus_that_is_down_keeps_nobody_from_the_answer(
    aws: Aws, router: Router, sweep: Sweep, done: Callable[..., TaskRecord]
) -> None:
    done(TOKEN)
    router.bus.broken = PublishError("ThrottlingException")
    with pytest.raises(DeliveryError, match=r"t-1: not delivered to event bus \(ThrottlingException\)"):
        router.intake.delivery.finish("t-1", 1, None)
    assert "event bus (ThrottlingException)" in shown(aws, router)["not delivered"]
    router.bus.broken = None
    assert sweep().delivered == 1
    assert len(router.replies.sent) == len(router.bus.events) == 1


def test_a_task_token_is_named_nowhere(aws: Aws, router: Router, done: Callable[..., TaskRecord]) -> None:
    done(TOKEN)
    router.replies.broken[TOKEN] = ValueError(f"no such token: {TOKEN}")
    with pytest.raises(DeliveryError) as caught:
        router.intake.delivery.finish("t-1", 1, None)
    assert str(caught.value) == "task t-1: not delivered to task token (ValueError)"
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert TOKEN not in str(shown(aws, router))


def test_the_sweep_ends_no_task_that_runs(router: Router, sweep: Sweep) -> None:
    """A replay may have begun while the old generation's delivery was under way."""
    router.run(QueueMessage("m-1", '{"prompt": "Write it.", "task_id": "t-1", "tier": "reasoning"}'))
    router.tasks.needs_attention(router.task(), router.clock.now())
    assert sweep().delivered == 0
    assert router.task().status is Status.CLAIMED


def test_an_answer_that_cannot_be_read_is_kept_too(aws: Aws, router: Router, done: Callable[..., TaskRecord]) -> None:
    record = done()
    client: Any = router.tasks._client
    client.put_item(TableName=router.tasks._table, Item=to_item(replace(record, answer=Payload(ref="tasks/gone"))))
    with pytest.raises(DeliveryError, match="its answer cannot be read"):
        router.intake.delivery.finish("t-1", 1, None)
    assert "its answer cannot be read" in shown(aws, router)["not delivered"]


@pytest.mark.parametrize(("minutes", "finished"), [(2, 0), (20, 1), (400, 0)])
def test_the_sweep_finishes_the_task_of_an_execution_that_died_unheard(
    router: Router, sweep: Sweep, minutes: int, finished: int
) -> None:
    router.run(QueueMessage("m-1", '{"prompt": "Write it.", "task_id": "t-1", "tier": "reasoning"}'))
    router.workflow.died = [(DeadExecution("t-1", "TIMED_OUT"), router.clock.now())]
    router.clock.advance(60 * minutes)
    assert sweep().finished == finished
    record = router.task()
    assert (record.status, record.reason) == (
        (Status.FAILED, "workflow_timed_out") if finished else (Status.CLAIMED, None)
    )
    assert [kind for kind, _ in router.bus.events] == ["Task Failed"] * finished
    assert sweep().finished == 0


class HangingReplies:
    """Places that answer, and some that hang: whoever waits for them is cut short unless there is plenty of time."""

    def __init__(self, *hanging: str) -> None:
        self.hanging, self.plenty = set(hanging), False
        self.reached: list[str] = []

    def reply(self, reply_to: str, detail: str, failed_with: str | None, event_id: str) -> bool:
        if reply_to in self.hanging:
            raise PublishError("no answer") if self.plenty else Crash
        self.reached.append(reply_to)
        return True


def test_delivery_that_is_cut_short_on_every_try_is_finished_by_the_sweep(router: Router, sweep: Sweep) -> None:
    """Places that were reached are not notified again, by whoever goes on."""
    places = [f"place-{number}" for number in range(5)]
    replies = HangingReplies("place-1", "place-3")
    object.__setattr__(router.intake.delivery, "replies", replies)
    router.run(QueueMessage("m-1", '{"prompt": "Write it.", "task_id": "t-1", "tier": "reasoning"}'))
    for place in places:
        router.tasks.add_reply("t-1", place)
    for _ in range(3):  # the workflow's tries
        with pytest.raises(Crash):
            router.intake.delivery.finish("t-1", 1, "refused")
    assert (router.task().notified, router.task().undelivered) == (["event", "place-0"], [])
    assert sweep().delivered == sweep().undelivered == 0  # a try may be under way
    router.clock.advance(180)
    replies.plenty = True
    assert sweep().undelivered == 1
    assert replies.reached == ["place-0", "place-2", "place-4"]
    replies.hanging.clear()
    assert sweep().delivered == 1
    assert replies.reached == ["place-0", "place-2", "place-4", "place-1", "place-3"]
    assert [kind for kind, _ in router.bus.events] == ["Task Failed"]
    assert not list(router.tasks.wanting_attention())


def test_status_shows_a_delivery_that_left_no_word(aws: Aws, router: Router) -> None:
    router.run(QueueMessage("m-1", '{"prompt": "Write it.", "task_id": "t-1", "tier": "reasoning"}'))
    router.tasks.add_reply("t-1", TOKEN)
    router.tasks.fail("t-1", 1, "refused", router.clock.now())  # long ago by the command's clock
    router.tasks.reached("t-1", 1, "event")
    assert shown(aws, router)["not delivered"].endswith("to task token; retry now with `pointsman sweep`")


def test_answered_task_is_on_the_sweeps_index_until_it_is_delivered(router: Router) -> None:
    """From the transaction that stores the answer on: nothing between it and the delivery can lose the task."""
    router.model.then(answered())
    assert step(router, started(router, "reasoning", reply_to=TOKEN)).next is Next.DELIVER
    assert list(router.tasks.wanting_attention()) == ["t-1"]
    router.intake.delivery.finish("t-1", 1, None)
    assert list(router.tasks.wanting_attention()) == []


def test_store_that_fails_between_two_places_keeps_nobody_from_the_answer(
    router: Router, done: Callable[..., TaskRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    done(TOKEN)
    monkeypatch.setattr(TaskTable, "reached", lambda *_: (_ for _ in ()).throw(ConnectionError))
    with pytest.raises(DeliveryError, match=r"not delivered to event bus \(ConnectionError\)"):
        router.intake.delivery.finish("t-1", 1, None)
    router.intake.delivery.finish("t-1", 1, None)
    assert len(router.replies.sent) == len(router.bus.events) == 1


def test_hanging_deliveries_leave_the_sweep_time_for_all_else(
    router: Router, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        task_id = f"t-{number:02d}"
        router.run(QueueMessage("m-1", f'{{"prompt": "Write it.", "task_id": "{task_id}", "tier": "reasoning"}}'))
        router.tasks.fail(task_id, 1, "refused", router.clock.now())
    router.clock.advance(180)

    def hang(*_: object) -> None:
        router.clock.advance(50)
        raise PublishError("timed out")

    monkeypatch.setattr(router.bus, "publish", hang)
    with pytest.raises(SweepError, match=r"all: 2 deliveries \(no time left\)"):
        sweep()


@pytest.mark.parametrize(("answer", "inside"), [("ä" * 32_768, True), ("ä" * 32_768 + "x", False)])
def test_answer_of_64_kib_travels_and_a_larger_one_lies_in_the_bucket(
    router: Router, answer: str, inside: bool
) -> None:
    router.model.then(answered(answer))
    step(router, started(router, "reasoning"))
    router.intake.delivery.finish("t-1", 1, None)
    (detail,) = (json.loads(text) for _, text in router.bus.events)
    assert detail["answer"] == (answer if inside else None)
    if inside:
        assert detail["answer_ref"] is None
    else:
        reference = detail["answer_ref"].partition("/tasks/")[2]
        assert router.intake.payloads.fetch(Payload(ref=f"tasks/{reference}")) == answer


def test_answer_in_characters_that_sqs_refuses_is_delivered_in_others(router: Router) -> None:
    """SQS refuses U+FFFE and U+FFFF for good, and so does EventBridge's queue target."""
    router.model.then(answered("a\uffffb"))
    step(router, started(router, "reasoning", reply_to=TOKEN))
    router.intake.delivery.finish("t-1", 1, None)
    for detail in (router.bus.events[0][1], router.replies.sent[0][1]):
        assert "\uffff" not in detail
        assert json.loads(detail)["answer"] == "a\uffffb"


@pytest.mark.parametrize(
    ("prompt", "read"),
    [
        ("Write a function that adds two amounts.", None),
        (
            "Why does the pool run dry?\n\n" + "2026-11-03T02:00:01Z ERROR pool exhausted\n" * 200,
            "26 of 8,428 characters are the request",
        ),
    ],
)
def test_status_says_how_much_of_a_text_was_its_request(
    aws: Aws, router: Router, done: Callable[..., TaskRecord], prompt: str, read: str | None
) -> None:
    decided = Decision(TaskType.COMPLEX_DEBUGGING, Tier.REASONING, Source.LOCAL, 0.9, "sure")
    client: Any = router.tasks._client
    body = Payload(inline=json.dumps({"prompt": prompt}))
    client.put_item(TableName=router.tasks._table, Item=to_item(replace(done(), body=body, decision=decided)))
    assert shown(aws, router).get("read of the text") == read
