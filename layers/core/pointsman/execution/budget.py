"""The budget: counters of one calendar month and its days, the caps on them, and what a refusal means.

Each counter says what is spent plus reserved, and one beside it (`_open`) what of that is reserved.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from pointsman.execution.outcome import CallResult, Outcome, Shortfall
from pointsman.routing.config import Budget
from pointsman.values.money import nano
from pointsman.values.taxonomy import Tier
from pointsman.values.times import month_key, next_midnight, next_month

OPEN = "_open"


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit in nano-dollars on one counter."""

    counter: str
    limit: int

    @property
    def key(self) -> str:
        """Names the cap: one that was raised is another."""
        return f"{self.counter} {self.limit}"


@dataclass(frozen=True, slots=True)
class Charge:
    """What a call reserves: the month, its counters that the call adds to, and the caps that it must keep."""

    month: str
    counters: tuple[str, ...]
    caps: tuple[Cap, ...]
    amount: int
    """Nano-dollars."""
    released: Mapping[str, int] = field(default_factory=dict)
    """By counter, what earlier reservations had given back when the counters were read: a cap need not hold it."""


def month_caps(budget: Budget) -> tuple[Cap, ...]:
    """Return the caps on a month: on its total, and on tiers."""
    of_tiers = {f"month_{tier}": caps.month_usd for tier, caps in budget.tiers.items()}
    limits = {"month": budget.month_usd, **of_tiers}
    return tuple(Cap(counter, nano(limit)) for counter, limit in limits.items() if limit is not None)


def used_up(requested: Charge, counters: Mapping[str, int]) -> tuple[Cap, ...]:
    """Return the caps on the month under which what is left is less than the charge, and not for its size alone."""
    return tuple(
        cap
        for cap in requested.caps
        if cap.counter.startswith("month") and cap.limit - spent(cap, counters) < requested.amount <= cap.limit
    )


def spent(cap: Cap, counters: Mapping[str, int]) -> int:
    """Return what is spent under a cap, open reservations left out."""
    return counters.get(cap.counter, 0) - counters.get(cap.counter + OPEN, 0)


def charge(budget: Budget, tier: Tier, amount: int, now: datetime, zone: ZoneInfo) -> Charge:
    """Return the charge of a worst case of `amount` nano-dollars to the tier now."""
    today = f"day_{now.astimezone(zone).day:02d}"
    tier_budget = budget.tiers.get(tier)
    limits = {
        "month": budget.month_usd,
        today: budget.day_usd,
        f"month_{tier}": tier_budget.month_usd if tier_budget else None,
        f"{today}_{tier}": tier_budget.day_usd if tier_budget else None,
    }
    caps = tuple(Cap(counter, nano(limit)) for counter, limit in limits.items() if limit is not None)
    return Charge(month_key(now, zone), tuple(limits), caps, amount)


def check_budget(requested: Charge, counters: Mapping[str, int], now: datetime, zone: ZoneInfo) -> CallResult | None:
    """Return why the charge does not fit, or None when it does.

    `over_budget` only if what is spent and this call's own worst case pass a cap; `busy` if only open reservations of
    other calls stand in the way. Without `until` when the call alone passes a cap: then no renewal helps.
    """
    worst: CallResult | None = None
    for cap in requested.caps:
        held, used = counters.get(cap.counter, 0), spent(cap, counters)
        shortfall = Shortfall(cap.counter, requested.amount, max(cap.limit - used, 0), max(held - used, 0))
        if requested.amount > cap.limit:
            return CallResult(Outcome.OVER_BUDGET, detail=f"dearer than the whole cap on {cap.counter}")
        if used + requested.amount > cap.limit:
            renews = next_midnight(now, zone) if cap.counter.startswith("day_") else next_month(now, zone)
            if worst is None or worst.until is None or renews > worst.until:
                detail = f"cap on {cap.counter} reached"
                worst = CallResult(Outcome.OVER_BUDGET, until=renews, detail=detail, shortfall=shortfall)
        elif held + requested.amount > cap.limit and worst is None:
            worst = CallResult(Outcome.BUSY, detail=f"open reservations hold {cap.counter}", shortfall=shortfall)
    return worst
