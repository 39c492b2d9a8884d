"""When tasks were received, ended and delivered, read for many at once."""

from itertools import batched

from pointsman.adapters.dynamo import AwsClient, Item, Tables, pack, patiently, unpack
from pointsman.domain.figures.speed import Milestones

MOST_KEYS = 100
"""Items that one request may ask for."""


class TaskTimes:
    """`TaskTimes` on the task table. Reads that lag a little do: the day is over."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._table = client, tables.tasks

    def milestones(self, task_ids: list[str]) -> dict[str, Milestones]:
        """Return the times of the tasks that are still in the table."""
        found: dict[str, Milestones] = {}
        for some in batched(task_ids, MOST_KEYS, strict=False):
            for item in self._read([pack({"task_id": task_id}) for task_id in some]):
                times = (item.get(name) for name in ("ended_at", "delivered_at"))
                found[item["task_id"]] = Milestones(item["received_at"], *times)
        return found

    def _read(self, keys: list[Item]) -> list[Item]:
        items: list[Item] = []
        wanted: Item = {
            self._table: {"Keys": keys, "ProjectionExpression": "task_id, received_at, ended_at, delivered_at"}
        }
        while wanted:
            asked = wanted
            answer = patiently(lambda: self._client.batch_get_item(RequestItems=asked))  # noqa: B023  (called at once)
            items += [unpack(item) for item in answer["Responses"].get(self._table, [])]
            wanted = answer.get("UnprocessedKeys", {})
        return [item for item in items if "received_at" in item]
