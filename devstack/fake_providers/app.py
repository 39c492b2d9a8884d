"""The ASGI app: both providers' paths and the control API."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from llmock.scenarios import behavior_from_dict
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route

from devstack.fake_providers.admin import BillApi
from devstack.fake_providers.batches import BatchApi, BatchSettings
from devstack.fake_providers.bill import BillSettings
from devstack.fake_providers.claude import AnthropicWire
from devstack.fake_providers.endpoint import ModelEndpoint, ServerState
from devstack.fake_providers.gemini import GeminiWire
from devstack.fake_providers.journal import Journal
from devstack.fake_providers.llmock_bridge import LLMOCK_PREFIX, LlmockApp, judge_client
from devstack.fake_providers.presets import describe_presets
from devstack.fake_providers.probes import ModelLookup, TokenCount
from devstack.fake_providers.quotas import Limit, Quotas
from devstack.fake_providers.rules import Rule, RuleBook
from devstack.fake_providers.wire import encode_json


class _FaultSettings(BaseModel):
    """The body of `POST /_control/faults`; a bare list is short for `rules`."""

    model_config = ConfigDict(extra="forbid")

    rules: list[Rule] = []
    limits: dict[str, Limit] = {}


def create_app(journal: Path | None = None) -> Starlette:
    """Return the app, without rules; `journal` is the file to append the journal to."""
    state = ServerState(Journal(journal), RuleBook(), Quotas(), LlmockApp())
    batches = BatchApi(state)
    bill = BillApi(state, batches)
    control = _Control(state, batches, bill)
    gemini = ModelEndpoint(GeminiWire(), state)
    gemini_models = ModelLookup(GeminiWire(), state)
    return Starlette(
        routes=[
            Route("/gemini/v1/models/{model}:generateContent", gemini, methods=["POST"]),
            Route("/gemini/v1beta/models/{model}:generateContent", gemini, methods=["POST"]),
            Route("/gemini/v1/models/{model}", gemini_models.__call__),
            Route("/gemini/v1beta/models/{model}", gemini_models.__call__),
            Route("/anthropic/v1/models/{model}", ModelLookup(AnthropicWire(), state).__call__),
            Route("/anthropic/v1/messages", ModelEndpoint(AnthropicWire(), state), methods=["POST"]),
            Route("/anthropic/v1/messages/count_tokens", TokenCount(state).__call__, methods=["POST"]),
            *batches.routes("/anthropic/v1/messages/batches"),
            *bill.routes("/anthropic/v1/organizations"),
            Route("/_control/bill", control.bill, methods=["GET", "POST", "DELETE"]),
            Route("/_control/batches", control.batches, methods=["GET", "POST", "DELETE"]),
            Route("/_control/faults", control.faults, methods=["GET", "POST", "DELETE"]),
            Route("/_control/journal", control.journal, methods=["GET", "DELETE"]),
            Route("/_control/probes", control.probes),
            Route("/_control/presets", control.presets),
            Route("/_control/counts", control.counts),
            Route("/_control/verdict", control.verdict),
            Route("/_control/health", control.health),
            Mount(LLMOCK_PREFIX, state.llmock),
        ]
    )


class _Control:
    """The handlers of the control API."""

    def __init__(self, state: ServerState, batches: BatchApi, bill: BillApi) -> None:
        self._state = state
        self._batches = batches
        self._bill = bill

    async def batches(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._batches.clear()
        if request.method == "POST":
            try:
                self._batches.configure(BatchSettings.model_validate(await request.json()))
            except ValueError as error:
                return JSONResponse({"errors": [str(error)]}, status_code=400)
        return JSONResponse(self._batches.describe())

    async def bill(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._bill.clear()
        if request.method == "POST":
            try:
                self._bill.configure(BillSettings.model_validate(await request.json()))
            except ValueError as error:
                return JSONResponse({"errors": [str(error)]}, status_code=400)
        return JSONResponse(self._bill.describe())

    async def faults(self, request: Request) -> Response:
        by_method: dict[str, Callable[[Request], Awaitable[Response | None]]] = {
            "POST": self._add,
            "DELETE": self._clear,
        }
        if request.method in by_method and (refusal := await by_method[request.method](request)):
            return refusal
        limits = {model: limit.model_dump(exclude_none=True) for model, limit in self._state.quotas.limits.items()}
        # Not JSONResponse: a rule may hold half a surrogate pair.
        body = encode_json({"rules": self._state.rules.dump(), "limits": limits})
        return Response(body, media_type="application/json")

    async def _add(self, request: Request) -> Response | None:
        try:
            body: Any = await request.json()
            settings = _FaultSettings.model_validate({"rules": body} if isinstance(body, list) else body)
            _check_behaviors(settings.rules)
        except ValidationError as error:
            problems = [f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors()]
            return JSONResponse({"errors": problems}, status_code=400)
        except ValueError as error:
            return JSONResponse({"errors": [str(error)]}, status_code=400)
        self._state.rules.add(settings.rules)
        self._state.quotas.limit(settings.limits)
        return None

    async def _clear(self, _: Request) -> None:
        self._state.rules.clear()
        self._state.quotas.clear()

    async def journal(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._state.journal.clear()
        return JSONResponse({"requests": [asdict(entry) for entry in self._state.journal.entries()]})

    async def probes(self, _: Request) -> Response:
        return JSONResponse({"probes": [asdict(probe) for probe in self._state.journal.probes()]})

    async def presets(self, _: Request) -> Response:
        return JSONResponse({"presets": describe_presets()})

    async def counts(self, _: Request) -> Response:
        return JSONResponse(self._state.journal.counts())

    async def verdict(self, request: Request) -> Response:
        verdict = judge_client(self._state.journal.entries())
        if request.query_params.get("format") == "text":
            return PlainTextResponse(verdict.render())
        return JSONResponse(verdict.to_dict())

    async def health(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})


def _check_behaviors(rules: list[Rule]) -> None:
    """Raise `ValueError` for an unknown llmock behaviour."""
    for rule in rules:
        for behavior in rule.action.llmock.behaviors if rule.action.llmock else ():
            behavior_from_dict(behavior)
