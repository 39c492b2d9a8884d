"""Model metadata, `GET …/models/{model}`: it generates nothing and is not in the journal."""

from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from devstack.fake_providers import faults
from devstack.fake_providers.endpoint import ServerState
from devstack.fake_providers.wire import Call, Reply, Wire, encode_json


class ModelLookup:
    """The endpoint of one provider. Rules for its provider and model apply and are used up here too."""

    def __init__(self, wire: Wire, state: ServerState) -> None:
        self._wire = wire
        self._state = state

    async def __call__(self, request: Request) -> Response:
        """Return the metadata of the requested model; any model exists."""
        reply = self._reply(request)
        return Response(reply.body, reply.status, dict(reply.headers))

    def _reply(self, request: Request) -> Reply:
        request_id, model = uuid4().hex, request.path_params["model"]
        if refusal := self._wire.refuse_missing_key(request.headers, request_id):
            return refusal
        call = Call(model, "")
        action = self._state.rules.take(self._wire.name, call)
        if action and (refusal := faults.refuse_call(self._wire, call, action, request_id)):
            return refusal
        return Reply(200, encode_json(_metadata(self._wire.name, model)), {"content-type": "application/json"})


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
