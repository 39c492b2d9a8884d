import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pointsman.adapters.dead_letters import SqsDeadLetterQueue
from pointsman.adapters.messaging import EventBridgeBus, QueueAndTokenReplies
from pointsman.execution import events
from pointsman.execution.records import SubtaskEnd, TaskRecord
from pointsman.values import strict_json
from pointsman.values.errors import PublishError
from pointsman.values.limits import LARGEST_BODY
from pointsman.values.status import Status
from tests.support.aws import Aws

REASONS = {"reason": "prompt: is required", "code": "invalid_task", "task_id": "t-1", "message_id": "m-1"}


def received(aws: Aws, url: str) -> dict[str, Any]:
    messages = aws.client("sqs").receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    assert len(messages) == 1
    return dict(messages[0])


def letters(aws: Aws) -> SqsDeadLetterQueue:
    return SqsDeadLetterQueue(aws.client("sqs"), aws.dlq_url, aws.client("s3"), aws.bucket)


def size_of(message: dict[str, Any]) -> int:
    """Return the bytes that SQS counts: body, and each attribute's name, type and value."""
    attributes = message["MessageAttributes"].items()
    return len(message["Body"].encode()) + sum(
        len(name) + len(value["DataType"]) + len(value["StringValue"].encode()) for name, value in attributes
    )


def test_a_rejected_message_keeps_its_body_and_says_why(aws: Aws) -> None:
    letters(aws).put('{"prömpt": 1}', REASONS, "m-1")
    message = received(aws, aws.dlq_url)
    assert message["Body"] == '{"prömpt": 1}'
    assert {name: value["StringValue"] for name, value in message["MessageAttributes"].items()} == REASONS


@pytest.mark.parametrize("letter", ["a", "é"])
@pytest.mark.parametrize("spare", [-1, 0, 1])
def test_a_body_that_fills_the_message_travels_by_claim_check(aws: Aws, letter: str, spare: int) -> None:
    attributes = sum(len(name) + len("String") + len(value) for name, value in REASONS.items())
    room = LARGEST_BODY - attributes
    body = letter * ((room + spare) // len(letter.encode())) + "x" * ((room + spare) % len(letter.encode()))
    letters(aws).put(body, REASONS, "m-1")

    message = received(aws, aws.dlq_url)
    assert size_of(message) <= LARGEST_BODY
    if spare <= 0:
        assert message["Body"] == body
    else:
        where = json.loads(message["Body"])["claim_check"]
        assert where == {"bucket": aws.bucket, "key": "rejected/m-1"}
        stored = aws.client("s3").get_object(Bucket=where["bucket"], Key=where["key"])["Body"].read()
        assert stored.decode() == body
        assert message["MessageAttributes"]["code"]["StringValue"] == "invalid_task"


def test_an_empty_attribute_is_left_out(aws: Aws) -> None:
    letters(aws).put("{}", {**REASONS, "reason": ""}, "m-1")
    assert "reason" not in received(aws, aws.dlq_url)["MessageAttributes"]


class MovedLetters:
    """SQS with one message that it moved here after the router had never got through: moto does not say so."""

    def __init__(self, **said: str) -> None:
        words = {name: {"DataType": "String", "StringValue": value} for name, value in said.items()}
        self.message = {"MessageId": "m-1", "ReceiptHandle": "r", "MessageAttributes": words}

    def receive_message(self, **asked: Any) -> dict[str, Any]:
        moved = {"DeadLetterQueueSourceArn": "arn:aws:sqs:us-east-1:123456789012:tasks"}
        body = {"claim_check": {"bucket": "b", "key": "rejected/another"}}
        system = {"Attributes": moved} if "DeadLetterQueueSourceArn" in asked["MessageSystemAttributeNames"] else {}
        return {"Messages": [{**self.message, "Body": json.dumps(body), **system}]}

    def change_message_visibility(self, **_: Any) -> None:
        """Nothing is hidden."""


def test_sender_s_attributes_on_a_dead_letter_say_nothing() -> None:
    """A sender could name another's task, and have an object of the bucket read as the message's body."""
    sqs = MovedLetters(code="invalid_task", message_id="m-9", task_id="another", reason="as I like it")
    (letter,) = SqsDeadLetterQueue(sqs, "queue", None, "b").letters()
    assert (letter.message_id, letter.attributes) == ("m-1", {})
    assert json.loads(letter.body) == {"claim_check": {"bucket": "b", "key": "rejected/another"}}


def test_events_name_source_type_and_bus(aws: Aws) -> None:
    bridge, sqs = aws.client("events"), aws.client("sqs")
    arn = sqs.get_queue_attributes(QueueUrl=aws.dlq_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bridge.put_rule(Name="all", EventBusName=aws.event_bus, EventPattern='{"source": ["pointsman"]}')
    bridge.put_targets(Rule="all", EventBusName=aws.event_bus, Targets=[{"Id": "1", "Arn": arn}])

    EventBridgeBus(bridge, aws.event_bus).publish("Task Completed", '{"task_id": "t-1"}')
    event = json.loads(received(aws, aws.dlq_url)["Body"])
    assert (event["source"], event["detail-type"], event["detail"]) == (
        "pointsman",
        "Task Completed",
        {"task_id": "t-1"},
    )


def test_a_refused_entry_is_a_failure(aws: Aws) -> None:
    with pytest.raises(PublishError, match="MalformedDetail"):
        EventBridgeBus(aws.client("events"), aws.event_bus).publish("Task Completed", "no JSON, and not for a log")
    with pytest.raises(PublishError) as caught:
        EventBridgeBus(aws.client("events"), aws.event_bus).publish("Task Completed", "secret")
    assert "secret" not in str(caught.value)


def test_replies_to_a_queue(aws: Aws) -> None:
    replies = QueueAndTokenReplies(aws.client("sqs"), aws.client("stepfunctions"))
    assert replies.reply(aws.reply_arn, '{"answer": "ö"}', None, "t-1_1_completed")
    url = aws.client("sqs").get_queue_url(QueueName="replies")["QueueUrl"]
    assert received(aws, url)["Body"] == '{"answer": "ö"}'


@pytest.mark.parametrize(("here", "there"), [(":us-east-1:", ":eu-west-1:"), ("arn:aws:", "arn:aws-cn:")])
def test_queue_of_another_region_gets_no_reply_nor_does_its_namesake(aws: Aws, here: str, there: str) -> None:
    replies = QueueAndTokenReplies(aws.client("sqs"), aws.client("stepfunctions"))
    elsewhere = aws.reply_arn.replace(here, there)
    with pytest.raises(PublishError, match="another region"):
        replies.reply(elsewhere, "{}", None, "t-1_1_completed")
    url = aws.client("sqs").get_queue_url(QueueName="replies")["QueueUrl"]
    assert "Messages" not in aws.client("sqs").receive_message(QueueUrl=url)


def test_a_queue_that_is_gone_is_an_error(aws: Aws) -> None:
    replies = QueueAndTokenReplies(aws.client("sqs"), aws.client("stepfunctions"))
    with pytest.raises(PublishError, match="NonExistentQueue"):
        replies.reply(aws.reply_arn.replace("replies", "gone"), "{}", None, "t-1_1_completed")


class Tokens:
    """Step Functions' side of a task token, as the API is documented."""

    def __init__(self, code: str | None = None) -> None:
        self.code = code
        self.calls: list[tuple[str, dict[str, str]]] = []

    def _take(self, name: str, arguments: dict[str, str]) -> None:
        if self.code:
            raise ClientError({"Error": {"Code": self.code, "Message": ""}}, name)
        self.calls.append((name, arguments))

    def send_task_success(self, **arguments: str) -> None:
        self._take("success", arguments)

    def send_task_failure(self, **arguments: str) -> None:
        self._take("failure", arguments)


def test_replies_to_a_task_token() -> None:
    tokens = Tokens()
    replies = QueueAndTokenReplies(None, tokens)
    assert replies.reply("AQCk", '{"a": 1}', None, "t-1_1_completed")
    assert replies.reply("AQCk", '{"a": 2}', "over_budget", "t-1_1_failed")
    success, failure = tokens.calls
    assert success == ("success", {"taskToken": "AQCk", "output": '{"a": 1}'})
    assert failure == ("failure", {"taskToken": "AQCk", "error": "Pointsman.over_budget", "cause": '{"a": 2}'})


@pytest.mark.parametrize("subtasks", [0, 20])
@pytest.mark.parametrize("letter", ["a", "ö", '"', "\x01"])
def test_cause_that_is_too_long_lacks_fields_and_stays_json(letter: str, subtasks: int) -> None:
    """Step Functions takes 32,768 characters; whoever catches the error parses them."""
    metadata = {"ticket": "OPS-1", **{f"note-{number}": letter * 8_000 for number in range(5)}}
    record = TaskRecord("t-1", Status.FAILED, metadata=metadata, reason="deadline")
    detail = events.detail_of(record, None, None)
    if subtasks:
        record.results = [
            SubtaskEnd(f"t-1_{it}", "completed", "status", "orchestration", "m", 0, None, truncated=False)
            for it in range(subtasks)
        ]
        answers: list[tuple[str | None, str | None]] = [(None, None), *[(letter * 9_000, None)] * subtasks]
        detail = events.family_detail(record, answers)
    tokens = Tokens()
    QueueAndTokenReplies(None, tokens).reply("AQCk", strict_json.dumps(detail), "deadline", "t-1_1_failed")
    cause = tokens.calls[0][1]["cause"]
    assert len(cause) <= 32_768
    fields = json.loads(cause)
    assert fields["left_out"] == (["subtasks.answer", "metadata"] if subtasks else ["metadata"])
    assert fields["metadata"]["ticket"] == "OPS-1"
    assert metadata.items() > fields["metadata"].items()
    kept = {name: value for name, value in fields.items() if name not in {"left_out", "metadata", "subtasks"}}
    assert kept == {name: value for name, value in detail.items() if name not in {"metadata", "subtasks"}}
    assert [(end["task_id"], end["answer"]) for end in fields.get("subtasks", [])] == [
        (f"t-1_{it}", None) for it in range(subtasks)
    ]


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist", "InvalidToken"])
def test_expired_task_token_blocks_no_other_reply(code: str) -> None:
    assert not QueueAndTokenReplies(None, Tokens(code)).reply("AQCk", "{}", None, "t-1_1_failed")


def test_other_errors_of_a_token_are_raised() -> None:
    with pytest.raises(PublishError, match="AccessDenied"):
        QueueAndTokenReplies(None, Tokens("AccessDenied")).reply("AQCk", "{}", None, "t-1_1_failed")
