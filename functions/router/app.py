"""The queue's consumer: every message becomes one execution, a rejection, or goes back."""

from typing import Any

from pointsman.entrypoints.handlers import Context
from pointsman.entrypoints.lambda_frame import function
from pointsman.entrypoints.sqs_batch import take_in


@function(lambda app: app.intake)
def handler(event: dict[str, Any], context: Context) -> Any:
    """Return the partial batch response."""
    return take_in(event, context)
