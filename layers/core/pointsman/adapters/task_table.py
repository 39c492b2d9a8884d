"""The task table: claims, decisions, ends and deliveries, each one conditional write."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from pointsman.adapters import audit_updates, lane_updates, quality_items, task_updates
from pointsman.adapters.dynamo import (
    AwsClient,
    Cancelled,
    Item,
    Tables,
    Update,
    batch_get,
    code_of,
    pack,
    patiently,
    transact,
    unpack,
)
from pointsman.adapters.task_item import from_item, to_item
from pointsman.execution.comparison import ComparedPair, Preferred
from pointsman.execution.records import ATTENTION, MOST_REPLIES, POOLED, Correction, TaskRecord
from pointsman.routing.decision import Decision
from pointsman.routing.lanes import LaneChoice
from pointsman.values.errors import RetryLaterError
from pointsman.values.status import CANCEL_REASON, ENDED, Status
from pointsman.values.times import to_text

CANCELLED_AHEAD = timedelta(days=14)
"""How long an id stays cancelled whose message was not received: as long as one of the queues keeps a message."""
_PAGE = 100
"""Keys that BatchGetItem takes."""


class TaskTable:
    """`TaskStore` on DynamoDB."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._table, self._usage = client, tables.tasks, tables.usage

    def claim(self, record: TaskRecord) -> TaskRecord | None:
        """Store the record if its id is free or rejected; else return what is in the way."""
        condition = "attribute_not_exists(task_id) OR #s = :rejected"
        item = self._put(record, condition, {":rejected": Status.REJECTED})
        return from_item(item) if item else None

    def reject(self, record: TaskRecord) -> None:
        """Store the rejected record if its id is free."""
        self._put(record, "attribute_not_exists(task_id)", {})

    def _put(self, record: TaskRecord, condition: str, values: dict[str, Any], more: Item | None = None) -> Item | None:
        """Store the record if the condition holds; else return the item that is in the way."""
        arguments: Item = {"ExpressionAttributeValues": pack(values)} if values else {}
        if "#s" in condition:
            arguments["ExpressionAttributeNames"] = {"#s": "status"}
        try:
            patiently(
                lambda: self._client.put_item(
                    TableName=self._table,
                    Item=to_item(record) | (more or {}),
                    ConditionExpression=condition,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **arguments,
                )
            )
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            return unpack(error.response["Item"]) if "Item" in error.response else unpack(self._get(record.task_id))
        return None

    def renew(self, record: TaskRecord, owner: str, lease_until: datetime, now: datetime) -> bool:
        """Take over an expired lease; one that is ours by then was written, and its answer lost."""
        if self._update(record.task_id, task_updates.renewed(owner, lease_until, now)):
            return True
        stored = self.read(record.task_id)
        return stored is not None and (stored.status, stored.lease_owner) == (Status.CLAIMED, owner)

    def decide(
        self,
        task_id: str,
        owner: str,
        decision: Decision,
        execution_input: str,
        lane: LaneChoice | None = None,
        deadline: str = "",
    ) -> None:
        """Store decision and input under our lease, and the lane with its deadline; another's decision stays.

        Raises:
            RetryLaterError: the lease is another's by now, and so is the decision.
        """
        if self._update(task_id, task_updates.decided(owner, decision, execution_input, lane, deadline)) is None:
            raise RetryLaterError("another invocation holds the task")

    def correct(self, task_id: str, correction: Correction) -> TaskRecord | None:
        """Store what the type should have been; None when there is no decision."""
        item = self._update(task_id, task_updates.corrected(correction))
        return from_item(item) if item else None

    def judge_audit(self, pair: ComparedPair, better: Preferred, at: datetime) -> bool:
        """Store which of the two answers a person finds better, over an earlier word, with the task and with what the
        judges say; False when there are no two.
        """
        writes: list[tuple[str, Item, Update]] = [
            (self._table, {"task_id": pair.task_id}, audit_updates.person_judged(better, at)),
            (self._usage, quality_items.pair_key(pair), quality_items.person_kept(pair, better)),
        ]
        items: list[Item] = [
            {"Update": {"TableName": table, "Key": pack(key), **update.arguments()}} for table, key, update in writes
        ]
        try:
            transact(self._client, items)
        except Cancelled:
            return False
        return True

    def start(self, task_id: str, at: datetime) -> None:
        """Mark as started over claimed only."""
        self._update(task_id, task_updates.claim_started(at))

    def pool(self, task_id: str, at: datetime) -> None:
        """Mark as started over claimed only, and as waiting for a batch."""
        self._update(task_id, lane_updates.pooled(at))

    def change_lane(self, task_id: str, lane: LaneChoice) -> bool:
        """Keep it with a task in the pool; False when it has left."""
        return self._update(task_id, lane_updates.lane_changed(lane)) is not None

    def send_on(self, task_id: str) -> None:
        """Take it out of the economy lane's care."""
        self._update(task_id, lane_updates.sent_on())

    def add_reply(self, task_id: str, reply_to: str) -> TaskRecord:
        """Add a place to reply to, once, while the task runs; one that ended is read again, as a replay may begin."""
        while True:
            if item := self._update(task_id, task_updates.reply_added(reply_to)):
                return from_item(item)
            record = from_item(unpack(self._get(task_id)))
            if record.status in ENDED or reply_to in record.reply_to or len(record.reply_to) >= MOST_REPLIES:
                return record

    def read(self, task_id: str) -> TaskRecord | None:
        """Return the record."""
        item = self._get(task_id)
        return from_item(unpack(item)) if item else None

    def read_many(self, task_ids: Iterable[str]) -> dict[str, TaskRecord]:
        """Return the records that are there, by id."""
        ids = sorted(set(task_ids))
        records: dict[str, TaskRecord] = {}
        for start in range(0, len(ids), _PAGE):
            keys = [pack({"task_id": task_id}) for task_id in ids[start : start + _PAGE]]
            items = batch_get(self._client, {self._table: {"Keys": keys, "ConsistentRead": True}})
            records |= {item["task_id"]: from_item(item) for item in items.get(self._table, [])}
        return records

    def fail(
        self, task_id: str, generation: int, reason: str, at: datetime, waited_for: Mapping[str, Any] | None = None
    ) -> TaskRecord | None:
        """End a task of that generation that has not ended and has no answer."""
        return self._end(task_id, task_updates.failed(generation, reason, at, waited_for))

    def complete(self, record: TaskRecord, at: datetime) -> TaskRecord | None:
        """End a task of that generation that has not ended, by the answer that it has."""
        return self._end(record.task_id, task_updates.completed(record, at))

    def cancel(self, task_id: str, generation: int, at: datetime) -> TaskRecord | None:
        """End a task of that generation that has neither ended nor an attempt open; None when it has."""
        item = self._update(task_id, task_updates.cancelled(generation, at))
        return from_item(item) if item else None

    def ask_cancel(self, task_id: str, generation: int, at: datetime) -> TaskRecord | None:
        """Mark a task of that generation whose attempt is open; None when none is, or the task has ended."""
        item = self._update(task_id, task_updates.cancel_asked(generation, at))
        return from_item(item) if item else None

    def cancel_ahead(self, task_id: str, at: datetime) -> TaskRecord | None:
        """Store that the id is cancelled for as long as a queue may hold its message; return what is in the way."""
        record = TaskRecord(task_id, Status.CANCELLED, reason=CANCEL_REASON, ended_at=to_text(at))
        until = pack({"expires_at": int((at + CANCELLED_AHEAD).timestamp())})
        item = self._put(record, "attribute_not_exists(task_id)", {}, until)
        return from_item(item) if item else None

    def adopt(self, record: TaskRecord) -> bool:
        """Store the record of a message over its cancelled id; False when there is none, or it has its record."""
        condition = "#s = :cancelled AND attribute_not_exists(fingerprint)"
        return self._put(record, condition, {":cancelled": Status.CANCELLED}) is None

    def wait(self, record: TaskRecord) -> TaskRecord | None:
        """Mark a task of that generation that has not ended as waiting for its subtasks."""
        return self._end(record.task_id, task_updates.waiting(record.generation))

    def close(self, record: TaskRecord, at: datetime) -> TaskRecord | None:
        """End a task of that generation that has not ended, by its subtasks; None when it had."""
        item = self._update(record.task_id, task_updates.closed(record, at))
        return from_item(item) if item else None

    def _end(self, task_id: str, update: Update) -> TaskRecord | None:
        """Carry out the update if the task has not ended; return the record as it is then."""
        item = self._update(task_id, update)
        return from_item(item) if item else self.read(task_id)

    def delivered(self, task_id: str, generation: int, at: datetime) -> None:
        """Mark as delivered."""
        self._update(task_id, task_updates.marked_delivered(generation, at))

    def reached(self, task_id: str, generation: int, place: str) -> None:
        """Add a place that knows the task's end."""
        self._update(task_id, task_updates.reached(generation, place))

    def needs_attention(self, record: TaskRecord, at: datetime) -> None:
        """Put the task on the sparse index that the sweep reads."""
        self._update(record.task_id, task_updates.needing_attention(record, at))

    def wanting_attention(self) -> Iterable[str]:
        """Return ids from the sparse index."""
        return self._marked(ATTENTION)

    def waiting_in_pool(self) -> Iterable[str]:
        """Return ids from another part of it."""
        return self._marked(POOLED)

    def _marked(self, mark: str) -> Iterable[str]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="attention",
            KeyConditionExpression="attention = :what",
            ExpressionAttributeValues=pack({":what": mark}),
        )
        for page in pages:
            for item in page["Items"]:
                yield unpack(item)["task_id"]

    def replay(self, record: TaskRecord, now: datetime) -> bool:
        """Claim the next generation over a failed one whose attempts are all settled."""
        return self._update(record.task_id, task_updates.replayed(record, now)) is not None

    def replayable(self) -> Iterable[str]:
        """Scan for them: nothing on a task's way asks for this, so no index is paid for it."""
        return self._scanned(
            "#s = :failed OR (#s = :claimed AND (generation > :first OR attribute_exists(rerun_of)))",
            {":failed": Status.FAILED, ":claimed": Status.CLAIMED, ":first": 1},
        )

    def unfinished(self) -> Iterable[str]:
        """Scan for them too: they are asked for after a start of the local stack."""
        which = "#s IN (:claimed, :started) OR attribute_exists(attention)"
        return self._scanned(which, {":claimed": Status.CLAIMED, ":started": Status.STARTED})

    def _scanned(self, which: str, values: dict[str, Any]) -> Iterable[str]:
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression=which,
            ProjectionExpression="task_id",
            ExpressionAttributeNames={"#s": "status"},
            ExpressionAttributeValues=pack(values),
        )
        for page in pages:
            for item in page["Items"]:
                yield unpack(item)["task_id"]

    def _get(self, task_id: str) -> Item:
        response = self._client.get_item(TableName=self._table, Key=pack({"task_id": task_id}), ConsistentRead=True)
        return dict(response.get("Item", {}))

    def _update(self, task_id: str, update: Update) -> Item | None:
        """Return the item after the update, or None when its condition did not hold."""
        try:
            response = patiently(
                lambda: self._client.update_item(
                    TableName=self._table,
                    Key=pack({"task_id": task_id}),
                    ReturnValues="ALL_NEW",
                    **update.arguments(),
                )
            )
        except ClientError as error:
            if code_of(error) == "ConditionalCheckFailedException":
                return None
            raise
        return unpack(response["Attributes"])
