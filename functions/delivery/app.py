"""The delivery of a task's end, called by the workflow, or by the rule on executions that ended without it."""

from typing import Any

from pointsman.entrypoints.handlers import Context, deliver
from pointsman.entrypoints.lambda_frame import function


@function(lambda app: app.delivery)
def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return how the task ended."""
    del context
    return deliver(event)
