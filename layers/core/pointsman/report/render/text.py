"""The report as text: a full page, and a short message for phones."""

import textwrap

from pointsman.report.figures.ledger_entries import NO_TOTALS, Totals
from pointsman.report.figures.report import Report
from pointsman.report.render.attention import attention_of
from pointsman.report.render.formatting import (
    cap_dollars,
    clip,
    fold_list,
    percent,
    plural,
    rounded_dollars,
    short_count,
)
from pointsman.values.times import to_text

_TEXT_WIDTH = 72
_MODELS_SHOWN, _TYPES_SHOWN, _FALLBACKS_SHOWN, _WARNING_LINES = 4, 5, 3, 4
"""Most lines of each kind; report.json has all."""
_PHONE_WIDTH, _PHONE_LINES = 40, 12
_STAND_IN = "STAND-INS ANSWERED, NOT REAL MODELS"


def render_text(report: Report) -> str:
    """Return the page: at most 45 lines of 72 columns."""
    parts = [
        _head(report),
        _summary(report),
        _table("Tier", {**{str(tier): totals for tier, totals in report.tiers.items()}, **_rest(report)}),
        _table("Model", _most_expensive(report.models, _MODELS_SHOWN)),
        _table("Task type", _most_expensive(report.types, _TYPES_SHOWN)),
        _events(report),
        _warnings(report),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def render_summary(report: Report) -> str:
    """Return the message: at most 12 lines of 40 columns."""
    month, saved = report.month, report.baseline
    cap = f" of {cap_dollars(month.cap.limit_nano)}" if month.cap else ""
    used = f", {percent(month.cap.percent)}" if month.cap else ""
    lines = [f"Pointsman {report.day:%a} {report.day.day} {report.day:%b %Y}" + ("" if report.complete else ", so far")]
    lines += [_STAND_IN] if report.stand_in else []
    lines += [
        f"Spent  {rounded_dollars(report.total.cost_nano)}",
        f"       {plural(report.total.tasks, 'task')}, {plural(report.total.attempts, 'call')}",
    ]
    if saved.percent is not None:
        lines.append(f"Saved  {rounded_dollars(saved.saved_nano, 4)}, {percent(saved.percent)} (estimate)")
    lines.append(f"Month  {rounded_dollars(month.total.spent_nano, 4)}{cap}{used}")
    lines += [
        f"{tier:<15}{plural(totals.tasks, 'task'):>11}{rounded_dollars(totals.cost_nano):>14}"
        for tier, totals in report.tiers.items()
        if totals.attempts
    ]
    if report.fallbacks:
        lines.append(f"{plural(report.fallback_count, 'fallback')}, {report.free_to_paid:,} free to paid")
    warnings, room = [item.short for item in attention_of(report)], _PHONE_LINES - len(lines)
    if len(warnings) > room:
        warnings = [*warnings[: room - 1], f"{len(warnings) - room + 1} more in the full report"]
    lines += [f"! {warning}" for warning in warnings]
    return "\n".join(clip(line, _PHONE_WIDTH) for line in lines) + "\n"


def _head(report: Report) -> list[str]:
    title = f"Pointsman, {report.day:%A} {report.day.day} {report.day:%B %Y}"
    times = f"{to_text(report.since)} to {to_text(report.until)} ({report.zone})"
    lines = [title if report.complete else title + ": the day so far", clip(times, _TEXT_WIDTH)]
    return [*lines, f"{_STAND_IN}: costs as if they were real."] if report.stand_in else lines


def _summary(report: Report) -> list[str]:
    total, month = report.total, report.month
    cap = f" of {cap_dollars(month.cap.limit_nano)} ({percent(month.cap.percent)})" if month.cap else ", no cap"
    tiers = [
        f"{tier} {rounded_dollars(spend.spent_nano, 4)}" for tier, spend in month.tiers.items() if spend.spent_nano
    ]
    limits = [
        f"{cap.counter} {rounded_dollars(cap.spent_nano)} of {cap_dollars(cap.limit_nano)} ({percent(cap.percent)})"
        for cap in month.caps
        if cap.counter != "month"
    ]
    work = f"{plural(total.tasks, 'task')} in {plural(total.attempts, 'call')}" if total.attempts else "no task ran"
    return [
        clip(f"Spent   {rounded_dollars(total.cost_nano)}: {work}", _TEXT_WIDTH),
        *_saved(report),
        clip(f"Month   {rounded_dollars(month.total.spent_nano)}{cap}, {month.name} to date", _TEXT_WIDTH),
        *fold_list("        ", tiers, _TEXT_WIDTH, 2),
        *fold_list("Caps    ", limits, _TEXT_WIDTH, 2),
    ]


def _saved(report: Report) -> list[str]:
    comparison = report.baseline
    if comparison.percent is None:
        return ["Saved   nothing to compare: no task was answered"]
    label = "Saved" if comparison.saved_nano >= 0 else "Lost "
    return [
        clip(
            f"{label}   {rounded_dollars(abs(comparison.saved_nano))} of {rounded_dollars(comparison.baseline_nano)} "
            f"({percent(comparison.percent)})",
            _TEXT_WIDTH,
        ),
        f"        net of AWS ({rounded_dollars(comparison.aws_nano, 4)}), against the same answers on",
        f"        {comparison.model} at list price:",
        "        an estimate, because it would count the same text differently",
    ]


def _rest(report: Report) -> dict[str, Totals]:
    overheads = {"classification": report.classification, "judges and audits": report.checking}
    return {**{name: totals for name, totals in overheads.items() if totals.attempts}, "total": report.total}


def _table(title: str, rows: dict[str, Totals]) -> list[str]:
    if not rows:
        return []
    head = f"{title:<24}{'Tasks':>7}{'Calls':>7}{'Tokens in':>11}{'out':>10}{'Cost':>13}"
    return [head, *(_row(name, totals) for name, totals in rows.items())]


def _row(name: str, totals: Totals) -> str:
    counts = f"{short_count(totals.tasks):>7}{short_count(totals.attempts):>7}"
    tokens = f"{short_count(totals.usage.prompt):>11}{short_count(totals.usage.output):>10}"
    return f"{clip(name, 24):<24}{counts}{tokens}{rounded_dollars(totals.cost_nano):>13}"


def _most_expensive(rows: dict[str, Totals], most: int) -> dict[str, Totals]:
    """Return the rows by cost and tokens; if there are more than `most`, the last one is the total of the others."""
    order = sorted(rows, key=lambda name: (-rows[name].cost_nano, -rows[name].usage.total, name))
    if len(order) <= most:
        return {name: rows[name] for name in order}
    listed, others = order[: most - 1], order[most - 1 :]
    total_of_others = sum((rows[name] for name in others), NO_TOTALS)
    return {**{name: rows[name] for name in listed}, f"{len(others)} others": total_of_others}


def _events(report: Report) -> list[str]:
    outcomes = sorted(report.outcomes.items(), key=lambda item: (-item[1], item[0]))
    items = [f"{count:,} {outcome}{_unrecognized(report, outcome)}" for outcome, count in outcomes]
    outcome_lines = fold_list("Outcomes  ", items, _TEXT_WIDTH, 2)
    if not report.fallbacks:
        return outcome_lines
    fallbacks = sorted(report.fallbacks.items(), key=lambda item: (-item[1], item[0]))
    listed = fallbacks if len(fallbacks) <= _FALLBACKS_SHOWN else fallbacks[: _FALLBACKS_SHOWN - 1]
    lines = [f"Fallbacks {report.fallback_count:,}, {report.free_to_paid:,} from a free to a paid model"]
    lines += [f"  {count:,} {fallback.came_from} > {fallback.model}: {fallback.reason}" for fallback, count in listed]
    if len(listed) < len(fallbacks):
        lines.append(f"  {len(fallbacks) - len(listed)} more kinds in report.json")
    return [*outcome_lines, *(clip(line, _TEXT_WIDTH) for line in lines)]


def _unrecognized(report: Report, outcome: str) -> str:
    count = report.unrecognized.get(outcome, 0)
    return f" ({count:,} not recognized)" if count else ""


def _warnings(report: Report) -> list[str]:
    """Return what needs attention, wrapped, the first with what to do; the last line counts those that do not fit."""
    lines: list[str] = []
    items = attention_of(report)
    texts = [f"{item.why} {item.step}" if number == 0 else item.why for number, item in enumerate(items)]
    for number, text in enumerate(texts):
        wrapped = textwrap.wrap(text, _TEXT_WIDTH, initial_indent="! ", subsequent_indent="  ", break_on_hyphens=False)
        if len(lines) + len(wrapped) > _WARNING_LINES - (number < len(texts) - 1):
            return [*lines, f"! {len(texts) - number} more in report.json"]
        lines += wrapped
    return lines
