"""The delivery of a task's end, called by the workflow, or by the rule on executions that ended without it."""

from typing import Any

from pointsman.cold_start import function
from pointsman.handlers import Context, deliver


@function(lambda app: app.delivery)
def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return how the task ended."""
    del context
    return deliver(event)
