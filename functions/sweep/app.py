"""The sweep, every 15 minutes: closes open intents, and delivers what could not be delivered."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from pointsman.handlers import sweep

logger, tracer, metrics = Logger(), Tracer(), Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return what was swept."""
    del event, context
    return sweep()
