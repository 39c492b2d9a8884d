"""`pointsman economy`: take one turn of the economy lane now."""

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated
from uuid import uuid4

import typer

from pointsman_cli import output
from pointsman_cli.options import AsJson, StackOptions

_SECONDS = 900.0
"""As long as the function has."""


def economy(
    stack: StackOptions,
    now: Annotated[bool, typer.Option("--now", help="Send what waits, without waiting for others.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send waiting tasks in batches; settle ended batches.

    A stack with the economy lane does this every 5 minutes. Run it by hand to empty the lane before EconomyLane is set
    to false. Needs the Anthropic key and the function's rights.
    """
    from pointsman.entrypoints.economy import build_economy
    from pointsman.execution.batch import POOLED_FOR

    lane = stack.connect().runtime.part(build_economy)
    run = asdict(lane(f"cli-{uuid4()}", _SECONDS, timedelta() if now else POOLED_FOR))
    if as_json:
        output.print_document(run)
    elif run["busy"]:
        output.print_note("Another run has the lane: try again when it has ended")
    else:
        output.print_pairs((name.replace("_", " "), count) for name, count in run.items() if name != "busy")
