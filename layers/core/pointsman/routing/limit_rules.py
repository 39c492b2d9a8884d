"""Limits of senders, agents and tickets in `openclaw.json`, and which of them a task comes under."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from pointsman.routing.config_shape import ConfigShape
from pointsman.values.taxonomy import Tier

MOST_BEGUN, MOST_IN_FLIGHT = 600, 200
"""Tasks of one sender that may begin in a minute and be under way at once: one item of the limit table names them."""
_LONGEST_NAME, _KEPT_OF_NAME = 200, 100
"""Characters."""
_BOUNDS = ("day_usd", "month_usd", "rpm", "in_flight", "highest_tier")
SENDER_FORM = re.compile(r"(?:key|role|service):.+|[*?].*", re.ASCII)

type Usd = Annotated[Decimal, Field(ge=0, le=1_000_000)]
type SubjectPattern = Annotated[str, Field(min_length=1, max_length=256)]


class LimitKind(StrEnum):
    """Whom limits may be for."""

    SENDER = "sender"
    AGENT = "agent"
    TICKET = "ticket"


class Bounds(ConfigShape):
    """What someone may use; None: no limit of that kind."""

    day_usd: Usd | None = None
    month_usd: Usd | None = None
    rpm: Annotated[int, Field(ge=1, le=MOST_BEGUN)] | None = None
    """Tasks that may begin in any 60 seconds."""
    in_flight: Annotated[int, Field(ge=1, le=MOST_IN_FLIGHT)] | None = None
    """Tasks that may be under way at once: they have begun and have not ended."""
    highest_tier: Tier | None = None
    """The most expensive tier that tasks may ask for or be sorted into."""

    def bounds(self) -> dict[str, object]:
        """Return the limits that are set."""
        return {name: value for name in _BOUNDS if (value := getattr(self, name)) is not None}


class LimitRule(Bounds):
    """Limits of each sender, agent or ticket that the pattern matches; `*` and `?` stand for any characters."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [{"required": [str(kind)]} for kind in LimitKind],
            "examples": [
                {"sender": "key:*", "month_usd": "1", "in_flight": 5, "highest_tier": "implementation"},
                {"sender": "role:AROAEXAMPLE", "day_usd": "0.50", "rpm": 30},
                {"ticket": "PAY-*", "month_usd": "2"},
            ],
        }
    )

    sender: SubjectPattern | None = None
    """`key:PRINCIPAL`, `role:ID` without the session's name, or `service:NAME`."""
    agent: SubjectPattern | None = None
    """The `agent` of a task's metadata, which its sender chooses."""
    ticket: SubjectPattern | None = None
    """The `ticket` of a task's metadata, which its sender chooses."""

    @model_validator(mode="after")
    def _one_of_each(self) -> Self:
        named = [str(kind) for kind in LimitKind if getattr(self, kind) is not None]
        if len(named) != 1:
            raise ValueError(f"must name one of {', '.join(LimitKind)}")
        if not self.bounds():
            raise ValueError(f"states no limit; choose from {', '.join(_BOUNDS)}")
        if self.sender is not None and not SENDER_FORM.fullmatch(self.sender):
            raise ValueError("sender must be like key:NAME, role:ID or service:NAME, or begin with *")
        if self.sender is not None and self.sender.startswith("role:") and self.sender.count(":") > 1:
            raise ValueError("sender: a role is named by its id alone, without the session after it")
        return self

    @property
    def kind(self) -> LimitKind:
        """Whom it is for."""
        return next(kind for kind in LimitKind if getattr(self, kind) is not None)

    @property
    def pattern(self) -> str:
        """Which of them."""
        return str(getattr(self, self.kind))

    def matches(self, subject: "LimitSubject") -> bool:
        """Return whether the limits hold for the subject."""
        return subject.kind == self.kind and fnmatchcase(subject.value, self.pattern.replace("[", "[[]"))


class Limits(ConfigShape):
    """Limits beside the stack's own budget. All rules that match a task hold for it."""

    split_usd: Usd = Decimal("0.50")
    """What the subtasks of one answer may cost together, where their task has no `max_cost_usd`."""
    rules: tuple[LimitRule, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitSubject:
    """A sender, an agent or a ticket with counters of its own."""

    kind: LimitKind
    value: str

    @property
    def name(self) -> str:
        """Names it in counters and items: a long value by its beginning and its hash."""
        value = self.value
        if len(value) > _LONGEST_NAME:
            value = f"{value[:_KEPT_OF_NAME]}~{hashlib.sha256(value.encode()).hexdigest()[:32]}"
        return f"{self.kind} {value}"


@dataclass(frozen=True, slots=True)
class LimitedSubject:
    """A subject, and what limits it."""

    subject: LimitSubject
    rules: tuple[Bounds, ...]
    granted: bool = False
    """Whether its API key has limits of its own, which are stored beside its raises."""


@dataclass(frozen=True, slots=True)
class Spender:
    """For whom a task is: what limits go by."""

    sender: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    limited: bool = False
    """Whether the sender's API key has limits of its own."""

    def subjects(self) -> tuple[LimitSubject, ...]:
        """Return who may have limits."""
        named = {
            LimitKind.SENDER: counted_sender(self.sender) if self.sender else None,
            LimitKind.AGENT: self.metadata.get(LimitKind.AGENT),
            LimitKind.TICKET: self.metadata.get(LimitKind.TICKET),
        }
        return tuple(LimitSubject(kind, value) for kind, value in named.items() if value)


def counted_sender(sender: str) -> str:
    """Return the sender as limits count it: a role without the session's name, which whoever assumes it chooses."""
    kind, _, rest = sender.partition(":")
    return f"{kind}:{rest.partition(':')[0]}" if kind == "role" else sender


def limited_subjects(limits: Limits, spender: Spender) -> tuple[LimitedSubject, ...]:
    """Return whose limits hold for what the spender sends: those of itself, its agent and its ticket."""
    if not limits.rules and not spender.limited:
        return ()
    found = [(it, tuple(rule for rule in limits.rules if rule.matches(it))) for it in spender.subjects()]
    granted = [spender.limited and subject.kind is LimitKind.SENDER for subject, _ in found]
    return tuple(
        LimitedSubject(subject, rules, own)
        for (subject, rules), own in zip(found, granted, strict=True)
        if rules or own
    )
