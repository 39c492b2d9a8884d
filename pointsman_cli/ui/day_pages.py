"""The pages of days: all that were published, with chart and months, and each day's page and files."""

from datetime import date, timedelta

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from pointsman.entrypoints.cost_report import build_reporting
from pointsman.report.render.as_csv import render_csv
from pointsman.report.render.as_json import as_json
from pointsman.report.render.html import render_html
from pointsman.report.render.index import index_content
from pointsman.report.render.text import render_text
from pointsman.services.report import Reporting
from pointsman.values.times import local_day
from pointsman_cli import output
from pointsman_cli.errors import BadInputError, NotFoundError
from pointsman_cli.ui.ui_context import UiContext

_MOST_DAYS = 92
_TYPES = {
    "report.html": "text/html",
    "report.json": "application/json",
    "report.csv": "text/csv",
    "report.txt": "text/plain",
}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Of a day's page, which holds its styles itself and no script; all text on it is escaped by construction."""


def day_list(ui: UiContext, request: Request) -> Response:
    """Return the list of days."""
    published, today = _reporting(ui).published(), _today(ui)
    shown = published[-_MOST_DAYS:]
    yesterday = today - timedelta(days=1)
    return ui.page(
        request,
        "days.html",
        days=Markup(index_content(shown)),  # noqa: S704  (escaped by construction)
        count=len(published),
        shown=len(shown),
        today=today,
        yesterday=yesterday if any(entry.spend.day == yesterday for entry in published) else None,
    )


def day_file(ui: UiContext, request: Request) -> Response:
    """Return a day's page or file: as it was published, else by the ledger as it is now."""
    name = request.path_params["name"]
    if name not in _TYPES:
        raise NotFoundError(f"no file {name} of a day")
    try:
        day = date(*(request.path_params[part] for part in ("year", "month", "day")))
    except ValueError:
        raise BadInputError("the address names no day") from None
    if day > _today(ui):
        raise NotFoundError(f"{day} is yet to come")
    text = _text(_reporting(ui), day, name)
    return Response(text, media_type=_TYPES[name], headers={"content-security-policy": _POLICY})


def _text(reporting: Reporting, day: date, name: str) -> str:
    if reporting.is_published(day) and (stored := reporting.sink.fetch(f"reports/{day:%Y/%m/%d}/{name}")):
        return stored
    report = reporting.build(day)
    if name == "report.html":
        return render_html(report, reporting.published())
    if name == "report.json":
        return output.json_text(as_json(report))
    return render_csv(report) if name == "report.csv" else render_text(report)


def _reporting(ui: UiContext) -> Reporting:
    return ui.connection.runtime.part(build_reporting)


def _today(ui: UiContext) -> date:
    return local_day(ui.now(), ui.connection.settings.zone)
