"""One attempt on Claude at a task: the workflow's state object in, the next one out."""

from typing import Any

from pointsman.entrypoints.lambda_frame import function
from pointsman.entrypoints.lambda_context import LambdaContext
from pointsman.entrypoints.model_clients import adapter_of
from pointsman.entrypoints.tier import attempt, build_attempt
from pointsman.routing.catalog import Provider
from pointsman.values.taxonomy import Tier


@function(lambda runtime: (runtime.part(build_attempt, Tier.IMPLEMENTATION), adapter_of(Provider.ANTHROPIC)))
def handler(state: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return where the attempt leads."""
    return attempt(Tier.IMPLEMENTATION, state, context)
