"""The page's sections on single tasks, and on the tickets, agents and parents that they belong to."""

from pointsman.execution.outcome import Outcome
from pointsman.report.figures.report import Report
from pointsman.report.figures.task_costs import Group, TaskCost
from pointsman.report.render.components import (
    count,
    html_table,
    key,
    money,
    name,
    note_paragraph,
    section,
    stacked,
    words,
)
from pointsman.report.render.formatting import clip
from pointsman.report.render.markup import Child, Markup, el, join

_TASKS_SHOWN, MOST_GROUPS = 10, 8
LONGEST_NAME = 80


def tasks_section(report: Report) -> Markup | None:
    """Return the dearest tasks and the cost by what tasks say of themselves."""
    if not report.tasks:
        return None
    dearest = sorted(report.tasks, key=lambda task: (-task.with_share_nano, task.task_id))[:_TASKS_SHOWN]
    header = ["Task", "Cost", "Calls"]
    labels = {"ticket": "By ticket", "agent": "By agent", "parent_id": "By parent task"}
    tables = [drawn for label, title in labels.items() if (drawn := _groups(report, label, title))]
    more = len(report.tasks) - len(dearest)
    rest = report.other_tasks
    return section(
        "tasks",
        "Dearest tasks",
        html_table("The dearest tasks", header, [_task(task) for task in dearest], hidden=True),
        note_paragraph(
            f"{more:,} more in report.json. " if more else None,
            join(f"{rest.tasks:,} others cost ", money(rest.with_share_nano), " together. ") if rest.tasks else None,
            "A task’s cost has its part of the classification in it.",  # noqa: RUF001
        ),
        el("div", *tables, class_="pair") if tables else None,
        None if tables else note_paragraph("No task stated a ticket, an agent or a parent."),
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
        money(task.with_share_nano),
        count(task.attempts),
    ]


def _groups(report: Report, label: str, title: str) -> Markup | None:
    groups = report.groups[label]
    if not groups.named:
        return None
    order = sorted(groups.named, key=lambda each: (-groups.named[each].with_share_nano, each))
    rows = [_group(clip(group_name, LONGEST_NAME), groups.named[group_name]) for group_name in order[:MOST_GROUPS]]
    if others := len(order[MOST_GROUPS:]) + groups.other_names:
        rest = sum((groups.named[group_name] for group_name in order[MOST_GROUPS:]), groups.others)
        rows.append(_group(f"{others:,} others", rest))
    if groups.without.tasks:
        rows.append(_group("none stated", groups.without))
    shown = html_table(title, [title.removeprefix("By ").capitalize(), "Cost", "Tasks", "Calls"], rows, hidden=True)
    return el("div", el("h3", title), shown)


def _group(title: str, group: Group) -> list[Child]:
    return [title, money(group.with_share_nano), count(group.tasks), count(group.attempts)]
