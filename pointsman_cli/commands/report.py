"""`pointsman report`: costs and savings."""

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.values.times import day_bounds, days_between
from pointsman_cli import output, reading
from pointsman_cli.errors import BadInputError
from pointsman_cli.options import AsJson, StackOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pointsman.report.figures.history import PublishedDay
    from pointsman.report.figures.report import Report
    from pointsman.services.report import Reporting

_MOST_DAYS = 92
"""A range reads the ledger of each day."""


def report(
    stack: StackOptions,
    day: Annotated[
        str | None,
        typer.Option(
            "--date", metavar="DATE", help="A day of the stack's time zone: 2026-11-21, yesterday or today (default)."
        ),
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First of several days, one line each.")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Last of several days. Default: today.")
    ] = None,
    as_html: Annotated[bool, typer.Option("--html", help="Write an HTML page instead of text.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV instead of text.")] = False,
    as_focus: Annotated[
        bool, typer.Option("--focus", help="Write FOCUS 1.2 rows (CSV) for tools that allocate costs.")
    ] = False,
    into: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write to this file instead of stdout.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the costs and savings of one day or several.

    Computed from the ledger as it is now. Stores and sends nothing.
    """
    if as_html + as_csv + as_json + as_focus > 1:
        raise BadInputError("--html, --csv, --focus and --json exclude each other")
    if last and not first:
        raise BadInputError("--to needs --from")
    if first and day:
        raise BadInputError("--date and --from exclude each other")
    stated = (("--date", day), ("--from", first), ("--to", last))
    chosen_day, since, until = (reading.parse_day(option, text) for option, text in stated)

    from pointsman.entrypoints.cost_report import build_reporting

    runtime = stack.connect().runtime
    today = runtime.context.clock.now().astimezone(runtime.settings.zone).date()
    reporting = runtime.part(build_reporting)
    one = reading.on_calendar(chosen_day, today)
    days = _days(reading.on_calendar(since, today), reading.on_calendar(until, today)) if first else [one]
    if as_focus:
        text = _focus(reporting, days)
    elif as_csv:
        text = _csv(reporting, days)
    elif first:
        text = _range(reporting, days, as_html=as_html, as_json=as_json)
    else:
        text = _one(reporting, one, as_html=as_html, as_json=as_json)
    output.write(text, into)


def _days(first: date, last: date) -> list[date]:
    days = days_between(first, last)
    if not days or len(days) > _MOST_DAYS:
        raise BadInputError(f"--from and --to: must span 1 to {_MOST_DAYS} days")
    return days


def _one(reporting: "Reporting", day: date, *, as_html: bool, as_json: bool) -> str:
    from pointsman.report.render import as_json as json_form
    from pointsman.report.render import html, text

    report = reporting.build(day)
    if as_html:
        return html.render_html(report, reporting.published(), linked=False)
    if as_json:
        return output.json_text(json_form.as_json(report))
    return text.render_text(report, output.text_width(text.TEXT_WIDTH))


def _focus(reporting: "Reporting", days: list[date]) -> str:
    from pointsman_cli.focus import Focus

    zone, catalog = reporting.ctx.zone, reporting.ctx.policy.catalog
    since, until = day_bounds(days[0], zone)[0], day_bounds(days[-1], zone)[1]
    focus = Focus(reporting.stack.name or "pointsman", catalog, reporting.stand_in)
    return focus.csv(lambda: reporting.ledger.shards(since, until))


def _csv(reporting: "Reporting", days: list[date]) -> str:
    from pointsman.report.render.as_csv import render_csv

    return render_csv(*_reports(reporting, days))


def _reports(reporting: "Reporting", days: list[date]) -> "Iterator[Report]":
    """Yield each day's report by its own rows and tasks."""
    with output.progress() as tell:
        for day in days:
            tell(f"reading {day}")
            yield reporting.build_alone(day)


def _range(reporting: "Reporting", days: list[date], *, as_html: bool, as_json: bool) -> str:
    from pointsman.report.figures.history import published_day
    from pointsman.report.render import index

    entries = [published_day(day_report) for day_report in _reports(reporting, days)]
    if as_html:
        return index.render_index(entries, linked=False)
    return _range_json(entries) if as_json else _table(entries)


def _range_json(entries: "list[PublishedDay]") -> str:
    """Return the days as the manifest has them, amounts under the names of today too."""
    from pointsman.report.figures import history
    from pointsman.report.render.as_json import with_nano_usd

    document = with_nano_usd(json.loads(history.manifest_text(entries)))
    for day in document["days"].values():
        day["tiers_nano_usd"] = day["tiers"]
        day["cost_nano_usd"] = sum(day["tiers"].values())
    return output.json_text(document)


def _table(entries: "list[PublishedDay]") -> str:
    from pointsman.report.figures.day_tasks import TaskKind
    from pointsman.report.render.formatting import rounded_dollars

    lost, held = (TaskKind.FAILED, TaskKind.REJECTED), TaskKind.HELD
    rows = {
        str(entry.spend.day): (
            sum(entry.received.values()) or entry.tasks,
            sum(entry.received.get(kind, 0) for kind in lost),
            entry.received.get(held, 0),
            entry.attempts,
            entry.spend.cost_nano,
            entry.saved_nano,
        )
        for entry in entries
    }
    sums = tuple(map(sum, zip(*rows.values(), strict=True)))
    lines = [f"{'Day':<10}{'Tasks':>8}{'Failed':>8}{'Held':>6}{'Calls':>8}{'Spent':>10}{'Saved':>10}"]
    for name, (*counts, spent, saved) in [*rows.items(), ("Total", sums)]:
        numbers = "".join(f"{count:>{width},}" for count, width in zip(counts, (8, 8, 6, 8), strict=True))
        lines.append(f"{name:<10}{numbers}{rounded_dollars(spent, 4):>10}{rounded_dollars(saved, 4):>10}")
    return "\n".join([*lines, "Savings are estimates against the configured baseline."]) + "\n"
