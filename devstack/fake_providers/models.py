"""A provider's word on one of its models: `GET …/models/{model}`, which generates nothing and is in no journal."""

from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response

from devstack.fake_providers import faults
from devstack.fake_providers.endpoint import State
from devstack.fake_providers.wire import Call, Reply, Wire, encode


class ModelLookup:
    """The endpoint of one provider. A rule for the provider and model has its say here too, and is used up by it."""

    def __init__(self, wire: Wire, state: State) -> None:
        self._wire = wire
        self._state = state

    async def __call__(self, request: Request) -> Response:
        """Describe the model that is asked for; any is known."""
        reply = self._reply(request)
        return Response(reply.body, reply.status, dict(reply.headers))

    def _reply(self, request: Request) -> Reply:
        request_id, model = uuid4().hex, request.path_params["model"]
        if refusal := self._wire.keyless(request.headers, request_id):
            return refusal
        call = Call(model, "")
        action = self._state.rules.take(self._wire.name, call)
        if action and (refusal := faults.refused(self._wire, call, action, request_id)):
            return refusal
        return Reply(200, encode(_described(self._wire.name, model)), {"content-type": "application/json"})


def _described(provider: str, model: str) -> dict[str, Any]:
    if provider == "gemini":
        return {"name": f"models/{model}", "displayName": model, "supportedGenerationMethods": ["generateContent"]}
    return {
        "type": "model",
        "id": model,
        "display_name": model,
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
    }
