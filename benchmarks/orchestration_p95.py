"""`orchestration_p95`: from the queue to Task Completed through the whole local stack, with a model that takes 500 ms.

The emulator's own share is measured beside it: a queue that calls a function that imports nothing, and a workflow of
the plain path's states around another such function.
"""

import contextlib
import io
import json
import os
import signal
import time
import uuid
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from benchmarks.bench import Bench
from benchmarks.cold_to_done import slow_models
from benchmarks.figure import Figure, median, p95
from benchmarks.places import BARE
from benchmarks.rig import role_that_may_all
from pointsman.values.times import parse_time
from tests.support.local_stack import Stack, eventually, worker_commands

TARGETS = {"warm": 620.0, "cold": 1600.0}
"""Milliseconds at p95, the emulator's share taken out."""
COLD = {"warm": (), "cold": ("Function", "-ping", "-run")}
"""Parts of the names of the functions that are cold, the empty ones beside ours."""
PING = "import time\n\ndef handler(event, context):\n    open({path!r}, 'a').write(f'{{time.time()}}\\n')\n"


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure warm and cold, the emulator's share in turns with the whole."""
    stack = bench.stack
    empty = Empty(stack)
    with slow_models(stack):
        for state, n in (("warm", bench.runs(20)), ("cold", bench.runs(10))):
            whole, share = list[float](), list[float]()
            _task(stack)
            empty.run()
            for _ in range(n):
                stack.delete_model_health()
                _chill(stack, *COLD[state])
                share.append(empty.run())
                whole.append(_task(stack))
            overhead = [seconds - median(share) for seconds in whole]
            name = f"orchestration_p95.{state}"
            yield Figure(f"{name}.whole", median(whole), "ms", "the emulator's share", median(share), n, p95(whole))
            yield Figure(
                name,
                p95(overhead),
                "ms at p95",
                "the model's 500 ms",
                500.0,
                n,
                target=TARGETS.get(state),
                judged="value",
            )


def _task(stack: Stack) -> float:
    """Return the milliseconds from sending one task to its delivery."""
    sent = time.time()
    record = stack.ended(stack.send(prompt="Which job goes first, backup or invoices?", type="orchestration"))
    assert record.delivered_at
    return (parse_time(record.delivered_at).timestamp() - sent) * 1000


def _chill(stack: Stack, *names: str) -> None:
    """End the processes of functions with such names, so that each is cold at its next invocation."""
    for pid, command in worker_commands(stack):
        if any(name in command for name in names):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


class Empty:
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
        return self._queued() + self._worked()

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
