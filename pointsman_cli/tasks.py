"""A task as the stack's tables have it, for people and programs."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.adapters.dynamo import pack, unpack
from pointsman.adapters.ledger_rows import merged
from pointsman.client import Client, Result
from pointsman.contracts.reply_to import shown
from pointsman.entrypoints.wiring import Application
from pointsman.execution import subtasks
from pointsman.execution.records import TaskRecord
from pointsman.values.status import ENDED
from pointsman.values.times import parse_time
from pointsman.values.usage import Usage
from pointsman_cli.errors import NotFoundError

_ASKED = frozenset({"gemini", "haiku", "guess"})
"""Sources of decisions for which a model may have been asked."""


def read(client: Client, task_id: str) -> TaskRecord:
    """Return a task, or a rejected message by its own id or its SQS message's.

    Raises:
        NotFoundError: The stack knows neither.
    """
    if record := client.read(task_id):
        return record
    why = "it has not been received (`pointsman doctor` looks at the queue), or never was sent to this stack"
    raise NotFoundError(f"no task {task_id}: {why}")


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


def parts(app: Application, record: TaskRecord) -> list[dict[str, Any]]:
    """Return how the task's subtasks stand, or stood when it ended; one that the router has not met is `queued`."""
    if record.results:
        return record.results
    found = app.tasks.read_many(each["task_id"] for each in record.subtasks)
    stated = subtasks.results(record.subtasks, found, late=True) or []
    return [each if each["status"] != subtasks.UNFINISHED else _open(each, found) for each in stated]


def _open(stated: dict[str, Any], found: dict[str, TaskRecord]) -> dict[str, Any]:
    record = found.get(stated["task_id"])
    return {**stated, "status": str(record.status) if record else "queued", "reason": None}


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
        "verdict": record.verdict,
        "audit": _audit(record),
        "received_at": record.received_at or None,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "deadline": record.deadline or None,
        "delivered_at": record.delivered_at,
        "reply_to": [shown(place) for place in record.reply_to],
        "delivery_failing_since": record.attention_since if record.status in ENDED else None,
        "not_delivered_to": record.unreached,
        "parent_id": record.task_fields.get("parent_id"),
        "metadata": record.task_fields.get("metadata", {}),
        "private": bool(record.task_fields.get("private")),
        "split": bool(record.task_fields.get("split")),
        "subtasks": parts(app, record),
        "stand_in": stand_in,
    }


def outcome(ended: Result, *, stand_in: bool) -> dict[str, Any]:
    """Return how a task ended, with its answer."""
    return {
        "task_id": ended.task_id,
        "status": str(ended.status),
        "reason": ended.reason,
        "type": ended.type,
        "tier": ended.tier,
        "model": ended.model,
        "answer": ended.answer,
        "truncated": ended.truncated,
        "usage": ended.usage.as_dict(),
        "cost_nano_usd": ended.cost_nano_usd,
        "attempts": ended.attempts,
        "partial": ended.partial,
        "subtasks": [asdict(each) for each in ended.subtasks],
        "stand_in": stand_in,
    }


def _audit(record: TaskRecord) -> dict[str, Any] | None:
    """Return what is known of the baseline's answer but its text (`pointsman audit TASK_ID`)."""
    if (audit := record.audit) is None:
        return None
    return {
        "model": audit["model"],
        "at": audit["at"],
        "outcome": audit.get("outcome", "open"),
        "cost_nano_usd": audit.get("cost_nano"),
    }


def _attempt(row: dict[str, Any]) -> dict[str, Any]:
    usage = Usage(**{kind: row.get(kind, 0) for kind in Usage().as_dict()})
    return {
        "turn": row["turn"],
        "purpose": row["purpose"],
        "at": row["at"],
        "model": row["model"],
        "billed_model": row.get("billed_model"),
        "billing": row["billing"],
        "function": row["function"],
        "outcome": row.get("outcome", "open"),
        "detail": row.get("detail"),
        "failed_check": row.get("failed_check"),
        "milliseconds": row.get("milliseconds"),
        "input_tokens": usage.prompt,
        "output_tokens": usage.output,
        "cost_nano_usd": row.get("cost_nano", row["reserved_nano"]),
        "cost_known": bool(row.get("cost_known", False)),
        "after": row.get("after"),
        "came_from": row.get("came_from"),
    }
