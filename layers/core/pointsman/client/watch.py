"""Waiting for tasks, without the waiting itself: which to look for, what is news, how long to pause."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pointsman.client.errors import NotEndedError
from pointsman.client.message import Sent
from pointsman.execution.records import TaskRecord
from pointsman.values.status import CANCELLING, ENDED, Status

FIRST_PAUSE, _LONGEST_POLL_PAUSE, GROWTH = 0.2, 2.0, 1.5
"""Seconds between two looks at the table, and by how much each pause is longer than the one before."""
NAMED = 5
"""Open tasks that an error names."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a task has come."""

    task_id: str
    state: str
    """`queued` until the router has looked at it, then its status, or `cancelling`."""
    tier: str | None = None
    decided_by: str | None = None
    """Source of the decision: `explicit`, `local`, `gemini`, …"""
    attempts: int = 0
    """Calls to models that have begun."""

    @classmethod
    def of(cls, task_id: str, record: TaskRecord | None) -> "Progress":
        """Return what a record tells."""
        if record is None:
            return cls(task_id, "queued")
        return cls(
            task_id,
            CANCELLING if record.cancel_asked_at and not has_ended(record) else str(record.status),
            record.tier,
            record.decision.source if record.decision else None,
            len(record.rows),
        )


def has_ended(record: TaskRecord | None) -> bool:
    """Return whether nothing more will become of it."""
    return record is not None and (record.status in ENDED or record.status is Status.REJECTED)


class Watch:
    """Tasks that are waited for, by what was sent or by id; the time runs from here on."""

    def __init__(self, tasks: Iterable[Sent | str], timeout: float | None) -> None:
        self._open = list(dict.fromkeys(tasks))
        self._told: dict[str, Progress] = {}
        self._timeout = timeout
        self._until = None if timeout is None else time.monotonic() + timeout
        self._pause = FIRST_PAUSE

    def __bool__(self) -> bool:
        return bool(self._open)

    @property
    def ids(self) -> set[str]:
        """Keys of the task table to look at."""
        named = ((task,) if isinstance(task, str) else (task.task_id, task.message_id) for task in self._open)
        return {key for keys in named for key in keys}

    def take(self, records: Mapping[str, TaskRecord]) -> tuple[list[TaskRecord], list[Progress]]:
        """Return which tasks have ended, and what has changed since the last look."""
        ended, news, still = [], [], []
        for task in self._open:
            record = records.get(task) if isinstance(task, str) else task.fate(records)
            task_id = task if isinstance(task, str) else task.task_id
            progress = Progress.of(task_id, record)
            if self._told.get(task_id) != progress:
                news.append(progress)
                self._told[task_id] = progress
            if record is not None and has_ended(record):
                ended.append(record)
            else:
                still.append(task)
        self._open = still
        return ended, news

    def pause(self) -> float:
        """Return the seconds until the next look.

        Raises:
            NotEndedError: The time is over.
        """
        pause, self._pause = self._pause, min(self._pause * GROWTH, _LONGEST_POLL_PAUSE)
        if self._until is None:
            return pause
        left = self._until - time.monotonic()
        if left <= 0:
            raise NotEndedError(self._late(), tuple(self._ids_of_open()))
        return min(pause, left)

    def _ids_of_open(self) -> list[str]:
        return [task if isinstance(task, str) else task.task_id for task in self._open]

    def _late(self) -> str:
        ids = self._ids_of_open()
        if len(ids) == 1:
            return f"task {ids[0]} has not ended within {self._timeout:g} s: it is {self._told[ids[0]].state}"
        named = ", ".join(ids[:NAMED]) + (", …" if len(ids) > NAMED else "")
        return f"{len(ids)} tasks have not ended within {self._timeout:g} s: {named}"
