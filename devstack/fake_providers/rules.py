"""Fault rules: what the control API takes, and which of them meets a call."""

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
from devstack.fake_providers.wire import Call, Provider

_STRICT = ConfigDict(extra="forbid", frozen=True)


class Options(BaseModel):
    """The parameters of an action. A bare value stands for the first of them, `true` for all defaults."""

    model_config = _STRICT

    @model_validator(mode="before")
    @classmethod
    def _shorthand(cls, value: Any) -> Any:
        if value is True:
            return {}
        return value if isinstance(value, dict | Options) else {next(iter(cls.model_fields), ""): value}


class NoOptions(Options):
    """An action without parameters."""


class Quota(Options):
    """A used-up free-tier quota of Gemini."""

    retry_after: NonNegativeFloat = 26
    limit: PositiveInt = 20
    details: bool = True
    """Without: the 429 carries neither `QuotaFailure` nor `RetryInfo`."""


class RateLimit(Options):
    """A 429 with its hint in the `retry-after` header."""

    retry_after: NonNegativeFloat | None = None
    form: Literal["seconds", "date"] = "seconds"


class Status(Options):
    """An HTTP error in the provider's own form."""

    code: int
    message: str | None = None


class TooLong(Options):
    """A prompt beyond the context window."""

    limit: PositiveInt = 1000


class Blocked(Options):
    """Gemini refuses to look at the prompt."""

    reason: str = "SAFETY"


class Empty(Options):
    """HTTP 200 and no text; `body`: not even a body."""

    form: Literal["text", "body"] = "text"


class Malformed(Options):
    """HTTP 200 with half a JSON document, or with a page as a proxy gives it."""

    form: Literal["json", "html"] = "json"


class Delay(Options):
    """A late answer."""

    seconds: NonNegativeFloat


class Reset(Options):
    """A dropped connection: half an answer and a close, a close before the first byte, or a TCP reset before it."""

    at: Literal["mid_answer", "before_answer", "rst"] = "mid_answer"


class Served(Options):
    """Another model than the one asked for."""

    id: str


class Stop(Options):
    """A stop or finish reason in the provider's own word."""

    reason: str


class Answer(Options):
    """A given text, or one of so many bytes."""

    text: str | None = None
    bytes: NonNegativeInt | None = None


class Llmock(Options):
    """llmock answers instead, with these behaviours of its own."""

    behaviors: tuple[dict[str, Any], ...] = ()


class Action(BaseModel):
    """Exactly one action; a bare name takes its defaults."""

    model_config = _STRICT

    gemini_day_quota: Quota | None = None
    gemini_minute_quota: Quota | None = None
    rate_limit: RateLimit | None = None
    status: Status | None = None
    too_long: TooLong | None = None
    invalid_key: NoOptions | None = None
    refusal: NoOptions | None = None
    blocked: Blocked | None = None
    empty: Empty | None = None
    malformed: Malformed | None = None
    error_in_200: NoOptions | None = None
    delay: Delay | None = None
    hang: NoOptions | None = None
    reset: Reset | None = None
    model: Served | None = None
    usage: dict[str, Any] | None = None
    """Raw fields over the counted ones; `null` leaves out all usage."""
    stop: Stop | None = None
    answer: Answer | None = None
    llmock: Llmock | None = None

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
        """The action as the journal names it: `status:503`, `reset:rst`, `hang`."""
        if self.status is not None:
            return f"status:{self.status.code}"
        return f"reset:{self.reset.at}" if self.reset is not None else self.name


_ONLY: dict[str, Provider] = {
    "gemini_day_quota": "gemini",
    "gemini_minute_quota": "gemini",
    "blocked": "gemini",
    "refusal": "anthropic",
}
_STATUSES: dict[Provider, frozenset[int]] = {wire.name: wire.statuses for wire in (GeminiWire, AnthropicWire)}


def _named(value: Any) -> Any:
    return {value: True} if isinstance(value, str) else value


class Rule(BaseModel):
    """Which calls get which action, and how often (`None`: always)."""

    model_config = _STRICT

    provider: Provider
    action: Annotated[Action, BeforeValidator(_named)]
    model: str | None = None
    contains: str | None = None
    """A substring of the prompt."""
    times: PositiveInt | None = None

    @model_validator(mode="after")
    def _of_this_provider(self) -> Self:
        if _ONLY.get(self.action.name, self.provider) != self.provider:
            raise ValueError(f"{self.action.name} is not an action of {self.provider}")
        known = _STATUSES[self.provider]
        if self.action.status is not None and self.action.status.code not in known:
            raise ValueError(f"{self.provider} gives the statuses {sorted(known)}, not {self.action.status.code}")
        return self

    def meets(self, call: Call) -> bool:
        """Say whether this rule is for that call of its provider."""
        return self.model in (None, call.model) and (self.contains is None or self.contains in call.prompt)


class _Counted(BaseModel):
    rule: Rule
    left: int | None = Field(ge=0)


class RuleBook:
    """The rules in force, in the order in which they came."""

    def __init__(self) -> None:
        self._rules: list[_Counted] = []

    def add(self, rules: Sequence[Rule]) -> None:
        """Append rules."""
        self._rules.extend(_Counted(rule=rule, left=rule.times) for rule in rules)

    def clear(self) -> None:
        """Forget all rules."""
        self._rules.clear()

    def take(self, provider: Provider, call: Call) -> Action | None:
        """Return the action of the first rule that meets a call, and use up one of its times."""
        for counted in self._rules:
            if counted.left != 0 and counted.rule.provider == provider and counted.rule.meets(call):
                if counted.left is not None:
                    counted.left -= 1
                return counted.rule.action
        return None

    def dump(self) -> list[dict[str, Any]]:
        """Return the rules as JSON values, each with what is `left` of its times."""
        return [
            {**counted.rule.model_dump(mode="json", exclude_unset=True), "left": counted.left}
            for counted in self._rules
        ]
