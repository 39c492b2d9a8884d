"""Secrets that are planted in tasks and keys are nowhere in what the stack writes beside the task's own record.

By contract a task's metadata is part of its event, of the ledger and of the report, and an answer is part of its event.
Neither is part of a log, a workflow's history, a metric or a dead letter's attributes.
"""

import json
import os
import signal
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from devstack.providers import ANTHROPIC_KEY_PARAMETER, FAKE_KEY, GEMINI_KEY_PARAMETER
from pointsman.contracts.api_key import digest_of
from pointsman.execution.records import TaskRecord
from pointsman.values.status import Status
from tests.support.killer import workers
from tests.support.local_stack import Stack, eventually
from tests.support.roles import Role, restart_function, restart_functions

pytestmark = pytest.mark.stack

FAR = "Say which way the train goes, and then say it again in other words so that it is clear. " * 2
"""Longer than what the stand-in repeats of a prompt in its answer."""
CLAUDE = "claude-haiku-5-5"


@dataclass(frozen=True)
class Secrets:
    """What is planted, each of its own word."""

    prompt: str
    system: str
    metadata: str
    rejected: str
    token: str
    webhook: str
    """Of the path of one's URL."""
    gemini_key: str
    anthropic_key: str

    @property
    def never(self) -> dict[str, str]:
        """What no event may carry either."""
        names = ("prompt", "system", "rejected", "token", "webhook", "gemini_key", "anthropic_key")
        return {name: getattr(self, name) for name in names}


@pytest.fixture(scope="module")
def secrets() -> Secrets:
    return Secrets(*(f"{name}-{uuid.uuid4().hex}" for name in Secrets.__dataclass_fields__))


@pytest.fixture(scope="module")
def watch(stack: Stack) -> str:
    sqs, events = stack.client("sqs"), stack.client("events")
    url = sqs.create_queue(QueueName="watch-secrets")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    bus = stack.info.outputs["EventBusName"]
    events.put_rule(Name="watch-secrets", EventBusName=bus, EventPattern=json.dumps({"source": ["pointsman"]}))
    events.put_targets(Rule="watch-secrets", EventBusName=bus, Targets=[{"Id": "1", "Arn": arn}])
    return str(url)


@pytest.fixture(scope="module")
def written(stack: Stack, secrets: Secrets, watch: str) -> Iterator[dict[str, str]]:
    """Go every way with the secrets, and return what was written, by place."""
    stack.delete_model_health()
    keys = {GEMINI_KEY_PARAMETER: secrets.gemini_key, ANTHROPIC_KEY_PARAMETER: secrets.anthropic_key}
    _put_keys(stack, keys)
    restart_functions(stack)
    try:
        tasks = _go(stack, secrets)
        yield _collected(stack, watch, tasks)
    finally:
        _put_keys(stack, dict.fromkeys(keys, FAKE_KEY))
        stack.control("DELETE", "faults")


def ended(stack: Stack, task_id: str) -> TaskRecord:
    """Return the task once it has ended, on a busy machine and with functions that begin anew."""
    return eventually(lambda: stack._delivered(task_id), f"task {task_id}: {stack.tasks.read(task_id)}")


def _put_keys(stack: Stack, keys: dict[str, str]) -> None:
    ssm = stack.client("ssm")
    for name, key in keys.items():
        ssm.put_parameter(Name=name, Value=key, Type="SecureString", Overwrite=True)


def _go(stack: Stack, secrets: Secrets) -> list[str]:
    """Send tasks that are answered, refused, failed, killed, rejected and cannot be delivered; return their ids."""
    common: dict[str, Any] = {"system": f"Be brief. {secrets.system}", "metadata": {"ticket": secrets.metadata}}

    def send(what: str, **fields: Any) -> str:
        return stack.send(prompt=f"{FAR} {what} {secrets.prompt}", **{**common, **fields})

    def broken(what: str, action: Any) -> str:
        mark = f"{what}-{uuid.uuid4().hex[:6]}"
        stack.fault("anthropic", action, contains=mark)
        return send(mark, tier="reasoning", deadline="2099-01-01T00:00:00Z")

    ids = [send("plain", tier=tier) for tier in ("orchestration", "implementation", "reasoning")]
    ids += [send("zzz"), send("waits", tier="implementation", reply_to=secrets.token)]
    stack.hooks.answers = [410]
    ids += [send("told", tier="implementation", reply_to=f"{stack.webhook}?key={secrets.webhook}")]
    ids += [send("large " + "all is well\n" * 2_000, tier="implementation")]
    ids += [broken("refused", "refusal"), broken("invalid", {"status": {"code": 400}})]
    for task_id in ids:
        ended(stack, task_id)
    asked = [{"role": "user", "content": f"{FAR} at the door {secrets.prompt}"}]
    body = {"model": "pointsman/implementation", "messages": asked}
    assert stack.call_chat_api("/v1/chat/completions", body)[0] == 200
    hang = f"hang-{uuid.uuid4().hex[:6]}"
    stack.fault("anthropic", "hang", contains=hang, times=1)
    killed = send(hang, tier="implementation")
    eventually(lambda: stack.requests(killed) or None, "the call")
    for pid, function in workers(stack):
        if function == "Implementation":
            os.kill(pid, signal.SIGKILL)
    bad = [
        {"prompt": secrets.rejected, "tier": secrets.rejected},
        {"prompt": [secrets.rejected], "metadata": {secrets.rejected: 1}},
        {"prompt": secrets.rejected, "reply_to": f"arn:aws:sqs:us-east-1:1:{secrets.rejected}"},
        {"prompt": secrets.rejected, "task_id": f"no id {secrets.rejected}", "deadline": secrets.rejected},
    ]
    rejected = [stack.send_raw(json.dumps(body)) for body in bad]
    rejected += [
        stack.send_raw(f"{{{secrets.rejected}"),
        stack.send_raw(f'{{"prompt": "{secrets.rejected}", "a": NaN}}'),
    ]
    for message_id in rejected:
        eventually(lambda: stack.tasks.read(message_id), "the rejection")  # noqa: B023
    ended(stack, killed)
    ids += [killed, _without_a_key(stack, send), _without_a_right(stack, send)]
    today = datetime.now(UTC).date().isoformat()
    for function, event in (("Sweep", {}), ("CostReport", {"date": today})):
        went_well, told = Role(stack, function).invoke(event)
        assert went_well, told
    return ids


def _without_a_key(stack: Stack, send: Any) -> str:
    """Send a task whose first model has no key."""
    key = stack.client("ssm").get_parameter(Name=GEMINI_KEY_PARAMETER, WithDecryption=True)["Parameter"]["Value"]
    stack.client("ssm").delete_parameter(Name=GEMINI_KEY_PARAMETER)
    restart_function(stack, "Orchestration")
    record = ended(stack, task_id := send("keyless", tier="orchestration"))
    assert record.status is Status.COMPLETED
    assert record.model == CLAUDE
    _put_keys(stack, {GEMINI_KEY_PARAMETER: key})
    restart_function(stack, "Orchestration")
    return str(task_id)


def _without_a_right(stack: Stack, send: Any) -> str:
    """Send a task whose first function may not read its tables: it crashes on AWS's error, and the next one serves."""
    role = Role(stack, "Orchestration")
    with role.without("ReserveAndSettle"):
        record = ended(stack, task_id := send("denied", tier="orchestration"))
    assert record.status is Status.COMPLETED
    return str(task_id)


def _collected(stack: Stack, watch: str, tasks: list[str]) -> dict[str, str]:
    files = {f"file {path.name}": path.read_text(errors="replace") for path in stack.info.state_dir.glob("*.log")}
    return {
        **files,
        **_log_groups(stack),
        "workflow histories": _histories(stack),
        "events": json.dumps(_messages(stack, watch)),
        "dead letters' attributes": json.dumps(
            [each.get("MessageAttributes", {}) for each in _messages(stack, stack.info.outputs["DeadLetterQueueUrl"])]
        ),
        "ledger": json.dumps(_items(stack, "UsageTableName")),
        "limits": json.dumps(_items(stack, "LimitTableName")),
        "reports": _objects(stack, "reports/"),
        "metrics": json.dumps(stack.client("cloudwatch").list_metrics()["Metrics"], default=str),
        "status": _status(stack, tasks),
    }


def _log_groups(stack: Stack) -> dict[str, str]:
    logs, found = stack.client("logs"), {}
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            events = [
                event["message"]
                for each in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
                for event in each["events"]
            ]
            found[f"log group {group['logGroupName']}"] = "\n".join(events)
    return found


def _histories(stack: Stack) -> str:
    """Return every execution of the workflow with its input, its output and all that it went through."""
    states, found = stack.client("stepfunctions"), []
    machine = stack.info.outputs["StateMachineArn"]
    for page in states.get_paginator("list_executions").paginate(stateMachineArn=machine):
        for each in page["executions"]:
            arn = each["executionArn"]
            found.append(json.dumps(states.describe_execution(executionArn=arn), default=str))
            for part in states.get_paginator("get_execution_history").paginate(executionArn=arn):
                found.append(json.dumps(part["events"], default=str))
    return "\n".join(found)


def _messages(stack: Stack, url: str) -> list[dict[str, Any]]:
    sqs, found = stack.client("sqs"), []
    while page := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], VisibilityTimeout=30
    ).get("Messages"):
        found += page
    return found


def _items(stack: Stack, output: str) -> list[Any]:
    pages = stack.client("dynamodb").get_paginator("scan").paginate(TableName=stack.info.outputs[output])
    return [item for page in pages for item in page["Items"]]


def _objects(stack: Stack, prefix: str) -> str:
    s3, bucket = stack.client("s3"), stack.info.outputs["DataBucketName"]
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]
    return "\n".join(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys)


def _status(stack: Stack, tasks: list[str]) -> str:
    from pointsman_cli import stacks
    from pointsman_cli.tasks import read_task_record, task_document

    found = stacks.connect_to_local(stack.info)
    return json.dumps(
        [task_document(found.runtime, read_task_record(found.client, task_id), stand_in=True) for task_id in tasks]
    )


def test_every_place_has_content_to_search(written: dict[str, str]) -> None:
    groups = {name.rsplit("-", 1)[-1] for name, text in written.items() if name.startswith("log group") and text}
    assert groups >= {"door", "router", "orchestration", "implementation", "reasoning", "delivery", "sweep"}
    assert "call_settled" in written["file ministack.log"] or any("call_settled" in text for text in written.values())
    for name in ("workflow histories", "events", "dead letters' attributes", "ledger", "reports"):
        assert len(written[name]) > 100, name


@pytest.mark.parametrize("name", ["prompt", "system", "rejected", "token", "webhook", "gemini_key", "anthropic_key"])
def test_secret_appears_nowhere(written: dict[str, str], secrets: Secrets, name: str) -> None:
    assert [place for place, text in written.items() if secrets.never[name] in text] == []


def test_webhook_secret_appears_nowhere(stack: Stack, written: dict[str, str]) -> None:
    assert stack.hooks.requests
    assert [place for place, text in written.items() if stack.webhook_secret in text] == []


def test_chat_api_key_appears_nowhere(stack: Stack, written: dict[str, str]) -> None:
    assert [place for place, text in written.items() if stack.api_key in text] == []
    digest = digest_of(stack.api_key) or ""
    assert [place for place, text in written.items() if digest in text] == ["limits"]


def test_metadata_appears_where_the_contract_says(written: dict[str, str], secrets: Secrets) -> None:
    found = {place for place, text in written.items() if secrets.metadata in text}
    assert {"events", "ledger"} <= found <= {"events", "ledger", "reports", "status"}


def test_stack_had_the_secrets(stack: Stack, secrets: Secrets) -> None:
    """The task's record has them, as it must: it is what the functions work from."""
    tasks = json.dumps(_items(stack, "TaskTableName"))
    assert all(
        secret in tasks for secret in (secrets.prompt, secrets.system, secrets.metadata, secrets.token, secrets.webhook)
    )
    assert secrets.rejected not in tasks
    assert secrets.gemini_key not in tasks
