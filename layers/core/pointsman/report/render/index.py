"""The page that lists all days."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby

from pointsman.report.figures.day_summary import CHART_DAYS, DaySpend
from pointsman.report.figures.day_tasks import TaskKind
from pointsman.report.figures.history import PublishedDay
from pointsman.report.figures.month import percent_of
from pointsman.report.render.chart import days_chart, describe_days, tier_legend
from pointsman.report.render.components import (
    NO_VALUE,
    command,
    count,
    html_page,
    money,
    note_paragraph,
    section,
    table_section,
    with_details,
)
from pointsman.report.render.formatting import percent
from pointsman.report.render.markup import Child, Markup, el, join
from pointsman.values.taxonomy import Tier
from pointsman.values.times import days_between


def render_index(entries: Sequence[PublishedDay], *, linked: bool = True) -> str:
    """Return the page, the latest month and day first; `linked`: the days' reports are stored below it."""
    newest = sorted(entries, key=lambda entry: entry.spend.day, reverse=True)
    return html_page(
        "Pointsman: all days",
        el("header", el("div", el("strong", "Pointsman"), class_="brand"), el("h1", "All days"), _lead(newest)),
        index_content(newest, linked=linked),
        None if newest else el("p", "No reports yet."),
        el("footer", el("p", "Savings are estimates against the baseline named on each day’s page.")),  # noqa: RUF001
    )


def index_content(entries: Sequence[PublishedDay], *, linked: bool = True) -> Markup:
    """Return the chart and the months, the latest first."""
    newest = sorted(entries, key=lambda entry: entry.spend.day, reverse=True)
    months = groupby(newest, key=lambda entry: f"{entry.spend.day:%B %Y}")
    chart = _chart(newest) if linked else _chart(newest, len(newest))
    return join(chart, *(_month(name, list(days), linked=linked) for name, days in months))


def _lead(newest: Sequence[PublishedDay]) -> Markup | None:
    if not newest:
        return None
    sentence = f"{len(newest):,} reports, from {newest[-1].spend.day:%-d %B %Y} to {newest[0].spend.day:%-d %B %Y}."
    return el("p", sentence, class_="lead")


def _chart(newest: Sequence[PublishedDay], most: int = CHART_DAYS) -> Markup | None:
    """Return the chart of the newest days, one after the other; None if nothing was spent on them."""
    spends = {entry.spend.day: entry.spend for entry in newest}
    if not any(spend.cost_nano for spend in spends.values()):
        return None
    last, nothing = newest[0].spend.day, dict.fromkeys(Tier, 0)
    days = days_between(max(newest[-1].spend.day, last - timedelta(days=most - 1)), last)
    shown = [spends.get(day) or DaySpend(day, nothing) for day in days]
    return section("chart", "Cost", el("p", describe_days(shown), class_="lead"), days_chart(shown), tier_legend())


def _month(name: str, days: list[PublishedDay], *, linked: bool) -> Markup:
    saved, whole = sum(day.saved_nano for day in days), sum(day.baseline_nano for day in days)
    received = [sum(day.received.values()) for day in days]
    sums: list[Child] = [
        count(sum(received)) if any(received) else NO_VALUE,
        money(sum(day.spend.cost_nano for day in days)),
        money(saved),
        percent(percent_of(saved, whole)),
    ]
    counts = [count(sum(day.tasks for day in days)), count(sum(day.attempts for day in days))]
    header = ["Day", "Received", "Spent", "Saved", "Saved (%)", "Tasks", "Calls"]
    rows = [_day(day, linked=linked) for day in days]
    note = note_paragraph("* Stand-ins answered, not real models.") if any(day.stand_in for day in days) else None
    section_id, total = f"m{days[0].spend.day:%Y-%m}", ["Total", *sums, *counts]
    return table_section(section_id, name, f"Days in {name}", header, rows, note, total=total)


def _day(entry: PublishedDay, *, linked: bool) -> list[Child]:
    day = entry.spend.day
    name = f"{day:%a %-d %b}" + ("" if entry.complete else ", so far") + (" *" if entry.stand_in else "")
    return [
        el("a", name, href=f"{day:%Y/%m/%d}/report.html")
        if linked
        else with_details(name, command(f"pointsman report --date {day}")),
        _tasks(entry),
        money(entry.spend.cost_nano),
        money(entry.saved_nano),
        percent(percent_of(entry.saved_nano, entry.baseline_nano)) if entry.baseline_nano else NO_VALUE,
        count(entry.tasks),
        count(entry.attempts),
    ]


def _tasks(entry: PublishedDay) -> Child:
    """Return how many tasks were received, and how many of them have no answer."""
    received = sum(entry.received.values())
    if not received:
        return NO_VALUE
    kinds = (TaskKind.FAILED, TaskKind.REJECTED, TaskKind.HELD)
    words = [
        el("span", el("span", class_=f"key {kind}", aria_hidden="true"), f"{number:,} {kind}")
        for kind in kinds
        if (number := entry.received.get(kind, 0))
    ]
    return with_details(count(received), *words)
