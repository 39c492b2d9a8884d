"""What each task cost, its part of the classification beside it."""

from collections.abc import Iterable
from dataclasses import dataclass

from pointsman.domain.figures.booked import Booked, Part


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


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks of one agent, ticket or parent."""

    tasks: int
    attempts: int
    cost_nano: int
    share_nano: int


def task_costs(attempts: Iterable[Booked], parts: Iterable[Part]) -> tuple[TaskCost, ...]:
    """Return the tasks by id; `attempts` are those for tasks, in the order of their time."""
    tries: dict[str, list[Booked]] = {}
    for each in attempts:
        tries.setdefault(each.task_id, []).append(each)
    shares: dict[str, list[Part]] = {}
    for part in parts:
        shares.setdefault(part.task_id, []).append(part)
    return tuple(_task(name, tries.get(name, []), shares.get(name, [])) for name in sorted({*tries, *shares}))


def groups(tasks: Iterable[TaskCost], label: str) -> dict[str, Group]:
    """Return the tasks' sums by `agent`, `ticket` or `parent_id`, those that state none left out."""
    found: dict[str, list[TaskCost]] = {}
    for task in tasks:
        if name := getattr(task, label):
            found.setdefault(name, []).append(task)
    return {
        name: Group(
            tasks=len(found[name]),
            attempts=sum(task.attempts for task in found[name]),
            cost_nano=sum(task.cost_nano for task in found[name]),
            share_nano=sum(task.share_nano for task in found[name]),
        )
        for name in sorted(found)
    }


def _task(task_id: str, tries: list[Booked], parts: list[Part]) -> TaskCost:
    last = tries[-1] if tries else None
    stated = last.metadata if last else parts[-1].metadata
    return TaskCost(
        task_id=task_id,
        type=last.type if last else None,
        tier=str(last.tier) if last else None,
        model=last.served_by if last else None,
        outcome=last.outcome if last else None,
        attempts=sum(each.sent for each in tries),
        cost_nano=sum(each.cost_nano for each in tries),
        share_nano=sum(part.cost_nano for part in parts),
        agent=stated.get("agent"),
        ticket=stated.get("ticket"),
        parent_id=last.parent_id if last else parts[-1].parent_id,
    )
