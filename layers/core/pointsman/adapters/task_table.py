"""The task table: claims, decisions, ends and deliveries, each one conditional write."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import AwsClient, Item, Tables, Update, batch_get, code_of, pack, patiently, unpack
from pointsman.execution.model_health import ms
from pointsman.execution.records import Payload, TaskRecord
from pointsman.values.errors import RetryLaterError
from pointsman.values.status import ENDED, Status
from pointsman.values.times import parse_time, to_text
from pointsman.values.usage import Usage

_PAGE = 100
"""Keys that BatchGetItem takes."""
TOMBSTONE = timedelta(days=100)
"""A task's id stays taken for longer than Step Functions keeps an execution's name (90 days)."""
ATTENTION = "delivery"
"""What marks a task that the sweep looks after: its end could not be told, or it waits for subtasks."""
USED = "used_"
"""Prefix of the attributes that add up a task's tokens."""
_UNDELIVERED = ("attention", "attention_since", "told", "unreached")
_OF_ONE_GENERATION = (
    *_UNDELIVERED,
    *("started_at", "ended_at", "delivered_at", "attempts", "model", "answer", "answer_ref", "truncated", "reason"),
    *("verdict", "subtasks", "drafts", "drafts_ref", "results", "closed_by"),
)
"""What a replay forgets of the failed generation. `rows`, tokens and costs are the task's, over all generations."""
_TEXTS = ("body", "answer", "drafts")
_PLAIN = [f.name for f in fields(TaskRecord) if f.name not in (*_TEXTS, "usage", "status")]


def to_item(record: TaskRecord) -> Item:
    """Return the record as the table's item, with the day on which DynamoDB may drop it."""
    values: dict[str, Any] = {name: getattr(record, name) for name in _PLAIN}
    values["status"] = str(record.status)
    for name in _TEXTS:
        text: Payload = getattr(record, name)
        values |= {name: text.inline, f"{name}_ref": text.ref}
    if record.received_at:
        values["expires_at"] = int((parse_time(record.received_at) + TOMBSTONE).timestamp())
    return pack(values)


def from_item(item: Item) -> TaskRecord:
    """Return the record of an unpacked item."""
    record = TaskRecord(task_id=item["task_id"], status=Status(item["status"]))
    for name in _PLAIN:
        if name in item:
            setattr(record, name, item[name])
    for name in _TEXTS:
        setattr(record, name, Payload(item.get(name), item.get(f"{name}_ref")))
    record.usage = {kind: item.get(USED + kind, 0) for kind in Usage().as_dict()}
    return record


class TaskTable:
    """`TaskStore` on DynamoDB."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._table = client, tables.tasks

    def claim(self, record: TaskRecord, now: datetime) -> TaskRecord | None:
        """Store the record if its id is free or rejected; else return what is in the way."""
        del now
        found = self._put(record, "attribute_not_exists(task_id) OR #s = :rejected", {":rejected": Status.REJECTED})
        return from_item(found) if found else None

    def reject(self, record: TaskRecord) -> None:
        """Store the rejected record if its id is free."""
        self._put(record, "attribute_not_exists(task_id)", {})

    def _put(self, record: TaskRecord, condition: str, values: dict[str, Any]) -> Item | None:
        arguments: Item = {"ExpressionAttributeValues": pack(values)} if values else {}
        if "#s" in condition:
            arguments["ExpressionAttributeNames"] = {"#s": "status"}
        try:
            patiently(
                lambda: self._client.put_item(
                    TableName=self._table,
                    Item=to_item(record),
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
        """Take over an expired lease."""
        update = Update().set({"lease_owner": owner, "lease_until": ms(lease_until)})
        update.only_if(f"{update.name('status')} = {update.value(Status.CLAIMED)}")
        update.only_if(f"{update.name('lease_until')} <= {update.value(ms(now))}")
        return self._update(record.task_id, update) is not None

    def decide(self, task_id: str, owner: str, decision: dict[str, Any], execution_input: str) -> None:
        """Store decision and input under our lease; another's decision stays.

        Raises:
            RetryLaterError: the lease is another's by now, and so is the decision.
        """
        update = Update().set({"decision": decision, "input": execution_input})
        update.only_if(f"{update.name('lease_owner')} = {update.value(owner)}")
        if self._update(task_id, update) is None:
            raise RetryLaterError("another invocation holds the task")

    def correct(self, task_id: str, correction: dict[str, Any]) -> TaskRecord | None:
        """Keep what the type should have been, over an earlier correction; None when there is no decision."""
        update = Update().set({"correction": correction})
        update.only_if(f"attribute_exists({update.name('decision')})")
        found = self._update(task_id, update)
        return from_item(found) if found else None

    def start(self, task_id: str, at: datetime) -> None:
        """Mark as started over claimed only."""
        update = (
            Update().set({"status": Status.STARTED, "started_at": to_text(at)}).remove(["lease_until", "lease_owner"])
        )
        update.only_if(f"{update.name('status')} = {update.value(Status.CLAIMED)}")
        self._update(task_id, update)

    def add_reply(self, task_id: str, reply_to: str) -> TaskRecord:
        """Add a place to reply to, once, while the task runs."""
        update = Update().append("reply_to", reply_to)
        update.only_if(f"NOT contains({update.name('reply_to')}, {update.value(reply_to)})")
        for status in sorted(ENDED):
            update.only_if(f"{update.name('status')} <> {update.value(status)}")
        found = self._update(task_id, update)
        return from_item(found or unpack(self._get(task_id)))

    def read(self, task_id: str) -> TaskRecord | None:
        """Return the record."""
        item = self._get(task_id)
        return from_item(unpack(item)) if item else None

    def read_many(self, task_ids: Iterable[str]) -> dict[str, TaskRecord]:
        """Return the records that are there, by id."""
        ids = sorted(set(task_ids))
        found: dict[str, TaskRecord] = {}
        for start in range(0, len(ids), _PAGE):
            keys = [pack({"task_id": task_id}) for task_id in ids[start : start + _PAGE]]
            items = batch_get(self._client, {self._table: {"Keys": keys, "ConsistentRead": True}})
            found |= {item["task_id"]: from_item(item) for item in items.get(self._table, [])}
        return found

    def fail(self, task_id: str, generation: int, reason: str, at: datetime) -> TaskRecord | None:
        """End a task of that generation that has not ended and has no answer."""
        update = Update().set({"status": Status.FAILED, "reason": reason, "ended_at": to_text(at)})
        for name in ("answer", "answer_ref"):
            update.only_if(f"attribute_not_exists({update.name(name)})")
        return self._end(task_id, generation, update)

    def complete(self, record: TaskRecord, at: datetime) -> TaskRecord | None:
        """End a task of that generation that has not ended by the answer that it has."""
        model = (record.verdict or {}).get("model")
        update = Update().set({"status": Status.COMPLETED, "model": model, "ended_at": to_text(at)})
        return self._end(record.task_id, record.generation, update)

    def wait(self, record: TaskRecord) -> TaskRecord | None:
        """Mark a task of that generation that has not ended as waiting for its subtasks."""
        return self._end(record.task_id, record.generation, Update().set({"status": Status.WAITING}))

    def close(self, record: TaskRecord, at: datetime) -> TaskRecord | None:
        """End a task of that generation that has not ended by its subtasks; None when it had."""
        update = Update().set({"status": record.status, "reason": record.reason, "ended_at": to_text(at)})
        update.set({"results": record.results, "closed_by": record.closed_by, "attention_since": to_text(at)})
        found = self._update(record.task_id, _not_ended(update, record.generation))
        return from_item(found) if found else None

    def _end(self, task_id: str, generation: int, update: Update) -> TaskRecord | None:
        """Carry out the update if the task has not ended; return the record as it is then."""
        found = self._update(task_id, _not_ended(update, generation))
        return from_item(found) if found else self.read(task_id)

    def delivered(self, task_id: str, generation: int, at: datetime) -> None:
        """Mark as delivered."""
        update = Update().set({"delivered_at": to_text(at)}).remove(_UNDELIVERED)
        update.only_if(f"{update.name('generation')} = {update.value(generation)}")
        self._update(task_id, update)

    def needs_attention(self, record: TaskRecord, at: datetime) -> None:
        """Put the task on the sparse index that the sweep reads."""
        since = record.attention_since or to_text(at)
        update = Update().set({"attention": ATTENTION, "attention_since": since})
        update.set({"told": record.told, "unreached": record.unreached})
        update.only_if(f"{update.name('generation')} = {update.value(record.generation)}")
        update.only_if("attribute_exists(task_id) AND attribute_not_exists(delivered_at)")
        self._update(record.task_id, update)

    def wanting_attention(self) -> Iterable[str]:
        """Return ids from the sparse index."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            IndexName="attention",
            KeyConditionExpression="attention = :what",
            ExpressionAttributeValues=pack({":what": ATTENTION}),
        )
        for page in pages:
            for item in page["Items"]:
                yield unpack(item)["task_id"]

    def replay(self, record: TaskRecord, now: datetime) -> bool:
        """Claim the next generation over a failed one whose attempts are all settled."""
        update = Update().set(
            {
                "status": Status.CLAIMED,
                "generation": record.generation,
                "lease_owner": record.lease_owner,
                "lease_until": record.lease_until,
                "decision": record.decision,
                "input": record.input,
                "deadline": record.deadline,
                "expires_at": int((now + TOMBSTONE).timestamp()),
            }
        )
        update.remove(_OF_ONE_GENERATION)
        update.only_if(f"{update.name('status')} = {update.value(Status.FAILED)}")
        update.only_if(f"{update.name('generation')} = {update.value(record.generation - 1)}")
        update.only_if("attribute_not_exists(open_intent)")
        return self._update(record.task_id, update) is not None

    def replayable(self) -> Iterable[str]:
        """Scan for them: nothing on a task's way asks for this, so no index is paid for it."""
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression="#s = :failed OR (#s = :claimed AND generation > :first)",
            ProjectionExpression="task_id",
            ExpressionAttributeNames={"#s": "status"},
            ExpressionAttributeValues=pack({":failed": Status.FAILED, ":claimed": Status.CLAIMED, ":first": 1}),
        )
        for page in pages:
            for item in page["Items"]:
                yield unpack(item)["task_id"]

    def _get(self, task_id: str) -> Item:
        found = self._client.get_item(TableName=self._table, Key=pack({"task_id": task_id}), ConsistentRead=True)
        return dict(found.get("Item", {}))

    def _update(self, task_id: str, update: Update) -> Item | None:
        """Return the item after the update, or None when its condition did not hold."""
        try:
            answer = patiently(
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
        return unpack(answer["Attributes"])


def _not_ended(update: Update, generation: int) -> Update:
    """Return the update, to be carried out on a task of that generation that has not ended."""
    update.only_if(f"{update.name('generation')} = {update.value(generation)}")
    for status in (*sorted(ENDED), Status.REJECTED):
        update.only_if(f"{update.name('status')} <> {update.value(status)}")
    return update.only_if("attribute_exists(task_id)")
