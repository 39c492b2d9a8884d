"""The delivery of a task's end, called by the workflow, or by the rule on executions that ended without it."""

from typing import Any

from pointsman.entrypoints.lambda_frame import function
from pointsman.entrypoints.delivery import deliver, prepare_delivery
from pointsman.entrypoints.lambda_context import LambdaContext


@function(prepare_delivery)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return how the task ended."""
    del context
    return deliver(event)
