"""Requests that generate nothing, model lookups and token counts: they are probes in the journal, not requests."""

from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from devstack.fake_providers import faults
from devstack.fake_providers.claude import AnthropicWire
from devstack.fake_providers.endpoint import ServerState, parse_call
from devstack.fake_providers.rules import Fault
from devstack.fake_providers.wire import (
    BadRequestError,
    Call,
    ErrorFields,
    Reply,
    Wire,
    decode_json,
    encode_json,
)

_JSON = {"content-type": "application/json"}


class ModelLookup:
    """`GET …/models/{model}` of one provider. Rules for its provider and model apply and are used up here too."""

    def __init__(self, wire: Wire, state: ServerState) -> None:
        self._wire = wire
        self._state = state

    async def __call__(self, request: Request) -> Response:
        """Return the metadata of the requested model; any model exists."""
        request_id, call, fault = uuid4().hex, Call(request.path_params["model"], ""), None
        reply = self._wire.refuse_missing_key(request.headers, request_id)
        if reply is None and (fault := self._state.rules.take(self._wire.name, call)):
            reply = faults.refuse_call(self._wire, call, fault.action, request_id)
        reply = reply or Reply(200, encode_json(_metadata(self._wire.name, call.model)), _JSON)
        return _record(self._state, self._wire, request, call.model, fault, reply)


class TokenCount:
    """Claude's `POST /v1/messages/count_tokens`; it bills nothing.

    It meets the rules of the account and of what stands between, and uses none of them up; other faults are the
    Messages API's alone. So it fails as a message does while the account is blocked, and succeeds if only a request
    was bad.
    """

    def __init__(self, state: ServerState) -> None:
        self._wire = AnthropicWire()
        self._state = state

    async def __call__(self, request: Request) -> Response:
        """Return the input tokens of a message; `max_tokens` is not required."""
        request_id, fault = uuid4().hex, None
        body = decode_json(await request.body())
        whole = encode_json({"max_tokens": 1, **body} if isinstance(body, dict) else body)
        call = parse_call(self._wire, whole, None, request.headers)
        model = None if isinstance(call, BadRequestError) else call.model
        reply = self._wire.refuse_missing_key(request.headers, request_id)
        if reply is None and isinstance(call, BadRequestError):
            reply = self._wire.error(400, request_id, model="", fields=ErrorFields(str(call)))
        elif reply is None and isinstance(call, Call):
            fault = self._state.rules.peek_everywhere("anthropic", call)
            reply = faults.refuse_call(self._wire, call, fault.action, request_id) if fault else None
            reply = reply or Reply(200, encode_json({"input_tokens": call.input_tokens}), _JSON)
        assert reply is not None
        return _record(self._state, self._wire, request, model, fault, reply)


def _record(
    state: ServerState, wire: Wire, request: Request, model: str | None, fault: Fault | None, reply: Reply
) -> Response:
    """Write a probe into the journal, and return its response."""
    state.journal.probe(
        provider=wire.name,
        model=model,
        path=request.url.path,
        status=reply.status,
        fault=fault.label if fault else None,
    )
    response = Response(reply.body, reply.status)
    response.raw_headers = reply.header_lines
    return response


def _metadata(provider: str, model: str) -> dict[str, Any]:
    if provider == "gemini":
        return {"name": f"models/{model}", "displayName": model, "supportedGenerationMethods": ["generateContent"]}
    return {
        "type": "model",
        "id": model,
        "display_name": model,
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
    }
