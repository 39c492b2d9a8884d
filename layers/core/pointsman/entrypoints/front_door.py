"""The front door's function: requests of a function URL (payload 2.0)."""

from base64 import b64decode
from typing import Any

from pointsman.chat_api.authenticator import ApiKeyAuthenticator
from pointsman.chat_api.chat_api import ChatApi, HttpRequest
from pointsman.client import Client, Places
from pointsman.entrypoints import runtime
from pointsman.entrypoints.lambda_context import TIMEOUT_MARGIN, LambdaContext, seconds_left
from pointsman.entrypoints.runtime import Runtime
from pointsman.services.door_limits import DoorLimits


def build_chat_api(parts: Runtime) -> ChatApi:
    """Return the use case."""
    settings, ctx = parts.settings, parts.context
    client = Client(Places(settings.task_queue_url, settings.task_table, settings.bucket), parts.stores.session)
    keeper, limits = ApiKeyAuthenticator(parts.stores.api_keys.read, ctx.clock), DoorLimits(ctx, parts.stores.ledger)
    return ChatApi(keeper, client, ctx.clock, ctx.log, limits)


def answer_http(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request; event and result have the form of a function URL."""
    text = event.get("body") or ""
    body = b64decode(text) if event.get("isBase64Encoded") else text.encode(errors="surrogatepass")
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    request = HttpRequest(event["requestContext"]["http"]["method"], event["rawPath"], headers, body)
    chat_api = runtime.function_runtime().part(build_chat_api)
    response = chat_api(request, seconds_left(context) - TIMEOUT_MARGIN)
    return {"statusCode": response.status, "headers": response.headers, "body": response.body}
