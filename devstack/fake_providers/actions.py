"""What a rule makes of a call: the actions, as the control API takes them."""

import codecs
import functools
import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)

from devstack.fake_providers.structured import StructuredForm
from devstack.fake_providers.wire import encode_json

_STRICT = ConfigDict(extra="forbid", frozen=True)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FRAMING_HEADERS = frozenset({"content-length", "transfer-encoding", "connection"})


def _check_headers(headers: dict[str, str | tuple[str, ...]]) -> dict[str, str | tuple[str, ...]]:
    for name, values in headers.items():
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _FRAMING_HEADERS:
            raise ValueError(f"{name} cannot be set")
        if re.search(r"[\r\n\0]", "".join(values)):
            raise ValueError(f"{name} has a value with a line break")
    return {name.lower(): values for name, values in headers.items()}


def _check_charset(charset: str) -> str:
    try:
        "".encode(charset)
    except (LookupError, ValueError) as error:
        raise ValueError(f"{charset} is not an encoding of text") from error
    return codecs.lookup(charset).name


type _Headers = Annotated[dict[str, str | tuple[str, ...]], AfterValidator(_check_headers)]


class _Options(BaseModel):
    """The parameters of an action. A bare value is the first of them; `true` is all defaults."""

    model_config = _STRICT

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        if value is True:
            return {}
        return value if isinstance(value, dict | _Options) else {next(iter(cls.model_fields), ""): value}


class _NoOptions(_Options):
    """An action without parameters."""


class _UsedUpQuota(_Options):
    """A used-up free-tier quota of Gemini."""

    retry_after: NonNegativeFloat = 26
    limit: PositiveInt = 20
    details: bool = True
    """Whether the 429 carries `QuotaFailure` and `RetryInfo`."""


class RateLimit(_Options):
    """A 429 that says in some form how long to wait."""

    retry_after: float | None = None
    """Seconds; a fraction, a negative or an absurd number is sent as it is."""
    form: Literal["seconds", "date", "list", "twice", "ms", "retry_info"] = "seconds"
    """A header `retry-after` in seconds, as a date, as a list (`7, 7`) or sent twice; `retry-after-ms`; `RetryInfo`."""
    raw: str | None = None
    """Any text in place of the number."""


class ErrorStatus(_Options):
    """An HTTP error in the provider's format."""

    code: int = Field(ge=400, le=599)
    message: str | None = None
    type: str | None = None
    """Claude's `error.type`, Gemini's `error.status`."""
    details: dict[str, Any] | list[dict[str, Any]] | None = None
    """Claude's `error.details`, with the `error_code`; Gemini's list with `ErrorInfo` and others."""
    headers: _Headers = {}


class RawResponse(_Options):
    """Any HTTP response. At most one body: `body` (JSON), `body_text`, `body_base64`, or `text` (an answer)."""

    status: int = Field(default=200, ge=200, le=599)
    headers: _Headers = {}
    body: Any = None
    body_text: str | None = None
    body_base64: Base64Bytes | None = None
    charset: Annotated[str, AfterValidator(_check_charset)] = "utf-8"
    """The encoding of `body` or `body_text`; `utf-8-sig` puts a byte order mark before it."""
    cut_at: NonNegativeInt | None = None
    """Bytes of the body after which the connection closes; the content length is that of the whole body."""
    text: str | None = None
    """An answer with this text, in the provider's format, without thinking; `headers` are added to its headers."""
    usage: dict[str, Any] | None = Field(default=None, validation_alias=AliasChoices("usage", "usageMetadata"))
    """Raw usage fields of `text`, which override the counted ones."""
    note: str | None = None
    """For the reader of the rule."""

    @model_validator(mode="after")
    def _one_body(self) -> Self:
        bodies = self.model_fields_set & {"body", "body_text", "body_base64", "text"}
        if len(bodies) > 1:
            raise ValueError(f"give one body, not {', '.join(sorted(bodies))}")
        if "text" in bodies and "charset" in self.model_fields_set:
            raise ValueError("text is an answer in the provider's format: give a body for another encoding")
        if ("text" in bodies and self.status != 200) or ("usage" in self.model_fields_set and "text" not in bodies):
            raise ValueError("usage goes with text, and text with status 200")
        self.content()  # refuses what the encoding cannot express
        return self

    def content(self) -> bytes:
        """Return the bytes of the body."""
        if self.body_base64 is not None:
            return self.body_base64
        if self.body_text is not None:
            return self.body_text.encode(self.charset)
        if "body" in self.model_fields_set:
            return encode_json(self.body).decode().encode(self.charset)
        return b""

    def content_type(self) -> str:
        """Return the content type of a body whose headers name none."""
        return "application/json" if "body" in self.model_fields_set else "text/plain"


class _Refusal(_Options):
    """A refusal of Claude: HTTP 200, `stop_reason` refusal; with `text`, one in the middle of the answer."""

    category: str | None = None
    """`bio`, `cyber`, `frontier_llm`, `general_harms`, `reasoning_extraction`, or one that no SDK knows."""
    text: str = ""


class ThinkingAmount(_Options):
    """Thinking tokens of a call that thinks; `all` is all that the request allows, so that no text is left."""

    tokens: NonNegativeInt | Literal["all"] = "all"
    text: bool = True
    """Whether an answer follows the thinking, as far as the limit allows."""


class _Structured(_Options):
    """How structured output is written."""

    form: StructuredForm


class _ServiceTier(_Options):
    """The tier that served the call."""

    name: str


class _Preset(_Options):
    """A named situation: see `presets`."""

    name: str


class _TooLong(_Options):
    """A prompt beyond the context window."""

    limit: PositiveInt = 1000


class _Blocked(_Options):
    """A prompt that Gemini blocks."""

    reason: str = "SAFETY"


class _EmptyAnswer(_Options):
    """HTTP 200 without text, or without a body (`body`)."""

    form: Literal["text", "body"] = "text"


class _MalformedAnswer(_Options):
    """HTTP 200 with half a JSON document, or with a proxy's HTML page."""

    form: Literal["json", "html"] = "json"


class _Delay(_Options):
    """A late answer."""

    seconds: NonNegativeFloat


class _Reset(_Options):
    """A dropped connection: a close after half an answer, a close before the first byte, or a TCP reset before it."""

    at: Literal["mid_answer", "before_answer", "rst"] = "mid_answer"


class _ServedModel(_Options):
    """Another model than the requested one."""

    id: str


class _StopReason(_Options):
    """One of the provider's stop or finish reasons."""

    reason: str


class _FixedAnswer(_Options):
    """A fixed text, or one of a fixed size in bytes."""

    text: str | None = None
    bytes: NonNegativeInt | None = None


class _EntryEnd(_Options):
    """An entry of a batch that was never processed: the batch expired, or was canceled, before its turn."""

    result: Literal["expired", "canceled"] = "expired"


class _LlmockBehaviors(_Options):
    """llmock answers instead, under these llmock behaviours."""

    behaviors: tuple[dict[str, Any], ...] = ()


class Action(BaseModel):
    """Exactly one action; a bare name is short for its defaults."""

    model_config = _STRICT

    gemini_day_quota: _UsedUpQuota | None = None
    gemini_minute_quota: _UsedUpQuota | None = None
    rate_limit: RateLimit | None = None
    status: ErrorStatus | None = None
    response: RawResponse | None = None
    preset: _Preset | None = None
    too_long: _TooLong | None = None
    invalid_key: _NoOptions | None = None
    refusal: _Refusal | None = None
    blocked: _Blocked | None = None
    empty: _EmptyAnswer | None = None
    malformed: _MalformedAnswer | None = None
    error_in_200: _NoOptions | None = None
    delay: _Delay | None = None
    hang: _NoOptions | None = None
    reset: _Reset | None = None
    model: _ServedModel | None = None
    usage: dict[str, Any] | None = None
    """Raw fields that override the counted ones; `null` leaves out all usage."""
    stop: _StopReason | None = None
    answer: _FixedAnswer | None = None
    structured: _Structured | None = None
    thinking: ThinkingAmount | None = None
    service_tier: _ServiceTier | None = None
    entry: _EntryEnd | None = None
    """Of rules for the entries of batches."""
    llmock: _LlmockBehaviors | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError(f"give exactly one action of: {', '.join(type(self).model_fields)}")
        if getattr(self, self.name) is None and self.name != "usage":
            raise ValueError(f"{self.name} has no value")
        return self

    @functools.cached_property
    def name(self) -> str:
        """The action's name."""
        return next(iter(self.model_fields_set))

    @property
    def label(self) -> str:
        """The action's name in the journal: `status:503`, `preset:cloudflare_502`, `reset:rst`, `hang`."""
        if self.status is not None:
            return f"status:{self.status.code}"
        if self.response is not None:
            return f"response:{self.response.status}"
        if self.preset is not None:
            return f"preset:{self.preset.name}"
        return f"reset:{self.reset.at}" if self.reset is not None else self.name
