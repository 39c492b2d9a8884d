"""What each task cost: the most expensive tasks, and totals by agent, ticket, parent and sender."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from heapq import nsmallest
from operator import sub

from pointsman.report.figures.ledger_entries import ClassificationShare, LedgerEntry, grouped
from pointsman.report.figures.sums import Summable

MAX_LISTED_TASKS = 1_000
"""Tasks of a day that a report lists, the most expensive ones; all others are one total."""
MAX_LISTED_NAMES, MAX_TRACKED_NAMES = 1_000, 50_000
"""Tickets, agents and parents that a report lists, and that are tracked while a day is added up. Totals are exact
whatever their number; beyond the second limit a single name may show less than its whole cost."""
_LABELS = ("agent", "ticket", "parent_id", "sender")


@dataclass(frozen=True, slots=True)
class TaskCost:
    """One task's day. Type, tier, model and outcome are its last attempt's; None if it was only classified that day."""

    task_id: str
    type: str | None
    tier: str | None
    model: str | None
    outcome: str | None
    attempts: int
    cost_nano: int
    """Of its own attempts."""
    share_nano: int
    """Its share of classifications, which the totals count as classification."""
    agent: str | None
    ticket: str | None
    parent_id: str | None
    sender: str | None = None
    at: str | None = None
    """When its first call of the day began."""

    @property
    def with_share_nano(self) -> int:
        """What it cost in all."""
        return self.cost_nano + self.share_nano


@dataclass(frozen=True, slots=True)
class TaskTotals(Summable):
    """What some tasks cost."""

    tasks: int = 0
    attempts: int = 0
    cost_nano: int = 0
    share_nano: int = 0

    def __add__(self, other: "TaskTotals") -> "TaskTotals":
        """Return the sum of both, as `Summable` does; there are several for each task of a day."""
        return TaskTotals(
            self.tasks + other.tasks,
            self.attempts + other.attempts,
            self.cost_nano + other.cost_nano,
            self.share_nano + other.share_nano,
        )

    @property
    def with_share_nano(self) -> int:
        """What they cost in all."""
        return self.cost_nano + self.share_nano


@dataclass(frozen=True, slots=True)
class LabelTotals:
    """All tasks of a day by agent, ticket, parent or sender."""

    named: dict[str, TaskTotals]
    """The most expensive names, in alphabetical order."""
    others: TaskTotals
    """Of all other names."""
    other_names: int
    unlabelled: TaskTotals
    """Of tasks without a name."""


class TaskCostCollector:
    """A day's tasks, added up one shard at a time; a task is in one shard only."""

    def __init__(self) -> None:
        self._most_expensive: list[TaskCost] = []
        self._all = TaskTotals()
        self._named: dict[str, dict[str, TaskTotals]] = {label: {} for label in _LABELS}
        self._folded = dict.fromkeys(_LABELS, (0, TaskTotals()))
        self._unlabelled = dict.fromkeys(_LABELS, TaskTotals())

    def add(self, tasks: Iterable[TaskCost]) -> None:
        """Add a shard's tasks."""
        new_tasks = list(tasks)
        for task in new_tasks:
            self._label(task)
        self._all += _totals_of(*new_tasks)
        self._most_expensive = nsmallest(
            MAX_LISTED_TASKS, [*self._most_expensive, *new_tasks], key=_most_expensive_first
        )

    def _label(self, task: TaskCost) -> None:
        totals = TaskTotals(1, task.attempts, task.cost_nano, task.share_nano)
        for label in _LABELS:
            if name := getattr(task, label):
                named = self._named[label]
                named[name] = named.get(name, TaskTotals()) + totals
                if len(named) > MAX_TRACKED_NAMES:
                    self._named[label], self._folded[label] = _fold(named, self._folded[label], MAX_TRACKED_NAMES // 2)
            else:
                self._unlabelled[label] += totals

    def most_expensive(self) -> tuple[TaskCost, ...]:
        """Return the most expensive tasks, by id."""
        return tuple(sorted(self._most_expensive, key=lambda task: task.task_id))

    def others(self) -> TaskTotals:
        """Return the totals of all other tasks."""
        return TaskTotals(*map(sub, astuple(self._all), astuple(_totals_of(*self._most_expensive))))

    def labels(self) -> dict[str, LabelTotals]:
        """Return the totals by agent, by ticket, by parent and by sender."""
        labels: dict[str, LabelTotals] = {}
        for label in _LABELS:
            named, (names, others) = _fold(self._named[label], self._folded[label], MAX_LISTED_NAMES)
            labels[label] = LabelTotals(dict(sorted(named.items())), others, names, self._unlabelled[label])
        return labels


def task_costs(attempts: Iterable[LedgerEntry], shares: Iterable[ClassificationShare]) -> tuple[TaskCost, ...]:
    """Return the cost of each task, by id; `attempts` are those for tasks, in the order of their time."""
    attempts_of = grouped(attempts, lambda entry: entry.task_id)
    shares_of = grouped(shares, lambda share: share.task_id)
    task_ids = sorted({*attempts_of, *shares_of})
    return tuple(_task_cost(task_id, attempts_of.get(task_id, []), shares_of.get(task_id, [])) for task_id in task_ids)


def _task_cost(task_id: str, attempts: list[LedgerEntry], shares: list[ClassificationShare]) -> TaskCost:
    last = attempts[-1] if attempts else None
    metadata = last.metadata if last else shares[-1].metadata
    return TaskCost(
        task_id=task_id,
        type=last.type if last else None,
        tier=str(last.tier) if last else None,
        model=last.billed_model if last else None,
        outcome=last.outcome if last else None,
        attempts=sum(entry.sent for entry in attempts),
        cost_nano=sum(entry.cost_nano for entry in attempts),
        share_nano=sum(share.cost_nano for share in shares),
        agent=metadata.get("agent"),
        ticket=metadata.get("ticket"),
        parent_id=last.parent_id if last else shares[-1].parent_id,
        sender=last.sender if last else shares[-1].sender,
        at=(attempts or shares)[0].at,
    )


def _most_expensive_first(task: TaskCost) -> tuple[int, str]:
    return -task.with_share_nano, task.task_id


def _totals_of(*tasks: TaskCost) -> TaskTotals:
    return TaskTotals(
        len(tasks),
        sum(task.attempts for task in tasks),
        sum(task.cost_nano for task in tasks),
        sum(task.share_nano for task in tasks),
    )


def _fold(
    named: dict[str, TaskTotals], folded: tuple[int, TaskTotals], most: int
) -> tuple[dict[str, TaskTotals], tuple[int, TaskTotals]]:
    """Return the most expensive names, and the number and the totals of all others."""
    order = sorted(named, key=lambda name: (-named[name].with_share_nano, name))
    names, others = folded
    rest = sum((named[name] for name in order[most:]), others)
    return {name: named[name] for name in order[:most]}, (names + len(order[most:]), rest)
