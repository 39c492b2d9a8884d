"""llmock: its verdict on the client, and its quotas, chaos and streams on request.

Its server takes a second to import and is loaded at the first request for it; the verdict does not need it.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llmock.journal import RequestRecord
from llmock.scenarios import behavior_from_dict
from llmock.verdict import NON_RETRYABLE, Verdict, judge
from starlette.types import Message, Receive, Scope, Send

from devstack.fake_providers.faults import with_body_usage
from devstack.fake_providers.journal import JournalEntry
from devstack.fake_providers.wire import Reply

if TYPE_CHECKING:
    from fastapi import FastAPI

LLMOCK_PREFIX = "/llmock"
_LONGEST_RETRY_AFTER = 120
"""Seconds. After a longer wait (a used-up day), the client turns to another model instead."""


def judge_client(entries: Iterable[JournalEntry]) -> Verdict:
    """Return llmock's verdict on the client, by this server's journal.

    llmock recognises a retry by the request's bytes: it takes a fallback to another model for a new call, and the first
    one for given up (a warning, not an error). It takes a 4xx for the provider's last word on the request; one that is
    about the account, or that something between wrote, counts as a 503 here.
    """
    return judge(_record(number, entry) for number, entry in enumerate(entries, start=1) if entry.ended is not None)


def _record(number: int, entry: JournalEntry) -> RequestRecord:
    retry_after = entry.retry_after
    status = entry.status or 500
    return RequestRecord(
        seq=number,
        provider=entry.provider,
        method="POST",
        path=entry.path,
        started_at=entry.started,
        ended_at=entry.ended or entry.started,
        status=503 if entry.scope != "call" and status in NON_RETRYABLE else status,
        fingerprint=entry.fingerprint,
        model=entry.model,
        fault=entry.fault,
        retry_after=retry_after if retry_after is not None and retry_after <= _LONGEST_RETRY_AFTER else None,
        completed=entry.outcome == "completed",
    )


class LlmockApp:
    """All of llmock as an ASGI app under `/llmock`, created at the first request."""

    def __init__(self) -> None:
        self._app: FastAPI | None = None
        self._lock = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on to llmock, without the prefix."""
        app = await self._loaded()
        path = scope["path"].removeprefix(LLMOCK_PREFIX)
        await app({**scope, "path": path, "raw_path": path.encode(), "root_path": ""}, receive, send)

    async def reply(
        self, path: str, body: bytes, headers: Mapping[str, str], behaviors: Sequence[dict[str, Any]]
    ) -> Reply:
        """Return llmock's reply to one call, under behaviours for this call alone."""
        app = await self._loaded()
        app.state.llmock.scenarios.add(*(behavior_from_dict(behavior) for behavior in behaviors))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path.replace("/gemini/v1/", "/gemini/v1beta/"),
            "query_string": b"",
            "root_path": "",
            "headers": [(key.encode(), value.encode()) for key, value in headers.items()],
        }
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        await app(scope, receive, send)
        answer = b"".join(message.get("body", b"") for message in sent[1:])
        reply_headers = {key.decode(): value.decode() for key, value in sent[0]["headers"] if key != b"content-length"}
        return _with_facts(Reply(status=sent[0]["status"], body=answer, headers=reply_headers))

    async def _loaded(self) -> "FastAPI":
        async with self._lock:
            if self._app is None:
                self._app = await asyncio.to_thread(_create)
            return self._app


def _create() -> "FastAPI":
    from llmock.main import create_app

    return create_app()


def _with_facts(reply: Reply) -> Reply:
    """Add model and tokens, or the retry delay, of a reply of llmock, for the journal."""
    if reply.status == 200:
        return with_body_usage(reply)
    wait = reply.headers.get("retry-after")
    return replace(reply, retry_after=float(wait) if isinstance(wait, str) else None)
