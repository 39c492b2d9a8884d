"""The economy lane: which tasks ask for it, and which of them it takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from pointsman.routing.config_shape import ConfigShape
from pointsman.routing.limit_rules import SENDER_FORM, counted_sender
from pointsman.values.lane import Lane
from pointsman.values.taxonomy import TaskType
from pointsman.values.times import parse_time, to_text

ECONOMY_LIFETIME = timedelta(hours=48)
"""An economy task without a deadline gets this long from its receipt."""
ROOM_AFTER = timedelta(hours=1)
"""What a deadline leaves after the lane's longest time: a batch that is cancelled takes minutes to end, and one
standard call at most ten."""
_LONGEST_HOURS = 24
"""A batch expires then (platform.claude.com, 2026-08-14)."""
_TYPES = tuple(map(str, TaskType))


def _type_or_sender(name: str) -> str:
    if name not in _TYPES and not SENDER_FORM.fullmatch(name):
        raise ValueError(f"must be a type ({', '.join(_TYPES)}), or a sender like key:NAME, role:ID or service:NAME")
    return name


class LaneRule(ConfigShape):
    """The lane of the tasks of a type, or of those that a sender sends."""

    lane: Lane
    longest_wait_hours: Annotated[float, Field(ge=0.5, le=_LONGEST_HOURS)] = _LONGEST_HOURS
    """How long a task may wait for its answer in the economy lane; then it goes the standard way."""


def _written_out(rule: Any) -> Any:
    return {"lane": rule} if isinstance(rule, str) else rule


type TypeOrSender = Annotated[
    str, AfterValidator(_type_or_sender), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 256})
]
"""A type's name, or a sender's with `*` and `?` for any characters."""
type LaneOrRule = Annotated[
    LaneRule,
    BeforeValidator(_written_out, json_schema_input_type=Lane | LaneRule),
]
type LaneRules = Mapping[TypeOrSender, LaneOrRule]

_STANDARD = LaneRule(lane=Lane.STANDARD)


class StandardReason(StrEnum):
    """Why an economy task goes the standard way; beside these, the outcome of what stood in its way."""

    NOT_DEPLOYED = "lane_not_deployed"
    NO_BATCHES = "model_without_batches"
    """The task's first model is free, or its provider's batches are not used (docs/decisions.md)."""
    DEADLINE = "deadline"
    """It leaves no room for the lane's longest time and a standard call after it."""
    WAITED = "waited"
    """The lane's longest time is over before the task came into a batch."""
    UNREADABLE = "unreadable"
    """Its text could not be read when its batch was made."""
    EXPIRED = "expired"
    """Its entry was not processed before the batch expired or was cancelled, or came to nothing else."""


@dataclass(frozen=True, slots=True)
class LaneChoice:
    """The lane of a task that asked for the economy lane, or was put into it by `pointsman.lanes`."""

    lane: Lane
    hours: float = _LONGEST_HOURS
    """The lane's longest time."""
    until: str | None = None
    """When that is over, as `times.to_text` writes it; None: it does not go there."""
    reason: str | None = None
    """Why it goes, or went on, the standard way: a `StandardReason`, or an outcome."""

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Return what a map holds."""
        return cls(Lane(item["lane"]), float(item["hours"]), item.get("until"), item.get("reason"))

    def as_item(self) -> dict[str, Any]:
        """Return the map to store."""
        fields = {"lane": str(self.lane), "hours": self.hours, "until": self.until, "reason": self.reason}
        return {name: value for name, value in fields.items() if value is not None}

    def ends(self) -> datetime:
        """Return when the task's time in the lane is over."""
        assert self.until is not None
        return parse_time(self.until)


def rule_of(rules: LaneRules, kind: TaskType | None, sender: str | None, stated: Lane | None) -> LaneRule:
    """Return the rule that holds for a task: by its sender, else by its type. A lane that it states goes first.

    A type's rule does not hold for the front door's keys: someone waits there.
    """
    name, waits_there = (counted_sender(sender), sender.startswith("key:")) if sender else (None, False)
    of_sender = (rule for key, rule in rules.items() if name and key not in _TYPES and fnmatchcase(name, _plain(key)))
    of_type = rules.get(str(kind)) if kind and not waits_there else None
    rule = next(of_sender, None) or of_type or _STANDARD
    return rule if stated in (None, rule.lane) else LaneRule(lane=stated, longest_wait_hours=rule.longest_wait_hours)


def choose_lane(
    rule: LaneRule, deadline: datetime, now: datetime, obstacle: StandardReason | None
) -> LaneChoice | None:
    """Return where a task goes; None: nobody asked for the economy lane."""
    if rule.lane is Lane.STANDARD:
        return None
    hours = rule.longest_wait_hours
    ends = now + timedelta(hours=hours)
    if obstacle is None and ends + ROOM_AFTER > deadline:
        obstacle = StandardReason.DEADLINE
    if obstacle:
        return LaneChoice(Lane.STANDARD, hours, reason=str(obstacle))
    return LaneChoice(Lane.ECONOMY, hours, to_text(ends))


def _plain(pattern: str) -> str:
    return pattern.replace("[", "[[]")
