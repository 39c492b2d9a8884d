"""The evidence, read from a stack's ledger and task records."""

from collections.abc import Iterable
from datetime import datetime
from itertools import chain
from typing import Any

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import code_of
from pointsman.entrypoints.wiring import Application
from pointsman.execution.records import TaskRecord
from pointsman.report.figures import ledger_entries
from pointsman.report.figures.ledger_entries import LedgerEntry, Part
from pointsman.routing.decision import Source
from pointsman.values import strict_json
from pointsman.values.taxonomy import TaskType, Tier
from pointsman_cli.tuning.evidence import Evidence, Seen


def evidence(app: Application, since: datetime, until: datetime) -> Evidence:
    """Return what is known of the tasks that were attempted in that time."""
    attempts, parts = ledger_entries.read(chain.from_iterable(app.reporting.ledger.shards(since, until)))
    own = _by_task(each for each in attempts if each.for_task)
    shares = _by_task(parts)
    records = app.tasks.read_many(own)
    seen = [
        one
        for task_id, tries in sorted(own.items())
        if task_id in records and (one := _seen(app, records[task_id], tries, shares.get(task_id, [])))
    ]
    return Evidence(tuple(seen), len(own) - len(seen))


def _seen(app: Application, record: TaskRecord, attempts: list[LedgerEntry], parts: list[Part]) -> Seen | None:
    """Return a task, or None when its text is gone."""
    found = _task_of(app, record)
    decision = record.decision
    if found is None or decision is None:
        return None
    right = record.correction
    was = right["was"] if right else decision
    return Seen(
        task_id=record.task_id,
        text=found["prompt"],
        private=bool(found.get("private")),
        type=TaskType(was["type"]),
        tier=Tier(was["tier"]),
        source=Source(was["source"]),
        confidence=float(was["confidence"]),
        verdict=app.classifier.classify(found["prompt"]),
        corrected=(TaskType(right["type"]), Tier(right["tier"])) if right else None,
        attempts=tuple(attempts),
        passed=(record.verdict or {}).get("passed"),
        share_nano=sum(part.cost_nano for part in parts),
    )


def _task_of(app: Application, record: TaskRecord) -> dict[str, Any] | None:
    """Return the task's fields, as its record or the bucket holds them."""
    try:
        body = strict_json.loads(app.payloads.fetch(record.body)) if record.body.inline or record.body.ref else None
    except ClientError as error:
        if code_of(error) != "NoSuchKey":
            raise
        return None
    return body if isinstance(body, dict) else None


def _by_task[One: LedgerEntry | Part](rows: Iterable[One]) -> dict[str, list[One]]:
    found: dict[str, list[One]] = {}
    for each in rows:
        found.setdefault(each.task_id, []).append(each)
    return found
