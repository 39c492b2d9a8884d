"""One attempt on Gemini at a task: the workflow's state object in, the next one out."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from pointsman.domain.taxonomy import Tier
from pointsman.handlers import attempt

logger, tracer, metrics = Logger(), Tracer(), Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(state: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return where the attempt leads."""
    return attempt(Tier.ORCHESTRATION, state, context)
