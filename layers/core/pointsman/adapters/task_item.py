"""How a task's record is stored as an item."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from pointsman.adapters.dynamo import Item, pack
from pointsman.execution.budget import Family
from pointsman.execution.ledger_keys import RowKey
from pointsman.execution.records import (
    AuditedAnswer,
    CheckedAnswer,
    Correction,
    Payload,
    RejectedMessage,
    SubtaskEnd,
    SubtaskRef,
    TaskRecord,
)
from pointsman.routing.decision import Decision
from pointsman.routing.lanes import LaneChoice
from pointsman.values.status import Status
from pointsman.values.times import parse_time
from pointsman.values.usage import Usage

TOMBSTONE = timedelta(days=100)
"""A task's id stays taken for longer than Step Functions keeps an execution's name (90 days)."""
USED = "used_"
"""Prefix of the attributes that add up a task's tokens."""
_RENAMED = {"execution_input": "input", "last_attempt": "last_turn", "notified": "told", "undelivered": "unreached"}
_PLAIN = (
    *("task_id", "generation", "fingerprint", "reply_to", "lease_until", "lease_owner", "execution_input"),
    *("sent_at", "received_at", "deadline", "started_at", "ended_at", "last_attempt", "attempts", "cost_nano"),
    *("cost_known", "model", "effort", "truncated", "reason", "closed_by", "delivered_at", "attention"),
    *("cancel_asked_at", "rerun_of", "waited_for"),
    *("attention_since", "notified", "undelivered", "sender", "via"),
)
_STORED = tuple((name, _RENAMED.get(name, name)) for name in _PLAIN)
"""What is stored as it is: the record's name, and the item's."""
_PAYLOADS = ("body", "answer", "drafts")


def to_item(record: TaskRecord) -> Item:
    """Return a claimed or rejected record as the table's item, with the day on which DynamoDB may drop it."""
    values: dict[str, Any] = {stored: getattr(record, name) for name, stored in _STORED}
    values["status"] = str(record.status)
    values["rows"] = [key.text for key in record.rows]
    values["open_intent"] = place(record.open_intent) if record.open_intent else None
    values["decision"] = record.decision.as_dict() if record.decision else None
    values["correction"] = record.correction.as_item() if record.correction else None
    values["verdict"] = record.checked.as_item() if record.checked else None
    values["audit"] = record.audit.as_item() if record.audit else None
    values["lane"] = record.lane.as_item() if record.lane else None
    values["limited"] = record.limited or None
    values["family"] = asdict(record.family) if record.family else None
    values["subtasks"] = [asdict(ref) for ref in record.subtasks]
    values["results"] = [end.as_item() for end in record.results]
    values["task_fields"] = _fields(record)
    for name in _PAYLOADS:
        payload: Payload = getattr(record, name)
        values |= {name: payload.inline, f"{name}_ref": payload.ref}
    if record.received_at:
        values["received_in"] = month_of_receipt(record.received_at)
        values["expires_at"] = expires_at(parse_time(record.received_at), record.deadline)
    return pack(values)


def month_of_receipt(received_at: str) -> str:
    """Return the part of the index on the time of receipt that a time, as `to_text` writes it, is in: `2026-11`."""
    return received_at[:7]


def expires_at(now: datetime, deadline: str) -> int:
    """Return the Unix time at which DynamoDB may drop a task: long after it is received or must have ended."""
    return int(max(now, parse_time(deadline) if deadline else now).timestamp() + TOMBSTONE.total_seconds())


def _fields(record: TaskRecord) -> dict[str, Any]:
    if record.rejection:
        return asdict(record.rejection)
    return {
        "parent_id": record.parent_id,
        "metadata": record.metadata,
        "private": record.private,
        "split": record.split,
    }


def from_item(item: Item) -> TaskRecord:
    """Return the record of an unpacked item."""
    record = TaskRecord(task_id=item["task_id"], status=Status(item["status"]))
    for name, stored in _STORED:
        if stored in item:
            setattr(record, name, item[stored])
    for name in _PAYLOADS:
        setattr(record, name, Payload(item.get(name), item.get(f"{name}_ref")))
    record.usage = {kind: item.get(USED + kind, 0) for kind in Usage().as_dict()}
    record.rows = [RowKey.from_text(text) for text in item.get("rows", ())]
    record.subtasks = [SubtaskRef(ref["task_id"], ref["fingerprint"]) for ref in item.get("subtasks", ())]
    record.results = [SubtaskEnd.from_item(end) for end in item.get("results", ())]
    if place := item.get("open_intent"):
        record.open_intent = RowKey(place["day_shard"], place["row"])
    record.limited = bool(item.get("limited"))
    if family := item.get("family"):
        record.family = Family(family["name"], family["limit"])
    if lane := item.get("lane"):
        record.lane = LaneChoice.from_item(lane)
    if decision := item.get("decision"):
        record.decision = Decision.from_item(decision)
    if correction := item.get("correction"):
        record.correction = Correction.from_item(correction)
    if checked := item.get("verdict"):
        record.checked = CheckedAnswer.from_item(checked)
    if audit := item.get("audit"):
        record.audit = AuditedAnswer.from_item(audit)
    _read_fields(record, item.get("task_fields", {}))
    return record


def _read_fields(record: TaskRecord, fields: Mapping[str, Any]) -> None:
    if "code" in fields:
        record.rejection = RejectedMessage(fields["code"], fields["message_id"], fields.get("asked_id"))
    record.parent_id = fields.get("parent_id")
    record.metadata = fields.get("metadata", {})
    record.private = bool(fields.get("private"))
    record.split = bool(fields.get("split"))


def place(key: RowKey) -> dict[str, str]:
    """Return the map that names a ledger row."""
    return {"day_shard": key.day_shard, "row": key.row}
