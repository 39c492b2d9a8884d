"""One attempt on Claude at a task: the workflow's state object in, the next one out."""

from typing import Any

from pointsman.entrypoints.lambda_frame import function
from pointsman.entrypoints.lambda_context import LambdaContext
from pointsman.entrypoints.tier import attempt, prepare_attempt
from pointsman.routing.catalog import Provider
from pointsman.values.taxonomy import Tier


@function(lambda runtime: prepare_attempt(runtime, Tier.REASONING, Provider.ANTHROPIC))
def handler(state: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return where the attempt leads."""
    return attempt(Tier.REASONING, state, context)
