"""Requests that are sent again: which task they are, and whether its answer was handed out.

A request without `Idempotency-Key` has the id of its content and a number. The number grows when an answer is handed
out, so that until then the same request is the same task, however often and at once it comes.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from pointsman.client import Client
from pointsman.contracts.api_key import ApiKey
from pointsman.contracts.hand_out import HandedOut
from pointsman.execution.records import TaskRecord
from pointsman.ports import Clock
from pointsman.services.context import Log
from pointsman.values.errors import safe_message
from pointsman.values.log_events import LogEvent
from pointsman.values.times import parse_time

_ABANDONED_AFTER = timedelta(hours=1)
"""How long an answer that nobody got is kept for who asks again; later the same request is a new task."""
_LOST_WITHIN = timedelta(minutes=10)
"""How soon after an answer was handed out a request that its client marks as a retry still gets it: it was lost on its
way."""
_HASH = 48
"""Hexadecimal digits of a fingerprint, in an id that has room for 80 characters."""
_OWN_ID = re.compile(rf"([0-9a-f]{{12}}-[0-9a-f]{{{_HASH}}})-(\d{{1,9}})", re.ASCII)


class HandOuts(Protocol):
    """Where that is kept: one item per sender and content, written once for each answer."""

    def read(self, request: str) -> HandedOut | None:
        """Return what is known of a request."""

    def record(self, request: str, number: int, at: datetime) -> None:
        """Keep that so many answers were handed out, unless more were."""


@dataclass(frozen=True, slots=True)
class Repeats:
    """The door's memory of requests."""

    hand_outs: HandOuts
    client: Client
    clock: Clock
    log: Log

    def task_of(self, key: ApiKey, fingerprint: str, *, retry: bool) -> tuple[str, TaskRecord | None]:
        """Return the id of the task that a request is, and its record if it has begun.

        `retry` is whether the client says that it sends the request again.
        """
        request, now = key.task_id(fingerprint[:_HASH]), self.clock.now()
        before = self.hand_outs.read(request)
        number = before.number if before else 0
        record = self.client.read(_task_id(request, number))
        if record is None and before and retry and now - before.at < _LOST_WITHIN:
            return _task_id(request, number - 1), self.client.read(_task_id(request, number - 1))
        if record and record.ended_at and now - parse_time(record.ended_at) > _ABANDONED_AFTER:
            number, record = number + 1, None
            self.hand_outs.record(request, number, now)
        return _task_id(request, number), record

    def handed_out(self, task_id: str) -> None:
        """Keep that a task's answer is on its way to a caller. Where it cannot be kept, the answer is given again."""
        match = _OWN_ID.fullmatch(task_id)
        if match is None:  # of a request with a key of its own
            return
        try:
            self.hand_outs.record(match[1], int(match[2]) + 1, self.clock.now())
        except Exception as trouble:  # noqa: BLE001  (the answer is there, and must not be lost for this)
            self.log(LogEvent.HAND_OUT_NOT_RECORDED, level="warning", task_id=task_id, why=safe_message(trouble))


def _task_id(request: str, number: int) -> str:
    return f"{request}-{number}"
