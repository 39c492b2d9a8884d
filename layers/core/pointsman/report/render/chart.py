"""Charts as inline SVG: a column per day, and bars split by phase."""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.report.figures.day_summary import DaySpend
from pointsman.report.figures.report import Report
from pointsman.report.render.formatting import rounded_dollars
from pointsman.report.render.markup import Markup, el, join
from pointsman.values.money import NANO_PER_USD, usd
from pointsman.values.taxonomy import Tier


@dataclass(frozen=True, slots=True)
class _ChartSize:
    """A chart's size in the units of its text, so that the text stays readable on a phone."""

    width: int
    height: int
    every: int
    """Days between two labels of the axis."""
    name: str
    """The drawing's class; the style sheet shows the one that fits."""


_WIDE = _ChartSize(920, 232, 5, "wide")
_NARROW = _ChartSize(350, 190, 10, "narrow")
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 4, 22, 24
"""Margins: amounts on the left, days below."""
_LETTER = 7
"""Width of a letter, at most."""
_BUDGET_IN_SIGHT = 4
"""The budget is drawn if it is at most so many times the highest column: a higher one would flatten them all."""


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """What a day may cost."""

    nano: int
    label: str


def budget_line(report: Report) -> BudgetLine | None:
    """Return the cap on a day, or the month's cap spread over its days; None without a cap."""
    caps = {cap.counter: cap.limit_nano for cap in report.month.caps}
    if (daily := caps.get(f"day_{report.day:%d}")) is not None:
        return BudgetLine(daily, f"cap of a day {rounded_dollars(daily, 2)}")
    if (monthly := caps.get("month")) is None:
        return None
    share = monthly // monthrange(report.day.year, report.day.month)[1]
    return BudgetLine(share, f"budget {rounded_dollars(share, 2)} a day")


def days_chart(days: Sequence[DaySpend], budget: BudgetLine | None = None) -> Markup:
    """Return the days' costs as columns stacked by tier, the budget as a line: one drawing for wide screens and one
    for phones.
    """
    return join(_columns(days, _WIDE, budget), _columns(days, _NARROW, budget))


def axis_top(nano: int) -> int:
    """Return the axis' upper end: 1, 2, 4, 5 or 8 times a power of ten, at least a hundredth of a cent."""
    step = 100_000
    while step * 10 < nano:
        step *= 10
    return next(step * times for times in (1, 2, 4, 5, 8, 10) if step * times >= nano)


def describe_days(days: Sequence[DaySpend]) -> str:
    """Return a sentence that sums up the chart."""
    total, peak = sum(day.cost_nano for day in days), max(days, key=lambda day: day.cost_nano)
    if not total:
        return f"Nothing was spent in the {len(days)} days to {days[-1].day:%-d %B}."
    return (
        f"{rounded_dollars(total, 4)} in the {len(days)} days to {days[-1].day:%-d %B}; "
        f"the most expensive day was {peak.day:%-d %B} at {rounded_dollars(peak.cost_nano, 4)}."
    )


def _columns(days: Sequence[DaySpend], size: _ChartSize, budget: BudgetLine | None) -> Markup:
    most = max(day.cost_nano for day in days)
    top = axis_top(max(most, budget.nano) if budget and budget.nano <= _BUDGET_IN_SIGHT * most else most)
    height, pitch = size.height - _TOP - _BOTTOM, (size.width - _LEFT - _RIGHT) / len(days)
    columns = [_column(day, _LEFT + number * pitch, pitch, height / top, size) for number, day in enumerate(days)]
    labels = [
        _day_label(day, _LEFT + (number + 0.5) * pitch, size, last=number == len(days) - 1)
        for number, day in enumerate(days)
        if (len(days) - 1 - number) % size.every == 0
    ]
    return el(
        "svg",
        el("title", "Cost by day and tier"),
        *(_grid(top * part // 4, height / top, size) for part in (0, 2, 4)),
        *columns,
        _budget(budget, top, height / top, size) if budget else None,
        *labels,
        viewBox=f"0 0 {size.width} {size.height}",
        class_=f"chart {size.name}",
        role="img",
        aria_label=f"Cost by day and tier. {describe_days(days)}" + (f" The {budget.label}." if budget else ""),
    )


def _budget(budget: BudgetLine, top: int, scale: float, size: _ChartSize) -> Markup:
    """Return the budget's line, and its name at the upper edge; one far above the columns has no line."""
    right, far = size.width - _RIGHT, budget.nano > top
    label = f"{budget.label}{', above this scale' if far else ''}"
    name = el("text", label, x=right, y=11, text_anchor="end", class_="cap")
    if far:
        return name
    y = _round(size.height - _BOTTOM - budget.nano * scale)
    left = right - _LETTER * len(label)
    sample = el("line", x1=left - 26, x2=left - 6, y1=7, y2=7, class_="cap")
    return join(el("line", x1=_LEFT, x2=right, y1=y, y2=y, class_="cap"), sample, name)


def _grid(nano: int, scale: float, size: _ChartSize) -> Markup:
    y = _round(size.height - _BOTTOM - nano * scale)
    line = el("line", x1=_LEFT, x2=size.width - _RIGHT, y1=y, y2=y, class_="grid" if nano else "axis")
    return join(line, el("text", _amount(nano), x=_LEFT - 8, y=y, dy="0.35em", text_anchor="end"))


def _amount(nano: int) -> str:
    """Return an amount on the axis without trailing zeros."""
    exact_usd = f"{usd(nano).normalize():f}"
    return f"${exact_usd}" if nano < NANO_PER_USD or "." not in exact_usd else f"${usd(nano):.2f}"


def _column(day: DaySpend, left: float, pitch: float, scale: float, size: _ChartSize) -> Markup:
    segments: list[Markup] = []
    base = float(size.height - _BOTTOM)
    for tier, nano in day.tiers.items():
        if nano > 0:
            segment_height = max(nano * scale, 0.75)  # an amount above 0 stays visible
            base -= segment_height
            place = {"x": _round(left + pitch * 0.14), "y": _round(base), "width": _round(pitch * 0.72)}
            segments.append(el("rect", **place, height=_round(segment_height), class_=str(tier)))
    amounts = ", ".join(f"{tier} {rounded_dollars(nano)}" for tier, nano in day.tiers.items() if nano)
    return el(
        "g",
        el("title", f"{day.day:%a %-d %b}: {rounded_dollars(day.cost_nano)}" + (f" ({amounts})" if amounts else "")),
        *segments,
    )


def _day_label(day: DaySpend, middle: float, size: _ChartSize, *, last: bool) -> Markup:
    return el(
        "text",
        f"{day.day:%-d %b}",
        x=_round(size.width - _RIGHT if last else middle),
        y=size.height - 6,
        text_anchor="end" if last else "middle",
        class_="today" if last else None,
    )


def share_bar(parts: Sequence[tuple[str, int]], label: str) -> Markup:
    """Return one bar, split in proportion to the parts; each part's class is its name."""
    whole = sum(amount for _, amount in parts) or 1
    left, segments = 0.0, list[Markup]()
    for name, amount in parts:
        width = 1000 * amount / whole
        segments.append(el("rect", x=_round(left), y=0, width=_round(width), height=14, class_=name))
        left += width
    shape = {"viewBox": "0 0 1000 14", "preserveAspectRatio": "none", "class_": "shares"}
    return el("svg", *segments, **shape, role="img", aria_label=label)


def legend(names: Sequence[str]) -> Markup:
    """Return the names with their colours."""
    entries = (el("li", el("span", class_=f"key {name}", aria_hidden="true"), name) for name in names)
    return el("ul", *entries, class_="legend")


def tier_legend() -> Markup:
    """Return the tiers with their colours."""
    return legend([str(tier) for tier in Tier])


def _round(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
