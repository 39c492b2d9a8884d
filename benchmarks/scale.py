"""`scale`: own time of an attempt, and its calls, with 1,000 to 100,000 tasks stored."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import batched

from benchmarks.bench import Bench
from benchmarks.figure import Figure, median, p95
from benchmarks.rig import INVOCATION, TimedApplication, application, shipped, started_task
from pointsman.adapters.dynamo import pack
from pointsman.values.taxonomy import Tier
from tests.support.local_stack import Stack

SIZES = (1_000, 10_000, 100_000)
WITHIN = 1.1
WRITERS, PAGE = 4, 25


def measure(bench: Bench) -> Iterator[Figure]:
    """Fill the task table step by step; the smallest size is what the others are held against."""
    stack, n = bench.stack, bench.runs(100)
    app = application(stack, shipped())
    stored, first = 0, None
    for size in SIZES:
        _fill(stack, stored, size)
        stored = size
        samples, calls = _attempts(app, n)
        first = first if first is not None else median(samples)
        peer = f"at {SIZES[0]:,} tasks"
        yield Figure(f"scale.{size}", median(samples), "ms", peer, first, n, p95(samples), WITHIN)
        yield Figure(f"scale.{size}.calls", calls, "calls", "accepted", 4, n, target=4, judged="value")


def _attempts(app: TimedApplication, n: int) -> tuple[list[float], int]:
    attempt, samples, calls = app.attempt(Tier.IMPLEMENTATION), list[float](), 0
    for number in range(n + 5):
        run = started_task(app, tier=Tier.IMPLEMENTATION)
        app.store.reset()
        app.asked.reset()
        began = time.perf_counter()
        attempt(run, INVOCATION)
        spent = time.perf_counter() - began - app.store.seconds - app.asked.seconds
        if number >= 5:
            samples.append(spent * 1000)
            calls = max(calls, app.store.calls)
    return samples, calls


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
