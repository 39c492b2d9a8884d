"""The front door: requests in the form of OpenAI's chat completions, from a function URL."""

from typing import Any

from pointsman.entrypoints.lambda_frame import function
from pointsman.entrypoints.front_door import answer_http, build_chat_api
from pointsman.entrypoints.lambda_context import LambdaContext


@function(lambda runtime: runtime.part(build_chat_api))
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return the response."""
    return answer_http(event, context)
