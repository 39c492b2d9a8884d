"""What the endpoint, the faults and the two providers' formats hand to each other."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

type Provider = Literal["gemini", "anthropic"]
type QuotaKind = Literal["requests_per_minute", "requests_per_day", "tokens_per_minute"]


@dataclass(frozen=True)
class Call:
    """One request for an answer, as both providers mean it."""

    model: str
    prompt: str
    """The text of all messages, joined by newlines; neither system text nor schema."""
    system: str = ""
    max_tokens: int | None = None
    schema: Mapping[str, Any] | None = None
    """The JSON schema that the answer has to follow; `None` asks for plain text."""
    input_tokens: int = 1


@dataclass(frozen=True)
class Draft:
    """An answer before it takes a provider's form."""

    text: str
    model: str
    output_tokens: int
    truncated: bool = False
    stop: str | None = None
    """A stop reason in the provider's own word, instead of the plain one."""
    blocked: str | None = None
    """Gemini only: the block reason of the prompt; there is no candidate then."""
    usage: Mapping[str, Any] | None = field(default_factory=dict[str, Any])
    """Raw usage fields laid over the counted ones; a field that is `None` is left out, `None` leaves out all usage."""


@dataclass(frozen=True)
class Reply:
    """An HTTP answer, and what the journal keeps of it."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    retry_after: float | None = None
    """Seconds that the reply asks the client to wait, in a header or in the body."""


@dataclass(frozen=True)
class Shortage:
    """Why a quota refuses a call, and when it would not."""

    kind: QuotaKind
    limit: int
    retry_after: float
    """Seconds."""


class BadRequestError(Exception):
    """The request cannot be served: raised by `Wire.parse`, answered with HTTP 400 in the provider's form."""


class Wire(Protocol):
    """One provider's request and response format."""

    name: Provider
    statuses: frozenset[int]
    """The HTTP errors that this provider is known to give."""

    def parse(self, body: Mapping[str, Any], model: str | None) -> Call:
        """Read a request; `model` is the one in its path, if it stands there."""

    def keyless(self, headers: Mapping[str, str], request_id: str) -> Reply | None:
        """Refuse a request that brings no key; any key will do."""

    def bad_key(self, request_id: str) -> Reply:
        """Refuse a key that is not valid."""

    def answer(self, call: Call, draft: Draft, request_id: str) -> Reply:
        """Put an answer into the provider's form, HTTP 200."""

    def error(self, status: int, request_id: str, *, model: str, message: str | None = None) -> Reply:
        """Give the provider's own body for an HTTP error."""

    def rate_limited(self, request_id: str, retry_after: str | None, seconds: float | None) -> Reply:
        """Refuse with 429 and a bare `retry-after` header, or none."""

    def short(self, call: Call, shortage: Shortage, request_id: str, *, details: bool = True) -> Reply:
        """Refuse with 429 because a quota is used up."""

    def too_long(self, call: Call, limit: int, request_id: str) -> Reply:
        """Refuse with 400 because the prompt exceeds the context window of `limit` tokens."""


def encode(document: Mapping[str, Any]) -> bytes:
    """Write compact JSON in UTF-8."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def overlaid(counted: Mapping[str, Any], override: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Lay raw usage fields over the counted ones; see `Draft.usage`."""
    if override is None:
        return None
    return {key: value for key, value in {**counted, **override}.items() if value is not None}
