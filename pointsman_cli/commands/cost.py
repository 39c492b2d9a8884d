"""`pointsman cost`: the monthly AWS bill for a number of tasks a day."""

from typing import Annotated

import typer

from pointsman_cli import output
from pointsman_cli.options import AsJson

DEFAULT_VOLUMES = (25, 10_000, 1_000_000)


def cost(
    tasks_per_day: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N",
            min=1,
            max=10_000_000,
            help="Tasks a day, in the team's mix (repeatable). Default: 25, 10,000 and 1,000,000.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Estimate the monthly AWS bill, line by line.

    Multiplies the units that each task uses by dated list prices. Also recomputes the first estimate of savings at
    today's prices. Needs no stack and calls no API.
    """
    from pointsman.report.figures.aws_bill import monthly_bill
    from pointsman.report.figures.aws_units import plain_day
    from pointsman_cli.aws_cost import tables

    bills = [monthly_bill(plain_day(tasks)) for tasks in tasks_per_day or DEFAULT_VOLUMES]
    if as_json:
        output.print_document(tables.cost_document(bills))
    else:
        print(tables.cost_text(bills, output.text_width(tables.COST_WIDTH)).rstrip("\n"))
