"""The types that endpoint, faults and the two providers' formats share."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

type ProviderName = Literal["gemini", "anthropic"]
type QuotaKind = Literal["requests_per_minute", "requests_per_day", "tokens_per_minute"]
type HeaderFields = Mapping[str, str | tuple[str, ...]]
"""Response headers; a tuple is sent as that many header lines."""

NO_THINKING = "none"
"""The effort of a call whose model does not think, or whose thinking is off."""
_PROMPT_FIELDS = frozenset({"messages", "system", "tools", "contents", "systemInstruction"})
_SCHEMA_FIELDS = frozenset({"schema", "responseSchema", "responseJsonSchema"})


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
    stop: tuple[str, ...] = ()
    """Texts before which the answer ends."""
    input_tokens: int = 1
    effort: str = NO_THINKING
    """The effort or thinking level in force, by the model's default if none was asked for."""
    show_thinking: bool = False
    """Whether the answer shows the text of the thinking."""
    service_tier: str | None = None
    inference_geo: str | None = None


@dataclass(frozen=True)
class Draft:
    """An answer before it is put into a provider's format."""

    text: str
    model: str
    output_tokens: int
    """Of the text, without the thinking."""
    thinking_tokens: int = 0
    truncated: bool = False
    stop: str | None = None
    """The provider's stop reason, instead of the default one."""
    stopped_by: str | None = None
    """The text of `Call.stop` before which the answer was ended."""
    category: str | None = None
    """Claude only: the category of a refusal."""
    blocked: str | None = None
    """Gemini only: the prompt's block reason; the answer then has no candidate."""
    service_tier: str | None = None
    """The tier that served the call; `None` is the requested one."""
    usage: Mapping[str, Any] | None = field(default_factory=dict[str, Any])
    """Raw usage fields that override the counted ones. A `None` field is left out; `None` leaves out all usage."""


@dataclass(frozen=True)
class Reply:
    """An HTTP response, and the facts that the journal records."""

    status: int
    body: bytes
    headers: HeaderFields = field(default_factory=dict[str, str | tuple[str, ...]])
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    """Thinking included."""
    thinking_tokens: int | None = None
    retry_after: float | None = None
    """The retry delay in seconds, from header or body."""
    usage: Mapping[str, Any] | None = None
    """What the answer states; Claude only, like the next."""
    stop_details: Mapping[str, Any] | None = None
    cut_at: int | None = None
    """Bytes of the body that are sent before the connection closes; `None` sends all."""

    @property
    def header_lines(self) -> list[tuple[bytes, bytes]]:
        """The header lines as bytes, with the content length."""
        values = {**self.headers, "content-length": str(len(self.body))}
        return [
            (name.encode(), value.encode())
            for name, several in values.items()
            for value in ((several,) if isinstance(several, str) else several)
        ]


@dataclass(frozen=True)
class ErrorFields:
    """What an error says beyond its status."""

    message: str | None = None
    kind: str | None = None
    """Claude's `error.type`, Gemini's `error.status`."""
    details: Any = None
    """Claude's `error.details` object, Gemini's `error.details` list."""
    headers: HeaderFields = field(default_factory=dict[str, str | tuple[str, ...]])
    retry_after: float | None = None
    """For the journal: the delay in seconds that headers or details ask for."""


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

    def parse(self, body: Mapping[str, Any], model: str | None, headers: Mapping[str, str]) -> Call:
        """Return the call of a request; `model` is the one in the path, if any. Header names are lower case."""

    def refuse_missing_key(self, headers: Mapping[str, str], request_id: str) -> Reply | None:
        """Return a refusal for a request without a key; any key is accepted."""

    def refuse_invalid_key(self, request_id: str) -> Reply:
        """Return the refusal of an invalid key."""

    def answer(self, call: Call, draft: Draft, request_id: str) -> Reply:
        """Return an answer in the provider's format, with HTTP 200."""

    def error(self, status: int, request_id: str, *, model: str, fields: ErrorFields | None = None) -> Reply:
        """Return an HTTP error in the provider's format; what `fields` leave out is the provider's usual text."""

    def refuse_over_quota(self, call: Call, shortage: Shortage, request_id: str, *, details: bool = True) -> Reply:
        """Return the 429 of a used-up quota."""

    def refuse_too_long(self, call: Call, limit: int, request_id: str) -> Reply:
        """Return the 400 of a prompt that exceeds the context window of `limit` tokens."""

    def is_error(self, document: Any) -> bool:
        """Return whether a JSON value is an error in the provider's format."""


def encode_json(document: Any) -> bytes:
    """Return compact JSON in UTF-8; half a surrogate pair becomes its escape, as providers send it."""
    try:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(document, separators=(",", ":")).encode()


def decode_json(body: bytes) -> Any:
    """Return the JSON value of a body; `None` if it is not JSON in UTF-8."""
    try:
        return json.loads(body)
    except ValueError:
        return None


def overlay_usage(counted: Mapping[str, Any], override: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the counted usage fields, overridden by the raw ones; see `Draft.usage`."""
    if override is None:
        return None
    return {key: value for key, value in {**counted, **override}.items() if value is not None}


def request_settings(body: Any) -> Any:
    """Return a request body without prompt, tools and schema: limits, effort, thinking and other settings."""
    if not isinstance(body, dict):
        return None
    settings = {key: value for key, value in body.items() if key not in _PROMPT_FIELDS}
    return _without_schemas(settings)


def _without_schemas(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _without_schemas(part) for key, part in value.items() if key not in _SCHEMA_FIELDS}
