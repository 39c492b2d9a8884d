"""Claude's Message Batches API, with what makes it awkward: creating is not idempotent and validates no parameters, a
batch tells nothing of its entries until all have ended, results come in any order and are gone after 29 days.

A rule with `"batch": "create"` is about creating one: what refuses it (`status`, `rate_limit`) takes nothing, what
loses or spoils the answer (`reset`, `hang`, `delay`, `response`) takes the batch all the same. A rule with
`"batch": "entry"` is about one entry: an error makes it `errored`, `entry` lets it expire or be canceled, and whatever
changes an answer changes it here too. Nothing here is in the journal: `GET /_control/batches` has it.
"""

import asyncio
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from devstack.fake_providers import faults
from devstack.fake_providers.actions import Action
from devstack.fake_providers.claude import AnthropicWire
from devstack.fake_providers.endpoint import ServerState, parse_call
from devstack.fake_providers.transport import Connection
from devstack.fake_providers.wire import BadRequestError, Call, ErrorFields, Reply, decode_json, encode_json

_EXPIRES_AFTER = timedelta(hours=24)
_RESULTS_FOR = timedelta(days=29)
"""From the creation."""
_MOST_REQUESTS = 100_000
_LARGEST_BODY = 256_000_000
_CUSTOM_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}", re.ASCII)
_PAGE, _LARGEST_PAGE = 20, 1_000
_NOT_IN_BATCHES = ("stream", "speed")
_JSON = {"content-type": "application/json"}


class BatchSettings(BaseModel):
    """How long batches take; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    seconds: NonNegativeFloat | None = 1.0
    """Until a batch has ended; None: none ends before it expires or is canceled."""
    cancel_seconds: NonNegativeFloat = 0.0
    """Between the request to cancel a batch and its end."""
    processed_before_cancel: float = Field(default=0.0, ge=0, le=1)
    """The share of a canceled batch's entries, from the first on, that were processed by then, and are billed."""
    advance_seconds: NonNegativeFloat = 0.0
    """How far to move the clock of all batches, once."""


@dataclass
class _Batch:
    id: str
    created_at: datetime
    requests: list[dict[str, Any]]
    cancel_at: datetime | None = None
    ended_at: datetime | None = None
    results: list[dict[str, Any]] = field(default_factory=list)
    """In an order of their own."""


class BatchApi:
    """The endpoints, and every batch of this process."""

    def __init__(self, state: ServerState) -> None:
        self._state, self._wire = state, AnthropicWire()
        self.clear()

    def clear(self) -> None:
        """Forget all batches, requests and settings."""
        self._batches: dict[str, _Batch] = {}
        self._base_url = ""
        self._calls: list[dict[str, Any]] = []
        self._settings = BatchSettings()
        self._ahead = timedelta()

    def configure(self, settings: BatchSettings) -> None:
        """Change how long batches take, and move their clock."""
        self._settings = self._settings.model_copy(update=settings.model_dump(exclude_unset=True))
        if "advance_seconds" in settings.model_fields_set:
            self._ahead += timedelta(seconds=settings.advance_seconds)

    def describe(self) -> dict[str, Any]:
        """Return every batch with its entries, oldest first, and every request that arrived."""
        for batch in self._batches.values():
            self._move_on(batch)
        batches = [
            {
                **self._document(batch),
                "custom_ids": [request["custom_id"] for request in batch.requests],
                "results": batch.results,
            }
            for batch in self._batches.values()
        ]
        return {"batches": batches, "calls": self._calls}

    def routes(self, path: str) -> list[Route]:
        """Return the routes below a path."""
        return [
            Route(path, _Creation(self), methods=["POST"]),
            Route(path, self._list),
            Route(f"{path}/{{batch_id}}", self._retrieve),
            Route(f"{path}/{{batch_id}}/results", self._results),
            Route(f"{path}/{{batch_id}}/cancel", self._cancel, methods=["POST"]),
        ]

    async def create(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take a batch; a rule decides whether its answer arrives."""
        request, request_id = Request(scope, receive), uuid4().hex
        body = await request.body()
        self._base_url = str(request.url)
        refusal = self._wire.refuse_missing_key(request.headers, request_id) or self._refuse_create(body, request_id)
        requests = [] if refusal else decode_json(body)["requests"]
        call = Call(str(_params(requests[0]).get("model")) if requests else "", "")
        fault = None if refusal else self._state.rules.take("anthropic", call, "create")
        action = fault.action if fault else None
        if action and action.response is None:
            refusal = faults.refuse_call(self._wire, call, action, request_id)
        reply = refusal or self._answer(self._take(requests), request_id)
        if action and action.response:
            reply = faults.refuse_call(self._wire, call, action, request_id) or reply
        self._note(request, reply.status, fault.label if fault else None)
        await _reply(scope, receive, send, reply, action)

    def _refuse_create(self, body: bytes, request_id: str) -> Reply | None:
        """Return why nothing is taken. Parameters are not looked at before their turn."""
        if len(body) > _LARGEST_BODY:
            return self._wire.error(413, request_id, model="")
        document = decode_json(body)
        requests = document.get("requests") if isinstance(document, dict) else None
        if not isinstance(requests, list) or not requests:
            return self._invalid("requests: Field required", request_id)
        if len(requests) > _MOST_REQUESTS:
            return self._invalid(f"requests: List should have at most {_MOST_REQUESTS} items", request_id)
        ids = [request.get("custom_id") if isinstance(request, dict) else None for request in requests]
        if broken := [n for n, name in enumerate(ids) if not isinstance(name, str) or not _CUSTOM_ID.fullmatch(name)]:
            return self._invalid(f"requests.{broken[0]}.custom_id: does not match {_CUSTOM_ID.pattern}", request_id)
        if len(set(ids)) < len(ids):
            return self._invalid("requests: custom_id must be unique within a batch", request_id)
        return None

    def _take(self, requests: list[dict[str, Any]]) -> _Batch:
        batch = _Batch(f"msgbatch_{uuid4().hex[:24]}", self._now(), requests)
        self._batches[batch.id] = batch
        return batch

    async def _list(self, request: Request) -> Response:
        """Return a page, newest first; it names no entry."""
        newest = list(reversed(self._batches.values()))
        limit = min(int(request.query_params.get("limit", _PAGE)), _LARGEST_PAGE)
        if after := request.query_params.get("after_id"):
            newest = newest[next((n + 1 for n, batch in enumerate(newest) if batch.id == after), len(newest)) :]
        page = newest[:limit]
        for batch in page:
            self._move_on(batch)
        document = {
            "data": [self._document(batch) for batch in page],
            "has_more": len(newest) > limit,
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
        }
        return self._respond(request, Reply(200, encode_json(document), _JSON))

    async def _retrieve(self, request: Request) -> Response:
        batch, request_id = self._batches.get(request.path_params["batch_id"]), uuid4().hex
        return self._respond(request, self._answer(batch, request_id) if batch else self._not_found(request_id))

    async def _results(self, request: Request) -> Response:
        """Return the results as JSON lines, once all entries have ended and while they are kept."""
        batch, request_id = self._batches.get(request.path_params["batch_id"]), uuid4().hex
        if batch is None or self._document(self._move_on(batch))["results_url"] is None:
            return self._respond(request, self._not_found(request_id))
        lines = b"".join(encode_json(result) + b"\n" for result in batch.results)
        return self._respond(request, Reply(200, lines, {"content-type": "application/x-jsonl"}))

    async def _cancel(self, request: Request) -> Response:
        batch, request_id = self._batches.get(request.path_params["batch_id"]), uuid4().hex
        if batch is None:
            return self._respond(request, self._not_found(request_id))
        if self._move_on(batch).ended_at is None and batch.cancel_at is None:
            batch.cancel_at = self._now()
        return self._respond(request, self._answer(batch, request_id))

    def _answer(self, batch: _Batch, request_id: str) -> Reply:
        document = self._document(self._move_on(batch))
        return Reply(200, encode_json(document), {**_JSON, "request-id": f"req_{request_id}"})

    def _respond(self, request: Request, reply: Reply) -> Response:
        refusal = self._wire.refuse_missing_key(request.headers, uuid4().hex)
        reply = refusal or reply
        self._note(request, reply.status, None)
        response = Response(reply.body, reply.status)
        response.raw_headers = reply.header_lines
        return response

    def _note(self, request: Request, status: int, fault: str | None) -> None:
        path = request.url.path.partition("/messages")[2]
        self._calls.append({"method": request.method, "path": path, "status": status, "fault": fault})

    def _document(self, batch: _Batch) -> dict[str, Any]:
        """Return what the API says of a batch: all of it is processing until all of it has ended."""
        counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
        if batch.ended_at is None:
            counts["processing"] = len(batch.requests)
        for entry in batch.results:
            counts[entry["result"]["type"]] += 1
        archived = batch.created_at + _RESULTS_FOR if batch.created_at + _RESULTS_FOR <= self._now() else None
        readable = batch.ended_at is not None and archived is None
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if batch.ended_at else "canceling" if batch.cancel_at else "in_progress",
            "request_counts": counts,
            "created_at": _written(batch.created_at),
            "expires_at": _written(batch.created_at + _EXPIRES_AFTER),
            "ended_at": _written(batch.ended_at),
            "cancel_initiated_at": _written(batch.cancel_at),
            "archived_at": _written(archived),
            "results_url": f"{self._base_url}/{batch.id}/results" if readable else None,
        }

    def _move_on(self, batch: _Batch) -> _Batch:
        """Return the batch as it is by now: all of its entries end at once."""
        settings, now = self._settings, self._now()
        if batch.ended_at is not None:
            return batch
        done = None if settings.seconds is None else batch.created_at + timedelta(seconds=settings.seconds)
        stopped = batch.cancel_at and batch.cancel_at + timedelta(seconds=settings.cancel_seconds)
        end = min(moment for moment in (done, stopped, batch.created_at + _EXPIRES_AFTER) if moment is not None)
        if end > now:
            return batch
        processed = len(batch.requests) if end == done else 0
        if end == stopped != done:
            processed = int(len(batch.requests) * settings.processed_before_cancel)
        unprocessed = {"type": "canceled" if end == stopped else "expired"}
        results = [
            {"custom_id": entry["custom_id"], "result": self._process(entry) if n < processed else unprocessed}
            for n, entry in enumerate(batch.requests)
        ]
        random.Random(batch.id).shuffle(results)  # noqa: S311
        batch.ended_at, batch.results = end, results
        return batch

    def _process(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        """Return an entry's result; here its parameters are validated."""
        request_id, params = uuid4().hex[:24], _params(entry)
        if extra := next((name for name in _NOT_IN_BATCHES if params.get(name)), None):
            return self._errored(self._invalid(f"{extra}: not supported in batches", request_id))
        call = parse_call(self._wire, encode_json(params), None, {"anthropic-version": "2026-10-21"})
        if isinstance(call, BadRequestError):
            return self._errored(self._invalid(str(call), request_id))
        fault = self._state.rules.take("anthropic", call, "entry")
        action = fault.action if fault else None
        if action and action.entry:
            return {"type": action.entry.result}
        if action and (refusal := faults.refuse_call(self._wire, call, action, request_id)):
            return self._errored(refusal)
        message = decode_json(faults.answer_call(self._wire, call, action, request_id).body)
        if isinstance(message.get("usage"), dict) and not (action and action.service_tier):
            message["usage"]["service_tier"] = "batch"
        return {"type": "succeeded", "message": message}

    def _errored(self, reply: Reply) -> dict[str, Any]:
        return {"type": "errored", "error": decode_json(reply.body)}

    def _invalid(self, message: str, request_id: str) -> Reply:
        return self._wire.error(400, request_id, model="", fields=ErrorFields(message))

    def _not_found(self, request_id: str) -> Reply:
        return self._wire.error(404, request_id, model="", fields=ErrorFields("Message batch not found."))

    def _now(self) -> datetime:
        return datetime.now(UTC) + self._ahead


class _Creation:
    """The ASGI endpoint that takes a batch: an instance, which Starlette calls without a request of its own."""

    def __init__(self, api: BatchApi) -> None:
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._api.create(scope, receive, send)


async def _reply(scope: Scope, receive: Receive, send: Send, reply: Reply, action: Action | None) -> None:
    """Send a reply, late or never where the action says so."""
    connection = Connection(scope)
    if action and (action.hang or action.delay):
        seconds = action.delay.seconds if action.delay else None
        try:
            async with asyncio.timeout(seconds):
                while (await receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            pass
        else:
            return
    if action and action.reset:
        connection.drop(reset=action.reset.at == "rst")
        return
    await send({"type": "http.response.start", "status": reply.status, "headers": reply.header_lines})
    await send({"type": "http.response.body", "body": reply.body})


def _params(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    params = entry.get("params")
    return params if isinstance(params, dict) else {}


def _written(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None
