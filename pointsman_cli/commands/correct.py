"""`pointsman correct`: what a misrouted task should have been."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from pointsman.execution.records import CorrectedDecision, Correction
from pointsman.values.taxonomy import TIER_OF, TaskType
from pointsman.values.times import to_text
from pointsman_cli import output
from pointsman_cli.errors import CommandError
from pointsman_cli.options import AsJson, StackOptions, choice


def correct(
    stack: StackOptions,
    task_id: Annotated[str, typer.Argument(metavar="TASK_ID", help="The task's id.")],
    type_: Annotated[TaskType, choice(TaskType, "--type", "What it should have been")],
    as_json: AsJson = False,
) -> None:
    """Keep with a task what its type should have been.

    Nothing is done again, and no other task is routed otherwise by it. A later correction replaces an earlier one.
    """
    from pointsman_cli import tasks

    connection = stack.connect()
    task_id = connection.task_id(task_id)
    was = tasks.read_task_record(connection.client, task_id).decision
    if was is None:
        raise CommandError(f"task {task_id}: nothing has been decided about it")
    correction = Correction(type_, TIER_OF[type_], to_text(datetime.now(UTC)), CorrectedDecision.of(was))
    if connection.runtime.stores.tasks.correct(task_id, correction) is None:
        raise CommandError(f"task {task_id}: its decision is gone")
    if as_json:
        output.print_document({"task_id": task_id, "correction": correction.as_item()})
    else:
        output.print_pairs(
            [
                ("task", task_id),
                ("decided as", f"{was.type} ({was.tier}), by {was.source}"),
                ("corrected to", f"{type_} ({TIER_OF[type_]})"),
            ]
        )
