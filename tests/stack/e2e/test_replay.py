"""Failed tasks and dead letters once more, by the operator's own command on the deployed local stack."""

import json
import uuid
from typing import Any

import pytest

from pointsman.values.status import Status
from pointsman_cli import stacks
from pointsman_cli.main import main
from tests.support.local_stack import REPLY_QUEUE_ARN, Stack, eventually

pytestmark = pytest.mark.stack


@pytest.fixture
def command(stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run `pointsman` on the stack and return its exit code and its JSON."""
    monkeypatch.setattr(stacks, "STATE_DIR", stack.info.state_dir)

    def run(*arguments: str) -> tuple[int, Any]:
        code = main([*arguments, "--json"])
        output = capsys.readouterr()
        return code, json.loads(output.out) if output.out else output.err

    return run


def queue(stack: Stack, name: str) -> str:
    return str(stack.client("sqs").create_queue(QueueName=name)["QueueUrl"])


def told(stack: Stack, url: str, task_id: str, count: int) -> list[dict[str, Any]]:
    """Return the first `count` messages about a task, oldest first."""
    recorded: list[dict[str, Any]] = []

    def look() -> bool | None:
        answer = stack.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        bodies = [json.loads(message["Body"]) for message in answer.get("Messages", [])]
        recorded.extend(body for body in bodies if task_id in json.dumps(body))
        return True if len(recorded) >= count else None

    eventually(look, f"{count} messages about {task_id}")
    return recorded


def test_refused_task_is_replayed_and_completed(stack: Stack, command: Any) -> None:
    replies, watch = queue(stack, REPLY_QUEUE_ARN.rsplit(":", 1)[1]), queue(stack, "watch-replays")
    events, bus = stack.client("events"), stack.info.outputs["EventBusName"]
    arn = stack.client("sqs").get_queue_attributes(QueueUrl=watch, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    events.put_rule(Name="watch-replays", EventBusName=bus, EventPattern=json.dumps({"source": ["pointsman"]}))
    events.put_targets(Rule="watch-replays", EventBusName=bus, Targets=[{"Id": "1", "Arn": arn}])
    mark = f"marker-{uuid.uuid4().hex[:10]}"
    stack.fault("anthropic", "refusal", contains=mark, times=1)
    task_id = stack.send(prompt=f"Write the parser. {mark}", tier="implementation", reply_to=REPLY_QUEUE_ARN)
    failed = stack.ended(task_id)
    assert (failed.status, failed.reason) == (Status.FAILED, "refused")

    code, shown = command("replay", "--id", task_id)
    assert code == 0
    ((line,), executed) = shown["found"], shown["executed"]
    assert (line["source"], line["code"], line["verdict"], line["replayed"]) == ("task", "refused", "replay", False)
    assert executed is False
    assert stack.ended(task_id).generation == 1

    code, shown = command("replay", "--id", task_id, "--execute")
    assert (code, shown["found"][0]["replayed"], shown["found"][0]["generation"]) == (0, True, 2)
    record = eventually(
        lambda: found if (found := stack.ended(task_id)).generation == 2 else None, "the second generation"
    )
    assert (record.status, record.reason, record.attempts, len(record.rows)) == (Status.COMPLETED, None, 1, 2)
    assert record.cost_nano > failed.cost_nano
    ends = [entry["detail"] for entry in told(stack, watch, task_id, 2)]
    assert sorted((end["generation"], end["status"]) for end in ends) == [(1, "failed"), (2, "completed")]
    assert sorted(entry["generation"] for entry in told(stack, replies, task_id, 2)) == [1, 2]
    assert next(end for end in ends if end["generation"] == 2)["cost_nano_usd"] == record.cost_nano
    code, shown = command("replay", "--id", task_id, "--execute")
    assert (code, "not a dead letter or failed task" in shown["error"]["message"]) == (3, True)
    code, shown = command("status", task_id)
    assert (shown["generation"], len(shown["attempts"])) == (2, 2)


def test_dead_letter_without_an_id_keeps_its_message_id(stack: Stack, command: Any) -> None:
    dlq = stack.info.outputs["DeadLetterQueueUrl"]
    body = {"prompt": "Which suites first?", "type": "test_coordination"}
    message_id = stack.client("sqs").send_message(QueueUrl=dlq, MessageBody=json.dumps(body))["MessageId"]
    broken_id = stack.send_raw('{"prompt": "x", "tier": "gold"}')
    eventually(lambda: stack.tasks.read(broken_id), "the rejection")
    code, shown = command("replay", "--execute", "--id", message_id, "--id", broken_id)
    assert code == 0
    fates = {line["task_id"]: (line["code"], line["verdict"], line["replayed"]) for line in shown["found"]}
    assert fates == {
        message_id: ("gave_up", "replay", True),
        broken_id: ("invalid_task", "would be rejected again", False),
    }
    assert stack.ended(message_id).status is Status.COMPLETED
    code, shown = command("replay", "--id", broken_id)
    assert shown["found"][0]["why"] == "tier: must be one of orchestration, implementation, reasoning"


def test_unlisted_topic_is_rejected(stack: Stack) -> None:
    sns, tasks = stack.client("sns"), stack.info.outputs["TaskQueueArn"]
    named, stranger = (sns.create_topic(Name=name)["TopicArn"] for name in ("asks", "stranger"))
    for topic in (named, stranger):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=tasks)
    kept_out = sns.publish(TopicArn=stranger, Message='{"prompt": "Let me in.", "type": "status"}')["MessageId"]
    let_in = sns.publish(TopicArn=named, Message='{"prompt": "Is it green?", "type": "status"}')["MessageId"]
    assert stack.ended(let_in).status is Status.COMPLETED
    assert stack.tasks.read(kept_out) is None
    assert "policy denies delivery from arn:aws:sns:us-east-1:000000000000:stranger" in _log(stack)


def _log(stack: Stack) -> str:
    return (stack.info.state_dir / "ministack.log").read_text(errors="replace")
