"""The messages on their way: sent, and followed until each is accounted for."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from demo.phases import Phase
from demo.samples import Sample
from pointsman.client import Sent
from pointsman.client.watch import has_ended
from pointsman.entrypoints.runtime import Runtime
from pointsman.execution.records import TaskRecord
from pointsman.values.status import Status
from pointsman.values.times import parse_time

POLL_SECONDS = 0.5
WINDOW = 5
"""Messages under way at most. The emulator starts a process for each invocation that finds none free: a burst would be
as many Python interpreters importing the SDKs side by side on one machine.
"""
PATIENCE = 10.0
"""Seconds for the last deliveries."""
MOST_SECONDS = 240.0
"""A phase that takes longer is given up; the checks then say which messages are open."""


@dataclass(slots=True)
class Message:
    """A sample that was sent, and what has become of it."""

    sample: Sample
    phase: str
    sent: Sent
    sent_at: datetime
    repeats: bool
    """Whether an earlier message asked for the same task."""
    record: TaskRecord | None = None
    accounted: bool = False

    @property
    def outcome(self) -> str:
        """One word for what became of it; `open` while nothing has."""
        if self.record is None or not self.accounted:
            return "open"
        return "duplicate" if self.repeats and self.record.status is not Status.REJECTED else str(self.record.status)

    @property
    def undelivered(self) -> bool:
        """Whether its task has ended and nobody could be told yet."""
        return self.outcome in ("completed", "failed") and self.record is not None and not self.record.delivered_at

    @property
    def seconds(self) -> float | None:
        """Time from sending to its end; None for a duplicate, whose task ended before."""
        ended = self.record and (self.record.ended_at or self.record.received_at)
        if not ended or self.outcome in ("duplicate", "open"):
            return None
        return round(max((parse_time(ended) - self.sent_at).total_seconds(), 0.0), 1)


@dataclass(frozen=True)
class Traffic:
    """All messages of the demo."""

    runtime: Runtime
    messages: list[Message]

    def run(self, phase: Phase, samples: list[Sample], tell: Callable[[int, int], None]) -> bool:
        """Send a phase's samples and wait until all are accounted for; False when that takes too long.

        `tell` is given how many are accounted for and how many are sent.
        """
        limit = time.monotonic() + MOST_SECONDS
        own: list[Message] = []
        while True:
            self._look([message for message in own if not message.accounted])
            done = sum(message.accounted for message in own)
            while len(own) < len(samples) and len(own) - done < WINDOW:
                own.append(self._send(phase, samples[len(own)]))
            tell(done, len(own))
            if done == len(samples):
                return True
            if time.monotonic() > limit:
                return False
            time.sleep(POLL_SECONDS)

    def await_deliveries(self) -> None:
        """Wait a little until what has ended is delivered too."""
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit and (waiting := [each for each in self.messages if each.undelivered]):
            records = self._records(waiting)
            for message in waiting:
                message.record = message.sent.fate(records)
            time.sleep(POLL_SECONDS)

    def _send(self, phase: Phase, sample: Sample) -> Message:
        now, queue = datetime.now(UTC), self.runtime.settings.task_queue_url
        answer = self.runtime.stores.sqs.send_message(QueueUrl=queue, MessageBody=sample.body)
        sent = Sent.of(answer["MessageId"], sample.body)
        repeats = any(_same(sent, earlier.sent) for earlier in self.messages)
        message = Message(sample, phase.name, sent, now, repeats)
        self.messages.append(message)
        return message

    def _look(self, open_ones: list[Message]) -> None:
        records = self._records(open_ones)
        empty = None
        for message in open_ones:
            message.record = message.sent.fate(records)
            if message.record is None:
                continue
            rejected = message.record.status is Status.REJECTED
            if message.repeats and not rejected:
                empty = self._queue_is_empty() if empty is None else empty
                message.accounted = empty
            else:
                message.accounted = has_ended(message.record)

    def _records(self, messages: list[Message]) -> dict[str, TaskRecord]:
        return self.runtime.stores.tasks.read_many(
            id_ for each in messages for id_ in (each.sent.task_id, each.sent.message_id)
        )

    def _queue_is_empty(self) -> bool:
        """Return whether no message waits or is being worked on: a duplicate leaves no other trace."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = self.runtime.settings.task_queue_url
        stated: dict[str, Any] = self.runtime.stores.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)[
            "Attributes"
        ]
        return not any(int(stated[name]) for name in names)


def _same(one: Sent, other: Sent) -> bool:
    return one.task_id == other.task_id and one.fingerprint is not None and one.fingerprint == other.fingerprint
