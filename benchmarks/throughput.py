"""`throughput`: tasks per second of processor time through router and tier function, in 1 to 4 processes at once.

The store's part is taken out: what is measured is how many tasks the functions' own work lets through, and whether more
processes make it dearer. Each process has
stores of its own (moto), and a model that answers at once.
"""

import json
import multiprocessing
import uuid
from collections.abc import Iterator
from multiprocessing.synchronize import Barrier
from typing import Any

import boto3
from moto import mock_aws

from benchmarks.bench import Bench
from benchmarks.figure import Figure, median
from benchmarks.rig import INVOCATION, PROMPT, Rig, Stopwatch, TimedSession, rig_of, shipped
from pointsman.entrypoints.settings import Settings
from pointsman.execution.calls import ModelRequest
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.services.intake import QueueMessage
from pointsman.values.usage import Usage
from tests.support.fakes import FakeWorkflow

PROCESSES = (1, 2, 4)
BATCH = 10
KEYS = {"tasks": ("task_id",), "usage": ("day_shard", "row"), "limits": ("limit",)}


class Instant:
    """A model that answers at once."""

    def ask(self, request: ModelRequest) -> CallResult:
        """Answer."""
        return CallResult(Outcome.ANSWERED, "Yes.", Usage(input=100, output=2), request.model)


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure each number of processes beside one process alone."""
    batches, alone = bench.runs(6), None
    for processes in PROCESSES:
        rate, wall = _rates(processes, batches)
        alone = alone or (rate, wall)
        peer, tasks = "one process alone, per process", processes * batches * BATCH
        yield Figure(f"throughput.{processes}", rate, "tasks/s", peer, alone[0], tasks, wall=wall, peer_wall=alone[1])


def _rates(processes: int, batches: int) -> tuple[float, float]:
    """Return the tasks per second of one of the processes, by its processor time and by the wall."""
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
    processor, wall = (median([batches * BATCH / one for one in side]) for side in zip(*seconds, strict=True))
    return processor, wall


def _child(start: Barrier, results: Any, batches: int) -> None:
    with mock_aws():
        session = boto3.Session("testing", "testing", region_name="us-east-1")
        _create(session)
        stores = {"task_table": "tasks", "usage_table": "usage", "limit_table": "limits", "bucket": "data"}
        store = Stopwatch()
        rig = rig_of(Settings.model_validate(stores), shipped(), TimedSession(session.client, store), store, Instant())
        workflow = FakeWorkflow()
        rig.runtime.stores.__dict__["workflow"] = workflow
        _batch(rig, workflow)
        start.wait(timeout=100)
        with rig.measured():
            for _ in range(batches):
                _batch(rig, workflow)
        results.put((rig.own_ms / 1000, rig.own_wall_ms / 1000))


def _batch(rig: Rig, workflow: FakeWorkflow) -> None:
    """Take ten tasks in and make each one's attempt."""
    body = json.dumps({"prompt": PROMPT, "tier": "implementation"})
    messages = [QueueMessage(f"m-{uuid.uuid4().hex}", body) for _ in range(BATCH)]
    batch = rig.intake.claim_batch(messages, "benchmark", INVOCATION)
    for message in messages:
        rig.intake.start_or_reject(message, batch)
        run = WorkflowState.from_state(json.loads(workflow.executions.pop(message.message_id)))
        if rig.attempt(run.here.function)(run, INVOCATION).next is not Next.DELIVER:
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
