"""One attempt on Gemini at a task: the workflow's state object in, the next one out."""

from typing import Any

from pointsman.entrypoints.handlers import Context, attempt
from pointsman.entrypoints.lambda_frame import function
from pointsman.routing.catalog import Provider
from pointsman.values.taxonomy import Tier


@function(lambda app: (app.attempt(Tier.ORCHESTRATION), app.adapter(Provider.GEMINI)))
def handler(state: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return where the attempt leads."""
    return attempt(Tier.ORCHESTRATION, state, context)
