"""`list.<what>`: `pointsman list` by the number of tasks that are stored, in processor time, and its requests.

The table is a fake that answers Query and BatchGetItem from memory, its own time included. On AWS each request adds
some 5 to 20 ms; of a filter's reads eight are made at once.
"""

import bisect
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from benchmarks.bench import Bench
from benchmarks.figure import Figure, compared
from pointsman.adapters.dynamo import Item, Tables, pack, unpack
from pointsman.adapters.task_item import to_item
from pointsman.adapters.task_list import TaskList
from pointsman.execution.records import Payload, TaskRecord
from pointsman.values.status import Status
from pointsman.values.times import to_text
from pointsman_cli.list_options import ListOptions
from pointsman_cli.stacks import StackConnection
from pointsman_cli.task_list import MOST_LOOKED_AT, TaskRows, list_tasks

FEWEST = 1_000
"""What the others are held against."""
TARGETS = {10_000: 1_000.0, 1_000_000: 2_000.0}
"""Milliseconds for the newest 50, by tasks stored."""
MOST_REQUESTS = 120.0
"""Of a search: 100 for the tasks, 10 for the index, and one for each further month and for whether there are more."""
RUNS = 9
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
SPAN = timedelta(days=100)


class Stored:
    """The task table, one task every so often over a hundred days; items are made when they are read."""

    def __init__(self, size: int) -> None:
        self.times = [to_text(NOW - SPAN * ((size - number) / size)) for number in range(size)]
        self.requests = 0

    def query(self, *, ExpressionAttributeValues: Item, Limit: int, **request: Any) -> Item:  # noqa: N803
        self.requests += 1
        values = unpack(ExpressionAttributeValues)
        first = bisect.bisect_left(self.times, max(values[":since"], values[":month"]))
        last = bisect.bisect_left(self.times, f"{values[':month']}~")
        if start := request.get("ExclusiveStartKey"):
            last = int(start["number"]["S"])
        numbers = range(last - 1, max(first, last - Limit) - 1, -1)
        items = [pack({"task_id": f"t-{number}", "received_at": self.times[number]}) for number in numbers]
        more = last - Limit > first
        return {"Items": items, **({"LastEvaluatedKey": pack({"number": str(last - Limit)})} if more else {})}

    def batch_get_item(self, *, RequestItems: Item) -> Item:  # noqa: N803
        self.requests += 1
        (keys,) = (request["Keys"] for request in RequestItems.values())
        return {"Responses": {"tasks": [self._item(key["task_id"]["S"]) for key in keys]}}

    def _item(self, task_id: str) -> Item:
        body = Payload(inline=json.dumps({"prompt": "Which way does the train go? " * 20}))
        received_at = self.times[int(task_id[2:])]
        return to_item(TaskRecord(task_id, Status.COMPLETED, received_at=received_at, body=body))

    def listed(self, **options: Any) -> TaskRows:
        """Return what `pointsman list` shows."""
        stores = SimpleNamespace(task_list=TaskList(self, Tables("tasks", "", "")))
        runtime = SimpleNamespace(stores=stores, context=SimpleNamespace(clock=SimpleNamespace(now=lambda: NOW)))
        connection = cast("StackConnection", SimpleNamespace(runtime=runtime))
        return list_tasks(connection, ListOptions(NOW - SPAN, **options))


def measure(bench: Bench) -> Iterator[Figure]:
    """List the newest 50 of few and of many tasks, and search the newest 10,000."""
    runs, few = bench.runs(RUNS), Stored(FEWEST)
    against, peer = f"of {FEWEST:,} stored", _milliseconds(few.listed, runs)
    for size, target in TARGETS.items():
        many = Stored(size)
        times = _milliseconds(many.listed, runs)
        yield compared(f"list.newest_50_of_{size}", times, against, peer, target=target, judged="value")
    before, searching = many.requests, _milliseconds(lambda: many.listed(search="no such words"), 1)
    requests = float(many.requests - before)
    yield compared("list.search", searching, f"the newest 50 {against}", peer)
    yield Figure(
        "list.search.requests", requests, "requests", "tasks looked at", float(MOST_LOOKED_AT), 1,
        target=MOST_REQUESTS, judged="value",
    )  # fmt: skip


def _milliseconds(work: Callable[[], object], runs: int) -> list[float]:
    times = []
    for _ in range(runs):
        began = time.process_time()
        work()
        times.append((time.process_time() - began) * 1000)
    return times
