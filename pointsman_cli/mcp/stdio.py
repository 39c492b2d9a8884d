"""Requests on stdin, one line each: what the SDK cannot read, and would drop in silence, is answered with an error."""

import json
import os
import re
from collections.abc import AsyncIterator
from typing import Any, BinaryIO

import anyio
from mcp.shared._context_streams import ContextSendStream
from mcp.shared.message import SessionMessage
from mcp_types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    RequestId,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError

_SHAPE = 'not a JSON-RPC request: needs "jsonrpc": "2.0", a string or integer id, a method, and an object as params'
_BATCH = "batches are not supported: send one request a line"
_ID = re.compile(r'"id"\s*:\s*(-?\d{1,18}(?![\d.eE])|"[^"\\]{1,200}")')
"""The id of a request in a line that is not JSON."""


class RequestLines:
    """Standard input as the SDK iterates over it: the lines that are messages. The others are answered here."""

    def __init__(self, stdin: BinaryIO) -> None:
        self._stdin = stdin
        self._writer: ContextSendStream[SessionMessage] | None = None
        self._ready = anyio.Event()

    def answer_on(self, writer: ContextSendStream[SessionMessage]) -> None:
        """Begin to read, and send the answers to what cannot be read to `writer`."""
        self._writer = writer
        self._ready.set()

    async def __aiter__(self) -> AsyncIterator[str]:
        """Yield the messages."""
        await self._ready.wait()
        assert self._writer is not None
        while line := await anyio.to_thread.run_sync(self._stdin.readline):
            text, errors = checked_line(line)
            if text:
                yield text
            for error in errors:
                await self._writer.send(SessionMessage(error))


def claim_stdin() -> BinaryIO:
    """Return standard input. From now on handlers, and processes that they start, read an empty one instead."""
    stdin = os.fdopen(os.dup(0), "rb")
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    return stdin


def checked_line(line: bytes) -> tuple[str, list[JSONRPCError]]:
    """Return the message in a line, else nothing and the answers to it: none to a notification or a response."""
    try:
        text = line.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        return "", _refused(line.decode(errors="replace"), PARSE_ERROR, "not UTF-8")
    if not text:
        return "", []
    try:
        message: JSONRPCMessage = jsonrpc_message_adapter.validate_json(text, by_name=False)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            return "", _refused(text, PARSE_ERROR, first["msg"])
        return "", _refused(text, INVALID_REQUEST, _SHAPE)
    if isinstance(message, JSONRPCNotification) and "id" in (_parsed(text) or {"id": None}):
        return "", _refused(text, INVALID_REQUEST, _SHAPE)  # an id that is none: the SDK takes it for a notification
    return text, []


def _refused(text: str, code: int, reason: str) -> list[JSONRPCError]:
    document = _parsed(text)
    if isinstance(document, list):
        ids = [_usable(entry["id"]) for entry in document if _is_request(entry)]
        return [_error(request_id, INVALID_REQUEST, _BATCH) for request_id in ids or [None]]
    if isinstance(document, dict):
        if not _is_request(document) and document.keys() & {"method", "result", "error"}:
            return []
        return [_error(_usable(document.get("id")), code, reason)]
    found = {match[1] for match in _ID.finditer(text)}
    return [_error(json.loads(found.pop()) if len(found) == 1 else None, code, reason)]


def _is_request(document: Any) -> bool:
    return isinstance(document, dict) and {"method", "id"} <= document.keys()


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _usable(request_id: Any) -> RequestId | None:
    """Return the id if an answer can carry it."""
    if isinstance(request_id, str):
        return request_id if request_id.isprintable() else None
    return request_id if isinstance(request_id, int) and not isinstance(request_id, bool) else None


def _error(request_id: RequestId | None, code: int, reason: str) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=reason))
