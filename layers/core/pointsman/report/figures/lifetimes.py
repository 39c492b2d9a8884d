"""Configured models that retire soon, have retired, or that their provider no longer serves."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import Tier

_NOTICE_PERIOD = timedelta(days=60)
"""How long ahead a retirement is announced."""


@dataclass(frozen=True, slots=True)
class Notice:
    """The retirement of one model."""

    model: str
    state: Literal["ending", "ended", "gone"]
    """`gone`: withdrawn by the provider, which answered so, whatever the catalogue says."""
    ends: date | None
    successor: str | None
    """The model that takes over; None: no model does."""

    @property
    def text(self) -> str:
        """A sentence for people, without its full stop."""
        successor = self.successor or "no model"
        predicates = {
            "ending": f"retires on {self.ends}; {successor} takes over",
            "ended": f"retired on {self.ends}; {successor} serves",
            "gone": f"was withdrawn by its provider; {successor} serves",
        }
        return f"{self.model} {predicates[self.state]}"

    @property
    def short(self) -> str:
        """The same in a few words."""
        predicates = {"ending": f"retires {self.ends}", "ended": "retired", "gone": "withdrawn"}
        return f"{self.model} {predicates[self.state]}"


def notices(policy: RoutingPolicy, day: date, gone: Collection[str]) -> tuple[Notice, ...]:
    """Return the notices as of that day; `gone` are the models whose provider answered that they are retired."""
    config = policy.config
    configured = {model_id for tier in Tier for model_id in policy.chain(tier)}
    configured |= {agent.model for agent in config.agents.values()} | {config.baseline}
    candidates = [_notice(policy, model_id, day, model_id in gone) for model_id in sorted(configured | set(gone))]
    return tuple(notice for notice in candidates if notice)


def _notice(policy: RoutingPolicy, model_id: str, day: date, gone: bool) -> Notice | None:
    model = policy.catalog.models.get(model_id)
    if model is None:
        return Notice(model_id, "gone", None, None)
    ended = model.has_ended(day)
    if not (ended or gone or (model.ends and model.ends <= day + _NOTICE_PERIOD)):
        return None
    afterwards = datetime.combine(max(model.ends or day, day), time(), UTC)
    successor = policy.resolve(model_id, afterwards, {model_id}).id
    state: Literal["ending", "ended", "gone"] = "ended" if ended else "gone" if gone else "ending"
    return Notice(model_id, state, model.ends, successor if successor != model_id else None)
