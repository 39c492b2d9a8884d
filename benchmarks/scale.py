"""`scale`: own processor time of an attempt, and its calls, with 1,000 to 100,000 tasks stored."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import batched

from benchmarks.bench import Bench
from benchmarks.figure import Figure, compared
from benchmarks.rig import INVOCATION, Rig, rig_on, shipped, started_task
from pointsman.adapters.dynamo import pack
from pointsman.values.taxonomy import Tier
from tests.support.local_stack import Stack

SIZES = (1_000, 10_000, 100_000)
WITHIN = 1.1
WRITERS, PAGE = 4, 25


def measure(bench: Bench) -> Iterator[Figure]:
    """Fill the task table step by step; the smallest size is what the others are held against."""
    stack, n = bench.stack, bench.runs(100)
    rig = rig_on(stack, shipped())
    stored, first = 0, None
    for size in SIZES:
        _fill(stack, stored, size)
        stored = size
        samples, walls, calls = _attempts(rig, n)
        first = first or (samples, walls)
        peer = f"at {SIZES[0]:,} tasks"
        yield compared(f"scale.{size}", samples, peer, first[0], target=WITHIN, wall=walls, peer_wall=first[1])
        yield Figure(f"scale.{size}.calls", calls, "calls", "accepted", 4, n, target=4, judged="value")


def _attempts(rig: Rig, n: int) -> tuple[list[float], list[float], int]:
    """Return own processor and wall milliseconds of each attempt, and the most calls of one."""
    attempt, samples, walls, calls = rig.attempt(Tier.IMPLEMENTATION), list[float](), list[float](), 0
    for number in range(n + 5):
        state = started_task(rig, tier=Tier.IMPLEMENTATION)
        with rig.measured():
            attempt(state, INVOCATION)
        if number >= 5:
            samples.append(rig.own_ms)
            walls.append(rig.own_wall_ms)
            calls = max(calls, rig.store.calls)
    return samples, walls, calls


def _fill(stack: Stack, begin: int, end: int) -> None:
    """Write tasks that have ended."""
    table = stack.info.outputs["TaskTableName"]
    client = stack.client("dynamodb")

    def write(numbers: tuple[int, ...]) -> None:
        items = [{"task_id": f"old-{number}", "status": "completed", "answer": "Done."} for number in numbers]
        requests = [{"PutRequest": {"Item": pack(item)}} for item in items]
        client.batch_write_item(RequestItems={table: requests})

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, batched(range(begin, end), PAGE, strict=False)))
