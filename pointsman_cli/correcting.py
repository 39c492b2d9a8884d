"""Records what a misrouted task should have been, for the command and the page."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pointsman.execution.records import CorrectedDecision, Correction, TaskRecord
from pointsman.values.taxonomy import TIER_OF, TaskType
from pointsman.values.times import to_text
from pointsman_cli.errors import CommandError

if TYPE_CHECKING:
    from pointsman_cli.stacks import StackConnection


def correct_task(
    connection: "StackConnection", record: TaskRecord, kind: TaskType, *, rerun: bool
) -> tuple[Correction, dict[str, Any] | None]:
    """Record the task's correct type; return it, and the rerun as that type if one is wanted.

    Raises:
        CommandError: Nothing was decided about the task, or it cannot be run anew.
    """
    if record.decision is None:
        raise CommandError(f"task {record.task_id}: nothing has been decided about it")
    correction = Correction(kind, TIER_OF[kind], to_text(datetime.now(UTC)), CorrectedDecision.of(record.decision))
    started = _run_anew(connection, record, kind) if rerun else None
    if connection.runtime.stores.tasks.correct(record.task_id, correction) is None:
        raise CommandError(f"task {record.task_id}: its decision is gone")
    return correction, started


def _run_anew(connection: "StackConnection", record: TaskRecord, kind: TaskType) -> dict[str, Any]:
    from pointsman.services.rerun import RerunOptions
    from pointsman_cli import rerunning

    return rerunning.rerun_task(connection, record, RerunOptions(type=kind))
