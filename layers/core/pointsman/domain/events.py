"""The event that tells the world of a task's end; the same goes to whoever asked to be answered."""

from typing import Any

from pointsman.domain import strict_json
from pointsman.domain.records import Status, TaskRecord

VERSION = 1
DETAIL_TYPES = {Status.COMPLETED: "Task Completed", Status.FAILED: "Task Failed", Status.REJECTED: "Task Rejected"}
LARGEST_ANSWER = 65_536
"""UTF-8 bytes of an answer that travels inside the event; a larger one by reference."""
LARGEST_DETAIL = 240_000
"""UTF-8 bytes of the whole detail: EventBridge takes 256 KiB, and escaping can make an answer six times as long."""


def detail_of(record: TaskRecord, answer: str | None, answer_ref: str | None) -> dict[str, Any]:
    """Return the event's detail; `answer` is None where only `answer_ref` (an S3 URI) tells it, or there is none."""
    decision = record.decision or {}
    return {
        "version": VERSION,
        "task_id": record.task_id,
        "parent_id": record.task_fields.get("parent_id"),
        "generation": record.generation,
        "status": str(record.status),
        "type": decision.get("type"),
        "tier": decision.get("tier"),
        "model": record.model,
        "answer": answer,
        "answer_ref": answer_ref,
        "truncated": record.truncated,
        "usage": record.usage,
        "cost_nano_usd": record.cost_nano,
        "attempts": record.attempts,
        "reason": record.reason,
        "metadata": record.task_fields.get("metadata", {}),
    }


def fits(detail: dict[str, Any]) -> bool:
    """Return whether the detail, with its answer inside, is small enough to travel."""
    answer = detail["answer"]
    if answer is not None and len(answer.encode()) > LARGEST_ANSWER:
        return False
    return len(strict_json.dumps(detail).encode()) <= LARGEST_DETAIL
