"""The report as text: a full page, and a short message for phones."""

import textwrap

from pointsman.report.figures.day_tasks import TaskKind
from pointsman.report.figures.drivers import drivers, spend_before
from pointsman.report.figures.ledger_entries import NO_TOTALS, Totals
from pointsman.report.figures.report import Report
from pointsman.report.render.attention import all_is_well, attention_of, lacks_records
from pointsman.report.render.formatting import (
    cap_dollars,
    clip,
    compared,
    fold_list,
    percent,
    plural,
    rounded_dollars,
    short_count,
)
from pointsman.report.render.lane_words import lane_text
from pointsman.report.render.quality_words import quality_text
from pointsman.report.render.reconciled import reconciled_words
from pointsman.values.times import to_text

TEXT_WIDTH, _NARROWEST = 72, 60
_NUMBERS = 48
"""Columns of a table's numbers."""
_MODELS_SHOWN, _TYPES_SHOWN, _SENDERS_SHOWN, _FALLBACKS_SHOWN, _WARNING_LINES = 4, 4, 2, 3, 9
"""Most lines of each kind; report.json has all."""
_SENTENCE_LINES = 4
_PHONE_WIDTH, _PHONE_LINES, _PHONE_WARNINGS = 40, 12, 3
_STAND_IN = "STAND-INS ANSWERED, NOT REAL MODELS"


def render_text(report: Report, width: int = TEXT_WIDTH) -> str:
    """Return the page: at most 55 lines of 72 columns, or somewhat more of fewer columns, but no fewer than 60."""
    width = max(_NARROWEST, min(width, TEXT_WIDTH))
    parts = [
        _head(report, width),
        [*_day_tasks(report, width), *_warnings(report, width)],
        _summary(report, width),
        _table(width, "Tier", {**{str(tier): totals for tier, totals in report.tiers.items()}, **_rest(report)}),
        _table(width, "Model", _most_expensive(report.models, _MODELS_SHOWN)),
        _table(width, "Task type", _most_expensive(report.types, _TYPES_SHOWN)),
        _events(report, width),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def render_summary(report: Report) -> str:
    """Return the message: at most 12 lines of 40 columns."""
    month, saved = report.month, report.baseline
    cap = f" of {cap_dollars(month.cap.limit_nano)}" if month.cap else ""
    used = f", {percent(month.cap.percent)}" if month.cap else ""
    lines = [f"Pointsman {report.day:%a} {report.day.day} {report.day:%b %Y}" + ("" if report.complete else ", so far")]
    lines += [_STAND_IN] if report.stand_in else []
    lines += fold_list("Tasks  ", _counted(report), _PHONE_WIDTH, 2) or [f"Tasks  {_NO_RECORD}"]
    warnings = [_ascii(item.short) for item in attention_of(report)]
    if len(warnings) > _PHONE_WARNINGS:
        warnings = [*warnings[: _PHONE_WARNINGS - 1], f"{len(warnings) - _PHONE_WARNINGS + 1} more in the full report"]
    lines += [f"! {warning}" for warning in warnings]
    lines.append(f"Spent  {rounded_dollars(report.total.cost_nano)}, {plural(report.total.attempts, 'call')}")
    if saved.percent is not None:
        lines.append(f"Saved  {rounded_dollars(saved.saved_nano, 4)}, {percent(saved.percent)} (estimate)")
    lines.append(f"Month  {rounded_dollars(month.total.spent_nano, 4)}{cap}{used}")
    more = [
        f"{tier:<15}{plural(totals.tasks, 'task'):>11}{rounded_dollars(totals.cost_nano):>14}"
        for tier, totals in report.tiers.items()
        if totals.attempts
    ]
    if report.fallbacks:
        more.insert(0, f"{plural(report.fallback_count, 'fallback')}, {report.free_to_paid:,} free to paid")
    lines += more[: _PHONE_LINES - len(lines)]
    return "\n".join(clip(line, _PHONE_WIDTH) for line in lines) + "\n"


_ORDER = (
    *(TaskKind.COMPLETED, TaskKind.FAILED, TaskKind.HELD, TaskKind.REJECTED),
    *(TaskKind.UNDER_WAY, TaskKind.CANCELLED),
)
_NO_RECORD = "none received"


def count_words(report: Report) -> list[str]:
    """Return how many of the day's tasks became what, without what none became."""
    counts = report.received.counts
    return [f"{counts[kind]:,} {kind.replace('_', ' ')}" for kind in _ORDER if counts[kind]]


def _counted(report: Report) -> list[str]:
    words = count_words(report)
    return [f"{report.received.received:,} received", *words] if words else []


def _day_tasks(report: Report, width: int) -> list[str]:
    lines = fold_list("Tasks   ", _counted(report), width, 2)
    if lacks_records(report):
        return [f"Tasks   none on record; {plural(report.total.tasks, 'task')} had calls"]
    well = ["All is well: nothing here needs you."] if all_is_well(report) else []
    return [*(lines or ["Tasks   none received"]), *well]


def _head(report: Report, width: int) -> list[str]:
    title = f"Pointsman, {report.day:%A} {report.day.day} {report.day:%B %Y}"
    times = f"{to_text(report.since)} to {to_text(report.until)} ({report.zone})"
    lines = [title if report.complete else title + ": the day so far", clip(times, width)]
    stand_in = textwrap.wrap(f"{_STAND_IN}: costs as if they were real.", width, break_on_hyphens=False)
    return [*lines, *stand_in] if report.stand_in else lines


def _summary(report: Report, width: int) -> list[str]:
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
        clip(f"Spent   {rounded_dollars(total.cost_nano)}: {work}", width),
        *_before(report, width),
        *_drivers(report, width),
        *_senders(report, width),
        *_saved(report, width),
        clip(f"Month   {rounded_dollars(month.total.spent_nano)}{cap}, {month.name} to date", width),
        *fold_list("        ", tiers, width, 2),
        *fold_list("Caps    ", limits, width, 2),
        *_folded("Economy ", lane_text(report), width),
        *_folded("Quality ", _ascii(quality_text(report.quality).replace("±", "+-")), width),
        *_reconciled(report, width),
    ]


def _folded(label: str, text: str, width: int) -> list[str]:
    lines = textwrap.wrap(text, width - 8, max_lines=_SENTENCE_LINES, placeholder=" ...", break_on_hyphens=False)
    return [("        " if number else label) + line for number, line in enumerate(lines)]


def _reconciled(report: Report, width: int) -> list[str]:
    lines = [line for kept in report.reconciled for line in textwrap.wrap(reconciled_words(kept), width - 8)]
    return [("        " if number else "Bills   ") + line for number, line in enumerate(lines)]


def _before(report: Report, width: int) -> list[str]:
    before, cost = spend_before(report.recent), report.total.cost_nano
    if before.average_nano is None or before.yesterday_nano is None:
        return []
    yesterday = f"day before {rounded_dollars(before.yesterday_nano, 4)} ({compared(cost, before.yesterday_nano)})"
    average = f"{before.average_days}-day average {rounded_dollars(before.average_nano, 4)}"
    return fold_list("        ", [yesterday, f"{average} ({compared(cost, before.average_nano)})"], width, 2)


def _drivers(report: Report, width: int) -> list[str]:
    most = [f"{driver.kind} {_ascii(driver.name)} {percent(driver.percent)}" for driver in drivers(report)]
    return fold_list("Most by ", [clip(word, width - 10) for word in most], width, 2)


def _senders(report: Report, width: int) -> list[str]:
    """Return whose tasks cost most."""
    named = report.labels["sender"].named
    order = sorted(named, key=lambda name: (-named[name].with_share_nano, name))
    words = [
        f"{clip(_ascii(name), 30)} {rounded_dollars(named[name].with_share_nano)} ({plural(named[name].tasks, 'task')})"
        for name in order[:_SENDERS_SHOWN]
    ]
    more = [f"{len(order) - _SENDERS_SHOWN:,} more"] if len(order) > _SENDERS_SHOWN else []
    return fold_list("Senders ", words + more, width, 1)


def _ascii(name: str) -> str:
    return name.encode("ascii", "replace").decode()


def _saved(report: Report, width: int) -> list[str]:
    comparison = report.baseline
    if comparison.percent is None:
        return ["Saved   nothing to compare: no task was answered"]
    label = "Saved" if comparison.saved_nano >= 0 else "Lost "
    return [
        clip(
            f"{label}   {rounded_dollars(abs(comparison.saved_nano))} of {rounded_dollars(comparison.baseline_nano)} "
            f"({percent(comparison.percent)})",
            width,
        ),
        *textwrap.wrap(
            f"net of AWS ({rounded_dollars(comparison.aws_nano, 4)}), against the same answers on {comparison.model} "
            "at list price: an estimate, because it would count the same text differently",
            width,
            initial_indent="        ",
            subsequent_indent="        ",
            break_on_hyphens=False,
        ),
    ]


def _rest(report: Report) -> dict[str, Totals]:
    overheads = {"classification": report.classification, "judges and audits": report.checking}
    return {**{name: totals for name, totals in overheads.items() if totals.attempts}, "total": report.total}


def _table(width: int, title: str, rows: dict[str, Totals]) -> list[str]:
    if not rows:
        return []
    head = f"{title:<{width - _NUMBERS}}{'Tasks':>7}{'Calls':>7}{'Tokens in':>11}{'out':>10}{'Cost':>13}"
    return [head, *(_row(width - _NUMBERS, name, totals) for name, totals in rows.items())]


def _row(room: int, name: str, totals: Totals) -> str:
    counts = f"{short_count(totals.tasks):>7}{short_count(totals.attempts):>7}"
    tokens = f"{short_count(totals.usage.prompt):>11}{short_count(totals.usage.output):>10}"
    return f"{clip(name, room - 1):<{room}}{counts}{tokens}{rounded_dollars(totals.cost_nano):>13}"


def _most_expensive(rows: dict[str, Totals], most: int) -> dict[str, Totals]:
    """Return the rows by cost and tokens; if there are more than `most`, the last one is the total of the others."""
    order = sorted(rows, key=lambda name: (-rows[name].cost_nano, -rows[name].usage.total, name))
    if len(order) <= most:
        return {name: rows[name] for name in order}
    listed, others = order[: most - 1], order[most - 1 :]
    total_of_others = sum((rows[name] for name in others), NO_TOTALS)
    return {**{name: rows[name] for name in listed}, f"{len(others)} others": total_of_others}


def _events(report: Report, width: int) -> list[str]:
    outcomes = sorted(report.outcomes.items(), key=lambda item: (-item[1], item[0]))
    items = [f"{count:,} {outcome}{_unrecognized(report, outcome)}" for outcome, count in outcomes]
    outcome_lines = fold_list("Outcomes  ", items, width, 2)
    if not report.fallbacks:
        return outcome_lines
    fallbacks = sorted(report.fallbacks.items(), key=lambda item: (-item[1], item[0]))
    listed = fallbacks if len(fallbacks) <= _FALLBACKS_SHOWN else fallbacks[: _FALLBACKS_SHOWN - 1]
    lines = [f"Fallbacks {report.fallback_count:,}, {report.free_to_paid:,} from a free to a paid model"]
    lines += [f"  {count:,} {fallback.came_from} > {fallback.model}: {fallback.reason}" for fallback, count in listed]
    if len(listed) < len(fallbacks):
        lines.append(f"  {len(fallbacks) - len(listed)} more kinds in report.json")
    return [*outcome_lines, *(clip(line, width) for line in lines)]


def _unrecognized(report: Report, outcome: str) -> str:
    count = report.unrecognized.get(outcome, 0)
    return f" ({count:,} not recognized)" if count else ""


def _warnings(report: Report, width: int) -> list[str]:
    """Return what needs attention with what to do, wrapped; the last line counts those that do not fit."""
    lines: list[str] = []
    texts = [f"{item.why} {item.step}" for item in attention_of(report)]
    for number, text in enumerate(texts):
        wrapped = textwrap.wrap(
            _ascii(text), width, initial_indent="! ", subsequent_indent="  ", break_on_hyphens=False
        )
        if len(lines) + len(wrapped) > _WARNING_LINES - (number < len(texts) - 1):
            return [*lines, f"! {len(texts) - number} more in report.json"]
        lines += wrapped
    return lines
