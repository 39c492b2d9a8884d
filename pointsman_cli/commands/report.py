"""`pointsman report`: what was spent and saved on a day."""

from datetime import date
from typing import Annotated

import typer

from pointsman_cli import output
from pointsman_cli.errors import BadInputError, Exit
from pointsman_cli.options import AsJson, Profile, Region, Stack

EXAMPLES = """\b
Examples:
  pointsman report
  pointsman report --date 2026-11-21 --json --stack pointsman"""


def report(
    day: Annotated[
        str | None,
        typer.Option(
            "--date", metavar="DATE", help="A day of the stack's ReportTimeZone, as 2026-11-21; without: today."
        ),
    ] = None,
    as_json: AsJson = False,
    stack: Stack = None,
    profile: Profile = None,
    region: Region = None,
) -> int:
    """Show what was spent and saved on a day.

    The report is made from the books as they are now; nothing is stored or sent.
    """
    from pointsman.domain.report_json import as_json as as_document
    from pointsman.domain.report_text import render_text
    from pointsman_cli import target

    asked = _day(day)
    found = target.find(stack, profile, region)
    app = found.app
    made = app.reporting.build(asked or app.context.clock.now().astimezone(app.settings.zone).date())
    if as_json:
        output.document(as_document(made))
    else:
        print(render_text(made).rstrip("\n"))
    return Exit.OK


def _day(stated: str | None) -> date | None:
    try:
        return date.fromisoformat(stated) if stated is not None else None
    except ValueError:
        raise BadInputError("--date: must be a day like 2026-11-21") from None
