"""The page's first lines: the day's tasks, what needs a person, and what made most of the cost; and the tasks' rows."""

from collections.abc import Iterable

from pointsman.report.figures.day_tasks import DayTask, TaskKind
from pointsman.report.figures.drivers import drivers
from pointsman.report.figures.report import Report
from pointsman.report.render.attention import Attention, Urgency, all_is_well, attention_of, lacks_records, stack_option
from pointsman.report.render.chart import share_bar
from pointsman.report.render.components import (
    clock_time,
    command,
    humanized,
    money,
    note_paragraph,
    percent_bar,
    table_section,
    with_commands,
    with_details,
)
from pointsman.report.render.formatting import clip, percent, plural
from pointsman.report.render.markup import Child, Markup, el

KIND_ORDER = (
    *(TaskKind.COMPLETED, TaskKind.FAILED, TaskKind.REJECTED),
    *(TaskKind.HELD, TaskKind.UNDER_WAY, TaskKind.CANCELLED),
)
_SHOWN, _REASONS_SHOWN = 12, 3
_LONGEST_NAME = 60
_MARKS = {Urgency.STANDS_STILL: "now", Urgency.LOST: "now", Urgency.MONEY: "soon", Urgency.LATER: "later"}


def tasks_banner(report: Report) -> Markup:
    """Return the day's tasks in one line, and of how many became what and why."""
    tasks = report.received
    kinds = [kind for kind in KIND_ORDER if tasks.counts[kind]]
    well = all_is_well(report)
    tone = "good" if well else "plain" if tasks.all_well else "warn"
    parts = [(str(kind), tasks.counts[kind]) for kind in kinds]
    words = ", ".join(f"{number:,} {humanized(kind)}" for kind, number in parts)
    return el(
        "section",
        el("h2", _headline(report), id="day"),
        share_bar(parts, f"The day’s tasks: {words}") if parts else None,  # noqa: RUF001
        el("ul", *(_kind_entry(report, kind) for kind in kinds), class_="kinds") if kinds else None,
        el("p", "All is well: nothing needs you.", class_="well") if well else None,
        class_=f"tasks {tone}",
        aria_labelledby="day",
    )


def _headline(report: Report) -> str:
    tasks, done = report.received, report.received.counts[TaskKind.COMPLETED]
    if lacks_records(report):
        return f"No task on record was received this day; {plural(report.total.tasks, 'task')} had calls"
    if not tasks.received:
        return "No task was received" + ("" if report.complete else " so far")
    if done == tasks.received:
        return f"{plural(done, 'task')}, {'completed' if done == 1 else 'all completed'}"
    return f"{done:,} of {plural(tasks.received, 'task')} completed"


def _kind_entry(report: Report, kind: TaskKind) -> Markup:
    number = report.received.counts[kind]
    reasons = list(report.received.reasons.get(kind, {}).items())[:_REASONS_SHOWN]
    why = ", ".join(
        humanized(clip(name, _LONGEST_NAME)) + (f" {times:,}" if times != number else "")
        for name, times in reasons
        if name != kind
    )
    return el(
        "li",
        el("span", class_=f"key {kind}", aria_hidden="true"),
        el("strong", f"{number:,}"),
        f" {humanized(kind)}",
        el("span", f" {why}", class_="why") if why and kind is not TaskKind.UNDER_WAY else None,
    )


def attention_section(report: Report) -> Markup | None:
    """Return what needs a person, each with its command; None when nothing does."""
    items = attention_of(report)
    if not items:
        return None
    return el(
        "section",
        el("h2", "Needs you", id="eye"),
        el("ol", *(_attention_entry(item) for item in items)),
        class_="eye",
        aria_labelledby="eye",
    )


def _attention_entry(item: Attention) -> Markup:
    about = el("span", money(item.money_nano_usd, 4), class_="about") if item.money_nano_usd else None
    step = el("p", with_commands(item.step), class_="do")
    return el("li", el("p", about, item.why), step, class_=_MARKS[item.urgency])


def drivers_section(report: Report) -> Markup | None:
    """Return the ticket, agent, sender and model that made most of the cost; None without a cost."""
    most = drivers(report)
    if not most:
        return None
    rows: list[list[Child]] = [
        [
            with_details(
                el("span", el("span", driver.kind.capitalize(), class_="role"), " ", clip(driver.name, _LONGEST_NAME)),
                percent_bar(driver.percent, f"{percent(driver.percent)} of the cost", plain=True),
            ),
            percent(driver.percent),
            money(driver.cost_nano, 4),
        ]
        for driver in most
    ]
    caption = "The ticket, agent, sender and model that made most of the cost"
    return table_section("driver", "What made most of it", caption, ["Who", "Share", "Cost"], rows)


def troubled_section(report: Report) -> Markup | None:
    """Return the tasks that failed, are held, were rejected or are under way; None without any."""
    listed = report.received.listed
    if not listed:
        return None
    shown = list(_spread(listed))
    counts = report.received.counts
    whole = sum(counts[kind] for kind in TaskKind if kind not in (TaskKind.COMPLETED, TaskKind.CANCELLED))
    more = max(whole, len(listed)) - len(shown)
    return table_section(
        "open",
        "Tasks without an answer",
        "Tasks that failed, are held, were rejected or are under way",
        ["Task", "Status", "Cost"],
        [_task_row(report, task) for task in shown],
        note_paragraph(f"{more:,} more: ", command(f"pointsman list --since {report.day}{stack_option(report)}"), ".")
        if more > 0
        else None,
        texts=2,
    )


def _spread(listed: Iterable[DayTask]) -> list[DayTask]:
    """Return some tasks of each kind, the newest first within it."""
    groups: dict[TaskKind, list[DayTask]] = {}
    for task in listed:
        groups.setdefault(task.kind, []).append(task)
    each = max(1, _SHOWN // len(groups))
    return [task for group in groups.values() for task in group[:each]]


def _task_row(report: Report, task: DayTask) -> list[Child]:
    status = f"{humanized(task.kind)}: {humanized(clip(task.why, _LONGEST_NAME))}"
    return [
        with_details(
            command(f"pointsman status {clip(task.task_id, 120)}{stack_option(report)}"),
            clock_time(task.received_at, report.zone, report.day),
            f"ticket {clip(task.ticket, _LONGEST_NAME)}" if task.ticket else None,
            humanized(task.type) if task.type else None,
        ),
        el("span", el("span", class_=f"key {task.kind}", aria_hidden="true"), status),
        money(task.cost_nano),
    ]
