"""Every example, deployed to the local stack as it stands, sends a task by its own way, and the answer arrives.

What the emulator has no source for is fed by hand, through what the example deployed: Scheduler's input as its keywords
are replaced, sent under the schedule's role. All are sent first, then waited for together.
"""

import io
import json
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.request import Request, urlopen

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from devstack.callers import ADMITTED
from pointsman.contracts.envelope import object_in
from pointsman.execution.records import TaskRecord
from pointsman.values.status import Status
from tests.support.cloudformation import load
from tests.support.local_stack import Stack, eventually
from tests.support.paths import ROOT

pytestmark = pytest.mark.stack

NAMES = sorted(path.parent.name for path in ROOT.glob("examples/*/template.yaml"))
PROMPTS = ADMITTED["PromptBucketArns"].rpartition(":")[2]
MARK = uuid.uuid4().hex[:8]


@dataclass
class Examples:
    """The deployed examples."""

    stack: Stack
    outputs: dict[str, dict[str, str]]
    """By folder."""

    def client(self, service: str) -> Any:
        return self.stack.client(service)

    def resource(self, name: str, logical_id: str) -> str:
        answer = self.client("cloudformation").describe_stack_resource(
            StackName=f"pointsman-{name}", LogicalResourceId=logical_id
        )
        return str(answer["StackResourceDetail"]["PhysicalResourceId"])

    def as_role(self, name: str, service: str) -> Any:
        """Return a client under the example's role, which the emulator holds to its policies.

        The role trusts its service alone; the account is added, since nobody but the service can be that.
        """
        iam, role_name = self.client("iam"), self.resource(name, "SendRole")
        role = iam.get_role(RoleName=role_name)["Role"]
        trusted, *_ = role["AssumeRolePolicyDocument"]["Statement"]
        assert trusted["Condition"] == {"StringEquals": {"aws:SourceAccount": "000000000000"}}
        account = {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}
        document = {"Version": "2012-10-17", "Statement": [trusted, account]}
        iam.update_assume_role_policy(RoleName=role_name, PolicyDocument=json.dumps(document))
        credentials = self.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]
        keys = {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
        }
        return self.stack.info.session().client(service, **{**self.stack.info.client_options, **keys})


@pytest.fixture(scope="module")
def examples(stack: Stack) -> Iterator[Examples]:
    formation = stack.client("cloudformation")
    stack.client("s3").create_bucket(Bucket="examples-code")
    layer = stack.client("lambda").get_function_configuration(FunctionName=stack.info.outputs["DeliveryFunctionName"])[
        "Layers"
    ][0]["Arn"]
    parameters = {"lambda": {"ClientLayerArn": layer}, "cloudwatch-alarm": {"AlarmPrefix": "app-"}}
    for name in NAMES:
        formation.create_stack(
            StackName=f"pointsman-{name}",
            TemplateBody=json.dumps(packaged(stack, name)),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[
                {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.get(name, {}).items()
            ],
        )
    yield Examples(stack, {name: eventually(lambda: outputs_of(formation, name), name) for name in NAMES})  # noqa: B023
    for name in NAMES:  # no later test's tasks are to be told to these
        formation.delete_stack(StackName=f"pointsman-{name}")


def packaged(stack: Stack, name: str) -> dict[str, Any]:
    """Return the template with the folder's code uploaded, as `sam deploy` does it."""
    template, archive = load(ROOT / f"examples/{name}/template.yaml"), io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        for path in (ROOT / f"examples/{name}").glob("*.py"):
            zipped.write(path, path.name)
    stack.client("s3").put_object(Bucket="examples-code", Key=name, Body=archive.getvalue())
    for holder in (
        template.get("Globals", {}).get("Function", {}),
        *(resource.get("Properties", {}) for resource in template["Resources"].values()),
    ):
        if holder.get("CodeUri") == ".":
            holder["CodeUri"] = f"s3://examples-code/{name}"
    return template


def outputs_of(formation: Any, name: str) -> dict[str, str] | None:
    described = formation.describe_stacks(StackName=f"pointsman-{name}")["Stacks"][0]
    assert "FAILED" not in described["StackStatus"], described
    assert "ROLLBACK" not in described["StackStatus"], described
    if described["StackStatus"] != "CREATE_COMPLETE":
        return None
    outputs = {entry["OutputKey"]: entry["OutputValue"] for entry in described.get("Outputs", [])}
    return {"StackName": described["StackName"], **outputs}


# Each way in: sends one task and returns its id.


def by_sns(own: Examples) -> str:
    topic = own.outputs["sns"]["TopicArn"]
    message = json.dumps({"prompt": f"Is the nightly build through? {MARK}", "type": "status"})
    return str(own.client("sns").publish(TopicArn=topic, Message=message)["MessageId"])


def by_rule(own: Examples) -> str:
    return f"build-{put_event(own, 'eventbridge-rule')}"


def by_alarm(own: Examples) -> str:
    return f"alarm-{put_event(own, 'cloudwatch-alarm')}"


def put_event(own: Examples, name: str) -> str:
    entries = json.loads((ROOT / f"examples/{name}/event.json").read_text())
    return str(own.client("events").put_events(Entries=entries)["Entries"][0]["EventId"])


def by_schedule(own: Examples) -> str:
    schedule = own.client("scheduler").get_schedule(Name="pointsman-scheduler-nightly")
    target, run = schedule["Target"], uuid.uuid4().hex[:16]
    body = target["Input"].replace("<aws.scheduler.execution-id>", run)
    body = body.replace("<aws.scheduler.scheduled-time>", "2026-11-25T05:30:00Z")
    assert target["Arn"] == own.stack.info.outputs["TaskQueueArn"]
    own.as_role("scheduler", "sqs").send_message(QueueUrl=own.stack.info.outputs["TaskQueueUrl"], MessageBody=body)
    return f"nightly-{run}"


def by_object(own: Examples) -> str:
    own.client("s3").put_object(
        Bucket=PROMPTS,
        Key="prompts/a question.txt",
        Body=b"Which suites cover the parser?",
        Metadata={"type": "status"},
    )
    answer = received(own, own.outputs["s3-object"]["AnswersUrl"], lambda body: True)
    assert answer["detail"]["metadata"] == {"bucket": PROMPTS, "key": "prompts/a question.txt"}
    return str(answer["detail"]["task_id"])


def by_function(own: Examples) -> str:
    response = invoke(own, "pointsman-lambda-review", {"commit": MARK, "diff": "+ retries = 100"})
    return str(response["task_id"])


def by_client(own: Examples) -> str:
    response = invoke(own, "pointsman-lambda-question", {"question": f"Is staging up? {MARK}", "key": MARK})
    assert response["answer"].startswith("[stand-in")
    return str(response["task_id"])


def invoke(own: Examples, function: str, event: dict[str, Any]) -> Any:
    answer = own.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event).encode())
    text = answer["Payload"].read().decode()
    assert "FunctionError" not in answer, text
    return json.loads(text)


def by_url(own: Examples) -> str:
    body = json.dumps({"prompt": f"Plan the release. {MARK}", "type": "planning"})
    status, response = post(own, body)
    assert status == 202
    return str(response["task_id"])


def post(own: Examples, body: str) -> tuple[int, Any]:
    """Post to the function's URL, signed, by the path under which the emulator serves it."""
    url_id = own.outputs["function-url"]["Url"].split("//")[1].split(".")[0]
    url = f"{own.stack.info.endpoint}/_aws/lambda-url/{url_id}/"
    request = AWSRequest("POST", url, data=body, headers={"content-type": "application/json"})
    credentials = Credentials(own.stack.info.access_key, own.stack.info.access_key)
    SigV4Auth(credentials, "lambda", "us-east-1").add_auth(request)
    sent = Request(url, body.encode(), dict(request.headers.items()), method="POST")
    with urlopen(sent, timeout=30) as answer:
        return answer.status, json.loads(answer.read())


def by_state_machine(own: Examples) -> str:
    machine, name = own.outputs["step-functions"]["StateMachineArn"], uuid.uuid4().hex
    own.client("stepfunctions").start_execution(
        stateMachineArn=machine, name=name, input=json.dumps({"question": f"Which suite first? {MARK}"})
    )
    return f"triage-{name}"


WAYS: dict[str, tuple[Callable[[Examples], str], ...]] = {
    "sns": (by_sns,),
    "eventbridge-rule": (by_rule,),
    "cloudwatch-alarm": (by_alarm,),
    "scheduler": (by_schedule,),
    "step-functions": (by_state_machine,),
    "function-url": (by_url,),
    "lambda": (by_function, by_client),
    "s3-object": (by_object,),
}


@pytest.fixture(scope="module")
def sent(examples: Examples) -> dict[Callable[[Examples], str], str]:
    """The tasks' ids; those that wait for an answer themselves come last."""
    return {way: way(examples) for ways in WAYS.values() for way in ways}


def received(own: Examples, url: str, wanted: Callable[[str], bool]) -> Any:
    def look() -> Any:
        answer = own.client("sqs").receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1, VisibilityTimeout=0
        )
        messages = [message["Body"] for message in answer.get("Messages", []) if wanted(message["Body"])]
        return json.loads(messages[0]) if messages else None

    return eventually(look, "a message")


def prompt_of(own: Examples, record: TaskRecord) -> str:
    assert record.body.inline is not None
    return str(json.loads(record.body.inline)["prompt"])


def test_every_example_has_a_test() -> None:
    assert {*WAYS, "answers"} == set(NAMES)


@pytest.mark.parametrize("way", [way for ways in WAYS.values() for way in ways], ids=lambda way: way.__name__)
def test_task_of_each_example_is_answered(
    examples: Examples, sent: dict[Callable[[Examples], str], str], way: Callable[[Examples], str]
) -> None:
    record = examples.stack.ended(sent[way])
    assert record.status is Status.COMPLETED
    prompt = prompt_of(examples, record)
    assert "<" not in prompt
    assert (record.metadata.get("agent"), prompt.splitlines()[0]) == {
        by_sns: (None, f"Is the nightly build through? {MARK}"),
        by_rule: ("builds", "The build of checkout failed. Say in which phase and why, and what to look at first."),
        by_alarm: (
            "alarms",
            "The CloudWatch alarm app-cpu-too-high went from OK to ALARM at 2026-11-24T17:04:40.989+0000.",
        ),
        by_schedule: ("nightly", prompt.splitlines()[0]),
        by_state_machine: ("triage", f"Which suite first? {MARK}"),
        by_url: (None, f"Plan the release. {MARK}"),
        by_function: ("reviewer", "Review this change. What breaks first?"),
        by_client: (None, f"Is staging up? {MARK}"),
        by_object: (None, "Which suites cover the parser?"),
    }[way]


def test_alarm_task_has_its_reason_and_metrics(examples: Examples, sent: dict[Callable[[Examples], str], str]) -> None:
    record = examples.stack.ended(sent[by_alarm])
    prompt = prompt_of(examples, record)
    assert "Threshold Crossed: 1 out of the last 1 datapoints [99.50160229693434" in prompt
    assert "CPUUtilization" in prompt
    assert record.decision is not None
    assert record.decision.type == "complex_debugging"


def test_state_machine_continues_with_the_answer(
    examples: Examples, sent: dict[Callable[[Examples], str], str]
) -> None:
    record = examples.stack.ended(sent[by_state_machine])
    assert ended_execution(examples, sent[by_state_machine].removeprefix("triage-")) == {"triage": record.answer.inline}


def test_state_machine_continues_without_an_answer(examples: Examples) -> None:
    machine, name = examples.outputs["step-functions"]["StateMachineArn"], uuid.uuid4().hex
    examples.client("stepfunctions").start_execution(stateMachineArn=machine, name=name, input='{"question": " "}')
    assert ended_execution(examples, name) == {"triage": None, "why": "Pointsman.invalid_task"}


def ended_execution(own: Examples, name: str) -> Any:
    states = own.client("stepfunctions")
    execution = f"{own.outputs['step-functions']['StateMachineArn'].replace(':stateMachine:', ':execution:')}:{name}"

    def look() -> Any:
        described = states.describe_execution(executionArn=execution)
        return described if described["status"] != "RUNNING" else None

    ended = eventually(look, "the team's execution")
    assert ended["status"] == "SUCCEEDED", ended
    return json.loads(ended["output"])


def test_function_url_refuses_unsigned_requests_and_invalid_tasks(examples: Examples) -> None:
    with pytest.raises(Exception, match="HTTP Error 400"):
        post(examples, '["no task"]')
    url_id = examples.outputs["function-url"]["Url"].split("//")[1].split(".")[0]
    with pytest.raises(Exception, match="HTTP Error 403"):
        urlopen(f"{examples.stack.info.endpoint}/_aws/lambda-url/{url_id}/", timeout=10)


def test_schedule_role_has_no_other_permission(examples: Examples) -> None:
    with pytest.raises(ClientError, match=r"AccessDenied|not authorized"):
        examples.as_role("scheduler", "sqs").receive_message(QueueUrl=examples.stack.info.outputs["TaskQueueUrl"])


def test_other_bucket_may_not_send_and_is_not_read(examples: Examples) -> None:
    s3 = examples.client("s3")
    s3.create_bucket(Bucket="strangers")
    target = {"QueueArn": examples.stack.info.outputs["TaskQueueArn"], "Events": ["s3:ObjectCreated:*"]}
    with pytest.raises(ClientError):
        s3.put_bucket_notification_configuration(
            Bucket="strangers", NotificationConfiguration={"QueueConfigurations": [target]}
        )
    events = [
        {
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "strangers"}, "object": {"key": key, "eTag": "b", "sequencer": MARK}},
        }
        for key in ("a", "b")
    ]
    examples.stack.send_raw(json.dumps({"Records": events}))  # both in one message
    for event in events:
        reference = object_in(json.dumps({"Records": [event]}))
        assert reference is not None
        rejected = eventually(lambda: examples.stack.tasks.read(reference.task_id), "the rejection")  # noqa: B023
        assert rejected.rejection is not None
        assert (rejected.status, rejected.rejection.code) == (Status.REJECTED, "bucket_not_allowed")


def test_end_of_a_task_reaches_queue_function_and_mail(
    examples: Examples, sent: dict[Callable[[Examples], str], str]
) -> None:
    out, sqs = examples.outputs["answers"], examples.client("sqs")
    url = sqs.create_queue(QueueName="mailbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [sns]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    examples.client("sns").subscribe(TopicArn=out["TopicArn"], Protocol="sqs", Endpoint=arn)
    failing = examples.stack.send(prompt="Too late.", tier="reasoning", deadline="2026-01-01T00:00:00Z")
    refused = examples.stack.send(prompt="What?", tier="cheapest")
    message = received(examples, url, lambda body: failing in body)
    assert message["Message"] == f"Task {failing} failed: deadline, after 0 attempts and $0.0000."
    message = received(examples, url, lambda body: refused in body)
    assert message["Message"].startswith(f'"Task {refused} was rejected: tier: must be one of')
    answer = received(examples, out["AnswersUrl"], lambda body: sent[by_sns] in body)
    assert answer["detail"]["status"] == "completed"
