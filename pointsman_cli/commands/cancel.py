"""`pointsman cancel`: end tasks without an answer."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman_cli import output
from pointsman_cli.errors import Exit
from pointsman_cli.options import AsJson, StackOptions

if TYPE_CHECKING:
    from pointsman_cli.cancelling import CancelRow


def cancel(
    stack: StackOptions,
    ids: Annotated[list[str], typer.Argument(metavar="TASK_ID", help="The tasks' ids.")],
    as_json: AsJson = False,
) -> int:
    """End tasks that have not ended, with their subtasks.

    A task between two calls ends at once. One whose call is under way is `cancelling` until the call has ended, and
    what was billed is booked. One that is still in the queue must be named by its full id: the router drops it. Exits
    with 1 if a task had ended otherwise.
    """
    from pointsman_cli.cancelling import cancel_tasks, exit_code

    connection = stack.connect()
    rows = cancel_tasks(connection, [connection.task_id(task_id) for task_id in ids])
    if as_json:
        output.print_document({"tasks": rows, "stand_in": connection.stand_in})
    else:
        output.print_table(("task", "result", "subtasks", "note"), [_cells(row) for row in rows], right=(2,))
    return exit_code(rows) or Exit.OK


def _cells(row: "CancelRow") -> tuple[Any, ...]:
    return row["task_id"], row["result"].replace("_", " "), row["subtasks"] or "", row["note"] or ""
