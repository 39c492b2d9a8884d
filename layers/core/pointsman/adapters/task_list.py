"""Tasks by the time of their receipt, newest first, from the task table's index `received`."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import AwsClient, Item, Tables, batch_get, pack, unpack
from pointsman.adapters.task_item import from_item, month_of_receipt
from pointsman.execution.records import TaskRecord
from pointsman.values.errors import OutdatedTableError
from pointsman.values.times import to_text

_PAGE = 1000
"""Entries of one Query: far below its 1 MB."""
_BATCH = 100
"""Keys that BatchGetItem takes."""
_PARALLEL = 8
"""Requests at once."""
_READ = (
    *("task_id", "status", "generation", "fingerprint", "received_at", "started_at", "ended_at", "deadline"),
    *("decision", "model", "effort", "cost_nano", "cost_known", "reason", "sender", "task_fields", "rows"),
    *("open_intent", "subtasks", "results", "cancel_asked_at", "rerun_of", "attention", "waited_for", "lane"),
)
"""Attributes that a list needs; `body` where it shows or searches the prompt. Answers stay where they are."""


class ReceivedTask(NamedTuple):
    """An entry of the index."""

    task_id: str
    received_at: str


class TaskList:
    """Reads the index, and the tasks that it names."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._table = client, tables.tasks

    def newest(
        self, since: datetime, now: datetime, most: int, after: ReceivedTask | None = None
    ) -> Iterator[ReceivedTask]:
        """Yield at most that many entries received since then, newest first; a Query for each month, or 1,000 entries.

        With `after` it goes on behind that entry. Eventually consistent, as every index is.
        """
        left, start = most, _start(after)
        if after and after.received_at < to_text(since):
            return
        for month in _months_back(to_text(since), after.received_at if after else to_text(now)):
            while left > 0:
                response = self._query(
                    KeyConditionExpression="received_in = :month AND received_at >= :since",
                    ExpressionAttributeValues=pack({":month": month, ":since": to_text(since)}),
                    ScanIndexForward=False,
                    Limit=min(left, _PAGE),
                    **start,
                )
                for item in map(unpack, response["Items"]):
                    yield ReceivedTask(item["task_id"], item["received_at"])
                    left -= 1
                start = {}
                if "LastEvaluatedKey" not in response:
                    break
                start = {"ExclusiveStartKey": response["LastEvaluatedKey"]}

    def received(self, since: datetime, until: datetime) -> Iterator[TaskRecord]:
        """Yield the records of the tasks received from `since` to before `until`, without their texts: a Query for each
        month and 1,000 entries, and ten reads of a hundred items beside each.
        """
        last = to_text(until)
        for month in reversed(list(_months_back(to_text(since), last))):
            start: Item | None = {}
            while start is not None:
                response = self._query(
                    KeyConditionExpression="received_in = :month AND received_at BETWEEN :since AND :until",
                    ExpressionAttributeValues=pack({":month": month, ":since": to_text(since), ":until": last}),
                    Limit=_PAGE,
                    **start,
                )
                ids = [item["task_id"] for item in map(unpack, response["Items"]) if item["received_at"] < last]
                yield from self.read(ids, prompts=False).values()
                more = response.get("LastEvaluatedKey")
                start = {"ExclusiveStartKey": more} if more else None

    def _query(self, **request: Any) -> Item:
        try:
            response: Item = self._client.query(TableName=self._table, IndexName="received", **request)
        except ClientError as error:
            # The request itself is always valid, so only the index can be missing, or not be there yet.
            if error.response["Error"]["Code"] != "ValidationException":
                raise
            why = "an earlier version deployed it, or it is still being built"
            raise OutdatedTableError(f"the stack's task table has no index `received`: {why}") from None
        return response

    def read(self, task_ids: Iterable[str], *, prompts: bool) -> dict[str, TaskRecord]:
        """Return the tasks that are there, by id, without their answers; with `prompts`, their bodies too."""
        ids = list(dict.fromkeys(task_ids))
        batches = [ids[start : start + _BATCH] for start in range(0, len(ids), _BATCH)]
        if len(batches) <= 1:
            return self._read_batch(ids, prompts) if ids else {}
        with ThreadPoolExecutor(_PARALLEL) as pool:
            parts = pool.map(lambda batch: self._read_batch(batch, prompts), batches)
            return {task_id: record for part in parts for task_id, record in part.items()}

    def _read_batch(self, ids: list[str], prompts: bool) -> dict[str, TaskRecord]:
        names = {
            f"#a{number}": name for number, name in enumerate((*_READ, *(("body", "body_ref") if prompts else ())))
        }
        request = {
            "Keys": [pack({"task_id": task_id}) for task_id in ids],
            "ProjectionExpression": ", ".join(names),
            "ExpressionAttributeNames": names,
        }
        items = batch_get(self._client, {self._table: request}).get(self._table, [])
        return {item["task_id"]: from_item(item) for item in items}


def _start(after: ReceivedTask | None) -> Item:
    """Return what makes a Query go on behind an entry."""
    if after is None:
        return {}
    key = {"received_in": month_of_receipt(after.received_at), "received_at": after.received_at}
    return {"ExclusiveStartKey": pack({**key, "task_id": after.task_id})}


def _months_back(since: str, now: str) -> Iterator[str]:
    """Yield the index's months from that of `now` back to that of `since`."""
    month, first = month_of_receipt(now), month_of_receipt(since)
    while month >= first:
        yield month
        year, number = int(month[:4]), int(month[5:])
        month = f"{year - 1:04}-12" if number == 1 else f"{year:04}-{number - 1:02}"
