"""The audit's sample: tasks with two answers, the one that was delivered and the baseline's."""

from collections.abc import Iterable
from datetime import datetime
from itertools import chain
from typing import Any

from pointsman.entrypoints.cost_report import build_reporting
from pointsman.entrypoints.runtime import Runtime
from pointsman.execution.calls import Purpose
from pointsman.execution.records import TaskRecord
from pointsman_cli import tasks


def audited_tasks(runtime: Runtime, since: datetime, until: datetime) -> list[TaskRecord]:
    """Return the tasks that were audited in that time and are still on record, oldest audit first."""
    rows = chain.from_iterable(runtime.part(build_reporting).ledger.shards(since, until))
    ids = {row["task_id"] for row in rows if row.get("purpose") == Purpose.AUDIT}
    records = [record for record in runtime.stores.tasks.read_many(sorted(ids)).values() if record.audit]
    return sorted(records, key=lambda record: record.audit.at if record.audit else "")


def answer_pair(runtime: Runtime, record: TaskRecord) -> dict[str, Any]:
    """Return both answers and what is known of them; a text that the bucket no longer has is None."""
    audit = record.audit
    assert audit is not None
    task = tasks.read_task_fields(runtime, record)
    return {
        "task_id": record.task_id,
        "generation": record.generation,
        "type": record.type,
        "tier": record.tier,
        "prompt": str(task["prompt"]) if task else None,
        "delivered": {
            "model": record.model,
            "answer": tasks.read_payload(runtime, record.answer),
            "truncated": record.truncated,
            "verdict": record.checked.as_item() if record.checked else None,
            "cost_nano_usd": record.cost_nano,
        },
        "baseline": {
            "model": audit.model,
            "at": audit.at,
            "outcome": audit.outcome or "open",
            "answer": tasks.read_payload(runtime, audit.answer),
            "cost_nano_usd": audit.cost_nano,
        },
        "judgement": None,
    }


def audit_document(pairs: Iterable[dict[str, Any]], *, stand_in: bool) -> dict[str, Any]:
    """Return the sample with what its second answers cost; audits that are still open are not in the sum."""
    sample = list(pairs)
    costs = [answers["baseline"]["cost_nano_usd"] or 0 for answers in sample]
    return {"audits": len(sample), "cost_nano_usd": sum(costs), "pairs": sample, "stand_in": stand_in}
