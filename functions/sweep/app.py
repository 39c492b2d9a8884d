"""The sweep, every 15 minutes: closes open intents, and delivers what could not be delivered."""

from typing import Any

from pointsman.cold_start import function
from pointsman.handlers import Context, sweep


@function()
def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return what was swept."""
    del event, context
    return sweep()
