"""The use cases in this process, as the functions build them, with queue and workflow played by hand."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.adapters.ledger_reader import DynamoLedgerReader
from pointsman.adapters.task_table import TaskTable
from pointsman.adapters.usage_ledger import DynamoUsageLedger
from pointsman.entrypoints.delivery import build_delivery
from pointsman.entrypoints.router import build_intake
from pointsman.entrypoints.runtime import Runtime, build_runtime
from pointsman.entrypoints.settings import Settings
from pointsman.entrypoints.sweep import build_sweep
from pointsman.entrypoints.tier import build_attempt
from pointsman.execution.budget import OPEN
from pointsman.execution.records import TaskRecord
from pointsman.execution.workflow_state import MOST_ROUNDS_OF_UNKNOWN, Next, WorkflowState
from pointsman.ports import Clock
from pointsman.routing.policy import RoutingPolicy
from pointsman.services.attempt import FUNCTION_SECONDS, Attempt
from pointsman.services.delivery import Delivery
from pointsman.services.intake import Intake, QueueMessage
from pointsman.services.sweep import Sweep
from pointsman.values.taxonomy import Tier
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


@dataclass
class InProcess:
    """The use cases over one stack, by a clock of the test's, their log and metrics kept."""

    runtime: Runtime
    logged: list[tuple[str, dict[str, object]]]
    counted: list[str]

    @property
    def intake(self) -> Intake:
        return self.runtime.part(build_intake)

    @property
    def delivery(self) -> Delivery:
        return self.runtime.part(build_delivery)

    @property
    def sweep(self) -> Sweep:
        return self.runtime.part(build_sweep)

    @property
    def ledger(self) -> DynamoUsageLedger:
        return self.runtime.stores.ledger

    @property
    def ledger_reader(self) -> DynamoLedgerReader:
        return self.runtime.stores.ledger_reader

    @property
    def tasks(self) -> TaskTable:
        return self.runtime.stores.tasks

    @property
    def policy(self) -> RoutingPolicy:
        return self.runtime.context.policy

    def attempt(self, function: Tier) -> Attempt:
        return self.runtime.part(build_attempt, function)


def in_process(settings: Settings, config_text: str, session: Any, clock: Clock | None = None) -> InProcess:
    """Return the use cases over a stack."""
    logged: list[tuple[str, dict[str, object]]] = []
    counted: list[str] = []

    def log(event: str, *, level: str = "info", **fields: object) -> None:
        logged.append((event, {**fields, "level": level}))

    def count(name: str, value: float = 1) -> None:
        counted.append(name)

    runtime = build_runtime(settings, config_text, session, log=log, count=count, clock=clock)
    return InProcess(runtime, logged, counted)


@dataclass
class Player:
    """Queue and workflow: what comes back is sent again, what crashes goes where the state machine's `Catch` leads."""

    app: InProcess
    clock: Clock
    input_of: Callable[[str], str]
    """The input of the execution of that name."""
    seconds: float | None = None
    """Of a tier function; None: its own timeout."""
    crashes: list[str] = field(default_factory=list)
    """Of tier functions: the exceptions' names."""
    undelivered: list[str] = field(default_factory=list)
    """Deliveries that failed: why."""

    def route_messages(self, *messages: QueueMessage, most: int = 8) -> int:
        """Deliver messages until none comes back; return how often a message came back."""
        waiting, came_back = list(messages), 0
        for round_ in range(most):
            waiting = self._one_batch(waiting, f"router-{round_}")
            if not waiting:
                return came_back
            came_back += len(waiting)
            self.clock.sleep(LEASE + 1)  # the queue's visibility timeout is longer than any lease
        raise AssertionError(f"messages still come back: {[message.message_id for message in waiting]}")

    def _one_batch(self, messages: list[QueueMessage], owner: str) -> list[QueueMessage]:
        try:
            batch = self.app.intake.claim_batch(messages, owner, LEASE)
        except Exception:  # noqa: BLE001  (then the whole batch comes back)
            return messages
        back = []
        for message in messages:
            try:
                self.app.intake.start_or_reject(message, batch)
            except Exception:  # noqa: BLE001
                back.append(message)
        return back

    def play(self, task_id: str, most: int = 200) -> WorkflowState:
        """Play an execution to its end, delivery included."""
        run = WorkflowState.from_state(json.loads(self.input_of(task_id)))
        for _ in range(most):
            if run.hop >= len(run.plan):
                run = replace(run, next=Next.FAIL, reason="no_model_left", hop=0)
            if run.delivered:
                return run
            if run.next in (Next.DELIVER, Next.FAIL):
                self._deliver(run)
                return run
            if run.next is Next.DELIVER_SAMPLED:
                self._deliver(run)
            if run.announce_hold and run.waiting_for:
                self.app.delivery.announce_hold(run.task_id, run.generation, run.waiting_for)
                run = replace(run, announce_hold=False)
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
        if run.crashes == 0:
            return replace(again, crashes=1)
        healing = run.saw_transient or run.rounds < MOST_ROUNDS_OF_UNKNOWN
        return replace(again, hop=run.hop + 1, crashes=0, tries=0, saw_transient=healing)

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
        result = self.app.tasks.read(task_id)
        assert result is not None, f"{task_id} is lost"
        return result


def assert_ledger_agrees(app: InProcess, requests: list[dict[str, Any]], until: datetime) -> list[dict[str, Any]]:
    """Compare ledger, counters and the provider's journal; return the ledger's attempts."""
    rows = [row for row in app.ledger_reader.rows(until - timedelta(days=2), until) if row["kind"] == "attempt"]
    assert [row["row"] for row in rows if "outcome" not in row] == []
    counters = app.ledger_reader.counters(month_key(until, app.runtime.settings.zone), 31)
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
