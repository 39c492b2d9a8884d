"""`scale` and `sweep`: an attempt's own processor time, and the AWS calls of an attempt and of a sweep with what they
read, by the number of stored tasks.

The tables are in memory, the fake's own time taken out. Each stored task has ended; its record and its row in the
ledger are among those that the attempt and the sweep must not look at.
"""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from benchmarks.bench import Bench, swapped
from benchmarks.figure import Figure, compared
from benchmarks.rig import INVOCATION, Stopwatch, rig_of, shipped, started_task
from benchmarks.throughput import Instant
from pointsman.adapters.dynamo import Item, pack
from pointsman.adapters.task_table import TaskTable
from pointsman.entrypoints.settings import Settings
from pointsman.values.taxonomy import Tier
from tests.support.aws import TABLES
from tests.support.fakes import FakeWorkflow
from tests.support.memory_dynamo import MemoryDynamo
from tests.support.quiet_sweep import quiet_sweep

SIZES = (1_000, 100_000, 1_000_000)
WITHIN = 1.05
"""Own time by that with the fewest tasks stored."""
ATTEMPTS, MOST_CALLS = 60, 6
"""Of each size; and of an attempt, telling included."""
OLD_DAY = "2026-08-20"
_TASK = pack({"status": "completed", "answer": "Done.", "received_at": f"{OLD_DAY}T12:00:00.000Z"})
_ROW = pack({"kind": "outcome", "outcome": "answered", "cost_nano": 1})


class Stored:
    """The use cases over tables that hold so many tasks which have ended."""

    def __init__(self, tasks: int) -> None:
        store, self.items_read = Stopwatch(), 0
        self.tables = MemoryDynamo(TABLES, self._call)
        self._store = store
        records, rows = self.tables.items[TABLES.tasks], self.tables.items[TABLES.usage]
        for number in range(tasks):
            records[f"old-{number}",] = _TASK
            rows[f"{OLD_DAY}#{number % 8}", f"{OLD_DAY}T12:00:00.000Z#old-{number}#000001.000001#outcome"] = _ROW
        bus = SimpleNamespace(put_events=store.around(lambda **_: {"FailedEntryCount": 0, "Entries": [{}]}))
        clients = {"dynamodb": self.tables, "events": bus}
        names = {"task_table": TABLES.tasks, "usage_table": TABLES.usage, "limit_table": TABLES.limits}
        settings = Settings.model_validate(names | {"bucket": "data", "event_bus": "bus"})
        session = SimpleNamespace(client=lambda service, **_: clients[service])
        self.rig = rig_of(settings, shipped(), session, store, Instant())

    def _call(self, _: str, __: object, carry_out: Callable[[], Item]) -> Item:
        answer = self._store.around(carry_out)()
        self.items_read += len(answer.get("Items", ()))
        return answer

    def attempt(self) -> tuple[float, int]:
        """Return own milliseconds and calls of an attempt."""
        state, attempt = started_task(self.rig, tier=Tier.IMPLEMENTATION), self.rig.attempt(Tier.IMPLEMENTATION)
        with self.rig.measured():
            attempt(state, INVOCATION)
        return self.rig.own_ms, self.rig.store.calls

    def sweep(self) -> tuple[int, int]:
        """Return how many calls a sweep makes that finds nothing to do, and how many items it reads."""
        nobody: Any = None
        tasks = TaskTable(self.tables, TABLES)
        sweep = quiet_sweep(self.rig.runtime.context, self.tables, tasks, FakeWorkflow(), nobody)
        sweep()  # the first one looks back further
        self.items_read = 0
        with self.rig.measured():
            sweep()
        return self.rig.store.calls, self.items_read


def measure(bench: Bench) -> Iterator[Figure]:
    """Have all sizes in turns; the smallest is what the others are held against."""
    sizes = {size: Stored(size) for size in SIZES}
    samples: dict[int, list[tuple[float, int]]] = {size: [] for size in SIZES}
    for order in swapped(SIZES, bench.runs(ATTEMPTS) + 1):
        for size in order:
            samples[size].append(sizes[size].attempt())
    own = {size: [ms for ms, _ in some[1:]] for size, some in samples.items()}  # the first one builds
    fewest, peer = SIZES[0], f"with {SIZES[0]:,} tasks"
    calls = {size: max(count for _, count in some[1:]) for size, some in samples.items()}
    for size in SIZES:
        yield compared(f"scale.{size}", own[size], peer, own[fewest], target=WITHIN)
        yield _counted(f"scale.{size}.calls", "calls", calls[size], calls[fewest], MOST_CALLS)
    sweeps = {size: stored.sweep() for size, stored in sizes.items()}
    for size, (requests, items) in sweeps.items():
        least_requests, least_items = sweeps[fewest]
        yield _counted(f"sweep.{size}.calls", "calls", requests, least_requests, least_requests)
        yield _counted(f"sweep.{size}.items", "items", items, least_items, least_items)


def _counted(name: str, unit: str, count: int, with_fewest: int, most: int) -> Figure:
    peer = f"with {SIZES[0]:,} tasks"
    return Figure(name, count, unit, peer, with_fewest, 1, target=most, judged="value")
