"""What each task cost, its part of the classification beside it: the dearest ones, and sums by what tasks say of
themselves.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nsmallest

from pointsman.report.figures.ledger_entries import LedgerEntry, Part

MOST_TASKS = 1_000
"""Tasks of a day that a report lists: the dearest; all others are one sum."""
MOST_NAMES, MOST_KEPT = 1_000, 50_000
"""Tickets, agents and parents that a report lists, and that are told apart while a day is added up. Sums are exact
whatever their number; past the second one, a name may stand with less than its whole cost."""
LABELS = ("agent", "ticket", "parent_id")


@dataclass(frozen=True, slots=True)
class TaskCost:
    """One task's day. The last attempt says type, tier, model and outcome; None: only its classification was today."""

    task_id: str
    type: str | None
    tier: str | None
    model: str | None
    outcome: str | None
    attempts: int
    cost_nano: int
    """Of its own attempts."""
    share_nano: int
    """Its part of the classifications that it was in: counted there, not in any total of tasks."""
    agent: str | None
    ticket: str | None
    parent_id: str | None

    @property
    def with_share_nano(self) -> int:
        """All that it cost."""
        return self.cost_nano + self.share_nano


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks of one agent, ticket or parent."""

    tasks: int = 0
    attempts: int = 0
    cost_nano: int = 0
    share_nano: int = 0

    @property
    def with_share_nano(self) -> int:
        """All that they cost."""
        return self.cost_nano + self.share_nano

    def __add__(self, other: "Group") -> "Group":
        return Group(
            self.tasks + other.tasks,
            self.attempts + other.attempts,
            self.cost_nano + other.cost_nano,
            self.share_nano + other.share_nano,
        )

    def __sub__(self, other: "Group") -> "Group":
        return Group(
            self.tasks - other.tasks,
            self.attempts - other.attempts,
            self.cost_nano - other.cost_nano,
            self.share_nano - other.share_nano,
        )


@dataclass(frozen=True, slots=True)
class Groups:
    """All tasks, by one label."""

    named: dict[str, Group]
    """By name, in the names' order: the dearest."""
    others: Group
    """Of other names."""
    other_names: int
    without: Group
    """Of tasks that state none."""


class TaskBook:
    """Tasks added up a shard at a time; a task is in one shard."""

    def __init__(self) -> None:
        self._dearest: list[TaskCost] = []
        self._all = Group()
        self._named: dict[str, dict[str, Group]] = {label: {} for label in LABELS}
        self._folded = dict.fromkeys(LABELS, (0, Group()))
        self._without = dict.fromkeys(LABELS, Group())

    def add(self, tasks: Iterable[TaskCost]) -> None:
        """Add a shard's tasks."""
        every = list(tasks)
        for task in every:
            self._label(task)
        self._all = sum(map(_alone, every), self._all)
        self._dearest = nsmallest(MOST_TASKS, [*self._dearest, *every], key=_dearest_first)

    def _label(self, task: TaskCost) -> None:
        cost = _alone(task)
        for label in LABELS:
            if name := getattr(task, label):
                named = self._named[label]
                named[name] = named.get(name, Group()) + cost
                if len(named) > MOST_KEPT:
                    self._named[label], self._folded[label] = _fold(named, self._folded[label], MOST_KEPT // 2)
            else:
                self._without[label] += cost

    def dearest(self) -> tuple[TaskCost, ...]:
        """Return the dearest tasks, by id."""
        return tuple(sorted(self._dearest, key=lambda task: task.task_id))

    def others(self) -> Group:
        """Return all other tasks."""
        return self._all - sum(map(_alone, self._dearest), Group())

    def groups(self) -> dict[str, Groups]:
        """Return the tasks by each label."""
        books: dict[str, Groups] = {}
        for label in LABELS:
            named, (names, others) = _fold(self._named[label], self._folded[label], MOST_NAMES)
            books[label] = Groups(dict(sorted(named.items())), others, names, self._without[label])
        return books


def task_costs(attempts: Iterable[LedgerEntry], parts: Iterable[Part]) -> tuple[TaskCost, ...]:
    """Return the tasks by id; `attempts` are those for tasks, in the order of their time."""
    tries: dict[str, list[LedgerEntry]] = {}
    for entry in attempts:
        tries.setdefault(entry.task_id, []).append(entry)
    shares: dict[str, list[Part]] = {}
    for part in parts:
        shares.setdefault(part.task_id, []).append(part)
    return tuple(_task(name, tries.get(name, []), shares.get(name, [])) for name in sorted({*tries, *shares}))


def _task(task_id: str, tries: list[LedgerEntry], parts: list[Part]) -> TaskCost:
    last = tries[-1] if tries else None
    metadata = last.metadata if last else parts[-1].metadata
    return TaskCost(
        task_id=task_id,
        type=last.type if last else None,
        tier=str(last.tier) if last else None,
        model=last.served_by if last else None,
        outcome=last.outcome if last else None,
        attempts=sum(entry.sent for entry in tries),
        cost_nano=sum(entry.cost_nano for entry in tries),
        share_nano=sum(part.cost_nano for part in parts),
        agent=metadata.get("agent"),
        ticket=metadata.get("ticket"),
        parent_id=last.parent_id if last else parts[-1].parent_id,
    )


def _dearest_first(task: TaskCost) -> tuple[int, str]:
    return -task.with_share_nano, task.task_id


def _alone(task: TaskCost) -> Group:
    return Group(1, task.attempts, task.cost_nano, task.share_nano)


def _fold(named: dict[str, Group], folded: tuple[int, Group], most: int) -> tuple[dict[str, Group], tuple[int, Group]]:
    """Return the dearest names, and how many others there are with their sum."""
    order = sorted(named, key=lambda name: (-named[name].with_share_nano, name))
    names, others = folded
    rest = sum((named[name] for name in order[most:]), others)
    return {name: named[name] for name in order[:most]}, (names + len(order[most:]), rest)
