"""The one step that cancels a task: conditional writes, whoever takes it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pointsman.execution.records import TaskRecord
from pointsman.ports import TaskStore
from pointsman.values.errors import RetryLaterError
from pointsman.values.status import ENDED, Status

_MOST_RACES = 8
"""Attempts that may begin or end between two looks at a task."""


class CancelOutcome(StrEnum):
    """What a task is once it was to be cancelled."""

    CANCELLED = "cancelled"
    CANCELLING = "cancelling"
    """Its call is under way: it ends when that is settled."""
    NOT_RECEIVED = "not received"
    """Its message, if there is one, is still in the queue: the router will drop it."""
    ENDED = "ended before"


@dataclass(frozen=True, slots=True)
class CancelledTask:
    """What cancelling came to."""

    task_id: str
    outcome: CancelOutcome
    record: TaskRecord | None = None
    """The task as it is then; None: it is not known."""
    ended_now: TaskRecord | None = None
    """The task, if this very call ended it: whoever made it tells."""


def cancel_task(tasks: TaskStore, task_id: str, now: datetime) -> CancelledTask:
    """End a task without an open call as cancelled, mark one that has an open call, and keep an id that is not known.

    Raises:
        RetryLaterError: Attempts began and ended whenever it looked.
    """
    for _ in range(_MOST_RACES):
        record = tasks.read(task_id)
        if record is None:
            record = tasks.cancel_ahead(task_id, now)
            if record is None:
                return CancelledTask(task_id, CancelOutcome.NOT_RECEIVED)
        if record.is_cancelled_ahead:
            return CancelledTask(task_id, CancelOutcome.NOT_RECEIVED, record)
        if record.status in ENDED or record.status is Status.REJECTED:
            return CancelledTask(task_id, CancelOutcome.ENDED, record)
        if ended := tasks.cancel(task_id, record.generation, now):
            return CancelledTask(task_id, CancelOutcome.CANCELLED, ended, ended)
        if marked := tasks.ask_cancel(task_id, record.generation, now):
            return CancelledTask(task_id, CancelOutcome.CANCELLING, marked)
    raise RetryLaterError("attempts begin and end: try again")
