"""A provider's endpoint: parses a call, applies rules and quotas, answers, and keeps the journal."""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from llmock.journal import fingerprint
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from devstack.fake_providers import faults
from devstack.fake_providers.actions import Action, RawResponse
from devstack.fake_providers.journal import Journal, JournalEntry
from devstack.fake_providers.llmock_bridge import LlmockApp
from devstack.fake_providers.quotas import Quotas
from devstack.fake_providers.rules import RuleBook
from devstack.fake_providers.transport import Connection
from devstack.fake_providers.wire import (
    BadRequestError,
    Call,
    ErrorFields,
    Reply,
    Wire,
    decode_json,
    request_settings,
)


@dataclass(frozen=True)
class ServerState:
    """State that the endpoints and the control API share."""

    journal: Journal
    rules: RuleBook
    quotas: Quotas
    llmock: LlmockApp


class _ClientGoneError(Exception):
    """The client disconnected before the answer: raised by any wait, ends the request."""


class ModelEndpoint:
    """The ASGI endpoint of one provider's method to generate an answer."""

    def __init__(self, wire: Wire, state: ServerState) -> None:
        self._wire = wire
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and close its journal entry in any case."""
        raw = await _read_body(receive)
        headers = Headers(scope=scope)
        model = scope["path_params"].get("model")
        call = parse_call(self._wire, raw, model, headers)
        asked = request_settings(decode_json(raw or b""))
        entry = self._state.journal.arrive(
            provider=self._wire.name,
            model=call.model if isinstance(call, Call) else model or (asked or {}).get("model"),
            prompt_sha256=_sha256(call.prompt) if isinstance(call, Call) else None,
            attempt=headers.get("x-pointsman-attempt"),
            fingerprint=fingerprint("POST", scope["path"], (raw or b"").decode(errors="replace")),
            path=scope["path"],
            asked=asked,
            effort=call.effort if isinstance(call, Call) else None,
        )
        exchange = _Exchange(entry, Connection(scope), receive, send, self._state.journal)
        try:
            if raw is None:
                raise _ClientGoneError
            if refusal := self._wire.refuse_missing_key(headers, entry.id):
                await exchange.finish(refusal)
            elif isinstance(call, BadRequestError):
                fields = ErrorFields(str(call))
                await exchange.finish(self._wire.error(400, entry.id, model=entry.model or "", fields=fields))
            else:
                await self._serve(exchange, call, raw, headers)
        except _ClientGoneError:
            self._state.journal.end(entry, "client_gone")
        finally:
            self._state.journal.end(entry, "server_gone")

    async def _serve(self, exchange: "_Exchange", call: Call, raw: bytes, headers: Mapping[str, str]) -> None:
        fault = self._state.rules.take(self._wire.name, call)
        action = None
        if fault:
            action, exchange.entry.fault, exchange.entry.scope = fault.action, fault.label, fault.scope
        if action and action.hang:
            await exchange.wait(None)
        reply = await self._reply_to(exchange, call, action, raw, headers)
        if action and action.response and exchange.entry.scope == "call" and self._is_foreign(action.response):
            exchange.entry.scope = "between"
        exchange.note(reply)
        if action and action.delay:
            await exchange.wait(action.delay.seconds)
        if action and action.reset:
            await exchange.drop(reply, action.reset.at)
        else:
            await exchange.finish(reply)

    async def _reply_to(
        self, exchange: "_Exchange", call: Call, action: Action | None, raw: bytes, headers: Mapping[str, str]
    ) -> Reply:
        request_id = exchange.entry.id
        if action and action.llmock:
            return await self._state.llmock.reply(exchange.entry.path, raw, headers, action.llmock.behaviors)
        if action and (refusal := faults.refuse_call(self._wire, call, action, request_id)):
            return refusal
        if shortage := self._state.quotas.admit(call.model, call.input_tokens):
            exchange.entry.fault = f"limit:{shortage.kind}"
            return self._wire.refuse_over_quota(call, shortage, request_id)
        return faults.answer_call(self._wire, call, action, request_id)

    def _is_foreign(self, response: RawResponse) -> bool:
        """Return whether an error is not in the provider's format, whatever its encoding."""
        document = response.body if response.body is not None else decode_json(response.content())
        return response.status >= 400 and not self._wire.is_error(document)


class _Exchange:
    """One request on its connection, with its journal entry."""

    def __init__(
        self, entry: JournalEntry, connection: Connection, receive: Receive, send: Send, journal: Journal
    ) -> None:
        self.entry = entry
        self._connection = connection
        self._receive = receive
        self._send = send
        self._journal = journal

    def note(self, reply: Reply) -> None:
        """Record the reply in the journal entry, before it is sent."""
        self.entry.status = reply.status
        self.entry.served_model = reply.model
        self.entry.input_tokens, self.entry.output_tokens = reply.input_tokens, reply.output_tokens
        self.entry.thinking_tokens = reply.thinking_tokens
        self.entry.retry_after = reply.retry_after
        self.entry.usage, self.entry.stop_details = reply.usage, reply.stop_details

    async def wait(self, seconds: float | None) -> None:
        """Wait, forever if `None`; raise `_ClientGoneError` as soon as the client disconnects."""
        try:
            async with asyncio.timeout(seconds):
                await self._disconnected()
        except TimeoutError:
            return
        raise _ClientGoneError

    async def finish(self, reply: Reply) -> None:
        """Send the reply. The journal is written first, so that a client with the answer finds it there."""
        self.note(reply)
        if self._connection.closed:
            raise _ClientGoneError
        if reply.cut_at is not None:
            await self._cut(reply, reply.cut_at)
            return
        self._journal.end(self.entry, "completed")
        await self._start(reply)
        await self._send({"type": "http.response.body", "body": reply.body})

    async def drop(self, reply: Reply, at: str) -> None:
        """Drop the connection: within the answer, or before its first byte by a close or a TCP reset."""
        if at == "mid_answer":
            await self._cut(reply, len(reply.body) // 2)
            return
        self._journal.end(self.entry, "reset")
        self._connection.drop(reset=at == "rst")
        await self._disconnected()

    async def _cut(self, reply: Reply, length: int) -> None:
        """Send a part of the reply's body and close the connection."""
        self._journal.end(self.entry, "reset")
        await self._start(reply)
        await self._send({"type": "http.response.body", "body": reply.body[:length], "more_body": True})
        self._connection.drop(reset=False)
        await self._disconnected()

    async def _disconnected(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _start(self, reply: Reply) -> None:
        await self._send({"type": "http.response.start", "status": reply.status, "headers": reply.header_lines})


def parse_call(wire: Wire, raw: bytes | None, model: str | None, headers: Mapping[str, str]) -> Call | BadRequestError:
    """Return the call of a request body, or why it is none."""
    try:
        body = json.loads(raw or b"")
        if not isinstance(body, dict):
            return BadRequestError("The body is not a JSON object.")
        return wire.parse(body, model, headers)
    except (ValueError, AttributeError, TypeError) as error:
        return BadRequestError(f"The body cannot be read: {error}")
    except BadRequestError as error:
        return error


def _sha256(prompt: str) -> str:
    return hashlib.sha256(prompt.encode(errors="surrogatepass")).hexdigest()


async def _read_body(receive: Receive) -> bytes | None:
    """Return the whole request body; `None` if the client disconnected first."""
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)
