"""The report as a page of text, and as a few lines for a phone."""

import textwrap

from pointsman.report.figures.ledger_entries import Totals
from pointsman.report.figures.report import Report
from pointsman.report.render.formatting import (
    cap_dollars,
    cautions,
    clip,
    fold,
    percent,
    plural,
    rounded_dollars,
    token_count,
)
from pointsman.values.times import to_text
from pointsman.values.usage import Usage

TEXT_WIDTH = 72
_MODELS_SHOWN, TYPES, FALLBACKS, CAUTIONS = 4, 5, 3, 4
"""Most lines of each kind; the JSON has all."""
PHONE_WIDTH, PHONE_LINES = 40, 12
STAND_IN = "STAND-INS ANSWERED, NOT REAL MODELS"


def render_text(report: Report) -> str:
    """Return the page: at most 45 lines of 72 columns."""
    parts = [
        _head(report),
        _summary(report),
        _table("Tier", {**{str(tier): line for tier, line in report.tiers.items()}, **_rest(report)}),
        _table("Model", _dearest(report.models, _MODELS_SHOWN)),
        _table("Task type", _dearest(report.types, TYPES)),
        _events(report),
        _cautions(report),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def render_summary(report: Report) -> str:
    """Return the message: at most 12 lines of 40 columns."""
    month, saved = report.month, report.baseline
    cap = f" of {cap_dollars(month.cap.limit_nano)}" if month.cap else ""
    used = f", {percent(month.cap.percent)}" if month.cap else ""
    lines = [f"Pointsman {report.day:%a} {report.day.day} {report.day:%b %Y}" + ("" if report.complete else ", so far")]
    lines += [STAND_IN] if report.stand_in else []
    lines += [
        f"Spent  {rounded_dollars(report.total.cost_nano)}",
        f"       {plural(report.total.tasks, 'task')}, {plural(report.total.attempts, 'call')}",
    ]
    if saved.percent is not None:
        lines.append(f"Saved  {rounded_dollars(saved.saved_nano, 4)}, {percent(saved.percent)} (estimate)")
    lines.append(f"Month  {rounded_dollars(month.total.spent_nano, 4)}{cap}{used}")
    lines += [
        f"{tier:<15}{plural(line.tasks, 'task'):>11}{rounded_dollars(line.cost_nano):>14}"
        for tier, line in report.tiers.items()
        if line.attempts
    ]
    if hops := sum(fallback.count for fallback in report.fallbacks):
        lines.append(f"{plural(hops, 'fallback')}, {report.free_to_paid:,} free to paid")
    warnings, room = [short for _, short in cautions(report)], PHONE_LINES - len(lines)
    if len(warnings) > room:
        warnings = [*warnings[: room - 1], f"{len(warnings) - room + 1} more in the full report"]
    lines += [f"! {short}" for short in warnings]
    return "\n".join(clip(line, PHONE_WIDTH) for line in lines) + "\n"


def _head(report: Report) -> list[str]:
    title = f"Pointsman, {report.day:%A} {report.day.day} {report.day:%B %Y}"
    times = f"{to_text(report.since)} to {to_text(report.until)} ({report.zone})"
    lines = [title if report.complete else title + ": the day so far", clip(times, TEXT_WIDTH)]
    return [*lines, f"{STAND_IN}: costs are as if they were real."] if report.stand_in else lines


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
        clip(f"Spent   {rounded_dollars(total.cost_nano)}: {work}", TEXT_WIDTH),
        *_saved(report),
        clip(f"Month   {rounded_dollars(month.total.spent_nano)}{cap}, {month.name} to date", TEXT_WIDTH),
        *fold("        ", tiers, TEXT_WIDTH, 2),
        *fold("Caps    ", limits, TEXT_WIDTH, 2),
    ]


def _saved(report: Report) -> list[str]:
    comparison = report.baseline
    if comparison.percent is None:
        return ["Saved   nothing to compare: no task was answered"]
    less = "Saved" if comparison.saved_nano >= 0 else "Lost "
    return [
        clip(
            f"{less}   {rounded_dollars(abs(comparison.saved_nano))} of {rounded_dollars(comparison.baseline_nano)} "
            f"({percent(comparison.percent)})",
            TEXT_WIDTH,
        ),
        f"        net of AWS ({rounded_dollars(comparison.aws_nano, 4)}) against the answers' tokens at",
        f"        {comparison.model}'s list price:",
        "        an estimate, for it would count the same text differently",
    ]


def _rest(report: Report) -> dict[str, Totals]:
    overheads = {"classification": report.classification, "judges and audits": report.checking}
    return {**{name: line for name, line in overheads.items() if line.attempts}, "total": report.total}


def _table(title: str, lines: dict[str, Totals]) -> list[str]:
    if not lines:
        return []
    head = f"{title:<24}{'Tasks':>7}{'Calls':>7}{'Tokens in':>11}{'out':>10}{'Cost':>13}"
    return [head, *(_row(name, line) for name, line in lines.items())]


def _row(name: str, line: Totals) -> str:
    counts = f"{token_count(line.tasks):>7}{token_count(line.attempts):>7}"
    used = f"{token_count(line.usage.prompt):>11}{token_count(line.usage.output):>10}"
    return f"{clip(name, 24):<24}{counts}{used}{rounded_dollars(line.cost_nano):>13}"


def _dearest(lines: dict[str, Totals], most: int) -> dict[str, Totals]:
    """Return the lines by cost and tokens, the last ones added up when there are more than `most`."""
    order = sorted(lines, key=lambda name: (-lines[name].cost_nano, -lines[name].usage.total, name))
    if len(order) <= most:
        return {name: lines[name] for name in order}
    kept, rest = order[: most - 1], [lines[name] for name in order[most - 1 :]]
    return {**{name: lines[name] for name in kept}, f"{len(rest)} others": _sum(rest)}


def _sum(lines: list[Totals]) -> Totals:
    return Totals(
        tasks=sum(line.tasks for line in lines),
        attempts=sum(line.attempts for line in lines),
        open_attempts=sum(line.open_attempts for line in lines),
        usage=sum((line.usage for line in lines), Usage()),
        cost_nano=sum(line.cost_nano for line in lines),
    )


def _events(report: Report) -> list[str]:
    outcomes = sorted(report.outcomes.items(), key=lambda each: (-each[1], each[0]))
    outcome_lines = fold("Outcomes  ", [f"{count:,} {name}" for name, count in outcomes], TEXT_WIDTH, 2)
    if not report.fallbacks:
        return outcome_lines
    kinds = sorted(report.fallbacks, key=lambda each: (-each.count, each))
    shown = kinds if len(kinds) <= FALLBACKS else kinds[: FALLBACKS - 1]
    lines = [f"Fallbacks {sum(kind.count for kind in kinds):,}, {report.free_to_paid:,} of them from free to paid"]
    lines += [f"  {kind.count:,} {kind.came_from} > {kind.model}: {kind.reason}" for kind in shown]
    if len(shown) < len(kinds):
        lines.append(f"  {len(kinds) - len(shown)} more kinds in report.json")
    return [*outcome_lines, *(clip(line, TEXT_WIDTH) for line in lines)]


def _cautions(report: Report) -> list[str]:
    """Return the cautions, wrapped; those that no longer fit as a number."""
    lines: list[str] = []
    warnings = [text for text, _ in cautions(report)]
    for number, text in enumerate(warnings):
        wrapped = textwrap.wrap(text, TEXT_WIDTH, initial_indent="! ", subsequent_indent="  ", break_on_hyphens=False)
        if len(lines) + len(wrapped) > CAUTIONS - (number < len(warnings) - 1):
            return [*lines, f"! {len(warnings) - number} more in report.json"]
        lines += wrapped
    return lines
