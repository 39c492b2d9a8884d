"""The use cases in this process, as the functions build them, with queue and workflow played by hand."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from pointsman.entrypoints.wiring import Application
from pointsman.execution.budget import OPEN
from pointsman.execution.records import TaskRecord
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.ports import Clock
from pointsman.services.attempt import FUNCTION_SECONDS
from pointsman.services.context import Context
from pointsman.services.intake import Message
from pointsman.values.times import month_key

LEASE = 10.0
"""Seconds that a router's invocation has."""
MOST_DELIVERIES = 17
"""Of the workflow: once, and 16 more."""


class LeapClock:
    """The machine's clock, ahead of it by all the time that nobody wanted to sit out."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self._ahead += timedelta(seconds=seconds)


class PatientClock:
    """The machine's clock, whose sleep sleeps."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class ClockedApplication(Application):
    """The application, by another clock, its log and metrics kept."""

    def by(self, clock: Clock) -> "ClockedApplication":
        self.__dict__["clock"] = clock
        return self

    @cached_property
    def context(self) -> Context:
        notes, counts = self.notes, self.counts

        def note(event: str, *, level: str = "info", **fields: object) -> None:
            notes.append((event, {**fields, "level": level}))

        def count(name: str, value: float = 1) -> None:
            counts.append(name)

        return Context(self.policy, self.books, self.model, self.__dict__["clock"], self.settings.zone, note, count)

    @cached_property
    def notes(self) -> list[tuple[str, dict[str, object]]]:
        return []

    @cached_property
    def counts(self) -> list[str]:
        return []


@dataclass
class Player:
    """Queue and workflow: what comes back is sent again, what crashes goes where the state machine's `Catch` leads."""

    app: ClockedApplication
    clock: Clock
    input_of: Callable[[str], str]
    """The input of the execution of that name."""
    seconds: float | None = None
    """Of a tier function; None: its own timeout."""
    crashes: list[str] = field(default_factory=list)
    """Of tier functions: the exceptions' names."""
    undelivered: list[str] = field(default_factory=list)
    """Deliveries that failed: why."""

    def take_in(self, *messages: Message, most: int = 8) -> int:
        """Deliver messages until none comes back; return how often a message came back."""
        waiting, came_back = list(messages), 0
        for round_ in range(most):
            waiting = self._one_batch(waiting, f"router-{round_}")
            if not waiting:
                return came_back
            came_back += len(waiting)
            self.clock.sleep(LEASE + 1)  # the queue's visibility timeout is longer than any lease
        raise AssertionError(f"messages still come back: {[message.message_id for message in waiting]}")

    def _one_batch(self, messages: list[Message], owner: str) -> list[Message]:
        try:
            batch = self.app.intake.take(messages, owner, LEASE)
        except Exception:  # noqa: BLE001  (then the whole batch comes back)
            return messages
        back = []
        for message in messages:
            try:
                self.app.intake.finish(message, batch)
            except Exception:  # noqa: BLE001
                back.append(message)
        return back

    def play(self, task_id: str, most: int = 200) -> WorkflowState:
        """Play an execution to its end, delivery included."""
        run = WorkflowState.from_state(json.loads(self.input_of(task_id)))
        for _ in range(most):
            if run.hop >= len(run.plan):
                run = replace(run, next=Next.FAIL, reason="no_model_left", hop=0)
            if run.next in (Next.DELIVER, Next.FAIL):
                self._deliver(run)
                return run
            if run.next is Next.DELIVER_SAMPLED:
                self._deliver(run)
            if run.next is Next.WAIT:
                self.clock.sleep(run.wait_seconds)
            run = self._step(replace(run, next=Next.RUN))
        raise AssertionError(f"{task_id} does not end")

    def _step(self, run: WorkflowState) -> WorkflowState:
        function = run.here.function
        state = json.loads(json.dumps(run.as_state()))
        try:
            return self.app.attempt(function)(
                WorkflowState.from_state(state), self.seconds or float(FUNCTION_SECONDS[function])
            )
        except Exception as crash:  # noqa: BLE001  (the state machine's Catch takes them all)
            self.crashes.append(type(crash).__name__)
        again = replace(run, attempt=run.attempt + 1)
        return replace(again, crashes=1) if run.crashes == 0 else replace(again, hop=run.hop + 1, crashes=0, tries=0)

    def _deliver(self, run: WorkflowState) -> None:
        for _ in range(MOST_DELIVERIES):
            try:
                self.app.delivery.finish(run.task_id, run.generation, run.reason)
            except Exception as trouble:  # noqa: BLE001  (the state machine tries again after all of them)
                self.undelivered.append(str(trouble))
            else:
                return
        raise AssertionError(f"never delivered: {self.undelivered[-1]}")

    def task(self, task_id: str) -> TaskRecord:
        found = self.app.tasks.read(task_id)
        assert found is not None, f"{task_id} is lost"
        return found


def books_agree(app: ClockedApplication, requests: list[dict[str, Any]], until: datetime) -> list[dict[str, Any]]:
    """Hold ledger, counters and the provider's journal against each other; return the ledger's attempts."""
    rows = [row for row in app.books.rows(until - timedelta(days=2), until) if row["kind"] == "attempt"]
    assert [row["row"] for row in rows if "outcome" not in row] == []
    counters = app.books.counters(month_key(until, app.settings.zone))
    for name, count in counters.items():
        if name.endswith(OPEN):
            assert count == 0, (name, count)
        else:
            assert count == sum(row["cost_nano"] for row in rows if name in row["counters"]), name
    assert sum(row["cost_nano"] for row in rows) == counters.get("month", 0)

    sent = [entry["attempt"] for entry in requests]
    assert len(set(sent)) == len(sent), "an attempt was sent twice"
    booked = {f"{row['task_id']}.{row['turn']}" for row in rows}
    assert set(sent) <= booked, "a call was made that is not booked"
    for row in rows:
        assert f"{row['task_id']}.{row['turn']}" in sent or row["outcome"] in ("unknown", "not_sent"), row
    return rows
