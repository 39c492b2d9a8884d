"""The front door: requests in the form of OpenAI's chat completions, from a function URL."""

from typing import Any

from pointsman.entrypoints.handlers import Context, answer_http
from pointsman.entrypoints.lambda_frame import function


@function(lambda app: app.chat_api)
def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Return the response."""
    return answer_http(event, context)
