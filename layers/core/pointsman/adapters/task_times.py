"""When tasks were received, ended and delivered, read for many at once."""

from itertools import batched

from pointsman.adapters.dynamo import AwsClient, Item, Tables, batch_get, pack
from pointsman.report.figures.speed import Milestones

MOST_KEYS = 100
"""Items that one request may ask for."""


class DynamoTaskTimes:
    """What the report looks up in the task table. Reads that lag a little do: the day is over."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._table = client, tables.tasks

    def milestones(self, task_ids: list[str]) -> dict[str, Milestones]:
        """Return the times of the tasks that are still in the table."""
        milestones: dict[str, Milestones] = {}
        for some in batched(task_ids, MOST_KEYS, strict=False):
            for item in self._read([pack({"task_id": task_id}) for task_id in some]):
                times = (item.get(name) for name in ("ended_at", "delivered_at", "sent_at"))
                milestones[item["task_id"]] = Milestones(item["received_at"], *times)
        return milestones

    def _read(self, keys: list[Item]) -> list[Item]:
        projection = "task_id, sent_at, received_at, ended_at, delivered_at"
        tables = batch_get(self._client, {self._table: {"Keys": keys, "ProjectionExpression": projection}})
        return [item for item in tables.get(self._table, []) if "received_at" in item]
