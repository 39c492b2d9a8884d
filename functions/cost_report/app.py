"""The daily report: yesterday's unless the event names a day."""

from typing import Any

from pointsman.entrypoints.lambda_frame import function
from pointsman.entrypoints.lambda_context import LambdaContext


@function()
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any] | None:
    """Return where the report was stored, and its totals; None if it was there already."""
    from pointsman.entrypoints.cost_report import daily_report  # nobody waits for it, so INIT stays short

    del context
    return daily_report(event)
