"""How the tasks received in a day stand, by their records: one that never made a call counts too."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from heapq import nlargest
from typing import Self

from pointsman.execution.records import TaskRecord
from pointsman.execution.waiting import Waiting, WaitingFor
from pointsman.values.status import ENDED
from pointsman.values.times import parse_time, to_text

MAX_LISTED = 50
"""Tasks of each kind that a report lists."""
_OVERDUE = timedelta(minutes=15)
"""After its deadline, or its end, a task is late only then: by that time the sweep has looked after it."""


class TaskKind(StrEnum):
    """State of a task; `received` is the sum of all."""

    COMPLETED = "completed"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    HELD = "held"
    """Waits for a budget to renew or to be raised."""
    UNDER_WAY = "under_way"
    """Anything else that has not ended."""


_TROUBLE = (TaskKind.FAILED, TaskKind.HELD, TaskKind.REJECTED, TaskKind.UNDER_WAY)
"""Kinds that are listed task by task."""


@dataclass(frozen=True, slots=True)
class DayTask:
    """A task as its record has it, without its texts."""

    task_id: str
    received_at: str
    status: str
    """As stored."""
    reason: str | None = None
    """Of a failed task its last outcome, of a rejected message the code of its rejection."""
    deadline: str = ""
    ended_at: str | None = None
    is_delivered: bool = True
    """False: it has ended, and somebody who should know of it does not."""
    cost_nano: int = 0
    type: str | None = None
    tier: str | None = None
    model: str | None = None
    agent: str | None = None
    ticket: str | None = None
    waiting: Waiting | None = None
    """What it waits for now, if it does."""
    standard_reason: str | None = None
    """Why it goes, or went, the standard way although it asked for the economy lane."""

    @classmethod
    def of(cls, record: TaskRecord, waiting: Waiting | None) -> Self:
        """Return what the report needs of a record."""
        return cls(
            task_id=record.task_id,
            received_at=record.received_at,
            status=str(record.status),
            reason=record.rejection.code if record.rejection else record.reason,
            deadline=record.deadline,
            ended_at=record.ended_at,
            is_delivered=record.status not in ENDED or not record.attention,
            cost_nano=record.cost_nano,
            type=record.type,
            tier=record.tier,
            model=record.model,
            agent=record.metadata.get("agent"),
            ticket=record.metadata.get("ticket"),
            waiting=waiting,
            standard_reason=record.lane.reason if record.lane else None,
        )

    @property
    def kind(self) -> TaskKind:
        """Its state."""
        if self.status in set(TaskKind):
            return TaskKind(self.status)
        return TaskKind.HELD if self.waiting and self.waiting.view == TaskKind.HELD else TaskKind.UNDER_WAY

    @property
    def why(self) -> str:
        """The reason of its kind, one word: a failure's outcome, a rejection's code, a cap, or what it waits for."""
        if self.kind is TaskKind.HELD and self.waiting and self.waiting.shortfall:
            return self.waiting.shortfall.cap
        word = re.match(r"\w+", self.reason or "")
        return str(self.waiting.what) if self.waiting else word[0] if word else self.status

    def is_late(self, now: datetime) -> bool:
        """Whether it should have ended, or its end should be known to whoever waits, and is not."""
        if self.kind is TaskKind.UNDER_WAY:
            return bool(self.deadline) and parse_time(self.deadline) + _OVERDUE < now
        if self.is_delivered or not self.ended_at:
            return False
        return parse_time(self.ended_at) + _OVERDUE < now


@dataclass(frozen=True, slots=True)
class LaneTasks:
    """How the tasks that asked for the economy lane stand; those that it answered are in the ledger."""

    waiting: int = 0
    """For a batch, or in one."""
    until: str | None = None
    """When the last of them goes the standard way, unless it is answered before."""
    standard: dict[str, int] = field(default_factory=dict)
    """How many go, or went, the standard way, by reason, most first."""


@dataclass(frozen=True, slots=True)
class DayTasks:
    """The tasks that were received in a day, as they stood when the report was made."""

    counts: dict[TaskKind, int] = field(default_factory=lambda: dict.fromkeys(TaskKind, 0))
    reasons: dict[TaskKind, dict[str, int]] = field(default_factory=dict)
    """How many of each kind by their reason, most first; not of completed ones."""
    costs: dict[TaskKind, int] = field(default_factory=lambda: dict.fromkeys(TaskKind, 0))
    """Nano-dollars that the tasks of each kind cost so far."""
    late: int = 0
    """Of all kinds."""
    unread: int = 0
    """Tasks under way of which could not be read what they wait for: some of them may be held."""
    listed: tuple[DayTask, ...] = ()
    """The newest of each kind but completed and cancelled, and every late one, at most `MAX_LISTED` of each kind."""
    dead_letters: int = 0
    """Messages in the dead-letter queue when the report was made; 0 for a day that lies further back."""
    lane: LaneTasks = LaneTasks()

    @property
    def received(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    @property
    def all_well(self) -> bool:
        """Whether none failed, was rejected, is held or late, and no message lies in the dead-letter queue."""
        bad = self.counts[TaskKind.FAILED] + self.counts[TaskKind.REJECTED] + self.counts[TaskKind.HELD]
        return not (bad or self.late or self.unread or self.dead_letters)

    def with_unread(self, unread: int) -> "DayTasks":
        """Return the same with the number of tasks of which it is not known what they wait for."""
        return replace(self, unread=unread)

    def first(self, kind: TaskKind) -> DayTask | None:
        """Return the newest task of a kind that is listed."""
        return next((task for task in self.listed if task.kind is kind), None)


def day_tasks(tasks: Iterable[DayTask], now: datetime, *, dead_letters: int = 0) -> DayTasks:
    """Return what became of the tasks; they are held one at a time, but for those that are listed."""
    counts, costs = Counter[TaskKind](), Counter[TaskKind]()
    reasons: dict[TaskKind, Counter[str]] = {kind: Counter() for kind in TaskKind if kind is not TaskKind.COMPLETED}
    listed: dict[TaskKind, list[DayTask]] = {}
    late, in_lane, ends, standard = 0, 0, "", Counter[str]()
    for task in tasks:
        kind, is_late = task.kind, task.is_late(now)
        counts[kind] += 1
        costs[kind] += task.cost_nano
        late += is_late
        if kind in reasons:
            reasons[kind][task.why] += 1
        if task.waiting and task.waiting.what is WaitingFor.BATCH:
            in_lane, ends = in_lane + 1, max(ends, to_text(task.waiting.until))
        elif task.standard_reason:
            standard[task.standard_reason] += 1
        if kind in _TROUBLE or is_late:
            listed.setdefault(kind, []).append(task)
            if len(listed[kind]) >= 20 * MAX_LISTED:
                listed[kind] = nlargest(MAX_LISTED, listed[kind], key=_newest)
    return DayTasks(
        counts={kind: counts[kind] for kind in TaskKind},
        reasons={kind: _most_first(words) for kind, words in reasons.items()},
        costs={kind: costs[kind] for kind in TaskKind},
        late=late,
        listed=tuple(
            task
            for kind in (*_TROUBLE, TaskKind.COMPLETED, TaskKind.CANCELLED)
            for task in nlargest(MAX_LISTED, listed.get(kind, ()), key=_newest)
        ),
        dead_letters=dead_letters,
        lane=LaneTasks(in_lane, ends or None, _most_first(standard)),
    )


def _most_first(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _newest(task: DayTask) -> tuple[str, str]:
    return task.received_at, task.task_id
