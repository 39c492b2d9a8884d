"""The page's sections on money: what each model did for it, and what was saved how."""

from pointsman.report.figures.baseline import ESTIMATE, Comparison
from pointsman.report.figures.ledger_entries import Totals
from pointsman.report.figures.report import Report
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
from pointsman.report.render.formatting import percent
from pointsman.report.render.markup import Child, Markup, el

KINDS = {
    "input": "In",
    "cache_read": "Cache read",
    "cache_write_5m": "Cache write 5 min",
    "cache_write_1h": "Cache write 1 h",
    "output": "Out",
    "thinking": "Of it thinking",
}


def work_section(report: Report) -> Markup | None:
    """Return the table of models by tier and task type, with every kind of token that occurred."""
    if not report.work:
        return None
    used = report.total.usage.as_dict()
    kinds = [kind for kind in KINDS if used[kind] or kind in ("input", "output")]
    order = sorted(report.work, key=lambda work: (-report.work[work].cost_nano, -report.work[work].usage.total, work))
    rows = [
        [stacked(words(work.type), key(work.tier), name(work.model)), *_numbers(report.work[work], kinds)]
        for work in order
    ]
    foot: list[Child] = ["Total", *_numbers(report.total, kinds)]
    left_out = [KINDS[kind].lower() for kind in KINDS if kind not in kinds]
    header = ["Task type, tier and model", "Cost", "Calls", *(KINDS[kind] for kind in kinds)]
    return section(
        "work",
        "By task type, tier and model",
        html_table("Calls, tokens of each kind and cost", header, rows, total=foot, hidden=True),
        note_paragraph(f"No tokens of these kinds: {', '.join(left_out)}.") if left_out else None,
    )


def _numbers(line: Totals, kinds: list[str]) -> list[Child]:
    used = line.usage.as_dict()
    return [money(line.cost_nano), count(line.attempts), *(count(used[kind]) for kind in kinds)]


def saved_section(report: Report) -> Markup | None:
    """Return how the saving comes about, for the day and for the month."""
    day, month = report.baseline, report.baseline_month
    if not (day.actual_nano or day.answers or month.actual_nano or month.answers):
        return None
    rows: list[list[Child]] = [_sums(f"The same answers on {day.model}", day.baseline_nano, month.baseline_nano)]
    parts = {
        "Answers": (day.answers_nano, month.answers_nano),
        "Deciding about tasks": (day.classification_nano, month.classification_nano),
        "Calls without an answer, and answers replaced": (day.failed_nano, month.failed_nano),
        "Judges and audits": (day.checking_nano, month.checking_nano),
        "Calls of unknown cost, at most": (day.unknown_nano, month.unknown_nano),
        "Calls still open, at most": (day.open_nano, month.open_nano),
        "AWS, an estimate": (day.aws_nano, month.aws_nano),
    }
    rows += [_sums(f"− {name}", *amounts) for name, amounts in parts.items() if any(amounts) or name == "Answers"]  # noqa: RUF001
    foot = [*_sums("Saved", day.saved_nano, month.saved_nano)]
    header = ["USD", "This day", f"{report.day:%B}"]
    return section(
        "saved",
        "Saved against the baseline",
        el("p", _lead(day), class_="lead"),
        html_table("How the saving comes about", header, rows, total=foot, hidden=True),
        note_paragraph(f"{_share(day, month)} It is {ESTIMATE}; what a cache served counts as plain input there."),
    )


def _share(day: Comparison, month: Comparison) -> str:
    of_day = f"{percent(day.percent)} of the baseline this day" if day.percent is not None else ""
    of_month = f"{percent(month.percent)} this month" if month.percent is not None else ""
    caption = ", ".join(clause for clause in (of_day, of_month) if clause)
    return f"Saved {caption}." if caption else "There was no answer to compare."


def _lead(day: Comparison) -> str:
    model_name = day.model if day.model == day.configured else f"{day.model}, which serves for {day.configured}"
    mix = ", ".join(f"{number:,} {tier}" for tier, number in day.mix.items() if number) or "none"
    return f"The baseline is everything on {model_name}, at its list price of the time. Answers compared: {mix}."


def _sums(name: str, day: int, month: int) -> list[Child]:
    return [name, money(day), money(month)]
