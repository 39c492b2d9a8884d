"""What cannot be delivered is kept, shown, and delivered once it can be: to those who were not told yet."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pointsman.adapters.messaging import QueueAndTokenReplies
from pointsman.adapters.task_item import to_item
from pointsman.adapters.task_table import TaskTable
from pointsman.execution.executions import DeadExecution
from pointsman.execution.records import Payload, TaskRecord
from pointsman.services.intake import QueueMessage
from pointsman.services.sweep import Sweep
from pointsman.values.errors import DeliveryError, PublishError
from pointsman.values.status import Status
from pointsman.values.times import to_text
from pointsman_cli.commands.status import status_rows
from pointsman_cli.tasks import task_document
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
    assert router.task().status is Status.STARTED


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
        (Status.FAILED, "workflow_timed_out") if finished else (Status.STARTED, None)
    )
    assert [kind for kind, _ in router.bus.events] == ["Task Failed"] * finished
    assert sweep().finished == 0
