"""The daily report: yesterday's unless the event names a day."""

from typing import Any

from pointsman.entrypoints.handlers import Context, daily_report
from pointsman.entrypoints.lambda_frame import function


@function()
def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return where the report was stored, and its totals."""
    del context
    return daily_report(event)
