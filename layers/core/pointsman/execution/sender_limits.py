"""Limits of senders, agents and tickets: what holds now, what a call counts for, and how many tasks may begin.

Money is counted like the budget's. Who has begun is kept by name with each subject: whether a task that began is still
under way is read from its own record, so that no task that dies keeps its place.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from pointsman.execution.budget import Cap, Charge, ChargePart, Family, counter_of
from pointsman.execution.calls import CallSpec, Sharer
from pointsman.execution.outcome import CallResult, Outcome, Shortfall
from pointsman.execution.records import TaskRecord
from pointsman.routing.limit_rules import (
    Bounds,
    LimitedSubject,
    Limits,
    LimitSubject,
    Spender,
    limited_subjects,
)
from pointsman.values.money import nano, shares
from pointsman.values.taxonomy import Tier
from pointsman.values.times import parse_time, to_ms

BEGUN_WINDOW = timedelta(seconds=60)
UNKNOWN_FOR = timedelta(minutes=10)
"""How long a task counts as under way of which there is no record yet: the front door lets it in before it is sent."""


@dataclass(frozen=True, slots=True)
class Raise:
    """Limits that an operator has raised for a time."""

    bounds: Bounds
    until: str
    reason: str
    at: str
    by: str
    """The operator's ARN."""

    def holds(self, now: datetime) -> bool:
        """Return whether its end has not come."""
        return now < parse_time(self.until)


@dataclass(frozen=True, slots=True)
class Grant:
    """What is stored of a subject beside `openclaw.json`."""

    own: Bounds = field(default_factory=Bounds)
    """The limits of an API key's principal."""
    raises: tuple[Raise, ...] = ()

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Self:
        """Return what an item holds."""
        raises = [
            Raise(Bounds.model_validate(entry["bounds"]), entry["until"], entry["reason"], entry["at"], entry["by"])
            for entry in item.get("raises", ())
        ]
        return cls(Bounds.model_validate(item.get("own", {})), tuple(raises))


NO_GRANT = Grant()


@dataclass(frozen=True, slots=True)
class Pace:
    """Which tasks of a subject have begun."""

    version: int = 0
    """Raised by every task that begins: two that saw the same state cannot both take one place."""
    places: Mapping[str, int] = field(default_factory=dict)
    """By `place_name`, Unix milliseconds of the beginning; those that have ended go when others need their place."""


@dataclass(frozen=True, slots=True)
class LimitsView:
    """What the limit table says of those whose limits hold for a call; grants and paces by the subject's name."""

    counters: Mapping[str, int] = field(default_factory=dict)
    released: Mapping[str, int] = field(default_factory=dict)
    """See `Charge.released`."""
    grants: Mapping[str, Grant] = field(default_factory=dict)
    paces: Mapping[str, Pace] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PaceUpdate:
    """The write that lets a task begin."""

    subject: LimitSubject
    version: int
    """What was read."""
    places: Mapping[str, int]


def place_name(task_id: str, generation: int) -> str:
    """Return what a task is called among those that have begun: a replay begins anew."""
    return f"{task_id}.{generation}"


def task_of_place(place: str) -> tuple[str, int]:
    """Return the task and the generation that `place_name` was given."""
    task_id, _, generation = place.rpartition(".")
    return task_id, int(generation)


@dataclass(frozen=True, slots=True)
class Effective:
    """The limits of one subject as they hold now; None: none. Money in nano-dollars."""

    subject: LimitSubject
    day: int | None = None
    month: int | None = None
    rpm: int | None = None
    in_flight: int | None = None
    highest_tier: Tier | None = None

    @property
    def paced(self) -> bool:
        """Whether it is counted which tasks begin."""
        return self.rpm is not None or self.in_flight is not None


def effective(limited: LimitedSubject, grant: Grant, now: datetime) -> Effective:
    """Return the tightest of all that holds for the subject, raised to what an operator's raise says while it holds."""
    standing = (*limited.rules, grant.own)
    raised = [it.bounds for it in grant.raises if it.holds(now)]

    def of(name: str, rank: Callable[[Any], Any] | None = None) -> Any:
        values = [value for bounds in standing if (value := getattr(bounds, name)) is not None]
        if not values:
            return None
        lifted = [value for bounds in raised if (value := getattr(bounds, name)) is not None]
        return max([min(values, key=rank), *lifted], key=rank)

    day, month = of("day_usd"), of("month_usd")
    return Effective(
        limited.subject,
        None if day is None else nano(day),
        None if month is None else nano(month),
        of("rpm"),
        of("in_flight"),
        of("highest_tier", list(Tier).index),
    )


def spenders_of(spec: CallSpec) -> tuple[CallSpec | Sharer, ...]:
    """Return for whom a call is made: the tasks that share it, or its own."""
    return spec.sharers or (spec,)


def limited_by(limits: Limits, spec: CallSpec) -> tuple[LimitedSubject, ...]:
    """Return whose limits hold for a call."""
    if not limits.rules and not any(spender.limited for spender in spenders_of(spec)):
        return ()
    found = (limited_subjects(limits, _spender(spender)) for spender in spenders_of(spec))
    by_subject: dict[LimitSubject, LimitedSubject] = {}
    for limited in (one for some in found for one in some):
        by_subject.setdefault(limited.subject, limited)
    return tuple(by_subject.values())


def families_of(spec: CallSpec) -> tuple[Family, ...]:
    """Return the families that a call counts for."""
    return tuple(dict.fromkeys(spender.family for spender in spenders_of(spec) if spender.family))


def _spender(of: CallSpec | Sharer) -> Spender:
    return Spender(of.sender, of.metadata, of.limited)


def limit_owners(record: TaskRecord) -> frozenset[str]:
    """Return whose counters a task may count for, by the names that `budget.owner_and_span` gives."""
    of_family = {f"family {record.family.name}"} if record.family else set()
    spender = Spender(record.sender, record.metadata, record.limited)
    return frozenset({it.name for it in spender.subjects()} | of_family)


def with_parts(charge: Charge, spec: CallSpec, limits: Limits, holding: Iterable[Effective], today: str) -> Charge:
    """Return the charge with what it reserves for each subject and family, and their caps; `today` is `day_27`."""
    if not charge.amount:
        return charge
    spenders, parts, caps = spenders_of(spec), list[ChargePart](), list(charge.caps)
    weights = [sharer.weight for sharer in spec.sharers]

    def add(counter: str, limit: int, places: list[int]) -> None:
        if spec.sharers:
            # A share of the cost may be a nano-dollar more than that of the reservation, by rounding.
            amount = min(sum(shares(charge.amount, weights)[n] for n in places) + len(places), charge.amount)
            parts.append(ChargePart(counter, amount, tuple(places)))
        else:
            parts.append(ChargePart(counter, charge.amount))
        caps.append(Cap(counter, limit))

    for bound in holding:
        places = [
            n
            for n, spender in enumerate(spenders)
            if any(it.subject == bound.subject for it in limited_subjects(limits, _spender(spender)))
        ]
        for span, limit in ((today, bound.day), ("month", bound.month)):
            if limit is not None:
                add(counter_of(bound.subject.name, span), limit, places)
    for family in families_of(spec):
        add(family.counter, family.limit, [n for n, spender in enumerate(spenders) if spender.family == family])
    return Charge(charge.month, charge.counters, tuple(caps), charge.amount, charge.released, tuple(parts))


def counters_read(limited: Iterable[LimitedSubject], families: Iterable[Family], today: str) -> list[str]:
    """Return the counters that are looked at before a call."""
    of_subjects = [
        counter_of(it.subject.name, span) for it in limited for span in (today, "month") if _counts(it, span)
    ]
    return [*of_subjects, *(family.counter for family in families)]


def _counts(limited: LimitedSubject, span: str) -> bool:
    name = "month_usd" if span == "month" else "day_usd"
    return limited.granted or any(getattr(bounds, name) is not None for bounds in limited.rules)


def is_paced(limited: LimitedSubject) -> bool:
    """Return whether it may matter which of the subject's tasks have begun."""
    return limited.granted or any(it.rpm is not None or it.in_flight is not None for it in limited.rules)


def begin(
    bound: Effective, pace: Pace, place: str, ended: Collection[str], now: datetime, *, begun: bool
) -> PaceUpdate | CallResult | None:
    """Return how a task takes its place, or why it waits; None when it has one, or needs none.

    `ended` are the places whose tasks are known not to be under way. A task that had `begun` before the limit was set
    goes on, and is one of those under way.
    """
    if place in pace.places or (begun and bound.in_flight is None):
        return None
    now_ms, window = to_ms(now), int(BEGUN_WINDOW.total_seconds() * 1000)
    recent = sorted(at for at in pace.places.values() if at > now_ms - window)
    if not begun and bound.rpm is not None and len(recent) >= bound.rpm:
        seconds = (recent[len(recent) - bound.rpm] + window - now_ms) / 1000
        return _waits(bound.subject, "rpm", max(seconds, 0.001))
    under_way = pace.places.keys() - set(ended)
    if not begun and bound.in_flight is not None and len(under_way) >= bound.in_flight:
        return _waits(bound.subject, "in_flight", None)
    kept = {name: at for name, at in pace.places.items() if name in under_way or at > now_ms - window}
    if bound.in_flight is None:
        kept = {name: at for name, at in kept.items() if at > now_ms - window}
    return PaceUpdate(bound.subject, pace.version, {**kept, place: 0 if begun else now_ms})


def is_full(bound: Effective, pace: Pace) -> bool:
    """Return whether it must be looked up which tasks have ended before another may begin."""
    return bound.in_flight is not None and len(pace.places) >= bound.in_flight


def _waits(subject: LimitSubject, what: str, retry_after: float | None) -> CallResult:
    return CallResult(
        Outcome.BUSY,
        retry_after=retry_after,
        detail=f"{what} of {subject.kind} reached",
        ours=True,
        shortfall=Shortfall(counter_of(subject.name, what)),
    )
