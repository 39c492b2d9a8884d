"""The emulator's own share: a queue that calls a function that imports nothing, and a workflow of the plain path's
states around another such function.
"""

import io
import json
import time
import uuid
import zipfile
from datetime import UTC, datetime
from typing import Any

from benchmarks.places import BARE
from benchmarks.rig import role_that_may_all
from tests.support.local_stack import Stack, eventually

PING = "import time\n\ndef handler(event, context):\n    open({path!r}, 'a').write(f'{{time.time()}}\\n')\n"
STATES = 4
"""Of the plain path."""


class EmptyPath:
    """The plain path with functions that do nothing."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._mark = stack, stack.info.state_dir / f"pings-{uuid.uuid4().hex[:8]}"
        self._mark.touch()
        aws, name = stack.client("lambda"), f"empty-{uuid.uuid4().hex[:8]}"
        role = role_that_may_all(stack, name)
        arns = [
            aws.create_function(
                FunctionName=f"{name}-{part}",
                Runtime="python3.13",
                Role=role,
                Handler="app.handler",
                Code={"ZipFile": _zipped(text)},
                Timeout=30,
            )["FunctionArn"]
            for part, text in (("ping", PING.format(path=str(self._mark))), ("run", BARE))
        ]
        self.function = arns[1]
        """Of the function that answers at once."""
        sqs = stack.client("sqs")
        self._queue = sqs.create_queue(QueueName=name)["QueueUrl"]
        queue = sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        aws.create_event_source_mapping(EventSourceArn=queue, FunctionName=arns[0], BatchSize=10)
        machine = stack.client("stepfunctions").create_state_machine(
            name=name, definition=json.dumps(_definition(arns[1])), roleArn=role
        )
        self._machine = machine["stateMachineArn"]

    def run(self) -> float:
        """Return the milliseconds from a message to its function, and from an execution's start to its end."""
        return sum(self.parts())

    def parts(self) -> tuple[float, float]:
        """Return both."""
        return self._queued(), self._worked()

    def _queued(self) -> float:
        seen, sent = len(self._pings()), time.time()
        self._stack.client("sqs").send_message(QueueUrl=self._queue, MessageBody="{}")
        eventually(lambda: len(self._pings()) > seen or None, "an empty function")
        return (float(self._pings()[-1]) - sent) * 1000

    def _pings(self) -> list[str]:
        return self._mark.read_text().splitlines()

    def _worked(self) -> float:
        states = self._stack.client("stepfunctions")
        began = datetime.now(UTC)
        arn = states.start_execution(stateMachineArn=self._machine, input="{}")["executionArn"]

        def ended() -> Any:
            result = states.describe_execution(executionArn=arn)
            return None if result["status"] == "RUNNING" else result

        done = eventually(ended, "an empty workflow")
        if done["status"] != "SUCCEEDED":
            raise RuntimeError(f"the empty workflow ended as {done['status']}")
        return float((done["stopDate"] - began).total_seconds() * 1000)


def _definition(function: str) -> dict[str, Any]:
    """Return the four states of the plain path."""
    run = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function, "Payload": {}},
        "Output": {},
        "Next": "Second",
    }

    def choice(following: str) -> dict[str, Any]:
        return {"Type": "Choice", "Choices": [{"Condition": "{% true %}", "Next": following}], "Default": following}

    return {
        "QueryLanguage": "JSONata",
        "StartAt": "First",
        "States": {
            "First": choice("Run"),
            "Run": run,
            "Second": choice("Done"),
            "Done": {"Type": "Succeed"},
        },
    }


def _zipped(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", text)
    return packed.getvalue()
