"""The budget's items: which counter lives where, what is left of a cap, and the items of an earlier version."""

import random
import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from pointsman.adapters import budget_items
from pointsman.adapters.dynamo import Item, Update, unpack
from pointsman.execution.budget import OPEN, ChargePart
from pointsman.execution.calls import Intent
from tests.support.fakes import NOON
from tests.support.ledger import intent

MONTH, DAY = "budget#2026-11", "budget#2026-11-22"
FREED, DAY_FREED = "released#2026-11", "released#2026-11-22"
DAY_NAMES = ["day_22", "day_22_implementation", "day_22_implementation_open", "day_22_open"]
MONTH_NAMES = ["month", "month_implementation", "month_implementation_open", "month_open"]


class Store:
    """The items, written by the updates' ADD alone; a condition and when an item expires are left to the reader."""

    def __init__(self, **items: Item) -> None:
        self.items: dict[str, Item] = dict(items)

    def write(self, updates: dict[str, Update]) -> None:
        for key, update in updates.items():
            arguments = update.arguments()
            item = self.items.setdefault(key, {"limit": key})
            values = unpack(arguments["ExpressionAttributeValues"])
            added = re.findall("ADD (.+?)(?= SET |$)", arguments["UpdateExpression"])[0]
            for part in added.split(", "):
                name, value = part.split()
                stored = arguments["ExpressionAttributeNames"][name]
                item[stored] = item.get(stored, 0) + values[value]

    def names(self, key: str) -> list[str]:
        return sorted(name for name in self.items[key] if name != "limit")

    def counters(self) -> dict[str, int]:
        return budget_items.counters_of(self.items.values())


def with_room(of: Intent, store: Store) -> Intent:
    return replace(of, charge=replace(of.charge, released=budget_items.released_of(store.items.values())))


def room(of: Intent, key: str, counter: str) -> int:
    """Return what a counter may hold before the reservation, by the condition."""
    arguments = budget_items.charged(of)[key].arguments()
    names = {name: short for short, name in arguments["ExpressionAttributeNames"].items()}
    _, _, after = arguments["ConditionExpression"].partition(f"{names[counter]} <= ")
    return int(unpack(arguments["ExpressionAttributeValues"])[after.split(")")[0]])


def test_reservation_and_settlement_touch_items_of_their_own() -> None:
    store = Store()
    store.write(budget_items.charged(intent()))
    assert {key: store.names(key) for key in store.items} == {MONTH: MONTH_NAMES, DAY: DAY_NAMES}
    store.write(budget_items.booked(intent(), 60))
    assert {key: store.names(key) for key in (FREED, DAY_FREED)} == {FREED: MONTH_NAMES, DAY_FREED: DAY_NAMES}
    assert {store.counters()[name] for name in ("month", "day_22", "month_implementation")} == {60}
    assert {count for name, count in store.counters().items() if name.endswith(OPEN)} == {0}


@pytest.mark.parametrize("cost", [0, 60, 100, 130])
def test_what_is_released_never_shrinks(cost: int) -> None:
    store = Store()
    store.write(budget_items.charged(intent()))
    before = budget_items.released_of(store.items.values())
    store.write(budget_items.booked(intent(), cost))
    released = budget_items.released_of(store.items.values())
    assert all(released[name] >= before.get(name, 0) for name in released)
    assert (store.counters()["month"], store.counters()["month" + OPEN]) == (cost, 0)


def test_keys_are_those_of_the_call_and_of_the_month_so_far() -> None:
    assert budget_items.day_keys(date(2026, 11, 2)) == [
        "budget#2026-11",
        "released#2026-11",
        "budget#2026-11-02",
        "released#2026-11-02",
    ]
    assert set(budget_items.day_keys(date(2026, 11, 2))) < set(budget_items.month_keys("2026-11", 2))
    assert len(budget_items.month_keys("2026-11", 31)) == 64


@pytest.mark.parametrize("seed", range(20))
def test_any_read_before_the_reservation_keeps_the_cap(seed: int) -> None:
    """Whatever is settled after the read, and in whichever order the items were read."""
    dice, store, open_intents = random.Random(seed), Store(), list[Intent]()
    for number in range(120):
        if open_intents and dice.random() < 0.5:
            of = open_intents.pop(dice.randrange(len(open_intents)))
            store.write(budget_items.booked(of, dice.randrange(of.charge.amount + 1)))
            continue
        wanted = with_room(intent(turn=number + 1, amount=dice.randrange(1, 300)), store)
        for _ in range(dice.randrange(3)):
            if open_intents:
                of = open_intents.pop()
                store.write(budget_items.booked(of, dice.randrange(of.charge.amount + 1)))
        held = store.items.get(MONTH, {}).get("month", 0)
        if held <= room(wanted, MONTH, "month"):
            store.write(budget_items.charged(wanted))
            open_intents.append(wanted)
        assert store.counters().get("month", 0) <= 1000


@pytest.mark.parametrize(("parts", "counted"), [(30, 130), (31, 100)])
def test_cost_above_its_reservation_counts_for_thirty_senders_at_most(parts: int, counted: int) -> None:
    """A transaction holds 100 items; beyond, such a cost counts for the stack alone."""
    charged, store = intent(), Store()
    counters = [f"sender s{number}@day_22" for number in range(parts)]
    charge = replace(charged.charge, parts=tuple(ChargePart(counter, 100) for counter in counters))
    store.write(budget_items.booked(replace(charged, charge=charge), 130))
    raised = store.counters()
    assert {raised.get(counter, 0) + 100 for counter in counters} == {counted}
    assert raised["month"] + 100 == 130
    assert len(store.items) < 80


# The item of an earlier version: month and days in one, spent plus reserved, and the reserved part

EARLIER = {
    "limit": MONTH,
    **dict.fromkeys(["month", "month_implementation", "day_22", "day_22_implementation"], 700),
    **dict.fromkeys(["month_open", "month_implementation_open", "day_22_open", "day_22_implementation_open"], 100),
}


def test_an_earlier_versions_item_is_counted_on() -> None:
    store = Store(**{MONTH: dict(EARLIER)})
    store.write(budget_items.charged(with_room(intent(amount=50), store)))
    assert (store.counters()["day_22"], store.counters()["day_22" + OPEN], store.counters()["month"]) == (750, 150, 750)
    store.write(budget_items.booked(intent(amount=50), 20))
    store.write(budget_items.booked(intent(turn=2), 40))  # one that the earlier version had reserved
    names = ["month", "day_22", "month_implementation", "day_22_implementation"]
    assert store.counters() == {**dict.fromkeys(names, 660), **{name + OPEN: 0 for name in names}}


def test_an_earlier_version_may_still_settle_in_its_item() -> None:
    store = Store(**{MONTH: dict(EARLIER)})
    for name in ("month", "day_22"):
        store.items[MONTH][name] -= 60
        store.items[MONTH][name + OPEN] -= 100
    assert (store.counters()["day_22"], store.counters()["day_22" + OPEN]) == (640, 0)


def test_a_day_begun_by_an_earlier_version_leaves_the_rest_of_its_cap() -> None:
    store = Store(**{MONTH: dict(EARLIER)})
    wanted = with_room(intent(amount=50), store)
    assert room(wanted, DAY, "day_22") == 800 - 700 - 50
    assert room(wanted, MONTH, "month") == 1000 - 50
    tomorrow = with_room(intent(amount=50, at=NOON + timedelta(days=1)), store)
    assert room(tomorrow, "budget#2026-11-23", "day_23") == 750
