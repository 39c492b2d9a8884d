"""Sends the samples and follows each message until it is settled."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from demo.phases import Phase
from demo.progress import ProgressUpdate
from demo.samples import Sample
from pointsman.client import Sent
from pointsman.client.watch import has_ended
from pointsman.entrypoints.runtime import Runtime
from pointsman.execution.records import TaskRecord
from pointsman.values.status import Status
from pointsman.values.times import parse_time

_POLL_SECONDS = 0.5
_MOST_IN_PROGRESS = 5
"""Messages. The emulator starts a process for each invocation that finds none free: a burst would start as many Python
interpreters at once, each importing the SDKs.
"""
_DELIVERY_SECONDS = 10.0
"""Time for the last deliveries."""
_PHASE_SECONDS = 240.0
"""A phase that takes longer is given up; the checks then name the open messages."""


@dataclass(slots=True)
class SentMessage:
    """A sample that was sent, with its current state."""

    sample: Sample
    phase: str
    sent: Sent
    sent_at: datetime
    repeats: bool
    """Whether an earlier message has the same task."""
    record: TaskRecord | None = None
    settled: bool = False

    @property
    def outcome(self) -> str:
        """The result in one word; `open` until the message is settled."""
        if self.record is None or not self.settled:
            return "open"
        return "duplicate" if self.repeats and self.record.status is not Status.REJECTED else str(self.record.status)

    @property
    def is_started(self) -> bool:
        """Whether the router has taken its task."""
        return self.record is not None and self.record.status is not Status.CLAIMED

    @property
    def undelivered(self) -> bool:
        """Whether its task has ended and is not delivered yet."""
        return self.outcome in ("completed", "failed") and self.record is not None and not self.record.delivered_at

    @property
    def seconds(self) -> float | None:
        """Time from sending to the end; None for a duplicate, whose task ended before, and while open."""
        ended = self.record and (self.record.ended_at or self.record.received_at)
        if not ended or self.outcome in ("duplicate", "open"):
            return None
        return round(max((parse_time(ended) - self.sent_at).total_seconds(), 0.0), 1)


@dataclass(frozen=True)
class Traffic:
    """All messages of the demo."""

    runtime: Runtime
    messages: list[SentMessage]
    take_turn: Callable[[], None]
    """Takes a turn of the economy lane."""

    def run(self, phase: Phase, samples: list[Sample], update: ProgressUpdate) -> bool:
        """Send a phase's samples and wait until all are settled; return False if that takes too long."""
        limit = time.monotonic() + _PHASE_SECONDS
        messages: list[SentMessage] = []
        while True:
            self._refresh([message for message in messages if not message.settled])
            done = sum(message.settled for message in messages)
            while len(messages) < len(samples) and len(messages) - done < _MOST_IN_PROGRESS:
                messages.append(self._send(phase, samples[len(messages)]))
            update(done, len(messages))
            if phase.in_lane and len(messages) == len(samples) and all(message.is_started for message in messages):
                self.take_turn()
            if done == len(samples):
                return True
            if time.monotonic() > limit:
                return False
            time.sleep(_POLL_SECONDS)

    def await_deliveries(self) -> None:
        """Wait a few seconds until every ended task is delivered."""
        limit = time.monotonic() + _DELIVERY_SECONDS
        while time.monotonic() < limit and (waiting := [message for message in self.messages if message.undelivered]):
            records = self._records(waiting)
            for message in waiting:
                message.record = message.sent.fate(records)
            time.sleep(_POLL_SECONDS)

    def _send(self, phase: Phase, sample: Sample) -> SentMessage:
        now, queue = datetime.now(UTC), self.runtime.settings.task_queue_url
        answer = self.runtime.stores.sqs.send_message(QueueUrl=queue, MessageBody=sample.body)
        sent = Sent.of(answer["MessageId"], sample.body)
        repeats = any(_same(sent, earlier.sent) for earlier in self.messages)
        message = SentMessage(sample, phase.name, sent, now, repeats)
        self.messages.append(message)
        return message

    def _refresh(self, open_messages: list[SentMessage]) -> None:
        records = self._records(open_messages)
        empty = None
        for message in open_messages:
            message.record = message.sent.fate(records)
            if message.record is None:
                continue
            rejected = message.record.status is Status.REJECTED
            if message.repeats and not rejected:
                empty = self._queue_is_empty() if empty is None else empty
                message.settled = empty
            else:
                message.settled = has_ended(message.record)

    def _records(self, messages: list[SentMessage]) -> dict[str, TaskRecord]:
        return self.runtime.stores.tasks.read_many(
            record_id for message in messages for record_id in (message.sent.task_id, message.sent.message_id)
        )

    def _queue_is_empty(self) -> bool:
        """Return whether no message is waiting or in flight: a duplicate leaves no other trace."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = self.runtime.settings.task_queue_url
        answer = self.runtime.stores.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)
        attributes: dict[str, Any] = answer["Attributes"]
        return not any(int(attributes[name]) for name in names)


def _same(first: Sent, second: Sent) -> bool:
    return first.task_id == second.task_id and first.fingerprint is not None and first.fingerprint == second.fingerprint
