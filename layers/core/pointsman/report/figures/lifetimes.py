"""Models of the configuration that end soon, have ended, or are gone by their provider's word."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import Tier

NOTICE = timedelta(days=60)
"""How long before its end a model is named."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be known of one model."""

    model: str
    state: Literal["ending", "ended", "gone"]
    """`gone`: the provider answered so, whatever the catalogue says."""
    ends: date | None
    successor: str | None
    """Who serves in its place; None: nobody."""

    @property
    def text(self) -> str:
        """A sentence for people, without its full stop."""
        heir = f"{self.successor} serves" if self.successor else "nobody serves"
        named_models = {
            "ending": f"ends {self.ends}, then {heir}",
            "ended": f"ended {self.ends}, {heir} now",
            "gone": f"is gone, its provider says, {heir} now",
        }
        return f"{self.model} {named_models[self.state]}"


def notices(policy: RoutingPolicy, day: date, gone: Collection[str]) -> tuple[Notice, ...]:
    """Return the notices as of that day; `gone` are the models that answered as retired."""
    config = policy.config
    named = {model for tier in Tier for model in policy.chain(tier)}
    named |= {agent.model for agent in config.agents.values()} | {config.baseline}
    notices = [_notice(policy, model, day, model in gone) for model in sorted(named | set(gone))]
    return tuple(notice for notice in notices if notice)


def _notice(policy: RoutingPolicy, model_id: str, day: date, gone: bool) -> Notice | None:
    model = policy.catalog.models.get(model_id)
    if model is None:
        return Notice(model_id, "gone", None, None)
    ended = model.has_ended(day)
    if not (ended or gone or (model.ends and model.ends <= day + NOTICE)):
        return None
    then = datetime.combine(max(model.ends or day, day), time(), UTC)
    heir = policy.resolve(model_id, then, {model_id}).id
    state: Literal["ending", "ended", "gone"] = "ended" if ended else "gone" if gone else "ending"
    return Notice(model_id, state, model.ends, heir if heir != model_id else None)
