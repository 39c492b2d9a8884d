"""`pointsman correct`: what a misrouted task should have been."""

from typing import Annotated

import typer

from pointsman.values.taxonomy import TIER_OF, TaskType
from pointsman_cli import output
from pointsman_cli.options import AsJson, StackOptions, choice


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
    from pointsman_cli.correcting import correct_task

    connection = stack.connect()
    record = tasks.read_task_record(connection.client, connection.task_id(task_id))
    task_id, was = record.task_id, record.decision
    correction, started = correct_task(connection, record, type_, rerun=rerun)
    if as_json:
        output.print_document({"task_id": task_id, "correction": correction.as_item(), "rerun": started})
    else:
        output.print_pairs(
            [
                ("task", task_id),
                ("decided as", f"{was.type} ({was.tier})" if was else None),
                ("corrected to", f"{type_} ({TIER_OF[type_]})"),
                *([("rerun as", started["task_id"]), ("model", started["model"])] if started else []),
            ]
        )
