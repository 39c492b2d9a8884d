"""The daily report: yesterday's unless the event names a day."""

from typing import Any

from pointsman.cold_start import function
from pointsman.handlers import Context, daily_report


@function()
def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return where the report was stored, and its totals."""
    del context
    return daily_report(event)
