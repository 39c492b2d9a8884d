"""The replay over moto's tables and queues: dead letters go back, failed tasks run as their next generation."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pointsman.adapters.dead_letters import SqsDeadLetterQueue
from pointsman.adapters.dynamo import pack
from pointsman.adapters.messaging import SqsTaskQueue
from pointsman.adapters.task_item import TOMBSTONE, to_item
from pointsman.adapters.task_table import TaskTable
from pointsman.execution.ledger_keys import RowKey
from pointsman.execution.records import Payload, TaskRecord
from pointsman.execution.workflow_state import WorkflowState
from pointsman.routing.decision import Decision, Source
from pointsman.services.intake import TASK_LIFETIME, QueueMessage
from pointsman.services.replay import REPLAY_LEASE, Replay, ReplayOptions, ReplayOutcome
from pointsman.services.start import execution_name
from pointsman.values.limits import LARGEST_BODY
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import parse_time, to_text
from tests.support.aws import Aws, MotoLedger
from tests.support.router import PROMPTS, Router, build

GO = ReplayOptions(execute=True)

TOKEN = "AAAAKgAAAAIAAAAAAAtoken-1"


@pytest.fixture
def router(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Router:
    return build(aws, ledger, task_table)


@pytest.fixture
def queue(aws: Aws) -> str:
    return str(aws.client("sqs").create_queue(QueueName="tasks")["QueueUrl"])


@pytest.fixture
def replay(aws: Aws, router: Router, queue: str) -> Replay:
    intake, sqs, s3 = router.intake, aws.client("sqs"), aws.client("s3")
    return Replay(
        intake.ctx,
        intake.tasks,
        intake.payloads,
        router.workflow,
        intake.model_health,
        intake.classifier,
        SqsDeadLetterQueue(sqs, aws.dlq_url, s3, aws.bucket, patience=0),
        SqsTaskQueue(sqs, queue),
        intake.reject.reply_places,
    )


def die(aws: Aws, body: str, message_id: str = "m-1", **attributes: str) -> None:
    """Have the router's adapter put a rejected message into the dead-letter queue."""
    attributes_sent = {"reason": "field: rule", "code": "reply_to_not_allowed", "message_id": message_id, **attributes}
    letters = SqsDeadLetterQueue(aws.client("sqs"), aws.dlq_url, aws.client("s3"), aws.bucket)
    letters.put(body, attributes_sent, message_id)


def give_up(aws: Aws, body: str) -> str:
    """Put a message there as SQS itself does: it keeps its id and has no attributes."""
    return str(aws.client("sqs").send_message(QueueUrl=aws.dlq_url, MessageBody=body)["MessageId"])


def bodies(aws: Aws, url: str) -> list[str]:
    """Return what can be received, and drop it."""
    sqs, recorded = aws.client("sqs"), list[str]()
    while page := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for message in page:
            recorded.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return recorded


def fail(router: Router, task_id: str = "t-1", reason: str = "refused", **changes: Any) -> TaskRecord:
    """Have a task fail after an attempt that cost something."""
    body = json.dumps({"prompt": "Write it.", "task_id": task_id, "tier": "reasoning", "reply_to": TOKEN})
    router.run(QueueMessage(f"m-{task_id}", body))
    done = replace(
        router.task(task_id),
        status=Status.FAILED,
        reason=reason,
        ended_at=to_text(router.clock.now()),
        delivered_at=to_text(router.clock.now()),
        attempts=1,
        last_attempt="000001.000001",
        rows=[RowKey("2026-11-22#3", "first")],
        cost_nano=700,
        model="claude-sonnet-5-5",
        **changes,
    )
    client: Any = router.tasks._client
    client.put_item(TableName=router.tasks._table, Item={**to_item(done), **pack({"used_input": 12})})
    return done


def test_a_dry_run_shows_and_leaves_everything(aws: Aws, replay: Replay, router: Router, queue: str) -> None:
    die(aws, '{"prompt": "a"}')
    failed = fail(router)
    first, second = replay(ReplayOptions(failed=True), "operator")
    assert (first.source, first.task_id, first.code, first.size) == ("queue", "m-1", "reply_to_not_allowed", 15)
    assert (second.source, second.task_id, second.code) == ("task", "t-1", "refused")
    assert second.size == len(str(failed.body.inline))
    assert {first.outcome, second.outcome} == {ReplayOutcome.REPLAY}
    assert not first.replayed
    assert (router.task().status, router.task().generation) == (Status.FAILED, 1)
    assert bodies(aws, queue) == []
    assert bodies(aws, aws.dlq_url) == ['{"prompt": "a"}']  # and visible at once


def test_a_dead_letter_goes_back_under_its_first_id(aws: Aws, replay: Replay, router: Router, queue: str) -> None:
    die(aws, '{"prompt": "a", "mine": 1}', "m-1")
    moved = give_up(aws, '{"prompt": "b", "tier": "reasoning"}')
    die(aws, '{"prompt": "c", "task_id": "t-3"}', "m-3")
    lines = replay(GO, "operator")
    assert {line.task_id for line in lines} == {"m-1", moved, "t-3"}
    assert {line.code for line in lines} == {"reply_to_not_allowed", "gave_up"}
    assert all(line.replayed for line in lines)
    sent = {json.loads(body)["task_id"]: json.loads(body) for body in bodies(aws, queue)}
    assert sent.keys() == {"m-1", moved, "t-3"}
    assert sent["m-1"]["mine"] == 1
    assert bodies(aws, aws.dlq_url) == []
    assert router.run(QueueMessage("new-id", json.dumps(sent[moved]))) == {}
    assert router.runs(moved)


@pytest.mark.parametrize(
    ("wrapped", "task_id"),
    [
        ({"Type": "Notification", "MessageId": "s-1", "Message": '{"prompt": "a"}'}, "s-1"),
        ({"id": "e-1", "source": "team", "detail-type": "Ask", "detail": {"prompt": "a"}}, "e-1"),
    ],
)
def test_an_envelope_that_has_an_id_goes_back_as_it_is(
    aws: Aws, replay: Replay, queue: str, wrapped: dict[str, Any], task_id: str
) -> None:
    give_up(aws, json.dumps(wrapped))
    (line,) = replay(GO, "operator")
    assert line.task_id == task_id
    assert bodies(aws, queue) == [json.dumps(wrapped)]


def test_an_envelope_without_an_id_goes_back_unwrapped(aws: Aws, replay: Replay, queue: str) -> None:
    moved = give_up(aws, json.dumps({"Type": "Notification", "Message": '{"prompt": "a"}'}))
    assert replay(GO, "operator")[0].replayed
    assert [json.loads(body) for body in bodies(aws, queue)] == [{"prompt": "a", "task_id": moved}]


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("{", "body: must be JSON"),
        ('{"prompt": " "}', "prompt: must not be blank"),
        ('{"prompt": "a", "reply_to": "arn:aws:sqs:us-east-1:1:x"}', "reply_to: must be one of the queues"),
        ('{"prompt": "a", "task_id": "t-1"}', "task_id: is taken by a task with other content"),
    ],
)
def test_still_invalid_dead_letter_is_skipped_unless_forced(
    aws: Aws, replay: Replay, router: Router, queue: str, body: str, rule: str
) -> None:
    router.run(QueueMessage("m-0", '{"prompt": "another", "task_id": "t-1", "tier": "reasoning"}'))
    die(aws, body)
    (line,) = replay(GO, "operator")
    assert (line.outcome, line.replayed) == (ReplayOutcome.REJECTED_AGAIN, False)
    assert str(line.why).startswith(rule)
    assert bodies(aws, queue) == []
    (line,) = replay(ReplayOptions(execute=True, anyway=True), "operator")
    assert line.replayed
    assert len(bodies(aws, queue)) == 1


def test_a_reply_queue_that_was_admitted_since_is_no_reason_any_more(aws: Aws, replay: Replay) -> None:
    die(aws, json.dumps({"prompt": "a", "reply_to": aws.reply_arn}))
    assert replay(ReplayOptions(), "operator")[0].outcome is ReplayOutcome.REPLAY


def test_a_message_of_a_task_that_is_there_says_so(aws: Aws, replay: Replay, router: Router) -> None:
    body = '{"prompt": "a", "task_id": "t-1", "tier": "reasoning"}'
    router.run(QueueMessage("m-0", body))
    give_up(aws, body)
    (line,) = replay(ReplayOptions(), "operator")
    assert (line.outcome, line.why) == (ReplayOutcome.DUPLICATE, "the task is claimed")


def test_a_claim_check_is_cashed(aws: Aws, replay: Replay, queue: str) -> None:
    body = json.dumps({"prompt": "x" * (LARGEST_BODY - 60)})
    die(aws, body)
    (line,) = replay(GO, "operator")
    assert (line.size, line.replayed) == (len(body), True)
    ((sent,),) = [bodies(aws, queue)]
    assert json.loads(sent) == {**json.loads(body), "task_id": "m-1"}


def test_a_body_with_no_room_for_its_id_stays(aws: Aws, replay: Replay, queue: str) -> None:
    give_up(aws, json.dumps({"prompt": "x" * (LARGEST_BODY - 20)}, separators=(",", ":")))
    (line,) = replay(GO, "operator")
    assert line.outcome is ReplayOutcome.IMPOSSIBLE
    assert bodies(aws, queue) == []


def test_a_forged_claim_check_is_no_way_into_the_bucket(aws: Aws, replay: Replay) -> None:
    aws.client("s3").put_object(Bucket=aws.bucket, Key="tasks/other", Body=b'{"prompt": "secret"}')
    die(aws, '{"claim_check": {"bucket": "data", "key": "tasks/other"}}')
    assert replay(ReplayOptions(), "operator")[0].outcome is ReplayOutcome.REJECTED_AGAIN


@pytest.mark.parametrize(("runs", "outcome"), [(True, ReplayOutcome.DUPLICATE), (False, ReplayOutcome.REPLAY)])
def test_letter_of_a_claimed_task_is_replayed_only_if_nothing_runs_it(
    aws: Aws, replay: Replay, router: Router, runs: bool, outcome: ReplayOutcome
) -> None:
    body = '{"prompt": "Write it.", "task_id": "t-1", "tier": "reasoning"}'
    (router.run if runs else router.crash)(QueueMessage("m-1", body))
    assert (router.task().status, router.runs()) == (Status.CLAIMED, runs)
    give_up(aws, body)
    (line,) = replay(GO, "operator")
    assert line.outcome is outcome


def test_a_letter_is_dropped_only_when_it_was_sent(aws: Aws, replay: Replay) -> None:
    die(aws, '{"prompt": "a"}')
    gone = SqsTaskQueue(aws.client("sqs"), aws.dlq_url + "-gone")
    (line,) = replace(replay, queue=gone)(GO, "operator")
    assert (line.replayed, line.trouble) == (False, "QueueDoesNotExist: AWS.SimpleQueueService.NonExistentQueue")
    assert bodies(aws, aws.dlq_url) == ['{"prompt": "a"}']


def test_codes_and_ids_choose(aws: Aws, replay: Replay, router: Router, queue: str) -> None:
    die(aws, '{"prompt": "a"}', "m-1")
    die(aws, '{"prompt": "b", "task_id": "t-9"}', "m-2")
    give_up(aws, '{"prompt": "c"}')
    fail(router)
    fail(router, "t-2", "deadline")
    assert [line.code for line in replay(ReplayOptions(code="gave_up"), "operator")] == ["gave_up"]
    assert [line.task_id for line in replay(ReplayOptions(code="deadline", failed=True), "operator")] == ["t-2"]
    assert [line.task_id for line in replay(ReplayOptions(ids=frozenset({"t-9", "t-1"})), "operator")] == ["t-9", "t-1"]
    assert replay(ReplayOptions(ids=frozenset({"nobody"})), "operator") == []


def test_more_than_a_page_is_read_once_each(aws: Aws, replay: Replay, queue: str) -> None:
    for number in range(23):
        die(aws, json.dumps({"prompt": "a", "task_id": f"t-{number}"}), f"m-{number}")
    assert len(replay(ReplayOptions(), "operator")) == 23
    assert len(replay(GO, "operator")) == 23
    assert len(bodies(aws, queue)) == 23
    assert replay(ReplayOptions(), "operator") == []


def test_a_failed_task_runs_as_its_next_generation(replay: Replay, router: Router) -> None:
    attention = {"attention": "delivery", "attention_since": "2026-11-22T11:00:00.000Z"}
    fail(router, **attention, notified=["event"], undelivered=["x"], sender="key:ci")
    first = router.task()
    router.clock.advance(7200)
    (line,) = replay(ReplayOptions(ids=frozenset({"t-1"}), execute=True), "operator")
    assert (line.replayed, line.generation, line.trouble) == (True, 2, None)

    record, now = router.task(), router.clock.now()
    assert router.workflow.executions[execution_name("t-1", 2)] == record.execution_input
    state = WorkflowState.from_state(json.loads(str(record.execution_input)))
    assert (state.generation, state.attempt, state.deadline) == (2, 1, now + TASK_LIFETIME)
    assert (record.status, record.generation, record.decision) == (Status.STARTED, 2, first.decision)
    assert parse_time(record.deadline) == now + TASK_LIFETIME
    assert (record.attempts, record.reason, record.ended_at, record.delivered_at, record.model) == (0, *[None] * 4)
    assert (record.attention, record.notified, record.undelivered) == (None, [], [])
    assert (record.rows, record.cost_nano, record.usage["input"]) == (first.rows, 700, 12)
    assert (record.reply_to, record.sender) == ([TOKEN], "key:ci")
    stored = router.tasks._get("t-1")["expires_at"]["N"]
    assert int(stored) == int((now + TASK_LIFETIME + TOMBSTONE).timestamp())


def test_a_replay_that_crashed_is_resumed_by_whoever_repeats_it(replay: Replay, router: Router) -> None:
    fail(router)
    wish = ReplayOptions(failed=True, execute=True)
    router.workflow.failures.append(RuntimeError())
    (line,) = replay(wish, "first")
    assert (line.replayed, line.trouble) == (False, "RuntimeError")
    stored = router.task().execution_input
    (line,) = replay(wish, "second")
    assert line.trouble == "another process is about to start it: try again in a minute"
    router.clock.advance(REPLAY_LEASE.total_seconds() + 1)
    (line,) = replay(wish, "third")
    assert (line.replayed, line.generation) == (True, 2)
    assert router.workflow.executions[execution_name("t-1", 2)] == stored
    assert replay(wish, "fourth") == []


def test_a_replay_that_crashed_after_its_start_finds_it_started(replay: Replay, router: Router) -> None:
    fail(router)
    start, stopped = router.tasks.start, RuntimeError()

    def crash(*_: Any) -> None:
        raise stopped

    router.tasks.start = crash  # type: ignore[method-assign]
    assert replay(ReplayOptions(failed=True, execute=True), "first")[0].trouble == "RuntimeError"
    router.tasks.start = start  # type: ignore[method-assign]
    router.clock.advance(REPLAY_LEASE.total_seconds() + 1)
    assert replay(ReplayOptions(failed=True, execute=True), "second")[0].replayed
    assert router.task().status is Status.STARTED
    assert len(router.workflow.executions) == 2


def test_an_execution_with_another_input_is_no_start(replay: Replay, router: Router) -> None:
    fail(router)
    router.workflow.executions[execution_name("t-1", 2)] = "{}"
    (line,) = replay(ReplayOptions(failed=True, execute=True), "operator")
    assert line.trouble == "task t-1: an execution has its name and another input"


def test_concurrent_replays_start_one_generation(replay: Replay, router: Router) -> None:
    failed = fail(router)
    claim = replace(failed, generation=2, status=Status.CLAIMED, lease_owner="a", lease_until=1, execution_input="{}")
    assert router.tasks.replay(claim, router.clock.now())
    assert not router.tasks.replay(replace(claim, lease_owner="b"), router.clock.now())
    assert router.task().lease_owner == "a"


@pytest.mark.parametrize("status", [Status.STARTED, Status.COMPLETED, Status.REJECTED])
def test_only_what_failed_is_replayed(replay: Replay, router: Router, status: Status) -> None:
    failed = fail(router)
    client: Any = router.tasks._client
    client.put_item(TableName=router.tasks._table, Item=to_item(replace(failed, status=status)))
    assert replay(ReplayOptions(ids=frozenset({"t-1"}), failed=True, execute=True), "operator") == []
    assert router.task().generation == 1


def test_first_claim_of_a_task_is_not_replayed(replay: Replay, router: Router) -> None:
    """Its router is about to start it, or the queue gives its message again."""
    body = json.dumps({"prompt": "Write it.", "task_id": "t-1", "tier": "reasoning"})
    router.crash(QueueMessage("m-1", body))
    before = router.task()
    assert (before.status, before.generation) == (Status.CLAIMED, 1)
    assert list(router.tasks.replayable()) == []
    router.clock.advance(3600)
    for ids in (frozenset[str](), frozenset({"t-1"})):
        assert replay(ReplayOptions(ids=ids, failed=True, execute=True), "operator") == []
    assert router.task() == before


def test_the_decision_stays_unless_another_is_asked_for(replay: Replay, router: Router) -> None:
    stale = Decision(TaskType.STATUS, Tier.ORCHESTRATION, Source.GUESS, 0.2, "a guess")
    fail(router, decision=stale)
    replay(ReplayOptions(failed=True, execute=True), "operator")
    assert router.task().decision == stale
    fail(router, "t-2", decision=stale)
    replay(ReplayOptions(failed=True, execute=True, route_again=True), "operator")
    decided = router.task("t-2").decision
    assert decided is not None
    assert (decided.tier, decided.source) == ("reasoning", "explicit")
    assert (
        WorkflowState.from_state(json.loads(str(router.task("t-2").execution_input))).here.model == "claude-sonnet-5-5"
    )


def test_replay_of_a_task_without_its_text_is_reported(replay: Replay, router: Router) -> None:
    fail(router, body=Payload(ref="tasks/t-1/gone"))
    (line,) = replay(ReplayOptions(failed=True), "operator")
    assert line.outcome is ReplayOutcome.IMPOSSIBLE
    assert replay(ReplayOptions(failed=True, execute=True), "operator")[0].trouble
    assert router.task().status is Status.FAILED


def test_a_late_word_of_the_old_generation_changes_nothing(replay: Replay, router: Router) -> None:
    """Its delivery may still be under way when the task is replayed."""
    old = fail(router)
    replay(ReplayOptions(failed=True, execute=True), "operator")
    router.tasks.needs_attention(replace(old, undelivered=["event bus"]), router.clock.now())
    router.tasks.delivered("t-1", 1, router.clock.now())
    assert router.intake.delivery.finish("t-1", 1, "refused") is None
    record = router.task()
    assert (record.status, record.attention, record.delivered_at) == (Status.STARTED, None, None)


def test_an_open_attempt_is_settled_before(replay: Replay, router: Router, ledger: MotoLedger) -> None:
    fail(router, open_intent=RowKey("2026-11-22#3", "nowhere"))
    (line,) = replay(ReplayOptions(failed=True, execute=True), "operator")
    assert line.trouble == "another process was faster"
    router.clock.advance(timedelta(minutes=1).total_seconds())
    assert router.task().status is Status.FAILED


def test_an_event_of_s3_goes_back_as_it_came(replay: Replay, router: Router, aws: Aws, queue: str) -> None:
    aws.client("s3").create_bucket(Bucket=PROMPTS)
    written = aws.client("s3").put_object(Bucket=PROMPTS, Key="a", Body=b"Write it.", Metadata={"tier": "reasoning"})
    s3_record = {
        "bucket": {"name": PROMPTS},
        "object": {"key": "a", "eTag": written["ETag"].strip('"'), "sequencer": "1"},
    }
    record = {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3_record}
    one, two = (json.dumps({"Records": records}) for records in ([record], [record, record]))
    give_up(aws, two)
    give_up(aws, one)
    assert [line.outcome for line in replay(GO, "op")] == [ReplayOutcome.REPLAY] * 2
    assert bodies(aws, queue) == [two, one]
    router.run(QueueMessage("m-1", one))
    die(aws, one)
    assert [line.outcome for line in replay(ReplayOptions(), "op")] == [ReplayOutcome.DUPLICATE]
