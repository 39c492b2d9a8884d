"""The budget: counters of one calendar month and its days, the caps on them, and what a refusal means.

Each counter says what is spent plus reserved, and one beside it (`_open`) what of that is reserved. The counters of a
sender, an agent, a ticket or a family of tasks are named after it: `sender key:ci@month`.
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
TOTAL = "total"
"""The span of a counter that never begins again."""


@dataclass(frozen=True, slots=True)
class Family:
    """Tasks that share a ceiling: one with `max_cost_usd` and its subtasks, or the subtasks of one answer."""

    name: str
    """Unique over all tasks and answers."""
    limit: int
    """Nano-dollars that all of them may cost together."""

    @property
    def counter(self) -> str:
        """What they have spent and reserved."""
        return counter_of(f"family {self.name}", TOTAL)


def counter_of(owner: str, span: str) -> str:
    """Return the name of a counter that is not the stack's own."""
    return f"{owner}@{span}"


def owner_and_span(counter: str) -> tuple[str, str]:
    """Return whose counter it is, empty for the stack's own, and its span: `month`, `day_27`, `month_reasoning`."""
    owner, _, span = counter.rpartition("@")
    return owner, span


def over_budget_reason(counter: str) -> str:
    """Return why a task fails whose call does not fit under the cap on a counter."""
    kind, _, name = owner_and_span(counter)[0].partition(" ")
    if not kind:
        return str(Outcome.OVER_BUDGET)
    if kind != "family":
        return "over_limit"
    return "over_split_cost" if "." in name else "over_max_cost"  # no task's id has a dot


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
class ChargePart:
    """What a call reserves on a counter that is not the stack's own."""

    counter: str
    amount: int
    """Nano-dollars."""
    sharers: tuple[int, ...] = ()
    """The places of the tasks whose share it is, of a call for several; empty: all of the call."""


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
    parts: tuple[ChargePart, ...] = ()
    """What counts for senders, agents, tickets and families."""

    def on(self, counter: str) -> int:
        """Return what the call reserves on a counter."""
        return next((part.amount for part in self.parts if part.counter == counter), self.amount)


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


def charge(
    budget: Budget, tier: Tier, amount: int, now: datetime, zone: ZoneInfo, released: Mapping[str, int] | None = None
) -> Charge:
    """Return the charge of a worst case of `amount` nano-dollars to the tier now; `released` are the nano-dollars that
    each counter has back.
    """
    today = f"day_{now.astimezone(zone).day:02d}"
    tier_budget = budget.tiers.get(tier)
    limits = {
        "month": budget.month_usd,
        today: budget.day_usd,
        f"month_{tier}": tier_budget.month_usd if tier_budget else None,
        f"{today}_{tier}": tier_budget.day_usd if tier_budget else None,
    }
    caps = tuple(Cap(counter, nano(limit)) for counter, limit in limits.items() if limit is not None)
    return Charge(month_key(now, zone), tuple(limits), caps, amount, released=released or {})


def check_budget(requested: Charge, counters: Mapping[str, int], now: datetime, zone: ZoneInfo) -> CallResult | None:
    """Return why the charge does not fit, or None when it does.

    `over_budget` only if what is spent and this call's own worst case pass a cap; `busy` if only open reservations of
    other calls stand in the way. Without `until` when no renewal helps: the call alone passes the cap, or it is on a
    family of tasks.
    """
    worst: CallResult | None = None
    for cap in requested.caps:
        held, used, amount = counters.get(cap.counter, 0), spent(cap, counters), requested.on(cap.counter)
        shortfall = Shortfall(cap.counter, amount, max(cap.limit - used, 0), max(held - used, 0))
        if amount > cap.limit:
            detail = f"dearer than the whole cap on {cap.counter}"
            return CallResult(Outcome.OVER_BUDGET, detail=detail, shortfall=shortfall)
        if used + amount > cap.limit:
            detail = f"cap on {cap.counter} reached"
            renews = _renews(cap.counter, now, zone)
            refusal = CallResult(Outcome.OVER_BUDGET, until=renews, detail=detail, shortfall=shortfall)
            if renews is None:
                return refusal
            if worst is None or worst.until is None or renews > worst.until:
                worst = refusal
        elif held + amount > cap.limit and worst is None:
            held_by = f"open reservations hold {cap.counter}"
            worst = CallResult(Outcome.BUSY, detail=held_by, shortfall=shortfall, ours=True)  # it buys no dearer model
    return worst


def _renews(counter: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when a counter begins again; None: never."""
    _, span = owner_and_span(counter)
    if span == TOTAL:
        return None
    return next_midnight(now, zone) if span.startswith("day_") else next_month(now, zone)
