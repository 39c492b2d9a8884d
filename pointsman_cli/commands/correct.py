"""`pointsman correct`: what a misrouted task should have been."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.execution.records import CorrectedDecision, Correction
from pointsman.values.taxonomy import TIER_OF, TaskType
from pointsman.values.times import to_text
from pointsman_cli import output
from pointsman_cli.errors import CommandError
from pointsman_cli.options import AsJson, StackOptions, choice

if TYPE_CHECKING:
    from pointsman.execution.records import TaskRecord
    from pointsman_cli.stacks import StackConnection


def correct(
    stack: StackOptions,
    task_id: Annotated[str, typer.Argument(metavar="TASK_ID", help="The task's id.")],
    type_: Annotated[TaskType, choice(TaskType, "--type", "What it should have been")],
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Run the task anew as that type, as `pointsman rerun` does.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Record the correct type of a task.

    Without --rerun nothing is done again, and no other task is routed otherwise by it. A later correction replaces an
    earlier one.
    """
    from pointsman_cli import tasks

    connection = stack.connect()
    task_id = connection.task_id(task_id)
    record = tasks.read_task_record(connection.client, task_id)
    was = record.decision
    if was is None:
        raise CommandError(f"task {task_id}: nothing has been decided about it")
    correction = Correction(type_, TIER_OF[type_], to_text(datetime.now(UTC)), CorrectedDecision.of(was))
    started = _run_anew(connection, record, type_) if rerun else None
    if connection.runtime.stores.tasks.correct(task_id, correction) is None:
        raise CommandError(f"task {task_id}: its decision is gone")
    if as_json:
        output.print_document({"task_id": task_id, "correction": correction.as_item(), "rerun": started})
    else:
        output.print_pairs(
            [
                ("task", task_id),
                ("decided as", f"{was.type} ({was.tier}), by {was.source}"),
                ("corrected to", f"{type_} ({TIER_OF[type_]})"),
                *([("rerun as", started["task_id"]), ("model", started["model"])] if started else []),
            ]
        )


def _run_anew(connection: "StackConnection", record: "TaskRecord", kind: TaskType) -> dict[str, Any]:
    from pointsman.services.rerun import RerunOptions
    from pointsman_cli import rerunning

    return rerunning.rerun_task(connection, record, RerunOptions(type=kind))
