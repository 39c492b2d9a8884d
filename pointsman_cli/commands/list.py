"""`pointsman list`: the tasks, newest first."""

import shutil
import sys
import textwrap
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from pointsman.values.taxonomy import TaskType, Tier
from pointsman_cli import live, output
from pointsman_cli.list_options import ListedStatus, ListOptions, PromptMark, SortOrder
from pointsman_cli.listed_lane import listed_lane_words
from pointsman_cli.options import AsJson, StackOptions, choice

_WIDE = 100
"""Columns of a terminal from which the type has a column."""
_TERMINAL_EXCERPT = 48
"""Characters of a prompt on a terminal, so that a task takes few lines."""
_MARKS = {
    PromptMark.PRIVATE: "(private)",
    PromptMark.LONG: "(long: in the bucket)",
    PromptMark.EXPIRED: "(expired)",
    PromptMark.NONE: "",
}


def list_(
    stack: StackOptions,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Received since: 2h, 3d, today, 2026-11-21. Default: all.")
    ] = None,
    status: Annotated[
        list[ListedStatus] | None, choice(ListedStatus, "--status", "Only with this status (repeatable)")
    ] = None,
    type_: Annotated[TaskType | None, choice(TaskType, "--type", "Only of this type")] = None,
    tier: Annotated[Tier | None, choice(Tier, "--tier", "Only of this tier")] = None,
    sender: Annotated[
        str | None, typer.Option(metavar="PATTERN", help="Only from this sender, such as 'key:*'.")
    ] = None,
    ticket: Annotated[str | None, typer.Option(metavar="TEXT", help="Only with this ticket in the metadata.")] = None,
    agent: Annotated[str | None, typer.Option(metavar="TEXT", help="Only with this agent in the metadata.")] = None,
    search: Annotated[str | None, typer.Option(metavar="TEXT", help="Only with this text in prompt or id.")] = None,
    sort: Annotated[SortOrder, typer.Option(help="Newest or most expensive first.")] = "time",
    limit: Annotated[int, typer.Option(metavar="N", min=1, max=1000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List tasks, newest first, with the beginning of their prompts.

    Filters and --sort cost look at the newest 10,000 tasks since --since, and say so if there are more. Commands that
    take a TASK_ID also take @1 for the first row, @last for the task submitted last, and the beginning of an id.
    """
    from pointsman_cli.task_list import list_tasks

    connection = stack.connect()
    now, zone = datetime.now(UTC), connection.settings.zone
    options = ListOptions.of(
        now,
        zone,
        since=since,
        status=status,
        search=search,
        sort=sort,
        limit=limit,
        type=type_,
        tier=tier,
        sender=sender,
        ticket=ticket,
        agent=agent,
    )
    found = list_tasks(connection, options, connection.known_tasks)
    connection.known_tasks.listed([row["task_id"] for row in found.rows])
    if as_json:
        output.print_document(found.as_document(stand_in=connection.stand_in))
        return
    if found.rows:
        print_rows(found.rows, now)
    else:
        output.print_note("No task was found.")
    for note in found.notes(options):
        output.print_note(note)


def print_rows(rows: Sequence[dict[str, Any]], now: datetime) -> None:
    """Print a table of tasks."""
    wide = not sys.stdout.isatty() or shutil.get_terminal_size().columns >= _WIDE
    lanes = [listed_lane_words(row["lane"]) for row in rows]
    header = ("", "task", "status", *(("type",) if wide else ()), "cost", "age", *(["lane"] * any(lanes)), "prompt")
    numbers = (0, 4, 5) if wide else (0, 3, 4)
    table = [
        (*cells, *([lane] * any(lanes)), words)
        for number, (row, lane) in enumerate(zip(rows, lanes, strict=True), 1)
        for *cells, words in (_cells(number, row, now, wide=wide),)
    ]
    output.print_table(header, table, right=numbers)


def _cells(number: int, row: dict[str, Any], now: datetime, *, wide: bool) -> tuple[object, ...]:
    waiting = row["waiting_for"]
    words = row["excerpt"] if row["no_excerpt"] is None else _MARKS[row["no_excerpt"]]
    if sys.stdout.isatty():
        words = textwrap.shorten(words, _TERMINAL_EXCERPT, placeholder="…")
    cost = output.short_dollars(row["cost_nano_usd"])
    status = row["status"] + (f" ({waiting['what'].replace('_', ' ')})" if waiting and wide else "")
    kind = (row["type"] or "",) if wide else ()
    return f"@{number}", row["task_id"], status, *kind, cost, live.time_ago(row["received_at"], now), words
