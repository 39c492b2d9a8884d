"""The sweep, every 15 minutes: closes open intents, and delivers what could not be delivered."""

from typing import Any

from pointsman.entrypoints.lambda_frame import function
from pointsman.entrypoints.lambda_context import LambdaContext


@function()
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return what was swept."""
    from pointsman.entrypoints.sweep import run_sweep  # nobody waits for it, so INIT stays short

    del event, context
    return run_sweep()
