"""The page's sections on single tasks, and on the tickets, agents and parents that they belong to."""

from pointsman.domain.figures.report import Report
from pointsman.domain.figures.task_costs import Group, TaskCost, groups
from pointsman.domain.outcome import Outcome
from pointsman.domain.page.markup import Child, Markup, el
from pointsman.domain.page.parts import count, key, money, name, note, section, stacked, table, words
from pointsman.domain.page.words import clip

MOST_TASKS, MOST_GROUPS = 10, 8
LONGEST_NAME = 80


def tasks_section(report: Report) -> Markup | None:
    """Return the dearest tasks and the cost by what tasks say of themselves."""
    if not report.tasks:
        return None
    dearest = sorted(report.tasks, key=lambda task: (-task.cost_nano - task.share_nano, task.task_id))[:MOST_TASKS]
    header = ["Task", "Cost", "Calls"]
    labels = {"ticket": "By ticket", "agent": "By agent", "parent_id": "By parent task"}
    tables = [drawn for label, title in labels.items() if (drawn := _groups(report, label, title))]
    more = len(report.tasks) - len(dearest)
    return section(
        "tasks",
        "Dearest tasks",
        table("The dearest tasks", header, [_task(task) for task in dearest], hidden=True),
        note(
            f"{more:,} more in report.json. " if more else None,
            "A task’s cost has its part of the classification in it.",  # noqa: RUF001
        ),
        el("div", *tables, class_="pair") if tables else None,
        None if tables else note("No task stated a ticket, an agent or a parent."),
    )


def _task(task: TaskCost) -> list[Child]:
    return [
        stacked(
            clip(task.task_id, LONGEST_NAME),
            key(task.tier) if task.tier else None,
            words(task.type) if task.type else "only its classification was this day",
            name(task.model),
            words(task.outcome) if task.outcome not in (None, Outcome.ANSWERED) else None,
        ),
        money(task.cost_nano + task.share_nano),
        count(task.attempts),
    ]


def _groups(report: Report, label: str, title: str) -> Markup | None:
    found = groups(report.tasks, label)
    if not found:
        return None
    order = sorted(found, key=lambda each: (-_cost(found[each]), each))
    kept, rest = order[:MOST_GROUPS], [found[each] for each in order[MOST_GROUPS:]]
    rows = [_group(clip(each, LONGEST_NAME), [found[each]]) for each in kept]
    rows += [_group(f"{len(rest):,} others", rest)] if rest else []
    named = {task.task_id for task in report.tasks if getattr(task, label)}
    without = [task for task in report.tasks if task.task_id not in named]
    if without:
        sums = Group(
            len(without),
            sum(t.attempts for t in without),
            sum(t.cost_nano for t in without),
            sum(t.share_nano for t in without),
        )
        rows.append(_group("none stated", [sums]))
    shown = table(title, [title.removeprefix("By ").capitalize(), "Cost", "Tasks", "Calls"], rows, hidden=True)
    return el("div", el("h3", title), shown)


def _group(title: str, parts: list[Group]) -> list[Child]:
    tasks, calls = sum(part.tasks for part in parts), sum(part.attempts for part in parts)
    return [title, money(sum(_cost(part) for part in parts)), count(tasks), count(calls)]


def _cost(group: Group) -> int:
    return group.cost_nano + group.share_nano
