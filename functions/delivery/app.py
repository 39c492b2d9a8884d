"""The delivery of a task's end, called by the workflow, or by the rule on executions that ended without it."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from pointsman.handlers import deliver

logger, tracer, metrics = Logger(), Tracer(), Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return how the task ended."""
    del context
    return deliver(event)
