"""The economy function dies at any moment of its turns: no entry of a batch is paid twice, and each task ends once."""

import json
import os
import random
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pointsman.adapters.batch_store import DynamoBatchStore
from pointsman.adapters.dynamo import Tables
from pointsman.execution.batch import FOUND_WITHIN, BatchStage
from pointsman.execution.records import POOLED, TaskRecord
from pointsman.values.status import ENDED, Status
from tests.support.evidence import Evidence
from tests.support.figures import SOAK, Figures
from tests.support.local_stack import Stack, eventually, worker_commands
from tests.support.roles import Role

pytestmark = pytest.mark.stack
TASKS, KILLED_TURNS = (200, 60) if SOAK else (10, 5)
MOST_TURNS = 2 * KILLED_TURNS + 60
SENT_AT_ONCE = 10
"""Tasks that are sent before a turn: more than one batch comes about."""
EXPIRES = "(expires)"
LANE_KEY = {"limit": {"S": "economy"}}


@pytest.fixture(autouse=True)
def _batches_end_at_once(stack: Stack, _reset: None) -> Iterator[None]:
    stack.control("DELETE", "batches")
    stack.control("POST", "batches", {"seconds": 0})
    stack.fault("anthropic", {"entry": "expired"}, batch="entry", contains=EXPIRES)
    yield
    stack.control("DELETE", "batches")


def test_turns_that_are_killed_pay_no_entry_twice(stack: Stack, figures: Figures) -> None:
    before, lane, task_ids = Evidence.of(stack), _Lane(stack), list[str]()
    for number in range(MOST_TURNS):
        if len(task_ids) < TASKS:
            task_ids += [_sent(stack, len(task_ids) + n) for n in range(min(SENT_AT_ONCE, TASKS - len(task_ids)))]
        lane.turn(killed=number < KILLED_TURNS)
        if number >= KILLED_TURNS and all(map(lane.has_left, task_ids)):
            break
    records = [stack.ended(task_id) for task_id in task_ids]
    evidence = Evidence.of(stack)
    new, entries = evidence.since(before), _entries(stack)
    figures.update(
        {
            "tasks by status": dict(Counter(str(record.status) for record in records)),
            "turns of which the function was killed": lane.kills,
            "creations that left no batch": lane.lost,
            "entries by result": dict(Counter(entries.values())),
            "attempts in the ledger": dict(Counter(str(row.get("outcome")) for row in new.rows)),
        }
    )
    assert lane.kills >= KILLED_TURNS // 2
    assert {record.status for record in records} == {Status.COMPLETED}
    answered = [row for row in new.rows if row.get("outcome") == "answered"]
    succeeded = [custom_id for custom_id, kind in entries.items() if kind == "succeeded"]
    assert sorted(entry for row in answered if (entry := row.get("batch_entry"))) == sorted(succeeded)
    assert {row.get("outcome") for row in new.rows} <= {"answered", "not_sent", "unknown"}
    for record in records:
        rows = [row for row in new.rows if row["task_id"] == record.task_id]
        assert len([row for row in rows if row in answered]) == 1
        assert record.cost_nano == sum(row["cost_nano"] for row in rows)
    assert evidence.disagreements(before) == []


class _Lane:
    """Turns of the lane, as its schedule takes them, in a time that passes as the test needs it."""

    def __init__(self, stack: Stack) -> None:
        out = stack.info.outputs
        self._stack, self._table, self._dice = stack, out["LimitTableName"], random.Random(20261128)
        tables = Tables(out["TaskTableName"], out["UsageTableName"], self._table)
        self._store = DynamoBatchStore(stack.client("dynamodb"), tables)
        self.kills = 0
        self.lost = 0

    def turn(self, *, killed: bool) -> None:
        """Take a turn, and perhaps kill the function in it. Then a killed run's lease is over, and an unanswered
        creation is an hour old.
        """
        responses = list[tuple[bool, str]]()
        run = threading.Thread(
            target=lambda: responses.append(Role(self._stack, "Economy").invoke({"now": True})), daemon=True
        )
        run.start()
        if killed:
            time.sleep(self._dice.uniform(0.0, 3.0))
            self.kills += _kill_economy(self._stack)
        run.join(timeout=120)
        ((went_well, response),) = responses
        assert went_well or killed, response
        if went_well:
            assert not json.loads(response)["busy"]
            self._pass_an_hour()
        else:
            release = "REMOVE lease_until, lease_owner"
            self._stack.client("dynamodb").update_item(TableName=self._table, Key=LANE_KEY, UpdateExpression=release)

    def _pass_an_hour(self) -> None:
        for batch_id in self._store.look().batch_ids:
            batch = self._store.read(batch_id)
            if batch and batch.stage is BatchStage.SENT and batch.sent_at:
                self._store.save(replace(batch, sent_at=batch.sent_at - FOUND_WITHIN))
                self.lost += 1

    def has_left(self, task_id: str) -> bool:
        record = self._stack.tasks.read(task_id)
        return record is not None and record.status in ENDED


def _sent(stack: Stack, number: int) -> str:
    """Send a task to the lane, and return its id once it waits there; every twentieth entry expires."""
    mark = EXPIRES if number % 20 == 5 else ""
    prompt = f"Write chapter {number} of the guide {uuid.uuid4()}. {mark}"
    task_id = stack.send(prompt=prompt, type="documentation", lane="economy")

    def pooled() -> TaskRecord | None:
        record = stack.tasks.read(task_id)
        return record if record and record.attention == POOLED else None

    eventually(pooled, f"task {task_id} to be in the pool")
    return task_id


def _kill_economy(stack: Stack) -> int:
    """Kill the function's processes; return how many there were, at most one."""
    killed = 0
    for pid, command in worker_commands(stack):
        if "EconomyFunction" in command:
            os.kill(pid, signal.SIGKILL)
            killed = 1
    return killed


def _entries(stack: Stack) -> dict[str, str]:
    """Return the result of each entry that the provider has taken, by custom id; none was taken twice."""
    batches: list[dict[str, Any]] = stack.control("GET", "batches")["batches"]
    results = [(entry["custom_id"], entry["result"]["type"]) for batch in batches for entry in batch["results"]]
    assert len(dict(results)) == len(results)
    return dict(results)
