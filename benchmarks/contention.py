"""`contention`: many paid calls at once on one budget, in a simulation of DynamoDB's limits on single items.

The store serialises each item for 10 ms, so that a transaction which meets another is refused, and gives the budget
1,000 write units a second, as one partition does. The peer is the layout before: one item of 7 KB for all
counters of a month, in both transactions of a call. The ledger's own code runs, in virtual time.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from unittest.mock import patch

from benchmarks.bench import Bench
from benchmarks.figure import Figure, compared, p95
from pointsman.adapters import dynamo
from pointsman.adapters.budget_items import counters_of
from pointsman.adapters.dynamo import Item, Tables, unpack
from pointsman.adapters.usage_ledger import DynamoUsageLedger
from pointsman.execution.calls import Intent, Purpose
from pointsman.execution.model_health import Admission, HealthUpdate, ModelState
from pointsman.execution.outcome import Outcome
from pointsman.routing.config import Budget
from pointsman.values.errors import StoreError
from tests.support.fakes import NOON
from tests.support.interleaving import Interleaving
from tests.support.ledger import MODEL, intent, settled
from tests.support.memory_dynamo import Key, MemoryDynamo, refused

CALLS_A_SECOND, SECONDS = 50, 20
MEAN_CALL_SECONDS = 2.0
ITEM_SECONDS, READ_SECONDS = 0.01, 0.005
WRITE_UNITS_A_SECOND = 1000
RESERVED, COST = 1000, 600
"""Nano-dollars of a call."""
BUDGET = Budget.model_validate({"month_usd": "0.1", "day_usd": "0.1"})
_TABLES = Tables("tasks", "usage", "limits")


@dataclass
class Store:
    """What DynamoDB takes and refuses."""

    time: Interleaving
    one_item: bool
    """Whether all counters of the month are in one item of 7 KB."""
    busy: dict[str, float] = field(default_factory=dict)
    """Until when another transaction holds an item."""
    units: float = WRITE_UNITS_A_SECOND
    refilled: float = 0.0

    def call(self, operation: str, written: list[tuple[str, Key]], carry_out: Callable[[], Item]) -> Item:
        """Take the time that a call takes; refuse a transaction that meets another one."""
        if operation != "TransactWriteItems":
            self.time.sleep(READ_SECONDS)
            return carry_out()
        items = {"month" if self.one_item else key[0] for table, key in written if table == _TABLES.limits}
        code = self._obstacle(items)
        if code:
            self.time.sleep(READ_SECONDS)
            raise refused(operation, "TransactionCanceledException", CancellationReasons=[{"Code": code}])
        self.busy |= dict.fromkeys(items, self.time.now + ITEM_SECONDS)
        try:
            return carry_out()
        finally:
            self.time.sleep(ITEM_SECONDS)

    def _obstacle(self, items: set[str]) -> str | None:
        """Return why a transaction on the items cannot be taken now; its write units are used all the same."""
        needed = 14.0 if self.one_item else 2.0 * len(items)
        self.units = min(
            self.units + (self.time.now - self.refilled) * WRITE_UNITS_A_SECOND, float(WRITE_UNITS_A_SECOND)
        )
        self.refilled = self.time.now
        if needed > self.units:
            return "ThrottlingError"
        self.units -= needed
        return "TransactionConflict" if any(self.busy.get(item, 0.0) > self.time.now for item in items) else None


@dataclass
class Run:
    """What became of the calls of one run."""

    calls: int = 0
    lost: int = 0
    """Answers that could not be settled."""
    waits: int = 0
    """Times that a call was not made, because the counters could not be reached, and waited."""
    seconds: float = 0.0
    """Until the last call had ended."""
    settle_ms: list[float] = field(default_factory=list)
    most_held: int = 0
    """Nano-dollars of the month's counter."""


def simulate(seed: int, *, one_item: bool = False, seconds: float = SECONDS, rate: float = CALLS_A_SECOND) -> Run:
    """Return what became of `rate` calls a second for so long."""
    time, run = Interleaving(seed), Run()
    store = MemoryDynamo(_TABLES, Store(time, one_item).call)
    ledger = DynamoUsageLedger(store, _TABLES)
    random.seed(seed)

    def reserve(number: int) -> Intent:
        """Reserve as `services/call.py` does; what the workflow waits for is waited for."""
        while True:
            try:
                view = ledger.look(None, MODEL, NOON.date())
                at = NOON + timedelta(seconds=time.now)
                of = intent(f"t-{number}", amount=RESERVED, at=at, budget=BUDGET, purpose=Purpose.CLASSIFICATION)
                of = replace(of, charge=replace(of.charge, released=view.released))
                if ledger.reserve(of, Admission(), ModelState(MODEL)).made:
                    return of
            except StoreError:
                run.waits += 1
                time.sleep(2.0)

    def call(number: int) -> None:
        of = reserve(number)
        time.sleep(time.dice.expovariate(1 / MEAN_CALL_SECONDS))
        began = time.now
        try:
            ledger.settle(settled(of, Outcome.ANSWERED, COST), HealthUpdate(), None)
        except StoreError:
            run.lost += 1
        run.settle_ms.append((time.now - began) * 1000)
        counters = counters_of(unpack(item) for key, item in store.items["limits"].items() if "#" in key[0])
        run.most_held = max(run.most_held, counters["month"])

    run.calls = int(rate * seconds)
    for number in range(run.calls):
        time.spawn(partial(call, number), after=time.dice.uniform(0, seconds))
    with patch.object(dynamo, "time", SimpleNamespace(sleep=time.sleep)):
        time.run()
    run.seconds = time.now
    return run


def measure(bench: Bench) -> Iterator[Figure]:
    """Simulate 50 paid calls a second, three times on each layout."""
    seeds = range(bench.runs(3))
    now, before = [simulate(seed) for seed in seeds], [simulate(seed, one_item=True) for seed in seeds]
    peer = "one item for all counters of a month"
    lost, lost_before = ([float(run.lost) for run in side] for side in (now, before))
    yield compared("contention.lost", lost, peer, lost_before, unit="answers", target=0.0, judged="value")
    waits, waits_before = ([float(run.waits) for run in side] for side in (now, before))
    yield compared("contention.waits", waits, peer, waits_before, unit="waits")
    slowest, slowest_before = ([p95(run.settle_ms) for run in side] for side in (now, before))
    yield compared("contention.settle", slowest, f"{peer}, both the 95th percentile", slowest_before)
