"""What is left for whom: the stack's own caps, and the limits of senders, agents and tickets."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from pydantic import ValidationError

from pointsman.entrypoints.runtime import Runtime
from pointsman.execution import budget, sender_limits
from pointsman.execution.budget import OPEN, counter_of
from pointsman.execution.sender_limits import NO_GRANT, Effective, Grant, Pace
from pointsman.report.figures.month import percent_of
from pointsman.routing.limit_rules import Bounds, LimitedSubject, LimitKind, LimitSubject
from pointsman.values.money import nano
from pointsman.values.taxonomy import Tier
from pointsman.values.times import local_day, month_key, to_ms
from pointsman_cli.errors import BadInputError

_WILD = frozenset("*?")


class CapState(TypedDict):
    """A cap, and how much of it is used. Amounts are nano-dollars."""

    cap: str
    """`month`, `month_<tier>`, `day_21` or `day_21_<tier>`; of a sender, an agent or a ticket `month` or `day`."""
    limit_nano_usd: int
    spent_nano_usd: int
    """Without `reserved_nano_usd`, which calls under way may cost at most."""
    reserved_nano_usd: int
    left_nano_usd: int
    """What is not spent, `reserved_nano_usd` included."""
    percent: float | None
    """How much of it is spent; None: it is 0."""


def read_bounds(stated: dict[str, object]) -> Bounds:
    """Return the limits that options state.

    Raises:
        BadInputError: One is no limit, or out of range.
    """
    try:
        return Bounds.model_validate({name: value for name, value in stated.items() if value is not None})
    except ValidationError as error:
        problem = error.errors()[0]
        name = str(problem["loc"][0]) if problem["loc"] else "limit"
        if problem["type"] == "extra_forbidden":
            raise BadInputError(f"{name} is no limit; choose from {', '.join(Bounds.model_fields)}") from None
        raise BadInputError(f"{name}: {problem['msg'].removeprefix('Input ').removeprefix('Value error, ')}") from None


def budget_document(runtime: Runtime, now: datetime) -> dict[str, Any]:
    """Return what is left under each cap, and for each subject that a limit holds for."""
    zone, options = runtime.settings.zone, runtime.context.policy.config.pointsman
    today, month = local_day(now, zone), month_key(now, zone)
    limited = _limited(runtime, month, today.isoformat())
    span = f"day_{today.day:02d}"
    names = [it.subject.name for it in limited]
    wanted = [counter_of(name, part) for name in names for part in ("month", span)]
    view = runtime.stores.ledger.look_at_limits(wanted, names, names, today)
    return {
        "at": now.isoformat(timespec="seconds"),
        "month": month,
        "day": today.isoformat(),
        "time_zone": str(zone),
        "caps": stack_caps(runtime, now),
        "split_nano_usd": nano(options.limits.split_usd),
        "limits": [
            _subject(
                runtime,
                sender_limits.effective(it, view.grants.get(it.subject.name, NO_GRANT), now),
                view.grants.get(it.subject.name, NO_GRANT),
                view.paces.get(it.subject.name, Pace()),
                view.counters,
                span,
                now,
            )
            for it in limited
        ],
        "rules": [bounds_document(rule) for rule in options.limits.rules],
    }


def stack_caps(runtime: Runtime, now: datetime) -> list[CapState]:
    """Return what is left under each of the stack's own caps."""
    zone, own = runtime.settings.zone, runtime.context.policy.config.pointsman.budget
    counters = runtime.stores.ledger_reader.counters(month_key(now, zone), local_day(now, zone).day)
    caps = {cap.counter: cap for tier in Tier for cap in budget.charge(own, tier, 0, now, zone).caps}
    return [_money(cap.counter, cap.limit, counters, cap.counter) for cap in caps.values()]


def _limited(runtime: Runtime, month: str, day: str) -> list[LimitedSubject]:
    """Return every subject on record that a limit holds for, and those that a rule names without a wildcard."""
    rules = runtime.context.policy.config.pointsman.limits.rules
    names = runtime.stores.grants.subjects(month, day)
    on_record = [LimitSubject(LimitKind(kind), value) for kind, _, value in (name.partition(" ") for name in names)]
    named = [LimitSubject(rule.kind, rule.pattern) for rule in rules if not _WILD & set(rule.pattern)]
    subjects = sorted({*on_record, *named}, key=lambda it: (list(LimitKind).index(it.kind), it.value))
    found = [LimitedSubject(it, tuple(rule for rule in rules if rule.matches(it)), granted=True) for it in subjects]
    return [it for it in found if it.rules or runtime.stores.grants.read(it.subject.name) != Grant()]


def _subject(
    runtime: Runtime,
    bound: Effective,
    grant: Grant,
    pace: Pace,
    counters: Mapping[str, int],
    span: str,
    now: datetime,
) -> dict[str, Any]:
    name = bound.subject.name
    caps = [("month", "month", bound.month), ("day", span, bound.day)]
    ended = runtime.stores.ledger.ended_among(pace.places, now) if pace.places else frozenset()
    begun = sum(at > to_ms(now) - 60_000 for at in pace.places.values())
    return {
        str(bound.subject.kind): bound.subject.value,
        "caps": [
            _money(shown, limit, counters, counter_of(name, part)) for shown, part, limit in caps if limit is not None
        ],
        "rpm": None if bound.rpm is None else {"limit": bound.rpm, "used": begun},
        "in_flight": None
        if bound.in_flight is None
        else {"limit": bound.in_flight, "used": len(pace.places.keys() - ended)},
        "highest_tier": bound.highest_tier,
        "own": bounds_document(grant.own),
        "raises": [
            {
                **bounds_document(it.bounds),
                "until": it.until,
                "reason": it.reason,
                "at": it.at,
                "by": it.by,
                "holds": it.holds(now),
            }
            for it in grant.raises
        ],
    }


def _money(shown: str, limit: int, counters: Mapping[str, int], counter: str) -> CapState:
    held, reserved = counters.get(counter, 0), counters.get(counter + OPEN, 0)
    return {
        "cap": shown,
        "limit_nano_usd": limit,
        "spent_nano_usd": held - reserved,
        "reserved_nano_usd": reserved,
        "left_nano_usd": max(limit - held + reserved, 0),
        "percent": percent_of(held - reserved, limit),
    }


def bounds_document(bounds: Bounds) -> dict[str, Any]:
    """Return the limits that are set as openclaw.json has them, amounts of money in nano-dollars too."""
    amounts = {"day_nano_usd": bounds.day_usd, "month_nano_usd": bounds.month_usd}
    stated = bounds.model_dump(mode="json", exclude_none=True)
    return stated | {name: nano(amount) for name, amount in amounts.items() if amount is not None}
