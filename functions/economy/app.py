"""The economy lane, every 5 minutes where it is deployed: settles batches that have ended, and creates new ones."""

from typing import Any

from pointsman.entrypoints.lambda_frame import function
from pointsman.entrypoints.lambda_context import LambdaContext


@function()
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return what the run did."""
    from pointsman.entrypoints.economy import run_economy  # nobody waits for it, so INIT stays short

    return run_economy(event, context)
