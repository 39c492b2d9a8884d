"""The front door's function: requests of a function URL (payload 2.0)."""

from base64 import b64decode
from datetime import datetime
from typing import Any

from pointsman.adapters.hand_outs import DynamoHandOuts
from pointsman.chat_api.authenticator import ApiKeyAuthenticator
from pointsman.chat_api.chat_api import ChatApi, HttpRequest
from pointsman.chat_api.repeats import Repeats
from pointsman.chat_api.request_fields import TIER_MODELS
from pointsman.client import Client, Places
from pointsman.entrypoints import runtime
from pointsman.entrypoints.lambda_context import TIMEOUT_MARGIN, LambdaContext, seconds_left
from pointsman.entrypoints.runtime import Runtime
from pointsman.routing.policy import RoutingPolicy
from pointsman.services.door_limits import DoorLimits
from pointsman.values.taxonomy import Tier


def build_chat_api(parts: Runtime) -> ChatApi:
    """Return the use case."""
    settings, ctx = parts.settings, parts.context
    client = Client(Places(settings.task_queue_url, settings.task_table, settings.bucket), parts.stores.session)
    hand_outs = DynamoHandOuts(parts.stores.dynamodb, parts.stores.tables)
    return ChatApi(
        ApiKeyAuthenticator(parts.stores.api_keys.read, ctx.clock),
        client,
        ctx.clock,
        ctx.log,
        Repeats(hand_outs, client, ctx.clock, ctx.log),
        DoorLimits(ctx, parts.stores.ledger),
        model_names(ctx.policy, ctx.clock.now()),
        float(settings.front_door_wait_seconds),
        settings.web_origins,
    )


def model_names(policy: RoutingPolicy, now: datetime) -> dict[str, Tier | None]:
    """Return what may be asked for as `model`: the tiers, and each configured model for its tier, the first models
    of the chains before those that they fall back to.
    """
    names, chains = dict(TIER_MODELS), {tier: policy.chain(tier) for tier in Tier}
    for place in range(max(map(len, chains.values()))):
        for tier, chain in chains.items():
            for name in (chain[place], policy.resolve(chain[place], now).id) if place < len(chain) else ():
                names.setdefault(name, tier)
    return names


def answer_http(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request; event and result have the form of a function URL."""
    text = event.get("body") or ""
    body = b64decode(text) if event.get("isBase64Encoded") else text.encode(errors="surrogatepass")
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    request = HttpRequest(event["requestContext"]["http"]["method"], event["rawPath"], headers, body)
    chat_api = runtime.function_runtime().part(build_chat_api)
    response = chat_api(request, seconds_left(context) - TIMEOUT_MARGIN)
    return {"statusCode": response.status, "headers": response.headers, "body": response.body}
