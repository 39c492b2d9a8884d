"""A task as the stack's tables have it, for people and programs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.adapters.dynamo import pack, unpack
from pointsman.adapters.ledger_rows import merged
from pointsman.adapters.task_table import from_item
from pointsman.bootstrap import Application
from pointsman.domain.envelope import readable_id
from pointsman.domain.records import ENDED, Status, TaskRecord
from pointsman.domain.times import parse_time
from pointsman.domain.usage import Usage
from pointsman_cli.errors import NotFoundError
from pointsman_cli.messages import judge

_PAGE = 100
"""Keys that BatchGetItem takes."""
_ASKED = frozenset({"gemini", "haiku", "guess"})
"""Sources of decisions for which a model may have been asked."""


def read(app: Application, task_id: str) -> TaskRecord:
    """Return a task, or a rejected message by its own id or its SQS message's.

    Raises:
        NotFoundError: The stack knows neither.
    """
    if record := app.tasks.read(task_id):
        return record
    raise NotFoundError(f"no task {task_id}: it has not been received, or never was sent to this stack")


@dataclass(frozen=True, slots=True)
class Sent:
    """A message that was sent."""

    message_id: str
    """SQS's."""
    task_id: str
    """The id that it asks for, or else SQS's."""
    fingerprint: str | None
    """The task's; None if the message is not valid."""

    def fate(self, records: Mapping[str, TaskRecord]) -> TaskRecord | None:
        """Return the record that tells what becomes of it; None until the router has looked at it.

        A task has the message's fingerprint. What is rejected stands under its own id or under SQS's.
        """
        own = records.get(self.task_id)
        if own and own.fingerprint and own.fingerprint == self.fingerprint:
            return own
        rejected = [record for record in (own, records.get(self.message_id)) if record]
        return next((each for each in rejected if each.task_fields.get("message_id") == self.message_id), None)


def sent_as(message_id: str, body: str) -> Sent:
    """Return what a body was sent as."""
    verdict = judge(body)
    fingerprint = verdict.task.fingerprint() if verdict.task else None
    return Sent(message_id, verdict.task_id or readable_id(body) or message_id, fingerprint)


def read_all(app: Application, messages: Iterable[Sent]) -> dict[str, TaskRecord]:
    """Return what the task table knows of the messages, by id."""
    ids = sorted({each for message in messages for each in (message.task_id, message.message_id)})
    found: dict[str, TaskRecord] = {}
    for start in range(0, len(ids), _PAGE):
        keys = [pack({"task_id": task_id}) for task_id in ids[start : start + _PAGE]]
        wanted: dict[str, Any] = {app.tables.tasks: {"Keys": keys, "ConsistentRead": True}}
        while wanted:
            answer = app.dynamodb.batch_get_item(RequestItems=wanted)
            records = [from_item(unpack(item)) for item in answer["Responses"].get(app.tables.tasks, [])]
            found |= {record.task_id: record for record in records}
            wanted = answer.get("UnprocessedKeys", {})
    return found


def attempts(app: Application, record: TaskRecord) -> list[dict[str, Any]]:
    """Return the task's attempts from the ledger, oldest first; one without an outcome is `open`."""
    found: list[dict[str, Any]] = []
    for place in record.rows:
        day_shard, _, row = place.partition("|")
        answer = app.dynamodb.query(
            TableName=app.tables.usage,
            KeyConditionExpression="day_shard = :p AND begins_with(#r, :row)",
            ExpressionAttributeNames={"#r": "row"},
            ExpressionAttributeValues=pack({":p": day_shard, ":row": f"{row}#"}),
            ConsistentRead=True,
        )
        found += [_attempt(each) for each in merged([unpack(item) for item in answer["Items"]])]
    return found


def classification_share(app: Application, record: TaskRecord) -> int:
    """Return the task's part, in nano-dollars, of the request that classified it; 0 if no model was asked."""
    decision = record.decision or {}
    if decision.get("source") not in _ASKED or not record.received_at:
        return 0
    received = parse_time(record.received_at)
    until = parse_time(record.started_at) if record.started_at else datetime.now(UTC)
    rows = app.books.rows(received - timedelta(minutes=1), until + timedelta(minutes=1))
    return sum(row["cost_nano"] for row in rows if row["kind"] == "share" and row["task_id"] == record.task_id)


def document(app: Application, record: TaskRecord, *, stand_in: bool) -> dict[str, Any]:
    """Return all that is known of the task but its texts."""
    decision = record.decision or {}
    usage = Usage(**record.usage)
    return {
        "task_id": record.task_id,
        "status": str(record.status),
        "reason": record.reason,
        "generation": record.generation,
        "type": decision.get("type"),
        "tier": decision.get("tier"),
        "model": record.model,
        "decision": record.decision,
        "correction": record.correction,
        "attempts": attempts(app, record),
        "usage": usage.as_dict(),
        "cost_nano_usd": record.cost_nano,
        "cost_known": record.cost_known,
        "classification_cost_nano_usd": classification_share(app, record),
        "truncated": record.truncated,
        "received_at": record.received_at or None,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "deadline": record.deadline or None,
        "delivered_at": record.delivered_at,
        "reply_to": [_place(place) for place in record.reply_to],
        "delivery_failing_since": record.attention_since,
        "not_delivered_to": record.unreached,
        "parent_id": record.task_fields.get("parent_id"),
        "metadata": record.task_fields.get("metadata", {}),
        "private": bool(record.task_fields.get("private")),
        "stand_in": stand_in,
    }


def outcome(app: Application, record: TaskRecord, *, stand_in: bool) -> dict[str, Any]:
    """Return how the task ended, with its answer."""
    decision = record.decision or {}
    completed = record.status is Status.COMPLETED
    return {
        "task_id": record.task_id,
        "status": str(record.status),
        "reason": record.reason,
        "type": decision.get("type"),
        "tier": decision.get("tier"),
        "model": record.model,
        "answer": app.texts.fetch(record.answer) if completed else None,
        "truncated": record.truncated,
        "usage": record.usage,
        "cost_nano_usd": record.cost_nano,
        "attempts": record.attempts,
        "stand_in": stand_in,
    }


def has_ended(record: TaskRecord | None) -> bool:
    """Return whether nothing more will become of it."""
    return record is not None and (record.status in ENDED or record.status is Status.REJECTED)


def _attempt(row: dict[str, Any]) -> dict[str, Any]:
    usage = Usage(**{kind: row.get(kind, 0) for kind in Usage().as_dict()})
    return {
        "turn": row["turn"],
        "at": row["at"],
        "model": row["model"],
        "billed_model": row.get("billed_model"),
        "billing": row["billing"],
        "function": row["function"],
        "outcome": row.get("outcome", "open"),
        "detail": row.get("detail"),
        "milliseconds": row.get("milliseconds"),
        "input_tokens": usage.prompt,
        "output_tokens": usage.output,
        "cost_nano_usd": row.get("cost_nano", row["reserved_nano"]),
        "cost_known": bool(row.get("cost_known", False)),
        "after": row.get("after"),
        "came_from": row.get("came_from"),
    }


def _place(reply_to: str) -> str:
    """Return what may be shown: a task token is its sender's secret."""
    return reply_to if reply_to.startswith("arn:") else "task token"
