"""`pointsman tune`: what past tasks and people's corrections say of how tasks are decided."""

from datetime import timedelta
from typing import Annotated

import typer

from pointsman_cli import output
from pointsman_cli.options import AsJson, Config, StackOptions

_MOST_DAYS = 100
"""The days that a task's record is kept."""


def tune(
    stack: StackOptions,
    days: Annotated[
        int, typer.Option(metavar="N", min=1, max=_MOST_DAYS, help="Look at the tasks of the last N days.")
    ] = 30,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Propose classifier settings learned from past tasks.

    These are its threshold, the weights of its tiers and the tiers of types. It reads the ledger and the corrections
    (`pointsman correct`), asks no model and changes nothing: the proposal is a diff. With too little evidence there is
    none.
    """
    from pointsman.entrypoints.cost_report import build_quality
    from pointsman_cli import openclaw
    from pointsman_cli.tuning import read, show, tuned

    connection = stack.connect(config)
    connection.say_stand_in()
    runtime = connection.runtime
    until = runtime.context.clock.now()
    since = until - timedelta(days=days)
    result = tuned.propose_tuning(
        read.evidence(runtime, since, until),
        runtime.context.policy,
        runtime.config_text,
        str(config or openclaw.HERE),
        lambda: read.own_texts(runtime),
        build_quality(runtime).by_tier(until),
    )
    span = [moment.astimezone(runtime.settings.zone).date().isoformat() for moment in (since, until)]
    if as_json:
        output.print_document(show.tuning_document(result, *span))
    else:
        show.print_tuning(result, *span)
