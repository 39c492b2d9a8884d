"""Tasks through the deployed local stack: how they arrive, how they are answered, and their rows in the ledger."""

import json
import uuid
from typing import Any

import pytest

from pointsman.adapters.dynamo import Tables
from pointsman.adapters.ledger_reader import DynamoLedgerReader
from pointsman.values.status import Status
from tests.support.local_stack import REPLY_QUEUE_ARN, Stack, eventually

pytestmark = pytest.mark.stack

GEMINI, HAIKU = "gemini-3.5-flash-lite", "claude-haiku-5-5"


@pytest.fixture(scope="module")
def replies(stack: Stack) -> str:
    return stack.client("sqs").create_queue(QueueName=REPLY_QUEUE_ARN.rsplit(":", 1)[1])["QueueUrl"]


@pytest.fixture(scope="module")
def watch(stack: Stack) -> str:
    """A queue that every event of the bus goes to."""
    sqs, events = stack.client("sqs"), stack.client("events")
    url = sqs.create_queue(QueueName="watch")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus = stack.info.outputs["EventBusName"]
    events.put_rule(Name="watch", EventBusName=bus, EventPattern=json.dumps({"source": ["pointsman"]}))
    events.put_targets(Rule="watch", EventBusName=bus, Targets=[{"Id": "watch", "Arn": arn}])
    return url


def received(stack: Stack, url: str, wanted: Any) -> dict[str, Any]:
    """Return the first message that `wanted` accepts; others are dropped."""

    def look() -> dict[str, Any] | None:
        answer = stack.client("sqs").receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], WaitTimeSeconds=1
        )
        for message in answer.get("Messages", []):
            if wanted(message):
                return message
        return None

    return eventually(look, "a message")


def test_answer_is_sent_as_event_and_to_reply_to(stack: Stack, replies: str, watch: str) -> None:
    task_id = stack.send(
        prompt="Write a function that adds two amounts of money.",
        type="code_generation",
        metadata={"ticket": "PAY-7"},
        reply_to=REPLY_QUEUE_ARN,
    )
    event = json.loads(received(stack, watch, lambda message: task_id in message["Body"])["Body"])
    assert (event["source"], event["detail-type"]) == ("pointsman", "Task Completed")
    detail = event["detail"]
    assert detail == json.loads(received(stack, replies, lambda message: task_id in message["Body"])["Body"])
    record = stack.ended(task_id)
    assert detail["answer"] == record.answer.inline
    assert detail["answer"].startswith("[stand-in")
    del detail["answer"], detail["usage"]
    assert detail == {
        "version": 1,
        "task_id": task_id,
        "parent_id": None,
        "generation": 1,
        "status": "completed",
        "type": "code_generation",
        "tier": "implementation",
        "model": HAIKU,
        "answer_ref": None,
        "truncated": False,
        "cost_nano_usd": record.cost_nano,
        "attempts": 1,
        "lane": "standard",
        "effort": None,
        "reason": None,
        "waiting_for": None,
        "metadata": {"ticket": "PAY-7"},
        "sender": record.sender,
    }


def test_waiting_state_machine_receives_the_answer(stack: Stack) -> None:
    states = stack.client("stepfunctions")
    role = _role_that_may_send(stack)
    task_id = f"t-{uuid.uuid4().hex[:10]}"
    body = {"task_id": task_id, "prompt": "Which suite first?", "type": "test_coordination"}
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Ask",
        "States": {
            "Ask": {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                "Arguments": {
                    "QueueUrl": stack.info.outputs["TaskQueueUrl"],
                    "MessageBody": f"{{% $string($merge([{json.dumps(body)}, "
                    "{'reply_to': $states.context.Task.Token}])) %}",
                },
                "TimeoutSeconds": 90,
                "End": True,
            }
        },
    }
    machine = states.create_state_machine(
        name=f"team-{uuid.uuid4().hex[:6]}", definition=json.dumps(definition), roleArn=role
    )
    execution = states.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]
    eventually(
        lambda: states.describe_execution(executionArn=execution)["status"] != "RUNNING" or None, "the team's execution"
    )
    ended = states.describe_execution(executionArn=execution)
    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"])["answer"] == stack.ended(task_id).answer.inline


def _role_that_may_send(stack: Stack) -> str:
    iam = stack.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [trust]}
    role = iam.create_role(RoleName="team", AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": stack.info.outputs["TaskQueueArn"]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName="team", PolicyName="send", PolicyDocument=policy)
    return str(role)


def test_sns_and_eventbridge_messages_become_tasks(stack: Stack) -> None:
    sns, events = stack.client("sns"), stack.client("events")
    topic = sns.create_topic(Name="asks")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=stack.info.outputs["TaskQueueArn"])
    message_id = sns.publish(
        TopicArn=topic, Message=json.dumps({"prompt": "Is the deploy through?", "type": "status"})
    )["MessageId"]
    events.put_rule(Name="asks", EventPattern=json.dumps({"source": ["team"]}))
    events.put_targets(Rule="asks", Targets=[{"Id": "queue", "Arn": stack.info.outputs["TaskQueueArn"]}])
    detail = {"task_id": f"t-{uuid.uuid4().hex[:10]}", "prompt": "Plan the release.", "type": "planning"}
    events.put_events(Entries=[{"Source": "team", "DetailType": "Ask", "Detail": json.dumps(detail)}])
    asked, event = stack.ended(message_id), stack.ended(detail["task_id"])
    assert (asked.status, asked.sender, asked.via) == (Status.COMPLETED, "service:asks", topic)
    assert (event.model, event.sender, event.via) == (GEMINI, "role:AIDALOCALEVENTS", "team")


def test_duplicate_message_is_answered_from_the_store(stack: Stack, replies: str) -> None:
    task = {"task_id": f"t-{uuid.uuid4().hex[:10]}", "prompt": "Document the parser.", "type": "documentation"}
    stack.send(**task)
    answer = stack.ended(task["task_id"]).answer.inline
    stack.send(**task, reply_to=REPLY_QUEUE_ARN)
    reply = received(stack, replies, lambda message: task["task_id"] in message["Body"])
    assert json.loads(reply["Body"])["answer"] == answer
    assert len(stack.requests(task["task_id"])) == 1


def test_duplicates_in_one_batch_are_called_once(stack: Stack) -> None:
    body = json.dumps(
        {"task_id": f"t-{uuid.uuid4().hex[:10]}", "prompt": "Write a test for it.", "type": "test_writing"}
    )
    entries = [{"Id": str(number), "MessageBody": body} for number in range(3)]
    stack.client("sqs").send_message_batch(QueueUrl=stack.info.outputs["TaskQueueUrl"], Entries=entries)
    task_id = json.loads(body)["task_id"]
    assert stack.ended(task_id).attempts == 1
    assert len(stack.requests(task_id)) == 1


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ("{not json", "invalid_json", "body"),
        ('{"prompt": " "}', "invalid_task", "prompt"),
        ('{"prompt": "x", "tier": "cheapest"}', "invalid_task", "tier"),
        (
            '{"prompt": "x", "reply_to": "arn:aws:sqs:us-east-1:000000000000:elsewhere"}',
            "reply_to_not_allowed",
            "reply_to",
        ),
    ],
)
def test_invalid_message_becomes_a_dead_letter_with_its_reason(
    stack: Stack, watch: str, body: str, code: str, field: str
) -> None:
    message_id = stack.send_raw(body)
    dead = received(
        stack,
        stack.info.outputs["DeadLetterQueueUrl"],
        lambda message: message["MessageAttributes"]["message_id"]["StringValue"] == message_id,
    )
    attributes = {name: value["StringValue"] for name, value in dead["MessageAttributes"].items()}
    assert dead["Body"] == body
    assert attributes["code"] == code
    assert attributes["reason"].startswith(f"{field}: ")
    event = json.loads(received(stack, watch, lambda message: message_id in message["Body"])["Body"])
    assert (event["detail-type"], event["detail"]["reason"]) == ("Task Rejected", attributes["reason"])
    record = stack.tasks.read(message_id)
    assert record is not None
    assert record.status is Status.REJECTED


def test_message_of_a_megabyte_is_stored_in_s3(stack: Stack) -> None:
    big = "Review this log for the cause. " + "all is well\n" * 60_000
    task_id = stack.send(prompt=big, tier="reasoning", max_output_tokens=64)
    record = stack.ended(task_id)
    assert record.status is Status.COMPLETED
    assert record.body.ref is not None
    assert record.usage["input"] > 150_000


def test_answer_too_large_for_an_event_is_sent_as_a_reference(stack: Stack, watch: str) -> None:
    mark = uuid.uuid4().hex
    stack.fault("anthropic", {"answer": {"bytes": 100_000}}, contains=mark, times=1)
    task_id = stack.send(prompt=f"Write all of it. {mark}", tier="implementation", max_output_tokens=60_000)
    event = json.loads(received(stack, watch, lambda message: task_id in message["Body"])["Body"])
    assert event["detail"]["answer"] is None
    bucket, key = event["detail"]["answer_ref"].removeprefix("s3://").split("/", 1)
    stored = stack.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert len(stored) >= 65_537


def test_undecided_messages_of_a_batch_share_one_classification_request(stack: Stack) -> None:
    before = _classifications(stack)
    ids = [f"t-{uuid.uuid4().hex[:10]}" for _ in range(3)]
    entries = [
        {"Id": task_id, "MessageBody": json.dumps({"task_id": task_id, "prompt": f"{text} {uuid.uuid4().int}"})}
        for task_id, text in zip(ids, ("hm", "zzz qqq", "..."), strict=True)
    ]
    stack.client("sqs").send_message_batch(QueueUrl=stack.info.outputs["TaskQueueUrl"], Entries=entries)
    decisions = [stack.ended(task_id).decision for task_id in ids]
    assert all(decision and decision.source in {"gemini", "haiku"} for decision in decisions)
    assert _classifications(stack) - before in {1, 2}  # the queue may have cut the batch in two


def _classifications(stack: Stack) -> int:
    journal = stack.control("GET", "journal")["requests"]
    return sum((entry["attempt"] or "").startswith("classify-") for entry in journal)


def test_ledger_has_exactly_one_row_for_each_request(stack: Stack) -> None:
    """Last in this file: over all that the tests before it sent, killed functions included."""
    from datetime import UTC, datetime, timedelta

    out, now = stack.info.outputs, datetime.now(UTC)
    tables = Tables(out["TaskTableName"], out["UsageTableName"], out["LimitTableName"])
    rows = list(DynamoLedgerReader(stack.client("dynamodb"), tables).rows(now - timedelta(hours=1), now))
    attempts = {f"{row['task_id']}.{row['turn']}": row for row in rows if row["kind"] == "attempt"}
    seen = [entry["attempt"] for entry in stack.control("GET", "journal")["requests"]]
    assert len(seen) == len(set(seen))
    assert set(seen) <= set(attempts)
    single = {name for name, row in attempts.items() if not row.get("batch_entry")}
    unseen = {attempts[name].get("outcome") for name in single - set(seen)}
    assert unseen <= {"unknown", "not_sent"}
    shares = [row for row in rows if row["kind"] == "share"]
    classifications = [row for row in attempts.values() if row["purpose"] == "classification"]
    for kind in ("cost_nano", "input", "output"):
        assert sum(row[kind] for row in shares) == sum(row.get(kind, 0) for row in classifications)
