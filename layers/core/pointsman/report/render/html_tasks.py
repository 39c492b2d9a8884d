"""The page's sections on single tasks, and on the tickets, agents and parents that they name."""

from pointsman.execution.outcome import Outcome
from pointsman.report.figures.report import Report
from pointsman.report.figures.task_costs import LabelTotals, TaskCost, TaskTotals
from pointsman.report.render.components import (
    count,
    html_table,
    humanized,
    model_label,
    money,
    note_paragraph,
    section,
    tier_label,
    with_details,
)
from pointsman.report.render.formatting import clip
from pointsman.report.render.markup import Child, Markup, el, join

_TASKS_SHOWN, _NAMES_SHOWN = 10, 8
_LONGEST_NAME = 80


def tasks_section(report: Report) -> Markup | None:
    """Return the most expensive tasks, and the cost by ticket, agent and parent."""
    if not report.tasks:
        return None
    most_expensive = sorted(report.tasks, key=lambda task: (-task.with_share_nano, task.task_id))[:_TASKS_SHOWN]
    header = ["Task", "Cost", "Calls"]
    labels = {"ticket": "By ticket", "agent": "By agent", "parent_id": "By parent task"}
    tables = [table for label, title in labels.items() if (table := _label_table(report.labels[label], title))]
    more = len(report.tasks) - len(most_expensive)
    rest = report.other_tasks
    return section(
        "tasks",
        "Most expensive tasks",
        html_table("The most expensive tasks", header, [_task(task) for task in most_expensive], hidden=True),
        note_paragraph(
            f"{more:,} more in report.json. " if more else None,
            join(f"{rest.tasks:,} others cost ", money(rest.with_share_nano), " in total. ") if rest.tasks else None,
            "A task’s cost includes its share of the classification.",  # noqa: RUF001
        ),
        el("div", *tables, class_="pair") if tables else None,
        None if tables else note_paragraph("No task names a ticket, an agent or a parent."),
    )


def _task(task: TaskCost) -> list[Child]:
    return [
        with_details(
            clip(task.task_id, _LONGEST_NAME),
            tier_label(task.tier) if task.tier else None,
            humanized(task.type) if task.type else "only classified this day",
            model_label(task.model),
            humanized(task.outcome) if task.outcome not in (None, Outcome.ANSWERED) else None,
        ),
        money(task.with_share_nano),
        count(task.attempts),
    ]


def _label_table(totals: LabelTotals, title: str) -> Markup | None:
    named = totals.named
    if not named:
        return None
    order = sorted(named, key=lambda name: (-named[name].with_share_nano, name))
    rows = [_label_row(clip(name, _LONGEST_NAME), named[name]) for name in order[:_NAMES_SHOWN]]
    if others := len(order[_NAMES_SHOWN:]) + totals.other_names:
        rest = sum((named[name] for name in order[_NAMES_SHOWN:]), totals.others)
        rows.append(_label_row(f"{others:,} others", rest))
    if totals.unlabelled.tasks:
        rows.append(_label_row("(none)", totals.unlabelled))
    header = [title.removeprefix("By ").capitalize(), "Cost", "Tasks", "Calls"]
    return el("div", el("h3", title), html_table(title, header, rows, hidden=True))


def _label_row(name: str, totals: TaskTotals) -> list[Child]:
    return [name, money(totals.with_share_nano), count(totals.tasks), count(totals.attempts)]
