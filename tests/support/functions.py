"""The functions as AWS would run them: their own handlers on moto, queue and workflow by hand, what they print kept."""

import json
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import pytest

from pointsman.entrypoints.runtime import Runtime, lambda_runtime
from pointsman.execution.outcome import CallResult
from pointsman.values.times import from_ms
from tests.support.alarms import resolve
from tests.support.aws import Aws
from tests.support.cloudformation import load
from tests.support.fakes import ScriptedModel
from tests.support.in_process import LeapClock
from tests.support.paths import ROOT

MACHINE = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
ROLE = "arn:aws:iam::123456789012:role/run-task"
BY_HOP = {"orchestration": "orchestration", "implementation": "implementation", "reasoning": "reasoning"}
LOG = {
    name: f"{name.title().replace('_', '')}LogGroup" for name in (*BY_HOP, "router", "delivery", "sweep", "cost_report")
}
"""Each function's log group in the template."""


@dataclass
class LambdaContext:
    """What Powertools and the handlers read of Lambda's context."""

    function_name: str
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:f"
    aws_request_id: str = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


type Handler = Callable[[Any, LambdaContext], Any]


@dataclass
class Functions:
    """All functions of one deployment."""

    aws: Aws
    runtime: Runtime
    clock: LeapClock
    model: ScriptedModel
    queue_url: str
    read: Callable[[], str]
    """Return what was printed since the last time."""
    printed: dict[str, list[str]] = field(default_factory=dict)
    """Lines by function."""
    handlers: dict[str, "Handler"] = field(default_factory=dict)

    def run(self, name: str, event: Any) -> Any:
        """Invoke a function. What it raises is printed as Lambda's runtime prints it, and raised."""
        self.read()
        try:
            if name not in self.handlers:
                self.handlers[name] = _handler(name)
            return self.handlers[name](event, LambdaContext(name))
        except Exception as error:
            # awslambdaric's bootstrap.py: handle_event_request, log_error
            sys.stdout.write(f"[ERROR] {type(error).__name__}: {error}\nTraceback (most recent call last):\n")
            raise
        finally:
            self.printed.setdefault(name, []).extend(self.read().splitlines())

    def send(self, task_id: str, **fields: Any) -> None:
        """Put a task on the queue."""
        self.send_raw(json.dumps({"task_id": task_id, "prompt": "Which way?", **fields}))

    def send_raw(self, body: str) -> None:
        self.aws.client("sqs").send_message(QueueUrl=self.queue_url, MessageBody=body)

    def route_messages(self) -> None:
        """Have the router take what is in the queue, as its event source mapping does."""
        sqs = self.aws.client("sqs")
        query = {"QueueUrl": self.queue_url, "MaxNumberOfMessages": 10, "AttributeNames": ["All"]}
        messages = sqs.receive_message(**query).get("Messages", [])
        records = [
            {"messageId": message["MessageId"], "body": message["Body"], "attributes": message["Attributes"]}
            for message in messages
        ]
        answer = self.run("router", {"Records": records})
        back = {batchItemFailure["itemIdentifier"] for batchItemFailure in answer["batchItemFailures"]}
        for message in messages:
            if message["MessageId"] not in back:
                sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"])

    def play(self, task_id: str) -> None:
        """Play the task's execution to its end."""
        states, arn = self.aws.client("stepfunctions"), self.runtime.settings.state_machine_arn
        name = f"{arn.replace(':stateMachine:', ':execution:')}:{task_id}"
        state = json.loads(states.describe_execution(executionArn=name)["input"])
        while state.get("next", "run") not in ("deliver", "fail"):
            if state.get("next") == "wait":
                self.clock.sleep(state["wait_seconds"])
            state = self.run(BY_HOP[state["plan"][state["hop"]]["function"]], {**state, "next": "run"})
        if not state.get("delivered"):
            self.run("delivery", state)

    def do(self, task_id: str, *results: CallResult, **fields: Any) -> None:
        """Send a task, and have it done by models that give these results."""
        self.model.then(*results)
        self.send(task_id, **fields)
        self.route_messages()
        self.play(task_id)

    def oldest(self, now: datetime) -> float | None:
        """Return the age of the queue's oldest message in seconds, as SQS measures it; None of an empty queue."""
        query = {"QueueUrl": self.queue_url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0}
        messages = self.aws.client("sqs").receive_message(**query, AttributeNames=["SentTimestamp"]).get("Messages", [])
        sent = [from_ms(int(message["Attributes"]["SentTimestamp"])) for message in messages]
        return (now - min(sent)).total_seconds() if sent else None


def deploy(aws: Aws, monkeypatch: pytest.MonkeyPatch, read: Callable[[], str], config: dict[str, Any]) -> Functions:
    """Return the functions of a new deployment, with the template's own names for logs and metrics."""
    variables = load()["Globals"]["Function"]["Environment"]["Variables"]
    for name in ("POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE"):
        monkeypatch.setenv(name, resolve(variables[name]))
    queue = aws.client("sqs").create_queue(QueueName="tasks")["QueueUrl"]
    states = aws.client("stepfunctions")
    machine = states.create_state_machine(name="run-task", definition=MACHINE, roleArn=ROLE)["stateMachineArn"]
    shipped = json.loads((ROOT / "openclaw.json").read_text())
    settings = aws.settings(state_machine_arn=machine, task_queue_url=queue)
    runtime = lambda_runtime(settings, json.dumps(shipped | config), aws.session)
    clock, model = LeapClock(), ScriptedModel()
    runtime = replace(runtime, context=replace(runtime.context, clock=clock, model=lambda _: model))
    monkeypatch.setattr("pointsman.entrypoints.runtime.function_runtime", lambda: runtime)
    return Functions(aws, runtime, clock, model, queue, read)


def _handler(name: str) -> Handler:
    spec = spec_from_file_location(f"function_{name}", ROOT / f"functions/{name}/app.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    for handler in logging.getLogger("pointsman").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.stream = sys.stdout  # of this test, not of the one that made it
    result: Handler = module.handler
    return result
