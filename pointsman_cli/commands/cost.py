"""`pointsman cost`: the monthly AWS bill for a number of tasks a day."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman_cli import output
from pointsman_cli.options import AsJson, StackOptions

if TYPE_CHECKING:
    from pointsman_cli.aws_cost.lanes import LaneCase

DEFAULT_VOLUMES = (25, 10_000, 1_000_000)


def cost(
    stack: StackOptions,
    tasks_per_day: Annotated[
        list[int] | None,
        typer.Option(
            metavar="N",
            min=1,
            max=10_000_000,
            help="Tasks a day, in the team's mix (repeatable). Default: 25, 10,000 and 1,000,000.",
        ),
    ] = None,
    ledger: Annotated[
        bool, typer.Option("--ledger", help="Compare the lanes on the stack's last 30 days too. Reads its ledger.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Estimate the monthly AWS bill, line by line.

    Multiplies the units that each task uses by dated list prices. Also recomputes the first estimate of savings at
    today's prices, and what the economy lane saves of it. Needs no stack and calls no API, unless --ledger is given.
    """
    from pointsman.report.figures.aws_bill import monthly_bill
    from pointsman.report.figures.aws_units import plain_day
    from pointsman_cli.aws_cost import tables

    bills = [monthly_bill(plain_day(tasks)) for tasks in tasks_per_day or DEFAULT_VOLUMES]
    case = _ledger_case(stack) if ledger else None
    if as_json:
        output.print_document(tables.cost_document(bills, case))
    else:
        print(tables.cost_text(bills, output.text_width(tables.COST_WIDTH), case).rstrip("\n"))


def _ledger_case(stack: StackOptions) -> "LaneCase":
    """Return what the stack's own last month cost, and would have."""
    from pointsman.entrypoints.cost_report import build_reporting
    from pointsman_cli.aws_cost.lanes import ledger_case

    runtime = stack.connect().runtime
    until = datetime.now(UTC)
    shards = runtime.part(build_reporting).ledger.shards(until - timedelta(days=30), until)
    rows = [row for shard in shards for row in shard if row["kind"] == "attempt" and row.get("cost_nano")]
    return ledger_case(rows, runtime.stores.tasks.read_many({row["task_id"] for row in rows}))
