"""Charts as inline SVG: columns of days, and bars of where time went."""

from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.report.figures.day_summary import DaySpend
from pointsman.report.render.formatting import rounded_dollars
from pointsman.report.render.markup import Markup, el, join
from pointsman.values.money import NANO_PER_USD, usd
from pointsman.values.taxonomy import Tier


@dataclass(frozen=True, slots=True)
class Size:
    """A chart's size in the units that its text is measured in, so that text stays readable on a phone."""

    width: int
    height: int
    every: int
    """Days between two labels of the axis."""
    name: str
    """Class of the drawing; the style sheet shows the one that fits."""


WIDE = Size(920, 232, 5, "wide")
NARROW = Size(350, 190, 10, "narrow")
LEFT, RIGHT, TOP, BOTTOM = 62, 4, 12, 24
"""Margins: the amounts stand left, the days below."""


def days_chart(days: Sequence[DaySpend]) -> Markup:
    """Return the days' costs as columns stacked by tier, drawn once for wide screens and once for phones."""
    return join(_columns(days, WIDE), _columns(days, NARROW))


def top_of(nano: int) -> int:
    """Return the axis' end: the next of 1, 2, 4, 5 or 8 times a power of ten; at least a millionth of a dollar."""
    step = 1_000
    while step * 10 < nano:
        step *= 10
    return next(step * times for times in (1, 2, 4, 5, 8, 10) if step * times >= nano)


def in_words(days: Sequence[DaySpend]) -> str:
    """Return what the chart shows."""
    total, dearest = sum(day.cost_nano for day in days), max(days, key=lambda day: day.cost_nano)
    if not total:
        return f"Nothing was spent in the {len(days)} days up to {days[-1].day}."
    return (
        f"{rounded_dollars(total, 4)} in the {len(days)} days up to {days[-1].day:%-d %B}; "
        f"the dearest was {dearest.day:%-d %B} with {rounded_dollars(dearest.cost_nano, 4)}."
    )


def _columns(days: Sequence[DaySpend], size: Size) -> Markup:
    top = top_of(max(day.cost_nano for day in days))
    height, pitch = size.height - TOP - BOTTOM, (size.width - LEFT - RIGHT) / len(days)
    drawn = [_column(day, LEFT + number * pitch, pitch, height / top, size) for number, day in enumerate(days)]
    labels = [
        _day_label(day, LEFT + (number + 0.5) * pitch, size, last=number == len(days) - 1)
        for number, day in enumerate(days)
        if (len(days) - 1 - number) % size.every == 0
    ]
    return el(
        "svg",
        el("title", "Cost by day and tier"),
        *(_grid(top * part // 4, height / top, size) for part in (0, 2, 4)),
        *drawn,
        *labels,
        viewBox=f"0 0 {size.width} {size.height}",
        class_=f"chart {size.name}",
        role="img",
        aria_label=f"Cost by day and tier. {in_words(days)}",
    )


def _grid(nano: int, scale: float, size: Size) -> Markup:
    y = _round(size.height - BOTTOM - nano * scale)
    line = el("line", x1=LEFT, x2=size.width - RIGHT, y1=y, y2=y, class_="grid" if nano else "axis")
    return join(line, el("text", _amount(nano), x=LEFT - 8, y=y, dy="0.35em", text_anchor="end"))


def _amount(nano: int) -> str:
    """Return an amount of the axis without needless zeros."""
    exact = f"{usd(nano).normalize():f}"
    return f"${exact}" if nano < NANO_PER_USD or "." not in exact else f"${usd(nano):.2f}"


def _column(day: DaySpend, left: float, pitch: float, scale: float, size: Size) -> Markup:
    parts: list[Markup] = []
    base = float(size.height - BOTTOM)
    for tier, nano in day.tiers.items():
        if nano > 0:
            tall = max(nano * scale, 0.75)  # what is not nothing is seen
            base -= tall
            where = {"x": _round(left + pitch * 0.14), "y": _round(base), "width": _round(pitch * 0.72)}
            parts.append(el("rect", **where, height=_round(tall), class_=str(tier)))
    amounts = ", ".join(f"{tier} {rounded_dollars(nano)}" for tier, nano in day.tiers.items() if nano)
    return el(
        "g",
        el("title", f"{day.day:%a %-d %b}: {rounded_dollars(day.cost_nano)}" + (f" ({amounts})" if amounts else "")),
        *parts,
    )


def _day_label(day: DaySpend, middle: float, size: Size, *, last: bool) -> Markup:
    return el(
        "text",
        f"{day.day:%-d %b}",
        x=_round(size.width - RIGHT if last else middle),
        y=size.height - 6,
        text_anchor="end" if last else "middle",
        class_="today" if last else None,
    )


def share_bar(parts: Sequence[tuple[str, int]], label: str) -> Markup:
    """Return one bar, split in proportion to the parts; each part's class is its name's first word."""
    whole = sum(amount for _, amount in parts) or 1
    left, drawn = 0.0, list[Markup]()
    for name, amount in parts:
        wide = 1000 * amount / whole
        drawn.append(el("rect", x=_round(left), y=0, width=_round(wide), height=14, class_=name))
        left += wide
    shape = {"viewBox": "0 0 1000 14", "preserveAspectRatio": "none", "class_": "shares"}
    return el("svg", *drawn, **shape, role="img", aria_label=label)


def legend(names: Sequence[str]) -> Markup:
    """Return the names with their colours."""
    entries = (el("li", el("span", class_=f"key {name}", aria_hidden="true"), name) for name in names)
    return el("ul", *entries, class_="legend")


def tiers_legend() -> Markup:
    """Return the tiers with their colours."""
    return legend([str(tier) for tier in Tier])


def _round(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
