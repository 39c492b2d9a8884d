"""The limit table's budget counters: two small items a month and two a day, and the same of each sender, agent, ticket
and family of tasks that has a limit.

`budget#…` holds what calls have reserved, `released#…` what their settlements gave back: a counter's value is the one
less the other. So a reservation never waits for a settlement, and no item grows with the month. What is released only
grows; a cap that counts no more of it than was read before is therefore kept, whatever is released meanwhile.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from pointsman.adapters.dynamo import Item, Update
from pointsman.execution.budget import OPEN, TOTAL, owner_and_span
from pointsman.execution.calls import Intent
from pointsman.values.money import shares

_RESERVED, _RELEASED = "budget#", "released#"
_EXPIRES = "expires_at"
_MOST_PARTS_ABOVE = 30
"""Counters beside the stack's own that a settlement can raise above their reservation: it writes at most 100 items."""
_KEPT_FOR = timedelta(days=100)
"""How long counters that are not the stack's own outlive the last call that they counted, as its rows do."""


def day_keys(day: date) -> list[str]:
    """Return the keys of the items that a call on that day of the budget's time zone concerns."""
    return [kind + period for period in (f"{day:%Y-%m}", day.isoformat()) for kind in (_RESERVED, _RELEASED)]


def month_keys(month: str, through: int) -> list[str]:
    """Return the keys of a month's items, and of its days' up to that one."""
    periods = [month, *(f"{month}-{number:02d}" for number in range(1, through + 1))]
    return [kind + period for period in periods for kind in (_RESERVED, _RELEASED)]


def counter_keys(counters: Iterable[str], month: str) -> list[str]:
    """Return the keys of the items that hold the counters."""
    periods = dict.fromkeys(_period(month, counter) for counter in counters)
    return [kind + period for period in periods for kind in (_RESERVED, _RELEASED)]


def counts(key: str) -> bool:
    """Return whether an item of the limit table holds counters."""
    return key.startswith((_RESERVED, _RELEASED))


def reserved_prefix(period: str) -> str:
    """Return what the keys of a period's items begin with that count reservations for senders, agents and tickets."""
    return f"{_RESERVED}{period}@"


def counters_of(items: Iterable[Item]) -> dict[str, int]:
    """Return the value of each counter that the items hold; a day that an earlier version kept in the month's item
    counts like one in its own.
    """
    counters: Counter[str] = Counter()
    for item in items:
        sign = -1 if item["limit"].startswith(_RELEASED) else 1
        for name, value in item.items():
            if isinstance(value, int) and name != _EXPIRES:
                counters[name] += sign * value
    return dict(counters)


def released_of(items: Iterable[Item]) -> dict[str, int]:
    """Return by counter what of its `budget#…` item counts no longer: what was released, less what an earlier version
    keeps of a day in the month's item.
    """
    released: Counter[str] = Counter()
    for item in items:
        kind, _, period = item["limit"].partition("#")
        for name, value in item.items():
            freed = kind == "released" or _period(period[:7], name) != period
            if isinstance(value, int) and name != _EXPIRES and freed:
                released[name] += value if kind == "released" else -value
    return dict(released)


def charged(intent: Intent) -> dict[str, Update]:
    """Return the updates by item that reserve the charge on each counter, within the caps."""
    charge, updates = intent.charge, _Updates(intent.charge.month)
    for counter in charge.counters:
        updates.of(_RESERVED, counter).add({counter: charge.amount, counter + OPEN: charge.amount})
    for part in charge.parts:
        updates.of(_RESERVED, part.counter).add({part.counter: part.amount, part.counter + OPEN: part.amount})
    updates.expire(intent.at)
    for cap in charge.caps:
        update = updates.of(_RESERVED, cap.counter)
        counter = update.name(cap.counter)
        room = cap.limit - charge.on(cap.counter) + charge.released.get(cap.counter, 0)
        within = f"{counter} <= {update.value(room)}"
        update.only_if(f"attribute_not_exists({counter}) OR {within}" if room >= 0 else within)
    return updates.by_key


def booked(intent: Intent, cost_nano: int) -> dict[str, Update]:
    """Return the updates by item that put the real cost in the reservation's place; what a call cost beyond its
    reservation counts as reserved, for what is released never shrinks.
    """
    charge, weights = intent.charge, [sharer.weight for sharer in intent.spec.sharers]
    updates, costs = _Updates(charge.month), shares(cost_nano, weights)
    for counter in charge.counters:
        updates.book(counter, charge.amount, cost_nano)
    for part in charge.parts:
        cost = sum(costs[n] for n in part.sharers) if part.sharers else cost_nano
        most = part.amount if len(charge.parts) > _MOST_PARTS_ABOVE else cost
        updates.book(part.counter, part.amount, min(cost, most))
    updates.expire(intent.at)
    return updates.by_key


class _Updates:
    """One update for each item that is touched."""

    def __init__(self, month: str) -> None:
        self._month = month
        self.by_key: dict[str, Update] = defaultdict(Update)

    def of(self, kind: str, counter: str) -> Update:
        return self.by_key[kind + _period(self._month, counter)]

    def expire(self, at: datetime) -> None:
        """Let go some day of items that are not the stack's own."""
        for key, update in self.by_key.items():
            if "@" in key:
                update.set({_EXPIRES: int((at + _KEPT_FOR).timestamp())})

    def book(self, counter: str, amount: int, cost: int) -> None:
        spare = amount - cost
        if amount:
            self.of(_RELEASED, counter).add({counter: max(spare, 0), counter + OPEN: amount})
        if spare < 0:
            self.of(_RESERVED, counter).add({counter: -spare})


def _period(month: str, counter: str) -> str:
    """Return what names the counter's items: the month, or the day in it, and whose counter it is."""
    owner, span = owner_and_span(counter)
    period = "" if span.removesuffix(OPEN) == TOTAL else f"{month}-{span[4:6]}" if span.startswith("day_") else month
    return f"{period}@{owner}" if owner else period
