"""The economy lane as it is deployed: the queue, the pool, a batch at the provider, and the workflow behind it."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from pointsman.execution.records import POOLED, TaskRecord
from pointsman.routing.catalog import load_catalog
from pointsman.values.lane import Lane
from pointsman.values.status import Status
from pointsman.values.usage import Usage
from tests.support.local_stack import Stack, eventually
from tests.support.roles import Role

pytestmark = pytest.mark.stack


@pytest.fixture(autouse=True)
def _fresh(stack: Stack) -> Iterator[None]:
    """Batches that end at once."""
    stack.control("DELETE", "faults")
    stack.control("DELETE", "batches")
    stack.control("POST", "batches", {"seconds": 0})
    yield
    stack.control("DELETE", "faults")
    stack.control("DELETE", "batches")


def pooled(stack: Stack, task_id: str) -> TaskRecord | None:
    record = stack.tasks.read(task_id)
    return record if record and record.attention == POOLED else None


def turn(stack: Stack, **event: Any) -> dict[str, Any]:
    """Take a turn of the lane, as its schedule does."""
    went_well, response = Role(stack, "Economy").invoke(event)
    assert went_well, response
    run: dict[str, Any] = json.loads(response)
    return run


def sent(stack: Stack, prompt: str) -> str:
    """Send a task to the lane, and return its id once it waits there, without an execution."""
    task_id = stack.send(prompt=prompt, type="documentation", lane="economy")
    eventually(lambda: pooled(stack, task_id), f"task {task_id} to be in the pool")
    states = stack.client("stepfunctions")
    with pytest.raises(states.exceptions.ExecutionDoesNotExist):
        stack.status(stack.execution(task_id))
    return task_id


def test_task_is_answered_in_a_batch_at_half_the_price(stack: Stack) -> None:
    task_id = sent(stack, f"Write the release notes {uuid.uuid4()}.")
    assert turn(stack)["created_batches"] == 0, "it waits for others first"
    assert turn(stack, now=True)["created_batches"] == 1
    assert turn(stack)["done_batches"] == 1
    record = stack.ended(task_id)
    assert (record.status, record.attempts) == (Status.COMPLETED, 1)
    assert stack.requests(task_id) == []
    model = load_catalog().get(str(record.model))
    assert 2 * record.cost_nano == model.cost_nano(Usage(**record.usage), datetime.now(UTC)) > 0
    (batch,) = stack.control("GET", "batches")["batches"]
    assert [entry["result"]["type"] for entry in batch["results"]] == ["succeeded"]
    assert "Run implementation" in stack.path(stack.execution(task_id))
    assert stack.status(stack.execution(task_id)) == "SUCCEEDED"


def test_entry_that_expired_goes_the_standard_way(stack: Stack) -> None:
    stack.fault("anthropic", {"entry": "expired"}, batch="entry")
    task_id = sent(stack, f"Write the user guide {uuid.uuid4()}.")
    turn(stack, now=True)
    turn(stack)
    record = stack.ended(task_id)
    assert (record.status, record.attempts, len(stack.requests(task_id))) == (Status.COMPLETED, 1, 1)
    assert record.lane is not None
    assert (record.lane.lane, record.lane.reason) == (Lane.STANDARD, "expired")


def test_creation_whose_answer_is_lost_is_found(stack: Stack) -> None:
    stack.fault("anthropic", {"reset": "before_answer"}, batch="create", times=1)
    task_id = sent(stack, f"Write the changelog {uuid.uuid4()}.")
    assert turn(stack, now=True)["unanswered"] == 1
    assert turn(stack, now=True)["done_batches"] == 1
    record = stack.ended(task_id)
    assert (record.status, record.attempts, stack.requests(task_id)) == (Status.COMPLETED, 1, [])
    assert len(stack.control("GET", "batches")["batches"]) == 1
