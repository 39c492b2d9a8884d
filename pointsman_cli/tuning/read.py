"""The evidence, read from a stack's ledger and task records."""

from datetime import datetime
from itertools import chain

from pointsman.entrypoints.classifying import build_local_classifier
from pointsman.entrypoints.cost_report import build_reporting
from pointsman.entrypoints.runtime import Runtime
from pointsman.execution.records import TaskRecord
from pointsman.report.figures.ledger_entries import ClassificationShare, LedgerEntry, grouped, read_entries
from pointsman_cli.evaluation.examples import own_sets, read_examples
from pointsman_cli.tasks import read_task_fields
from pointsman_cli.tuning.evidence import TaskOutcome, TuningEvidence
from pointsman_cli.tuning.weights import Judged


def evidence(runtime: Runtime, since: datetime, until: datetime) -> TuningEvidence:
    """Return what is known of the tasks that were attempted in that time."""
    ledger = runtime.part(build_reporting).ledger
    entries, parts = read_entries(chain.from_iterable(ledger.shards(since, until)))
    attempts = grouped((entry for entry in entries if entry.for_task), lambda entry: entry.task_id)
    shares = grouped(parts, lambda part: part.task_id)
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
    task, correction = read_task_fields(runtime, record), record.correction
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


def own_texts(runtime: Runtime) -> list[Judged]:
    """Return the project's own labelled texts with the local verdicts on them."""
    examples = [example for file in own_sets() for example in read_examples(file).examples if example.ok_tiers]
    local = runtime.part(build_local_classifier)
    return [(example, local.classify(example.text)) for example in examples]
