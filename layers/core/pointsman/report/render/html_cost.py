"""The page's sections on cost: the work of each model, the savings, single tasks, and what tasks are labelled with."""

from pointsman.execution.outcome import Outcome
from pointsman.report.figures.baseline import ESTIMATE, Comparison
from pointsman.report.figures.ledger_entries import Totals
from pointsman.report.figures.report import Report
from pointsman.report.figures.task_costs import LabelTotals, TaskCost, TaskTotals
from pointsman.report.render.attention import stack_option
from pointsman.report.render.components import (
    clock_time,
    command,
    count,
    html_table,
    humanized,
    model_label,
    money,
    note_paragraph,
    table_section,
    tier_label,
    with_details,
)
from pointsman.report.render.formatting import clip, percent
from pointsman.report.render.markup import Child, Markup, el, join

_TASKS_SHOWN, _NAMES_SHOWN = 10, 8
_LONGEST_NAME = 80
_TOKEN_KINDS = {
    "input": "Input",
    "cache_read": "Cache read",
    "cache_write_5m": "Cache write 5 min",
    "cache_write_1h": "Cache write 1 h",
    "output": "Output",
    "thinking": "Thinking",
}


def work_section(report: Report) -> Markup | None:
    """Return the work by task type, tier and model, with every kind of token that occurred."""
    if not report.work:
        return None
    used = report.total.usage.as_dict()
    kinds = [kind for kind in _TOKEN_KINDS if used[kind] or kind in ("input", "output")]
    order = sorted(report.work.items(), key=lambda item: (-item[1].cost_nano, -item[1].usage.total, item[0]))
    rows = [
        [with_details(humanized(work.type), tier_label(work.tier), model_label(work.model)), *_numbers(totals, kinds)]
        for work, totals in order
    ]
    foot: list[Child] = ["Total", *_numbers(report.total, kinds)]
    header = ["Task type, tier and model", "Cost", "Calls", *(_TOKEN_KINDS[kind] for kind in kinds)]
    caption, note = "Cost, calls and tokens of each kind", note_paragraph(_token_note(kinds, report.total))
    return table_section("work", "By task type, tier and model", caption, header, rows, note, total=foot)


def _token_note(kinds: list[str], total: Totals) -> str:
    missing = [name.lower() for kind, name in _TOKEN_KINDS.items() if kind not in kinds]
    sentences = [
        f"Output includes thinking: {percent(total.thinking_percent)} of it." if "thinking" in kinds else "",
        f"No tokens of these kinds: {', '.join(missing)}." if missing else "",
    ]
    return " ".join(filter(None, sentences))


def _numbers(totals: Totals, kinds: list[str]) -> list[Child]:
    used = totals.usage.as_dict()
    return [money(totals.cost_nano), count(totals.attempts), *(count(used[kind]) for kind in kinds)]


def saved_section(report: Report) -> Markup | None:
    """Return the breakdown of the savings, for the day and for the month."""
    day, month = report.baseline, report.baseline_month
    if not (day.actual_nano or day.answers or month.actual_nano or month.answers):
        return None
    rows: list[list[Child]] = [_amounts(f"The same answers on {day.model}", day.baseline_nano, month.baseline_nano)]
    costs = {
        "Answers": (day.answers_nano, month.answers_nano),
        "Classification": (day.classification_nano, month.classification_nano),
        "Failed calls and replaced answers": (day.failed_nano, month.failed_nano),
        "Judges and audits": (day.checking_nano, month.checking_nano),
        "Calls of unknown cost (upper bound)": (day.unknown_nano, month.unknown_nano),
        "Open calls (upper bound)": (day.open_nano, month.open_nano),
        "AWS (estimate)": (day.aws_nano, month.aws_nano),
    }
    rows += [_amounts(f"− {name}", *amounts) for name, amounts in costs.items() if any(amounts) or name == "Answers"]  # noqa: RUF001
    foot = _amounts("Saved", day.saved_nano, month.saved_nano)
    header = ["USD", "This day", f"{report.day:%B}"]
    return table_section(
        "saved",
        "Savings against the baseline",
        "Breakdown of the savings",
        header,
        rows,
        note_paragraph(f"{_shares(day, month)} This is {ESTIMATE}. The baseline counts cached tokens as plain input."),
        lead=_lead(day),
        total=foot,
    )


def _shares(day: Comparison, month: Comparison) -> str:
    of_day = f"{percent(day.percent)} of the baseline this day" if day.percent is not None else ""
    of_month = f"{percent(month.percent)} this month" if month.percent is not None else ""
    shares = ", ".join(share for share in (of_day, of_month) if share)
    return f"Saved {shares}." if shares else "No answers to compare."


def _lead(day: Comparison) -> str:
    model_name = day.model if day.model == day.configured else f"{day.model} (the successor of {day.configured})"
    mix = ", ".join(f"{number:,} {tier}" for tier, number in day.mix.items() if number) or "none"
    return f"The baseline is every answer from {model_name}, at its list price at the time. Answers compared: {mix}."


def _amounts(name: str, day: int, month: int) -> list[Child]:
    return [name, money(day), money(month)]


def tasks_section(report: Report) -> Markup | None:
    """Return the most expensive tasks, and the cost by ticket, agent, sender and parent."""
    if not report.tasks:
        return None
    most_expensive = sorted(report.tasks, key=lambda task: (-task.with_share_nano, task.task_id))[:_TASKS_SHOWN]
    labels = {"ticket": "By ticket", "agent": "By agent", "sender": "By sender", "parent_id": "By parent task"}
    tables = [table for label, title in labels.items() if (table := _label_table(report.labels[label], title))]
    more = len(report.tasks) - len(most_expensive)
    rest = report.other_tasks
    return table_section(
        "tasks",
        "Most expensive tasks",
        "The most expensive tasks",
        ["Task", "Cost", "Calls"],
        [_task(report, task) for task in most_expensive],
        note_paragraph(
            f"{more:,} more in report.json. " if more else None,
            join(f"{rest.tasks:,} others cost ", money(rest.with_share_nano), " in total. ") if rest.tasks else None,
            "A task’s cost includes its share of the classification.",  # noqa: RUF001
        ),
        el("div", *tables, class_="pair") if tables else None,
        None if tables else note_paragraph("No task has a ticket, an agent, a sender or a parent on record."),
    )


def _task(report: Report, task: TaskCost) -> list[Child]:
    return [
        with_details(
            command(f"pointsman status {clip(task.task_id, 120)}{stack_option(report)}"),
            clock_time(task.at, report.zone, report.day) if task.at else None,
            f"ticket {clip(task.ticket, _LONGEST_NAME)}" if task.ticket else None,
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
