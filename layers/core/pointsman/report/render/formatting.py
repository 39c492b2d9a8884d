"""How the report words things: amounts, names and lists that must fit."""

import textwrap

from pointsman.values.money import NANO_PER_USD, usd


def rounded_dollars(nano: int, places: int = 6) -> str:
    """Return the amount to so many decimals; an amount other than 0 never reads as zero."""
    sign, amount = "-" if nano < 0 else "", abs(nano)
    smallest = 10 ** (9 - places)
    if 0 < amount < smallest:
        return f"{sign}<${usd(smallest):.{places}f}"
    decimals = places if amount < 1_000 * NANO_PER_USD else 2
    return f"{sign}${usd(amount):,.{decimals}f}"


def cap_dollars(nano: int) -> str:
    """Return a cap as it was likely configured: to the cent if it is whole cents."""
    return f"${usd(nano):,.2f}" if nano % (NANO_PER_USD // 100) == 0 else rounded_dollars(nano)


def short_count(count: int) -> str:
    """Return a count of at most nine columns."""
    return f"{count:,}" if count < 10_000_000 else f"{count // 1_000_000:,}M"


def plural(count: int, noun: str, many: str | None = None) -> str:
    """Return the count with its noun; `many` is its plural if that is not made by an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {many or f'{noun}s'}"


def clip(text: str, width: int) -> str:
    """Return the text, truncated to the width."""
    return text if len(text) <= width else text[: width - 3] + "..."


def fold_list(label: str, entries: list[str], width: int, most: int) -> list[str]:
    """Return the entries in at most so many lines after the label; the last line counts those that do not fit."""
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


def compared(nano: int, with_nano: int) -> str:
    """Return how an amount compares with another: `+24%`, `-8%`, `4.1 times`, `the same`."""
    if not with_nano:
        return "nothing then" if nano else "the same"
    change = 100 * (nano - with_nano) / with_nano
    if change >= 200:
        return f"{nano / with_nano:,.1f} times"
    return f"{change:+.0f}%" if round(change) else "the same"
