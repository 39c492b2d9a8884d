"""Each function's role on the deployed local stack, which enforces it: what is taken away is missed; all is used."""

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import Request, urlopen

import pytest

from devstack.callers import ADMITTED
from pointsman.adapters.dynamo import Tables
from pointsman.adapters.task_item import to_item
from pointsman.adapters.usage_ledger import DynamoUsageLedger
from pointsman.contracts.envelope import object_in
from pointsman.execution.budget import month_caps
from pointsman.execution.records import Payload, TaskRecord
from pointsman.routing import config
from pointsman.values.status import ENDED, Status
from pointsman.values.times import to_text
from tests.support.local_stack import REPLY_QUEUE_ARN, Stack, eventually
from tests.support.roles import Role, restart_function, restart_functions
from tests.support.router import SHIPPED

pytestmark = pytest.mark.stack

DENIED = re.compile("AccessDenied|not authorized")
FUNCTIONS = (
    *("FrontDoor", "Router", "Orchestration", "Implementation", "Reasoning", "Delivery", "Sweep", "CostReport"),
    "Economy",
)
ASKED = [{"role": "user", "content": "Which way?"}]
PLANS = {
    "Orchestration": ("gemini-3.5-flash-lite", "orchestration"),
    "Implementation": ("claude-haiku-5-5", "implementation"),
    "Reasoning": ("claude-sonnet-5-5", "reasoning"),
}


def started(stack: Stack, body: dict[str, Any] | None = None, **fields: Any) -> str:
    """Store a task that was started, and return its id."""
    task_id = f"t-{uuid.uuid4().hex[:12]}"
    text = json.dumps(body or {"prompt": "Say which way the train goes."})
    record = TaskRecord(
        task_id,
        Status.STARTED,
        body=Payload(inline=text),
        received_at=to_text(datetime.now(UTC)),
        **fields,
    )
    stack.client("dynamodb").put_item(TableName=stack.info.outputs["TaskTableName"], Item=to_item(record))
    return task_id


def event_for(stack: Stack, function: str) -> Any:
    """Return an event that the function works on as it does for a normal task."""
    if function == "Router":
        body = {"task_id": f"t-{uuid.uuid4().hex[:12]}", "prompt": "Which way?", "tier": "reasoning"}
        common = {"eventSource": "aws:sqs", "receiptHandle": "r", "attributes": {}, "messageAttributes": {}}
        return {"Records": [{**common, "messageId": str(uuid.uuid4()), "body": json.dumps(body)}]}
    if function in PLANS:
        model, place = PLANS[function]
        return {
            "task_id": started(stack),
            "generation": 1,
            "deadline": to_text(datetime.now(UTC) + timedelta(minutes=5)),
            "plan": [{"model": model, "function": place, "tier": place}],
        }
    if function == "FrontDoor":
        http = {"method": "GET", "path": "/v1/models"}
        bearer = {"authorization": f"Bearer {stack.api_key}"}
        return {"rawPath": "/v1/models", "headers": bearer, "requestContext": {"http": http}}
    if function == "Delivery":
        return {"task_id": started(stack), "generation": 1, "reason": "refused"}
    return {}


@pytest.mark.parametrize(
    ("function", "sid"),
    [
        ("Router", "ClaimAndLimit"),
        ("Orchestration", "ReserveAndSettle"),
        ("Implementation", "ReserveAndSettle"),
        ("Implementation", "ReadKey"),
        ("Reasoning", "ReserveAndSettle"),
        ("Delivery", "FinishAndSettle"),
        ("Delivery", "TellEvents"),
        ("Sweep", "FindOpen"),
        ("FrontDoor", "KnowKeys RememberAnswered"),  # the same action on the same table, under other keys
        ("Economy", "FindPooled"),
        ("CostReport", "ReadLedger"),
        ("CostReport", "KeepReports"),
    ],
)
def test_function_without_a_permission_fails(stack: Stack, function: str, sid: str) -> None:
    role, event = Role(stack, function), event_for(stack, function)
    if sid == "ReadKey" or function == "FrontDoor":
        restart_function(stack, function)  # a worker keeps the keys that it has read
    with role.without(*sid.split()):
        went_well, response = role.invoke(event)
        assert not went_well
        assert DENIED.search(response), response
    went_well, response = role.invoke(event)
    assert went_well, response
    if function == "Router":
        assert json.loads(response) == {"batchItemFailures": []}
        assert stack.ended(json.loads(event["Records"][0]["body"])["task_id"]).status is Status.COMPLETED
    elif function in PLANS:
        assert json.loads(response)["next"] == "deliver"


def test_answer_is_delivered_by_the_workflow_while_its_function_may_not_tell_it(stack: Stack) -> None:
    with Role(stack, "Implementation").without("TellAnswers"):
        task_id = stack.send(prompt="Which way?", tier="implementation")
        record = stack.ended(task_id)
    assert record.delivered_at
    assert stack.path(stack.execution(task_id))[-2:] == ["Deliver answer", "Completed"]
    assert len(stack.requests(task_id)) == 1


def test_task_stays_claimed_while_the_router_may_not_start_executions(stack: Stack) -> None:
    """Through the queue: nothing is lost while the router may not start executions."""
    with Role(stack, "Router").without("StartExecutions"):
        task_id = stack.send(prompt="Which way?", tier="reasoning")
        record = eventually(lambda: stack.tasks.read(task_id), "the claim")
        log = stack.info.state_dir / "ministack.log"
        eventually(lambda: DENIED.search(log.read_text(errors="replace")), "the refusal in the log")
        assert record.status is Status.CLAIMED
        assert record.execution_input
    assert (
        stack.requests(task_id) == []
    )  # the queue gives the message out again after 6 minutes, which no test waits for


def test_prompt_without_permission_to_read_it_completes_once_it_is_restored(stack: Stack) -> None:
    s3, bucket = stack.client("s3"), ADMITTED["PromptBucketArns"].rpartition(":")[2]
    s3.create_bucket(Bucket=bucket)
    etag = s3.put_object(Bucket=bucket, Key="a", Body=b"Which way?", Metadata={"tier": "reasoning"})["ETag"].strip('"')
    s3_record = {"bucket": {"name": bucket}, "object": {"key": "a", "eTag": etag, "sequencer": uuid.uuid4().hex}}
    body = json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3_record}]})
    event, role = event_for(stack, "Router"), Role(stack, "Router")
    event["Records"][0]["body"] = body
    with role.without("ReadPrompts"):
        _, response = role.invoke(event)
        assert json.loads(response)["batchItemFailures"] == [{"itemIdentifier": event["Records"][0]["messageId"]}]
    _, response = role.invoke(event)
    assert json.loads(response) == {"batchItemFailures": []}
    reference = object_in(body)
    assert reference is not None
    assert stack.ended(reference.task_id).status is Status.COMPLETED


@dataclass
class Traffic:
    """What was called while every way of a task was gone."""

    called: dict[str, set[str]] = field(default_factory=dict)
    """Actions by function."""


def record_calls(stack: Stack, *, on: bool) -> None:
    """Have the emulator's CloudTrail record calls."""
    body = json.dumps({"cloudtrail._recording_enabled": "true" if on else "false"}).encode()
    request = Request(f"{stack.info.endpoint}/_ministack/config", body, method="POST")
    request.add_header("authorization", f"AWS4-HMAC-SHA256 Credential={stack.info.access_key}/")
    with urlopen(request, timeout=10) as answer:
        assert json.loads(answer.read())["applied"]


def calls_of(stack: Stack, role: Role) -> set[str]:
    """Return the actions that the function's calls were authorised for, as `service:Action`."""
    actions_seen: set[str] = set()
    trail = stack.client("cloudtrail")
    allowed = {action for actions in role.statements().values() for action in actions} | {"dynamodb:TransactWriteItems"}
    for action in allowed:
        service, name = action.split(":")
        source = {"ssm": "ssm", "states": "states"}.get(service, service)
        for key in role.keys:
            attributes = [
                {"AttributeKey": "AccessKeyId", "AttributeValue": key},
                {"AttributeKey": "EventName", "AttributeValue": "POST.sns" if action == "sns:Publish" else name},
                {"AttributeKey": "EventSource", "AttributeValue": f"{source}.amazonaws.com"},
            ]
            events = trail.lookup_events(LookupAttributes=attributes)["Events"]
            if not events:
                continue
            if name != "TransactWriteItems":
                actions_seen.add(action)
                continue
            text = " ".join(event["CloudTrailEvent"] for event in events)
            actions_seen |= {
                f"dynamodb:{kind}Item" for kind in ("Put", "Update") if f'"{kind}\\"' in text or f'"{kind}"' in text
            }
    return actions_seen


@pytest.fixture(scope="module")
def traffic(stack: Stack) -> Iterator[Traffic]:
    record_calls(stack, on=True)  # before they begin anew: what an earlier test left may call one at any moment
    restart_functions(stack)
    try:
        _use_every_function(stack)
        yield Traffic({function: calls_of(stack, Role(stack, function)) for function in FUNCTIONS})
    finally:
        record_calls(stack, on=False)


def _use_every_function(stack: Stack) -> None:
    queue = REPLY_QUEUE_ARN.rsplit(":", 1)[1]
    stack.client("sqs").create_queue(QueueName=queue)
    big, mark = "all is well\n" * 2_000, f"marker-{uuid.uuid4().hex[:10]}"
    stack.fault("anthropic", {"answer": {"bytes": 100_000}}, contains=mark, times=2)
    stack.fault("gemini", {"answer": {"bytes": 20_000}}, contains=mark, times=1)
    wide = {"max_output_tokens": 60_000}
    named = f"t-{uuid.uuid4().hex[:12]}"
    stack.client("stepfunctions").start_execution(
        stateMachineArn=stack.info.outputs["StateMachineArn"], name=named, input=json.dumps({"task_id": "another"})
    )
    stack.send(task_id=named, prompt="My name is taken.", tier="reasoning")
    ids = [stack.send(prompt=f"{mark} {big}", tier=tier, **wide) for tier in ("implementation", "reasoning")]
    ids += [stack.send(prompt=f"{mark} {big}", tier="orchestration")]
    ids += [
        stack.send(prompt=f"hm {uuid.uuid4().int}"),
        stack.send(prompt="a", tier="implementation", reply_to=REPLY_QUEUE_ARN),
    ]
    ids += [
        stack.send(prompt="a", tier="implementation", reply_to=to) for to in ("no-such-token-anywhere", stack.webhook)
    ]
    ids += [stack.send(prompt="Have it done:\n- Write it\n- Document it", tier="orchestration", split=True)]
    rejected = [stack.send_raw("{"), stack.send_raw("x" * 1_048_500)]
    for task_id in ids:
        stack.ended(task_id)
    once = {"task_id": f"t-{uuid.uuid4().hex[:12]}", "prompt": f"Again. {big}", "tier": "implementation"}
    stack.send(**once)
    stack.ended(once["task_id"])
    stack.send(**once, reply_to=REPLY_QUEUE_ARN)
    stack.send(**once, reply_to="another-token-than-before")
    for message_id in rejected:
        eventually(lambda: stack.tasks.read(message_id), "the rejection")  # noqa: B023
    body = {"model": "pointsman/implementation", "messages": ASKED}
    assert stack.call_chat_api("/v1/chat/completions", body)[0] == 200
    assert stack.call_chat_api("/v1/chat/completions", body, stack.limited_key(rpm=600, in_flight=200))[0] == 200
    _use_the_economy_lane(stack)
    _sweep_and_report(stack)


def _use_the_economy_lane(stack: Stack) -> None:
    mark = f"marker-{uuid.uuid4().hex[:10]}"
    stack.fault("anthropic", {"answer": {"bytes": 20_000}}, contains=mark, batch="entry")
    task_id = stack.send(prompt=mark, type="documentation", lane="economy", max_output_tokens=60_000)

    def has_ended() -> bool | None:
        """Take a turn of the lane; the task may not have come to it yet, nor its batch have ended."""
        went_well, response = Role(stack, "Economy").invoke({"now": True})
        assert went_well, response
        record = stack.tasks.read(task_id)
        return (record is not None and record.status in ENDED) or None

    eventually(has_ended, "the task to be answered in a batch")


def _sweep_and_report(stack: Stack) -> None:
    key = "tasks/for-the-sweep"
    stack.client("s3").put_object(Bucket=stack.info.outputs["DataBucketName"], Key=key, Body=b"words")
    for place in (REPLY_QUEUE_ARN, "no-such-token-anywhere", stack.webhook):
        fields = {"reply_to": [place], "attention": "delivery", "attention_since": to_text(datetime.now(UTC))}
        task_id = started(stack, **fields, answer=Payload(ref=key))
        stack.client("dynamodb").update_item(
            TableName=stack.info.outputs["TaskTableName"],
            Key={"task_id": {"S": task_id}},
            UpdateExpression="SET #s = :s",
            ExpressionAttributeNames={"#s": "status"},
            ExpressionAttributeValues={":s": {"S": "completed"}},
        )
    today = datetime.now(UTC).date().isoformat()
    _use_up_the_budget(stack)
    started(stack)  # which may wait for something
    for function, event in (("Sweep", {}), ("CostReport", {"date": today})):
        went_well, response = Role(stack, function).invoke(event)
        assert went_well, response


def _use_up_the_budget(stack: Stack) -> None:
    month, (cap, *_) = f"{datetime.now(UTC):%Y-%m}", month_caps(config.parse(SHIPPED).pointsman.budget)
    books = DynamoUsageLedger(stack.client("dynamodb"), Tables("", "", stack.info.outputs["LimitTableName"]))
    books.record_refusal(month, [cap], datetime.now(UTC))


RARE = {
    "dynamodb:GetItem": "an attempt that was cut off, a task that is resumed",
    "dynamodb:PutItem": "an attempt that was cut off is settled by who finds it",
    "s3:GetObject": "a large answer for a task that is sent again",
    "s3:ListBucket": "an object that is not there",
    "s3:GetObjectVersion": "a prompt in a bucket with versions, which CloudTrail calls GetObject",
    "sqs:ReceiveMessage": "Lambda's poller uses the function's role; the emulator's uses none",
    "sqs:DeleteMessage": "the poller",
    "sqs:GetQueueAttributes": "the poller",
    "states:SendTaskFailure": "a failed task that a token waits for",
}
"""What the traffic above does not lead to, and what does."""
RARE_IN = {
    "Economy": {"states:DescribeExecution": "a task whose execution another turn has begun"},
    "Delivery": {"s3:PutObject": "an answer that its record held, and that no event holds"},
    "Sweep": {
        "states:DescribeExecution": "a replayed task's execution that died more than five minutes ago",
        "s3:PutObject": "a day that has ended goes into the archive; as in Delivery",
    },
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_permitted_action_is_called(stack: Stack, traffic: Traffic, function: str) -> None:
    """By the calls that the emulator recorded of the role; it tells which action, not on which resource."""
    called, statements = traffic.called[function], Role(stack, function).statements()
    unused = {
        sid: actions - called - RARE.keys() - RARE_IN.get(function, {}).keys() for sid, actions in statements.items()
    }
    assert {sid: actions for sid, actions in unused.items() if actions} == {}
    assert {"dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:BatchGetItem"} & called
