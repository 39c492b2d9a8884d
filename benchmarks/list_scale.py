"""How long `pointsman list` takes, and how many requests it makes, by the number of tasks that are stored.

    .venv/bin/python benchmarks/list_scale.py            # 1k, 10k, 100k and 1M tasks

Prints a line of JSON per size and kind of list. The table is a fake that answers Query and BatchGetItem from memory: so
`seconds` is the processor's, the fake's own included; on AWS each request adds some 5 to 20 ms. Of a filter's reads
eight are made at once.
"""

import argparse
import bisect
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.adapters.dynamo import Item, Tables, pack, unpack
from pointsman.adapters.task_item import to_item
from pointsman.adapters.task_list import TaskList
from pointsman.execution.records import Payload, TaskRecord
from pointsman.values.status import Status
from pointsman.values.times import to_text

SIZES = (1_000, 10_000, 100_000, 1_000_000)
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


def measure(size: int, looked_at: int) -> dict[str, Any]:
    """Read the newest tasks as a list does: 50, or as many as a filter looks at."""
    stored = Stored(size)
    tasks, began = TaskList(stored, Tables("tasks", "", "")), time.perf_counter()
    ids = [entry.task_id for entry in tasks.newest(NOW - SPAN, NOW, looked_at)]
    read = tasks.read(ids, prompts=True)
    seconds = round(time.perf_counter() - began, 3)
    return {"stored": size, "looked_at": len(read), "requests": stored.requests, "seconds": seconds}


def main() -> None:
    """Measure the sizes that are named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES)
    for size in parser.parse_args().sizes:
        for looked_at in (50, 10_000):
            print(json.dumps(measure(size, looked_at)), flush=True)


if __name__ == "__main__":
    main()
