"""`pointsman watch`: the newest tasks, live."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from shutil import get_terminal_size
from typing import Annotated

import typer

from pointsman_cli import live, output
from pointsman_cli.errors import BadInputError, Exit
from pointsman_cli.list_options import KEPT, ListedStatus, ListOptions
from pointsman_cli.options import StackOptions, choice

_ALTERNATE, _NORMAL = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
"""A screen of its own without a cursor, and back."""
_HOME, _CLEAR_REST = "\x1b[H", "\x1b[J"


def watch(
    stack: StackOptions,
    status: Annotated[
        list[ListedStatus] | None, choice(ListedStatus, "--status", "Only with this status (repeatable)")
    ] = None,
    every: Annotated[float, typer.Option(metavar="SECONDS", min=1, help="Time between two looks.")] = 3.0,
) -> int:
    """Watch the newest tasks until Ctrl-C.

    Shows as many as the terminal has lines, and on the local stack the alarms that are on. Programs use `pointsman list
    --json`. On AWS each look reads a few dozen units: about $0.01 an hour.
    """
    from pointsman_cli.stack_alarms import local_alarms
    from pointsman_cli.task_list import list_tasks

    if not sys.stdout.isatty():
        raise BadInputError("watch needs a terminal: use `pointsman list`, or `pointsman list --json` for programs")
    connection = stack.connect()
    with _own_screen():
        try:
            while True:
                columns, lines = get_terminal_size()
                now = datetime.now(UTC)
                options = ListOptions(now - KEPT, limit=max(lines - 2, 1), status=frozenset(status or ()))
                found = list_tasks(connection, options, connection.known_tasks)
                alarms = local_alarms(connection)
                shown = live.frame(found.rows, now.astimezone(connection.settings.zone), columns, lines - 1, alarms)
                output.paint_screen(_HOME + "".join(f"{line}\x1b[K\r\n" for line in shown) + _CLEAR_REST)
                time.sleep(every)
        except KeyboardInterrupt:
            return Exit.OK


@contextmanager
def _own_screen() -> Iterator[None]:
    output.paint_screen(_ALTERNATE)
    try:
        yield
    finally:
        output.paint_screen(_NORMAL)
