"""`pointsman result`: the answer to a task."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman_cli import output
from pointsman_cli.errors import Exit, StillRunningError
from pointsman_cli.options import AsJson, Profile, Region, Stack
from pointsman_cli.waiting import until_ended

if TYPE_CHECKING:
    from pointsman_cli.stacks import StackConnection

EXAMPLES = """\b
Examples:
  pointsman result nightly-triage-118
  pointsman result nightly-triage-118 --wait --timeout 60
  pointsman result nightly-triage-118 --json | jq -r .answer"""


def result(
    task_id: Annotated[str, typer.Argument(metavar="TASK_ID", help="The task's id.")],
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the end, also of a task that has not come yet.")
    ] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0, help="How long --wait waits; then it exits with 4.")
    ] = 900,
    as_json: AsJson = False,
    stack: Stack = None,
    profile: Profile = None,
    region: Region = None,
) -> int:
    """Print a task's answer, and below it those of its subtasks.

    Exits with 1 if it failed or was rejected, with 4 if it has not ended.
    """
    from pointsman_cli import stacks, tasks

    connection = stacks.connect(stack, profile, region)
    ended = until_ended(connection, task_id, timeout) if wait else connection.client.result(task_id)
    if ended is None:
        state = tasks.read_task_record(connection.client, task_id).status
        raise StillRunningError(f"task {task_id} has not ended: it is {state}; ask again later")
    return print_result(tasks.result_document(ended, stand_in=connection.stand_in), connection, as_json=as_json)


def print_result(ended: dict[str, Any], found: "StackConnection", *, as_json: bool) -> int:
    """Print how a task ended and return the exit code that says so."""
    completed = ended["status"] == "completed"
    if as_json:
        output.print_document(ended)
    elif completed:
        found.say_stand_in()
        if ended["truncated"]:
            output.print_note("The answer was cut at its limit of tokens.")
        output.print_text(ended["answer"])
    else:
        output.print_note(f"pointsman: task {ended['task_id']} {ended['status']}: {ended['reason']}")
    if not as_json:
        _show_parts(ended)
    return Exit.OK if completed else Exit.FAILED


def _show_parts(ended: dict[str, Any]) -> None:
    if ended["partial"]:
        output.print_note("Not all of its subtasks completed.")
    for subtask in ended["subtasks"]:
        came_to = subtask["status"] + (f": {subtask['reason']}" if subtask["reason"] else "")
        output.print_text(f"\n--- {subtask['task_id']} ({subtask['type'] or 'not classified'}), {came_to}")
        if subtask["answer"] is not None:
            output.print_text(subtask["answer"])
