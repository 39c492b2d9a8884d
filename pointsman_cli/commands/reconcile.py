"""`pointsman reconcile`: hold the ledger against what the providers charged."""

import calendar
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import typer

from pointsman.values.times import day_bounds, days_between
from pointsman_cli import output, reading
from pointsman_cli.errors import BadInputError, CommandError, Exit
from pointsman_cli.options import AsJson, StackOptions

if TYPE_CHECKING:
    from pointsman.report.bill.charges import ProviderBill, StackAccount
    from pointsman.report.bill.reconciliation import Reconciliation
    from pointsman.services.report import Reporting
    from pointsman_cli.stacks import StackConnection

ADMIN_KEY = "ANTHROPIC_ADMIN_API_KEY"
"""Read by this command alone."""
_MOST_DAYS = 92
_UTC = ZoneInfo("UTC")
_EARLIER = timedelta(days=3)
"""How far before the period calls may begin that end in it: a batch takes up to a day, and is read by the sweep."""


def reconcile(
    stack: StackOptions,
    month: Annotated[
        str | None, typer.Option("--month", metavar="MONTH", help="A month of UTC: 2026-11. Default: this month.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="First day of UTC, instead of a month.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="DATE", help="Last day of UTC. Default: today.")
    ] = None,
    workspace: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Anthropic workspace of the stack's key; `default` is one. Default: all."),
    ] = None,
    api_key: Annotated[
        list[str] | None,
        typer.Option("--api-key", metavar="ID", help="Id (apikey_…) of the stack's Anthropic key. Default: all."),
    ] = None,
    gemini_export: Annotated[
        Path | None,
        typer.Option("--gemini-export", metavar="FILE", help="Rows of Google's Cloud Billing export, CSV or JSON."),
    ] = None,
    project: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Google project of the stack's key. Default: all.")
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep/--no-keep", help="Whether a month's outcome is kept, for the reports to show.")
    ] = True,
    as_json: AsJson = False,
) -> int:
    """Compare the ledger with what the providers charged.

    Reads Anthropic's Usage and Cost API with the Admin API key in ANTHROPIC_ADMIN_API_KEY, which is stored nowhere, and
    Google's charges from a file. Only what the data proves is subtracted; the rest is shown as unexplained.
    """
    if month and (since or until):
        raise BadInputError("--month and --since exclude each other")
    if until and not since:
        raise BadInputError("--until needs --since")
    first_of_month = reading.parse_month(month) if month else None
    first, last = reading.parse_day("--since", since), reading.parse_day("--until", until)
    key = os.environ.get(ADMIN_KEY, "").strip()
    if not key and not gemini_export:
        raise BadInputError(f"set {ADMIN_KEY} to an Admin API key, or give --gemini-export FILE")

    from pointsman.entrypoints.cost_report import build_reporting
    from pointsman.report.bill.charges import StackAccount

    connection = stack.connect()
    reporting = connection.runtime.part(build_reporting)
    catalog, now = reporting.ctx.policy.catalog, reporting.ctx.clock.now()
    today = now.astimezone(UTC).date()
    if since:
        days = _days(reading.on_calendar(first, today), reading.on_calendar(last, today), today)
    else:
        days = _month_days(first_of_month or today.replace(day=1), today)
    compared: list[Reconciliation] = []
    with output.progress() as tell:
        if gemini_export:
            from pointsman_cli.bills.gemini_export import read_gemini_export

            bill = read_gemini_export(gemini_export, days, catalog)
            compared.append(_compare(reporting, bill, StackAccount(project or ())))
        if key:
            tell("reading Anthropic's usage and cost reports")
            bill = _anthropic_bill(connection, key, days, reporting, now)
            account = StackAccount([_workspace(name) for name in workspace or ()], api_key or ())
            compared.append(_compare(reporting, bill, account))
    document = _document(reporting, days, compared)
    if keep and not (since or until):
        document["kept_as"] = reporting.keep_reconciliation(f"{days[0]:%Y-%m}", compared, output.json_text(document))
    if as_json:
        output.print_document(document)
    else:
        _print(connection, document)
    return Exit.OK if all(it.is_explained for it in compared) else Exit.TO_DO


def _month_days(first: date, today: date) -> tuple[date, ...]:
    return _days(first, first.replace(day=calendar.monthrange(first.year, first.month)[1]), today)


def _days(first: date, last: date, today: date) -> tuple[date, ...]:
    days = tuple(days_between(first, min(last, today)))
    if not days or len(days) > _MOST_DAYS:
        raise BadInputError(f"the period must begin by today and span 1 to {_MOST_DAYS} days")
    return days


def _workspace(name: str) -> str | None:
    return None if name == "default" else name


def _anthropic_bill(
    connection: "StackConnection", key: str, days: tuple[date, ...], reporting: "Reporting", now: datetime
) -> "ProviderBill":
    from pointsman_cli.bills.admin_api import ANTHROPIC_API, AdminApi
    from pointsman_cli.bills.anthropic_bill import read_anthropic_bill

    settings = connection.settings
    on_this_machine = urlsplit(settings.anthropic_base_url).hostname in ("127.0.0.1", "localhost")
    if settings.model_calls == "loopback" and not on_this_machine:
        raise CommandError("MODEL_CALLS is loopback: no provider may be asked")
    # A proxy for model calls never sees the admin key.
    with AdminApi(key, settings.anthropic_base_url if on_this_machine else ANTHROPIC_API) as api:
        return read_anthropic_bill(api, days, reporting.ctx.policy.catalog, now)


def _compare(reporting: "Reporting", bill: "ProviderBill", account: "StackAccount") -> "Reconciliation":
    from pointsman.report.bill.booked_use import BookedUse
    from pointsman.report.bill.reconciliation import reconcile_bill
    from pointsman.report.figures.ledger_entries import ENTRY_ATTRIBUTES

    booked = BookedUse(reporting.ctx.policy.catalog, bill.provider)
    since, until = day_bounds(bill.days[0], _UTC)[0] - _EARLIER, day_bounds(bill.days[-1], _UTC)[1]
    for rows in reporting.ledger.shards(since, until, ENTRY_ATTRIBUTES):
        booked.add(rows)
    return reconcile_bill(booked, bill, account)


def _document(reporting: "Reporting", days: tuple[date, ...], compared: "list[Reconciliation]") -> dict[str, Any]:
    from pointsman_cli.bills.show_bill import provider_document

    return {
        "version": 1,
        "from": days[0].isoformat(),
        "to": days[-1].isoformat(),
        "stand_in": reporting.stand_in,
        "explained": all(it.is_explained for it in compared),
        "unexplained_nano_usd": sum(it.unexplained_nano for it in compared),
        "kept_as": None,
        "providers": [provider_document(it) for it in compared],
    }


def _print(connection: "StackConnection", document: dict[str, Any]) -> None:
    from pointsman_cli.bills.show_bill import print_provider

    connection.say_stand_in()
    for number, provider in enumerate(document["providers"]):
        if number:
            print()
        print_provider(provider)
