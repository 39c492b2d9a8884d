"""The sweep, every 15 minutes: closes open intents, and delivers what could not be delivered."""

from typing import Any

from pointsman.entrypoints.handlers import Context, sweep
from pointsman.entrypoints.lambda_frame import function


@function()
def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return what was swept."""
    del event, context
    return sweep()
