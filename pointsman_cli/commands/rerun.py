"""`pointsman rerun`: run an ended task anew."""

from typing import Annotated

import typer

from pointsman.values.effort import Effort
from pointsman.values.taxonomy import TaskType, Tier
from pointsman_cli import output
from pointsman_cli.commands import result
from pointsman_cli.errors import Exit
from pointsman_cli.options import AsJson, StackOptions, choice


def rerun(
    stack: StackOptions,
    task_id: Annotated[str, typer.Argument(metavar="TASK_ID", help="The task's id.")],
    type_: Annotated[TaskType | None, choice(TaskType, "--type", "Run it as this type")] = None,
    tier: Annotated[Tier | None, choice(Tier, "--tier", "Run it on this tier")] = None,
    model: Annotated[str | None, typer.Option(metavar="MODEL", help="Ask this model only, without fallbacks.")] = None,
    effort: Annotated[Effort | None, typer.Option(help="How much the model may think.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until the task ends, and print the answer.")] = False,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Maximum wait with --wait. Exits with 4 afterwards.")
    ] = 900,
    as_json: AsJson = False,
) -> int:
    """Run an ended task again, under a new id linked to it.

    It has the old task's prompt, sender and metadata, its type and tier (or its correction) unless they are given, 24
    hours, and its own answer, event and cost. It replies to nobody: `result @last --wait` prints the answer.
    """
    from pointsman.services.rerun import RerunOptions
    from pointsman_cli import rerunning, tasks

    connection = stack.connect()
    record = tasks.read_task_record(connection.client, connection.task_id(task_id))
    started = rerunning.rerun_task(connection, record, RerunOptions(type_, tier, model, effort))
    if wait:
        ended = result.wait_for_result(connection, started["task_id"], timeout)
        document = tasks.result_document(ended, stand_in=connection.stand_in)
        return result.print_result(document, connection, as_json=as_json)
    if as_json:
        output.print_document(started)
    else:
        print_started(started)
        connection.say_stand_in()
    return Exit.OK


def print_started(started: dict[str, str | None]) -> None:
    """Print a task that runs anew."""
    output.print_pairs(
        [
            ("started", started["task_id"]),
            ("rerun of", started["rerun_of"]),
            ("as", f"{started['type']} ({started['tier']})"),
            ("model", started["model"] or "none may serve it"),
        ]
    )
