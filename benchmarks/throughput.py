"""`throughput`: tasks per second through router and tier function in 1, 2, 4 and 8 processes at once.

The store's part is taken out: what is measured is how many tasks the functions' own work lets through. Each process has
stores of its own (moto), and a model that answers at once.
"""

import json
import multiprocessing
import os
import time
import uuid
from collections.abc import Iterator
from multiprocessing.synchronize import Barrier
from typing import Any

import boto3
from moto import mock_aws

from benchmarks.bench import Bench
from benchmarks.figure import Figure
from benchmarks.rig import INVOCATION, PROMPT, TimedApplication, shipped
from pointsman.entrypoints.settings import Settings
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.ports import ModelRequest
from pointsman.services.intake import Message
from pointsman.values.usage import Usage
from tests.support.fakes import FakeWorkflow

PROCESSES = (1, 2, 4, 8)
BATCH = 10
KEYS = {"tasks": ("task_id",), "usage": ("day_shard", "row"), "limits": ("limit",)}


class Instant:
    """A model that answers at once."""

    def ask(self, question: ModelRequest) -> CallResult:
        """Answer."""
        return CallResult(Outcome.ANSWERED, "Yes.", Usage(input=100, output=2), question.model)


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure each number of processes; the limit is what one process reaches, times the processors at work."""
    batches, alone = bench.runs(6), 0.0
    for processes in PROCESSES:
        rate = _rate(processes, batches)
        alone = alone or rate
        cores = min(processes, os.cpu_count() or 1)
        peer = f"one process x {cores} of the processors"
        yield Figure(f"throughput.{processes}", rate, "tasks/s", peer, alone * cores, processes * batches * BATCH)


def _rate(processes: int, batches: int) -> float:
    """Return the tasks per second of all processes together."""
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(processes), context.Queue()
    children = [context.Process(target=_child, args=(start, results, batches)) for _ in range(processes)]
    for child in children:
        child.start()
    try:
        seconds = [results.get(timeout=120) for _ in children]
    finally:
        for child in children:
            child.terminate()
            child.join()
    return sum(batches * BATCH / each for each in seconds)


def _child(start: Barrier, results: Any, batches: int) -> None:
    with mock_aws():
        session = boto3.Session("testing", "testing", region_name="us-east-1")
        _create(session)
        stores = {"task_table": "tasks", "usage_table": "usage", "limit_table": "limits", "bucket": "data"}
        app = TimedApplication(Settings.model_validate(stores), shipped(), clients=session.client)
        workflow = FakeWorkflow()
        app.__dict__.update(workflow=workflow, models=_Everywhere())
        _batch(app, workflow)
        start.wait(timeout=100)
        app.store.reset()
        began = time.perf_counter()
        for _ in range(batches):
            _batch(app, workflow)
        results.put(time.perf_counter() - began - app.store.seconds)


class _Everywhere(dict[Any, Instant]):
    """The same model of every provider."""

    def __contains__(self, _: object) -> bool:
        return True

    def __missing__(self, _: Any) -> Instant:
        return Instant()


def _batch(app: TimedApplication, workflow: FakeWorkflow) -> None:
    """Take ten tasks in and make each one's attempt."""
    body = json.dumps({"prompt": PROMPT, "tier": "implementation"})
    messages = [Message(f"m-{uuid.uuid4().hex}", body) for _ in range(BATCH)]
    batch = app.intake.take(messages, "benchmark", INVOCATION)
    for message in messages:
        app.intake.finish(message, batch)
        run = WorkflowState.from_state(json.loads(workflow.executions.pop(message.message_id)))
        if app.attempt(run.here.function)(run, INVOCATION).next is not Next.DELIVER:
            raise RuntimeError("an attempt was not answered")


def _create(session: boto3.Session) -> None:
    client = session.client("dynamodb")
    for table, keys in KEYS.items():
        client.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[
                {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
            ],
        )
