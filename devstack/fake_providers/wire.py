"""The types that endpoint, faults and the two providers' formats share."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

type ProviderName = Literal["gemini", "anthropic"]
type QuotaKind = Literal["requests_per_minute", "requests_per_day", "tokens_per_minute"]


@dataclass(frozen=True)
class Call:
    """One request for an answer, independent of the provider."""

    model: str
    prompt: str
    """The text of all messages, joined by newlines; neither system text nor schema."""
    system: str = ""
    max_tokens: int | None = None
    schema: Mapping[str, Any] | None = None
    """The JSON schema of the answer; `None` is plain text."""
    input_tokens: int = 1


@dataclass(frozen=True)
class Draft:
    """An answer before it is put into a provider's format."""

    text: str
    model: str
    output_tokens: int
    truncated: bool = False
    stop: str | None = None
    """The provider's stop reason, instead of the default one."""
    blocked: str | None = None
    """Gemini only: the prompt's block reason; the answer then has no candidate."""
    usage: Mapping[str, Any] | None = field(default_factory=dict[str, Any])
    """Raw usage fields that override the counted ones. A `None` field is left out; `None` leaves out all usage."""


@dataclass(frozen=True)
class Reply:
    """An HTTP response, and the facts that the journal records."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    retry_after: float | None = None
    """The retry delay in seconds, from header or body."""


@dataclass(frozen=True)
class Shortage:
    """Why a quota refuses a call, and when it would admit the call."""

    kind: QuotaKind
    limit: int
    retry_after: float
    """Seconds."""


class BadRequestError(Exception):
    """The request is invalid: raised by `Wire.parse`, answered with HTTP 400 in the provider's format."""


class Wire(Protocol):
    """One provider's request and response format."""

    name: ProviderName
    statuses: frozenset[int]
    """The HTTP errors that this provider returns."""

    def parse(self, body: Mapping[str, Any], model: str | None) -> Call:
        """Return the call of a request; `model` is the one in the path, if any."""

    def refuse_missing_key(self, headers: Mapping[str, str], request_id: str) -> Reply | None:
        """Return a refusal for a request without a key; any key is accepted."""

    def refuse_invalid_key(self, request_id: str) -> Reply:
        """Return the refusal of an invalid key."""

    def answer(self, call: Call, draft: Draft, request_id: str) -> Reply:
        """Return an answer in the provider's format, with HTTP 200."""

    def error(self, status: int, request_id: str, *, model: str, message: str | None = None) -> Reply:
        """Return an HTTP error with the provider's body for it."""

    def refuse_rate_limited(self, request_id: str, retry_after: str | None, seconds: float | None) -> Reply:
        """Return a 429 with only a `retry-after` header, or none."""

    def refuse_over_quota(self, call: Call, shortage: Shortage, request_id: str, *, details: bool = True) -> Reply:
        """Return the 429 of a used-up quota."""

    def refuse_too_long(self, call: Call, limit: int, request_id: str) -> Reply:
        """Return the 400 of a prompt that exceeds the context window of `limit` tokens."""


def encode_json(document: Mapping[str, Any]) -> bytes:
    """Return compact JSON in UTF-8."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def overlay_usage(counted: Mapping[str, Any], override: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the counted usage fields, overridden by the raw ones; see `Draft.usage`."""
    if override is None:
        return None
    return {key: value for key, value in {**counted, **override}.items() if value is not None}
