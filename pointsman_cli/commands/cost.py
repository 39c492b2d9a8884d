"""`pointsman cost`: what AWS charges for so many tasks a day."""

from typing import Annotated

import typer

from pointsman_cli import output
from pointsman_cli.errors import Exit
from pointsman_cli.options import AsJson

USUAL = (25, 10_000, 1_000_000)
EXAMPLES = """\b
Examples:
  pointsman cost
  pointsman cost --tasks-per-day 400 --tasks-per-day 4000
  pointsman cost --json"""


def cost(
    tasks_per_day: Annotated[
        list[int] | None,
        typer.Option(
            "--tasks-per-day",
            metavar="N",
            min=1,
            max=10_000_000,
            help="Tasks a day, in the team's mix; may be given several times. Without: 25, 10,000 and 1,000,000.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Show what AWS charges a month, line by line, and the first estimate of savings at today's prices.

    A model from the design's own units and dated list prices. No stack is needed, and none is asked.
    """
    from pointsman.report.figures.aws_bill import monthly_bill
    from pointsman.report.figures.aws_units import plain_day
    from pointsman_cli.aws_cost import show

    bills = [monthly_bill(plain_day(tasks)) for tasks in tasks_per_day or USUAL]
    if as_json:
        output.print_document(show.cost_document(bills))
    else:
        print(show.cost_text(bills).rstrip("\n"))
    return Exit.OK
