"""The page that lists all days."""

from collections.abc import Sequence
from itertools import groupby

from pointsman.report.figures.history import PublishedDay
from pointsman.report.figures.month import percent_of
from pointsman.report.render.components import NO_VALUE, count, html_page, money, note_paragraph, table_section
from pointsman.report.render.formatting import percent
from pointsman.report.render.markup import Child, Markup, el


def render_index(entries: Sequence[PublishedDay], *, linked: bool = True) -> str:
    """Return the page, the latest month and day first; `linked`: the days' reports are stored below it."""
    newest = sorted(entries, key=lambda entry: entry.spend.day, reverse=True)
    months = groupby(newest, key=lambda entry: f"{entry.spend.day:%B %Y}")
    sections = [_month(name, list(days), linked=linked) for name, days in months]
    return html_page(
        "Pointsman: all days",
        el("header", el("div", el("strong", "Pointsman"), class_="brand"), el("h1", "All days"), _lead(newest)),
        *sections,
        None if sections else el("p", "No reports yet."),
        el("footer", el("p", "Savings are estimates against the baseline named on each day’s page.")),  # noqa: RUF001
    )


def _lead(newest: Sequence[PublishedDay]) -> Markup | None:
    if not newest:
        return None
    sentence = f"{len(newest):,} reports, from {newest[-1].spend.day:%-d %B %Y} to {newest[0].spend.day:%-d %B %Y}."
    return el("p", sentence, class_="lead")


def _month(name: str, days: list[PublishedDay], *, linked: bool) -> Markup:
    saved, whole = sum(day.saved_nano for day in days), sum(day.baseline_nano for day in days)
    sums: list[Child] = [
        money(sum(day.spend.cost_nano for day in days)),
        money(saved),
        percent(percent_of(saved, whole)),
    ]
    counts = [count(sum(day.tasks for day in days)), count(sum(day.attempts for day in days))]
    header = ["Day", "Spent", "Saved", "Saved (%)", "Tasks", "Calls"]
    rows = [_day(day, linked=linked) for day in days]
    note = note_paragraph("* Stand-ins answered, not real models.") if any(day.stand_in for day in days) else None
    section_id, total = f"m{days[0].spend.day:%Y-%m}", ["Total", *sums, *counts]
    return table_section(section_id, name, f"Days in {name}", header, rows, note, total=total)


def _day(entry: PublishedDay, *, linked: bool) -> list[Child]:
    day = entry.spend.day
    name = f"{day:%a %-d %b}" + ("" if entry.complete else ", so far") + (" *" if entry.stand_in else "")
    return [
        el("a", name, href=f"{day:%Y/%m/%d}/report.html") if linked else name,
        money(entry.spend.cost_nano),
        money(entry.saved_nano),
        percent(percent_of(entry.saved_nano, entry.baseline_nano)) if entry.baseline_nano else NO_VALUE,
        count(entry.tasks),
        count(entry.attempts),
    ]
