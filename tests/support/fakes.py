"""Hand-written stand-ins for the ports: they hold what the tests give them and record what they were asked."""

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pointsman.execution.calls import ModelRequest
from pointsman.execution.dead_letter import DeadLetter
from pointsman.execution.executions import DeadExecution, Execution, Pause
from pointsman.execution.outcome import CallResult

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
"""When tests begin unless they say otherwise."""


@dataclass
class FakeClock:
    """A clock that stands still until it is set or someone sleeps."""

    time: datetime = NOON
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class ScriptedModel:
    """A provider that gives the results it was given, in turn, and keeps the questions."""

    def __init__(self, *results: CallResult, clock: FakeClock | None = None, takes: float = 0.0) -> None:
        self._results = list(results)
        self._clock, self._takes = clock, takes
        self._lock = threading.Lock()
        self.questions: list[ModelRequest] = []

    def then(self, *results: CallResult) -> None:
        """Append results."""
        self._results += results

    def ask(self, question: ModelRequest) -> CallResult:
        with self._lock:
            self.questions.append(question)
            assert self._results, f"nobody expected a question to {question.model}"
            if self._clock:
                self._clock.advance(self._takes)
            return self._results.pop(0)


@dataclass
class FakeBus:
    """A bus that keeps its events, or refuses them."""

    events: list[tuple[str, str]] = field(default_factory=list)
    """Detail type and detail."""
    broken: Exception | None = None

    def publish(self, detail_type: str, detail: str) -> None:
        if self.broken:
            raise self.broken
        self.events.append((detail_type, detail))


@dataclass
class FakeReplies:
    """Places to reply to, some of them gone or out of reach."""

    sent: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Place, detail, and what a failed task failed with."""
    gone: set[str] = field(default_factory=set)
    broken: dict[str, Exception] = field(default_factory=dict)

    def reply(self, reply_to: str, detail: str, failed_with: str | None, event_id: str) -> bool:
        if error := self.broken.get(reply_to):
            raise error
        if reply_to in self.gone:
            return False
        self.sent.append((reply_to, detail, failed_with))
        return True


@dataclass
class FakeWorkflow:
    """A state machine that starts each name once."""

    executions: dict[str, str] = field(default_factory=dict)
    """Inputs by name."""
    failures: list[Exception] = field(default_factory=list)
    """Raised by the next starts, before anything is started."""
    died: list[tuple[DeadExecution, datetime]] = field(default_factory=list)
    """Executions that ended badly, and when."""

    pauses: dict[str, Pause] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)

    def stop(self, name: str, cause: str) -> None:
        if name in self.executions:
            self.stopped.append(name)

    def start(self, name: str, execution_input: str) -> Execution:
        if self.failures:
            raise self.failures.pop(0)
        if name in self.executions:
            return Execution(started=False, input=self.executions[name])
        self.executions[name] = execution_input
        return Execution(started=True)

    def input_of(self, name: str) -> str | None:
        return self.executions.get(name)

    def dead(self, since: datetime, until: datetime) -> Iterable[DeadExecution]:
        return [execution for execution, at in self.died if since <= at <= until]

    def position(self, name: str) -> tuple[str, int]:
        state = json.loads(self.executions[name])
        return state["task_id"], state["generation"]

    def pause(self, name: str) -> Pause | None:
        return self.pauses.get(name)


@dataclass
class FakeTaskQueue:
    """A queue that keeps its messages."""

    bodies: list[str] = field(default_factory=list)
    failures: list[Exception] = field(default_factory=list)
    """Raised by the next sends, before anything is sent."""
    senders: list[str | None] = field(default_factory=list)
    """For whom each was sent."""

    def send(self, body: str, sender: str | None = None) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.bodies.append(body)
        self.senders.append(sender)


@dataclass
class FakeDeadLetterQueue:
    """A dead-letter queue."""

    messages: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    """Body, attributes, message id."""

    def put(self, body: str, attributes: dict[str, str], message_id: str) -> None:
        self.messages.append((body, attributes, message_id))

    def letters(self) -> Iterable[DeadLetter]:
        for body, attributes, message_id in list(self.messages):
            yield DeadLetter(message_id, body, attributes, receipt=message_id)

    def drop(self, letter: DeadLetter) -> None:
        self.messages = [message for message in self.messages if message[2] != letter.receipt]

    def codes(self) -> Iterable[str]:
        """Return the rejections' codes."""
        return [attributes["code"] for _, attributes, _ in self.messages]
