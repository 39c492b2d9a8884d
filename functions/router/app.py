"""The queue's consumer: every message becomes one execution, a rejection, or goes back."""

from typing import Any

from pointsman.entrypoints.lambda_frame import function
from pointsman.entrypoints.lambda_context import LambdaContext
from pointsman.entrypoints.router import prepare_intake, route_batch


@function(prepare_intake)
def handler(event: dict[str, Any], context: LambdaContext) -> Any:
    """Return the partial batch response."""
    return route_batch(event, context)
