"""The evidence, read from a stack's ledger and task records."""

from collections.abc import Iterable
from datetime import datetime
from itertools import chain
from typing import Any

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import code_of
from pointsman.entrypoints.classifying import build_local_classifier
from pointsman.entrypoints.cost_report import build_reporting
from pointsman.entrypoints.runtime import Runtime
from pointsman.execution.records import TaskRecord
from pointsman.report.figures import ledger_entries
from pointsman.report.figures.ledger_entries import ClassificationShare, LedgerEntry
from pointsman.values import strict_json
from pointsman_cli.tuning.evidence import TaskOutcome, TuningEvidence


def evidence(runtime: Runtime, since: datetime, until: datetime) -> TuningEvidence:
    """Return what is known of the tasks that were attempted in that time."""
    ledger = runtime.part(build_reporting).ledger
    entries, parts = ledger_entries.read_entries(chain.from_iterable(ledger.shards(since, until)))
    attempts = _by_task(entry for entry in entries if entry.for_task)
    shares = _by_task(parts)
    records = runtime.stores.tasks.read_many(attempts)
    tasks = [
        task
        for task_id, tries in sorted(attempts.items())
        if task_id in records and (task := _seen(runtime, records[task_id], tries, shares.get(task_id, [])))
    ]
    return TuningEvidence(tuple(tasks), len(attempts) - len(tasks))


def _seen(
    runtime: Runtime, record: TaskRecord, attempts: list[LedgerEntry], parts: list[ClassificationShare]
) -> TaskOutcome | None:
    """Return a task, or None when its text is gone."""
    task, correction = _task_of(runtime, record), record.correction
    decision = correction.was if correction else record.decision
    if task is None or decision is None:
        return None
    return TaskOutcome(
        task_id=record.task_id,
        text=task["prompt"],
        private=bool(task.get("private")),
        type=decision.type,
        tier=decision.tier,
        source=decision.source,
        confidence=decision.confidence,
        verdict=runtime.part(build_local_classifier).classify(task["prompt"]),
        corrected=(correction.type, correction.tier) if correction else None,
        attempts=tuple(attempts),
        passed=record.checked.passed if record.checked else None,
        share_nano=sum(part.cost_nano for part in parts),
    )


def _task_of(runtime: Runtime, record: TaskRecord) -> dict[str, Any] | None:
    """Return the task's fields, as its record or the bucket holds them."""
    try:
        body = (
            strict_json.loads(runtime.stores.payloads.fetch(record.body))
            if record.body.inline or record.body.ref
            else None
        )
    except ClientError as error:
        if code_of(error) != "NoSuchKey":
            raise
        return None
    return body if isinstance(body, dict) else None


def _by_task[One: LedgerEntry | ClassificationShare](rows: Iterable[One]) -> dict[str, list[One]]:
    groups: dict[str, list[One]] = {}
    for row in rows:
        groups.setdefault(row.task_id, []).append(row)
    return groups
