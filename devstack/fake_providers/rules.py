"""Fault rules: which calls get which action, and the choice of the rule for a call."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, model_validator

from devstack.fake_providers.actions import Action
from devstack.fake_providers.claude import AnthropicWire
from devstack.fake_providers.gemini import GeminiWire
from devstack.fake_providers.presets import PRESETS
from devstack.fake_providers.wire import Call, ProviderName

_PROVIDER_OF_ACTION: dict[str, ProviderName] = {
    "gemini_day_quota": "gemini",
    "gemini_minute_quota": "gemini",
    "blocked": "gemini",
    "refusal": "anthropic",
}
_STATUSES: dict[ProviderName, frozenset[int]] = {wire.name: wire.statuses for wire in (GeminiWire, AnthropicWire)}
type BatchPart = Literal["create", "entry"]
"""What of a message batch a rule is about."""
_ACCOUNT_STATUSES = frozenset({401, 402, 403})


def _expand_name(value: Any) -> Any:
    return {value: True} if isinstance(value, str) else value


class Rule(BaseModel):
    """Which calls get which action, and how often; without `times`, always."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: ProviderName
    action: Annotated[Action, BeforeValidator(_expand_name)]
    model: str | None = None
    contains: str | None = None
    """A substring of the prompt."""
    effort: tuple[str, ...] | None = None
    """The efforts or thinking levels in force, `none` for a call without thinking."""
    times: PositiveInt | None = None
    batch: BatchPart | None = None
    """Whether it is about creating a batch, or about a batch's entries; by default about single messages."""
    everywhere: bool | None = None
    """Whether token counts meet the rule too; by default those of an account's troubles and of what stands between."""

    @model_validator(mode="after")
    def _of_this_provider(self) -> Self:
        if _PROVIDER_OF_ACTION.get(self.action.name, self.provider) != self.provider:
            raise ValueError(f"{self.action.name} is not an action of {self.provider}")
        statuses, error = _STATUSES[self.provider], self.action.status
        if error is not None and error.type is None and error.code not in statuses:
            raise ValueError(f"{self.provider} gives the statuses {sorted(statuses)}, not {error.code}")
        if self.batch is not None and self.provider != "anthropic":
            raise ValueError("batches are a matter of anthropic")
        if self.action.entry is not None and self.batch != "entry":
            raise ValueError("entry is an action for the entries of batches")
        hint = self.action.rate_limit
        if hint is not None and hint.form == "retry_info" and self.provider != "gemini":
            raise ValueError("retry_info is a form of gemini")
        if self.action.preset is not None:
            self._check_preset(self.action.preset.name)
        return self

    def _check_preset(self, name: str) -> None:
        if name not in PRESETS:
            raise ValueError(f"{name} is none of the presets: {', '.join(sorted(PRESETS))}")
        if self.provider not in PRESETS[name].actions:
            raise ValueError(f"{name} is not a preset of {self.provider}")

    @property
    def effective_action(self) -> Action:
        """The action, or the one that its preset names."""
        if self.action.preset is None:
            return self.action
        return Action.model_validate(PRESETS[self.action.preset.name].actions[self.provider])

    @property
    def scope(self) -> Literal["account", "between", "call"]:
        """What the trouble hits: the account, whatever stands between client and provider, or the call alone."""
        if self.action.preset is not None:
            kind = PRESETS[self.action.preset.name].kind
            if kind in ("account", "between"):
                return kind
        status = self.action.status.code if self.action.status else 401 if self.action.invalid_key else None
        return "account" if self.everywhere or status in _ACCOUNT_STATUSES else "call"

    def matches(self, call: Call) -> bool:
        """Return whether this rule applies to a call of its provider."""
        return (
            self.model in (None, call.model)
            and (self.contains is None or self.contains in call.prompt)
            and (self.effort is None or call.effort in self.effort)
        )


@dataclass(frozen=True)
class Fault:
    """The rule's action for one call."""

    action: Action
    label: str
    """The action's name in the journal."""
    scope: Literal["account", "between", "call"]


class _Counted(BaseModel):
    rule: Rule
    left: int | None = Field(ge=0)

    @property
    def fault(self) -> Fault:
        return Fault(self.rule.effective_action, self.rule.action.label, self.rule.scope)


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

    def take(self, provider: ProviderName, call: Call, batch: BatchPart | None = None) -> Fault | None:
        """Return the action of the first rule that matches a call, and use it up once."""
        for counted in self._rules:
            rule = counted.rule
            if counted.left != 0 and (rule.provider, rule.batch) == (provider, batch) and rule.matches(call):
                if counted.left is not None:
                    counted.left -= 1
                return counted.fault
        return None

    def peek_everywhere(self, provider: ProviderName, call: Call) -> Fault | None:
        """Return the action of the first matching rule that token counts meet too, without using it up."""
        for counted in self._rules:
            rule = counted.rule
            everywhere = rule.everywhere if rule.everywhere is not None else rule.scope != "call"
            if everywhere and counted.left != 0 and rule.provider == provider and rule.matches(call):
                return counted.fault
        return None

    def dump(self) -> list[dict[str, Any]]:
        """Return the rules as JSON values, each with the uses that are `left`."""
        return [
            {**counted.rule.model_dump(mode="json", exclude_unset=True), "left": counted.left}
            for counted in self._rules
        ]
