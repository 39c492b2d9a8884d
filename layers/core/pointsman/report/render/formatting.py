"""How the report says things: money, names that must fit, lists that must end, and what needs a person's eye."""

import textwrap

from pointsman.report.figures.report import Report
from pointsman.values.money import NANO_PER_USD, usd


def rounded_dollars(nano: int, places: int = 6) -> str:
    """Return the amount to so many decimals; what is not nothing never reads as zero."""
    sign, amount = "-" if nano < 0 else "", abs(nano)
    smallest = 10 ** (9 - places)
    if 0 < amount < smallest:
        return f"{sign}<${usd(smallest):.{places}f}"
    shown = places if amount < 1_000 * NANO_PER_USD else 2
    return f"{sign}${usd(amount):,.{shown}f}"


def cap_dollars(nano: int) -> str:
    """Return a cap as it was likely written: in cents, if it is whole cents."""
    return f"${usd(nano):,.2f}" if nano % (NANO_PER_USD // 100) == 0 else rounded_dollars(nano)


def token_count(count: int) -> str:
    """Return a count that fits nine columns."""
    return f"{count:,}" if count < 10_000_000 else f"{count // 1_000_000:,}M"


def plural(count: int, noun: str) -> str:
    """Return the count with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def clip(text: str, width: int) -> str:
    """Return the text, cut where it is too long."""
    return text if len(text) <= width else text[: width - 3] + "..."


def fold(label: str, entries: list[str], width: int, most: int) -> list[str]:
    """Return the entries in at most so many lines after the label, saying how many more there are."""
    for kept in range(len(entries), 0, -1):
        more = [f"{len(entries) - kept} more"] if kept < len(entries) else []
        wrapped = textwrap.wrap(", ".join(entries[:kept] + more), width - len(label), break_on_hyphens=False)
        if len(wrapped) <= most:
            indent = " " * len(label)
            return [(indent if number else label) + line for number, line in enumerate(wrapped)]
    return []


def percent(value: float | None) -> str:
    """Return a percentage to one decimal, or two below 1%."""
    if value is None:
        return "-"
    return f"{value:,.2f}%" if 0 < abs(value) < 1 else f"{value:,.1f}%"


def cautions(report: Report) -> list[tuple[str, str]]:
    """Return what needs a person's eye, each in full and in at most 38 characters, the gravest first."""
    messages: list[tuple[str, str]] = []
    if report.complete and (off := report.month.total.difference_nano):
        sentence = f"The budget's counters and the ledger's rows differ by {rounded_dollars(abs(off))} this month."
        messages.append((sentence, clip(f"books differ by {rounded_dollars(abs(off))}", 38)))
    if report.unknown.count:
        calls, booked = plural(report.unknown.count, "call"), rounded_dollars(report.unknown.reserved_nano)
        messages.append(
            (f"{calls} of unknown cost, booked as reserved: {booked}.", clip(f"{calls} of unknown cost", 38))
        )
    if report.total.open_attempts:
        calls = plural(report.total.open_attempts, "call")
        messages.append((f"{calls} still open, counted with what they reserve.", clip(f"{calls} still open", 38)))
    if over := report.passed_over.attempts:
        calls, cost = plural(over, "call"), rounded_dollars(report.passed_over.cost_nano)
        sentence = f"{calls} went straight to a paid model in a free tier (benched, or private): {cost}."
        messages.append((sentence, clip(f"{calls} passed over the free model", 38)))
    for notice in report.notices:
        short = f"{notice.model} {f'ends {notice.ends}' if notice.state == 'ending' else notice.state}"
        messages.append((notice.text + ".", clip(short, 38)))
    return messages
