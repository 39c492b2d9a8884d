"""Fault rules: the control API's models, and the choice of the rule for a call."""

import functools
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    model_validator,
)

from devstack.fake_providers.claude import AnthropicWire
from devstack.fake_providers.gemini import GeminiWire
from devstack.fake_providers.wire import Call, ProviderName

_STRICT = ConfigDict(extra="forbid", frozen=True)


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
    """A 429 with the delay in the `retry-after` header."""

    retry_after: NonNegativeFloat | None = None
    form: Literal["seconds", "date"] = "seconds"


class _ErrorStatus(_Options):
    """An HTTP error in the provider's format."""

    code: int
    message: str | None = None


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


class _LlmockBehaviors(_Options):
    """llmock answers instead, under these llmock behaviours."""

    behaviors: tuple[dict[str, Any], ...] = ()


class Action(BaseModel):
    """Exactly one action; a bare name is short for its defaults."""

    model_config = _STRICT

    gemini_day_quota: _UsedUpQuota | None = None
    gemini_minute_quota: _UsedUpQuota | None = None
    rate_limit: RateLimit | None = None
    status: _ErrorStatus | None = None
    too_long: _TooLong | None = None
    invalid_key: _NoOptions | None = None
    refusal: _NoOptions | None = None
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
    llmock: _LlmockBehaviors | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError(f"give exactly one action of: {', '.join(type(self).model_fields)}")
        return self

    @functools.cached_property
    def name(self) -> str:
        """The action's name."""
        return next(iter(self.model_fields_set))

    @property
    def label(self) -> str:
        """The action's name in the journal: `status:503`, `reset:rst`, `hang`."""
        if self.status is not None:
            return f"status:{self.status.code}"
        return f"reset:{self.reset.at}" if self.reset is not None else self.name


_PROVIDER_OF_ACTION: dict[str, ProviderName] = {
    "gemini_day_quota": "gemini",
    "gemini_minute_quota": "gemini",
    "blocked": "gemini",
    "refusal": "anthropic",
}
_STATUSES: dict[ProviderName, frozenset[int]] = {wire.name: wire.statuses for wire in (GeminiWire, AnthropicWire)}


def _expand_name(value: Any) -> Any:
    return {value: True} if isinstance(value, str) else value


class Rule(BaseModel):
    """Which calls get which action, and how often; without `times`, always."""

    model_config = _STRICT

    provider: ProviderName
    action: Annotated[Action, BeforeValidator(_expand_name)]
    model: str | None = None
    contains: str | None = None
    """A substring of the prompt."""
    times: PositiveInt | None = None

    @model_validator(mode="after")
    def _of_this_provider(self) -> Self:
        if _PROVIDER_OF_ACTION.get(self.action.name, self.provider) != self.provider:
            raise ValueError(f"{self.action.name} is not an action of {self.provider}")
        statuses = _STATUSES[self.provider]
        if self.action.status is not None and self.action.status.code not in statuses:
            raise ValueError(f"{self.provider} gives the statuses {sorted(statuses)}, not {self.action.status.code}")
        return self

    def matches(self, call: Call) -> bool:
        """Return whether this rule applies to a call of its provider."""
        return self.model in (None, call.model) and (self.contains is None or self.contains in call.prompt)


class _Counted(BaseModel):
    rule: Rule
    left: int | None = Field(ge=0)


class RuleBook:
    """The active rules, in the order in which they were added."""

    def __init__(self) -> None:
        self._rules: list[_Counted] = []

    def add(self, rules: Sequence[Rule]) -> None:
        """Append rules."""
        self._rules.extend(_Counted(rule=rule, left=rule.times) for rule in rules)

    def clear(self) -> None:
        """Remove all rules."""
        self._rules.clear()

    def take(self, provider: ProviderName, call: Call) -> Action | None:
        """Return the action of the first rule that matches a call, and use it up once."""
        for counted in self._rules:
            if counted.left != 0 and counted.rule.provider == provider and counted.rule.matches(call):
                if counted.left is not None:
                    counted.left -= 1
                return counted.rule.action
        return None

    def dump(self) -> list[dict[str, Any]]:
        """Return the rules as JSON values, each with the uses that are `left`."""
        return [
            {**counted.rule.model_dump(mode="json", exclude_unset=True), "left": counted.left}
            for counted in self._rules
        ]
