"""The daily report: yesterday's unless the event names a day."""

from typing import Any

from pointsman.entrypoints.lambda_frame import function
from pointsman.entrypoints.lambda_context import LambdaContext


@function()
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return where the report was stored, and its totals."""
    from pointsman.entrypoints.cost_report import daily_report  # nobody waits for it, so INIT stays short

    del context
    return daily_report(event)
