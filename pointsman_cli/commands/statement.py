"""`pointsman statement`: a month on one page."""

from calendar import monthrange
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman.values.times import day_bounds
from pointsman_cli import output, reading
from pointsman_cli.errors import BadInputError
from pointsman_cli.options import AsJson, StackOptions

if TYPE_CHECKING:
    from pointsman.services.report import Reporting
    from pointsman_cli.statement.figures import Statement


def statement(
    stack: StackOptions,
    month: Annotated[
        str | None, typer.Option(metavar="MONTH", help="Such as 2026-11. Default: this month so far.")
    ] = None,
    as_html: Annotated[bool, typer.Option("--html", help="Write a page to print instead of text.")] = False,
    into: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write to this file instead of stdout.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a month's statement: spent, billed, saved, and for whom.

    Computed from the ledger as it is now, which is read for the whole month. Stores and sends nothing.
    """
    if as_html and as_json:
        raise BadInputError("--html and --json exclude each other")
    from pointsman.entrypoints.cost_report import build_reporting
    from pointsman_cli.statement import document, page, text

    runtime = stack.connect().runtime
    now = runtime.context.clock.now()
    first, last = _days(month, now.astimezone(runtime.settings.zone).date())
    reporting = runtime.part(build_reporting)
    made = replace(
        build_statement(reporting, first, last),
        reconciled=reporting.reconciled(first),
        quality=reporting.quality(day_bounds(last, reporting.ctx.zone)[1]),
    )
    stand_in = reporting.stand_in
    if as_json:
        output.write(output.json_text(document.statement_document(made, reporting.stack, stand_in=stand_in)), into)
    elif as_html:
        output.write(page.render_statement(made, reporting.stack, stand_in=stand_in), into)
    else:
        width = output.text_width(text.STATEMENT_WIDTH)
        output.write(text.statement_text(made, width, stand_in=stand_in), into)


def build_statement(reporting: "Reporting", first: date, last: date) -> "Statement":
    """Return the statement of the days from the first to the last one, which are of one month."""
    from pointsman_cli.statement.figures import StatementBuilder

    ctx = reporting.ctx
    builder = StatementBuilder(ctx.policy, ctx.zone, first, last)
    shards = reporting.ledger.shards(day_bounds(first, ctx.zone)[0], day_bounds(last, ctx.zone)[1])
    with output.progress() as tell:
        for number, rows in enumerate(shards):
            tell(f"reading part {number + 1} of the month")
            builder.add_shard(rows)
    return builder.build(reporting.ledger.counters(f"{first:%Y-%m}", last.day), ctx.clock.now())


def _days(month: str | None, today: date) -> tuple[date, date]:
    """Return the first and the last day to show: of the month, up to today."""
    first = reading.parse_month(month) if month else today.replace(day=1)
    if first > today:
        raise BadInputError("--month: lies in the future")
    return first, min(first.replace(day=monthrange(first.year, first.month)[1]), today)
