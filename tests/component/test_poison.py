"""Messages that cannot work stop no batch: the router's handler as Lambda calls it, on moto."""

import importlib.util
import json
from types import ModuleType
from typing import Any

import pytest

from pointsman.entrypoints import runtime
from pointsman.entrypoints.runtime import lambda_runtime
from pointsman.values.status import Status
from tests.support.aws import Aws
from tests.support.in_process import InProcess, in_process
from tests.support.paths import ROOT
from tests.support.router import SHIPPED

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish")
ROLE = "arn:aws:iam::123456789012:role/states"


class Lambda:
    """The context of an invocation."""

    function_name, memory_limit_in_mb, aws_request_id = "router", 1024, "request-1"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:router"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@pytest.fixture
def app(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> InProcess:
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Wait", "Seconds": 600, "End": True}}})
    machine = aws.client("stepfunctions").create_state_machine(name="run", definition=definition, roleArn=ROLE)
    application = in_process(aws.settings(state_machine_arn=machine["stateMachineArn"]), SHIPPED, aws.session)
    parts = lambda_runtime(application.runtime.settings, SHIPPED, aws.session)
    monkeypatch.setattr(runtime, "function_runtime", lambda: parts)
    return application


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "pointsman")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Pointsman")
    path = ROOT / "functions/router/app.py"
    spec = importlib.util.spec_from_file_location("router_app", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def event(*bodies: str) -> dict[str, Any]:
    common = {"eventSource": "aws:sqs", "receiptHandle": "r", "attributes": {}, "messageAttributes": {}}
    return {"Records": [{**common, "messageId": f"m-{n}", "body": body} for n, body in enumerate(bodies)]}


def task(number: int, **fields: Any) -> str:
    return json.dumps({"prompt": "Write it.", "task_id": f"t-{number}", "tier": "reasoning", **fields})


def test_three_bad_messages_of_ten_stop_nobody(
    aws: Aws, app: InProcess, router: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    states = aws.client("stepfunctions")
    states.start_execution(stateMachineArn=app.runtime.settings.state_machine_arn, name="t-7", input='{"mine": false}')
    bodies = [task(number) for number in range(10)]
    bodies[2], bodies[5] = "{not json", '{"prompt": "a secret", "task_id": "t-5", "tier": "gold"}'

    answer = router.handler(event(*bodies), Lambda())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-7"}]}
    good = [0, 1, 3, 4, 6, 8, 9]
    assert {app.tasks.read(f"t-{number}").status for number in good} == {Status.CLAIMED}  # type: ignore[union-attr]
    running = states.list_executions(stateMachineArn=app.runtime.settings.state_machine_arn)["executions"]
    assert {entry["name"] for entry in running} == {"t-7", *(f"t-{number}" for number in good)}
    messages = aws.client("sqs").receive_message(
        QueueUrl=aws.dlq_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    codes = {message["MessageAttributes"]["code"]["StringValue"] for message in messages["Messages"]}
    assert (codes, len(messages["Messages"])) == ({"invalid_json", "invalid_task"}, 2)
    logged = [vars(record) for record in caplog.records]
    ((back, why),) = [(entry["message_id"], entry["why"]) for entry in logged if entry["message"] == "message_returned"]
    assert (back, why) == ("m-7", "task t-7: an execution has its name and another input")
    assert "Write it" not in str(logged)
    assert "a secret" not in str(logged)


def test_redriven_message_with_foreign_attributes_is_taken_once(aws: Aws, app: InProcess, router: ModuleType) -> None:
    """The dead letter of a task with an id, sent back by the console: it keeps the attributes of its rejection."""
    (once,) = event(task(1))["Records"]
    once["messageAttributes"] = {
        "reason": {"stringValue": "prompt: is required", "dataType": "String"},
        "code": {"stringValue": "invalid_task", "dataType": "String"},
        "trace": {"binaryValue": "AAEC", "dataType": "Binary"},
    }
    assert router.handler({"Records": [once]}, Lambda()) == {"batchItemFailures": []}
    assert router.handler({"Records": [{**once, "messageId": "m-2"}]}, Lambda()) == {"batchItemFailures": []}
    machine = app.runtime.settings.state_machine_arn
    running = aws.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert [entry["name"] for entry in running] == ["t-1"]
    assert "Messages" not in aws.client("sqs").receive_message(QueueUrl=aws.dlq_url)


def test_a_batch_of_nothing_but_poison_is_done_with(aws: Aws, app: InProcess, router: ModuleType) -> None:
    assert router.handler(event("{", "[]", "null", "NaN", '{"prompt": 1}'), Lambda()) == {"batchItemFailures": []}


def s3_record(**fields: Any) -> str:
    named = {"bucket": {"name": "prompts"}, "object": {"key": "a.txt", **fields}}
    return json.dumps({"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": named})


def test_numbers_and_records_without_measure_stop_only_their_own_message(
    aws: Aws, app: InProcess, router: ModuleType
) -> None:
    """Each was once raised while the batch was opened, before any message had a guard, or cost 38,000 calls of AWS."""
    records = f"{s3_record(size=7)},{s3_record(size=7)}"
    attacks = [
        f'{{"Records":[{records.replace("7", "1e400")}]}}',
        f'{{"Records":[{records.replace("7", "9" * 1_001)}]}}',
        json.dumps({"Type": "Notification", "Message": f'{{"Records":[{records.replace("7", "-1e400")}]}}'}),
        f'{{"Records":[{records.replace("7", "[" * 1_900 + "]" * 1_900)}]}}',
        f'{{"Records":[{",".join([s3_record()] * 9_619)}]}}',
    ]
    assert router.handler(event(task(0), *attacks, task(1)), Lambda()) == {"batchItemFailures": []}
    assert {app.tasks.read(task_id).status for task_id in ("t-0", "t-1")} == {Status.CLAIMED}  # type: ignore[union-attr]
    reasons = {record.reason for n in range(1, 6) if (record := app.tasks.read(f"m-{n}")) and record.rejection}
    assert reasons == {
        "body: must be strict JSON: a number is too large",
        "body: must be JSON: nested too deeply",
        "event: must name at most 20 objects",
    }


def test_message_that_cannot_be_opened_goes_back_alone(
    app: InProcess, router: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parts(body: str) -> list[str]:
        if "t-1" in body:
            raise RuntimeError("a mistake of ours")
        return [body]

    monkeypatch.setattr("pointsman.entrypoints.router.parts_of_body", parts)
    answer = router.handler(event(task(0), task(1), task(2)), Lambda())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    assert {app.tasks.read(task_id).status for task_id in ("t-0", "t-2")} == {Status.CLAIMED}  # type: ignore[union-attr]
