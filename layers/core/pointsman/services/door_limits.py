"""Limits at the front door: whoever is over one is told at once, before a task is made of the request."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pointsman.execution import sender_limits
from pointsman.execution.outcome import CallResult
from pointsman.execution.sender_limits import NO_GRANT, Pace, PaceUpdate
from pointsman.routing.limit_rules import LimitSubject, Spender, limited_subjects
from pointsman.services.context import Context
from pointsman.services.sender_limits import tier_bound
from pointsman.values.taxonomy import Tier

_MOST_RACES = 6
_ASK_AGAIN = 5.0
"""Seconds after which to ask again, where it is not known when a task ends."""


class PlaceTaker(Protocol):
    """Takes places for a task, all or none."""

    def begin(self, paces: tuple[PaceUpdate, ...], at: datetime) -> bool:
        """Write the places; False when another task was faster."""
        ...


@dataclass(frozen=True, slots=True)
class DoorLimits:
    """What the front door holds a request up to. Nothing is read or written for a key without limits."""

    ctx: Context
    places: PlaceTaker

    def bound(self, spender: Spender, tier: Tier | None) -> tuple[Tier, LimitSubject] | None:
        """Return the highest tier that the spender may use, and whose limit that is, where `tier` is above it."""
        return tier_bound(self.ctx, spender, tier) if tier else None

    def wait(self, spender: Spender, task_id: str) -> float | None:
        """Let the task begin; return in how many seconds to ask again when it may not."""
        options = self.ctx.policy.config.pointsman.limits
        limited = [it for it in limited_subjects(options, spender) if sender_limits.is_paced(it)]
        place = sender_limits.place_name(task_id, 1)
        for _ in range(_MOST_RACES if limited else 0):
            now, names = self.ctx.clock.now(), [it.subject.name for it in limited]
            view = self.ctx.ledger.look_at_limits((), names, names, now.date())
            updates = list[PaceUpdate]()
            for each in limited:
                name = each.subject.name
                bound = sender_limits.effective(each, view.grants.get(name, NO_GRANT), now)
                pace = view.paces.get(name, Pace())
                full = sender_limits.is_full(bound, pace)
                ended = self.ctx.ledger.ended_among(pace.places, now) if full else frozenset[str]()
                entry = sender_limits.begin(bound, pace, place, ended, now, begun=False) if bound.paced else None
                if isinstance(entry, CallResult):
                    return entry.retry_after or _ASK_AGAIN
                updates += [entry] if entry else []
            if not updates or self.places.begin(tuple(updates), now):
                return None
        return 1.0 if limited else None
