"""The limit table's budget counters: two small items a month and two a day.

`budget#…` holds what calls have reserved, `released#…` what their settlements gave back: a counter's value is the one
less the other. So a reservation never waits for a settlement, and no item grows with the month. What is released only
grows; a cap that counts no more of it than was read before is therefore kept, whatever is released meanwhile.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date

from pointsman.adapters.dynamo import Item, Update
from pointsman.execution.budget import OPEN, Charge
from pointsman.execution.calls import Intent

_RESERVED, _RELEASED = "budget#", "released#"


def day_keys(day: date) -> list[str]:
    """Return the keys of the items that a call on that day of the budget's time zone concerns."""
    return [kind + period for period in (f"{day:%Y-%m}", day.isoformat()) for kind in (_RESERVED, _RELEASED)]


def month_keys(month: str, through: int) -> list[str]:
    """Return the keys of a month's items, and of its days' up to that one."""
    periods = [month, *(f"{month}-{number:02d}" for number in range(1, through + 1))]
    return [kind + period for period in periods for kind in (_RESERVED, _RELEASED)]


def counters_of(items: Iterable[Item]) -> dict[str, int]:
    """Return the value of each counter that the items hold; a day that an earlier version kept in the month's item
    counts like one in its own.
    """
    counters: Counter[str] = Counter()
    for item in items:
        sign = -1 if item["limit"].startswith(_RELEASED) else 1
        for name, value in item.items():
            if isinstance(value, int):
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
            if isinstance(value, int) and (kind == "released" or _period(period[:7], name) != period):
                released[name] += value if kind == "released" else -value
    return dict(released)


def charged(intent: Intent) -> dict[str, Update]:
    """Return the updates by item that reserve the charge on each counter, within the caps."""
    charge, updates = intent.charge, _Updates(intent.charge.month)
    for counter in charge.counters:
        updates.of(_RESERVED, counter).add({counter: charge.amount, counter + OPEN: charge.amount})
    for cap in charge.caps:
        update = updates.of(_RESERVED, cap.counter)
        counter, room = update.name(cap.counter), cap.limit - charge.amount + charge.released.get(cap.counter, 0)
        within = f"{counter} <= {update.value(room)}"
        update.only_if(f"attribute_not_exists({counter}) OR {within}" if room >= 0 else within)
    return updates.by_key


def booked(charge: Charge, cost_nano: int) -> dict[str, Update]:
    """Return the updates by item that put the real cost in the reservation's place; what a call cost beyond its
    reservation counts as reserved, for what is released never shrinks.
    """
    updates, spare = _Updates(charge.month), charge.amount - cost_nano
    for counter in charge.counters:
        if charge.amount:
            updates.of(_RELEASED, counter).add({counter: max(spare, 0), counter + OPEN: charge.amount})
        if spare < 0:
            updates.of(_RESERVED, counter).add({counter: -spare})
    return updates.by_key


class _Updates:
    """One update for each item that is touched."""

    def __init__(self, month: str) -> None:
        self._month = month
        self.by_key: dict[str, Update] = defaultdict(Update)

    def of(self, kind: str, counter: str) -> Update:
        return self.by_key[kind + _period(self._month, counter)]


def _period(month: str, counter: str) -> str:
    """Return the month, or the day in it, whose item holds the counter."""
    return f"{month}-{counter[4:6]}" if counter.startswith("day_") else month
