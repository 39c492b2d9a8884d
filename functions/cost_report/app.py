"""The daily report: yesterday's unless the event names a day."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from pointsman.handlers import daily_report

logger, tracer, metrics = Logger(), Tracer(), Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return where the report was stored, and its totals."""
    del context
    return daily_report(event)
