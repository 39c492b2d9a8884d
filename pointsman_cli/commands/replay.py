"""`pointsman replay`: what lies in the dead-letter queue, or failed, once more."""

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from pointsman_cli import output
from pointsman_cli.errors import Exit, NotFoundError
from pointsman_cli.options import AsJson, Profile, Region, Stack

if TYPE_CHECKING:
    from pointsman.services.replay import ReplayedItem

EXAMPLES = """\b
Examples:
  pointsman replay
  pointsman replay --reason gave_up --execute
  pointsman replay --failed --reason refused
  pointsman replay --id nightly-triage-118 --route-again --execute"""


def replay(
    ids: Annotated[
        list[str] | None,
        typer.Option("--id", metavar="TASK_ID", help="Only this task or message, failed ones included; repeatable."),
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="CODE", help="Only what was rejected with this code or failed with."),
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Failed tasks as well as the dead-letter queue.")] = False,
    execute: Annotated[bool, typer.Option("--execute", help="Do it; without, it is only shown.")] = False,
    route_again: Annotated[
        bool, typer.Option("--route-again", help="Decide anew who serves a failed task, instead of as before.")
    ] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Send back what would be rejected again, too.")] = False,
    as_json: AsJson = False,
    stack: Stack = None,
    profile: Profile = None,
    region: Region = None,
) -> int:
    """Run dead letters and failed tasks once more, under their own ids.

    Shows what would be done; --execute does it. A failed task runs as its next generation, with 24 hours from now, and
    is paid anew. Exits with 1 if something that was to be replayed could not be.
    """
    from pointsman.entrypoints.replay import build_replay
    from pointsman.services.replay import ReplayOptions
    from pointsman_cli import stacks

    wish = ReplayOptions(frozenset(ids or ()), reason, failed, anyway, route_again, execute)
    lines = stacks.connect(stack, profile, region).runtime.part(build_replay)(wish, f"replay-{uuid4().hex}")
    if wish.ids and not lines:
        raise NotFoundError(f"neither a dead letter nor a failed task: {', '.join(sorted(wish.ids))}")
    if as_json:
        output.print_document({"executed": execute, "found": [_document(line) for line in lines]})
    else:
        _show(lines, execute=execute)
    return Exit.FAILED if any(line.trouble for line in lines) else Exit.OK


def _show(lines: "list[ReplayedItem]", *, execute: bool) -> None:
    if not lines:
        print("Nothing to replay.")
        return
    header = ("from", "task", "code", "bytes", "replay" if execute else "would", "because")
    output.print_table(header, [_row(line, execute=execute) for line in lines], right=(3,))
    print()
    counts = Counter(_fate(line, execute=execute) for line in lines)
    output.print_pairs([(fate, count) for fate, count in counts.most_common()])
    if not execute:
        output.print_note("Nothing was changed: add --execute to do it.")


def _row(line: "ReplayedItem", *, execute: bool) -> tuple[Any, ...]:
    because = line.trouble or line.why or line.reason or ""
    return line.source, line.task_id, line.code, line.size, _fate(line, execute=execute), because


def _fate(line: "ReplayedItem", *, execute: bool) -> str:
    if not execute:
        return str(line.outcome)
    if line.trouble:
        return "not replayed"
    if not line.replayed:
        return f"skipped: {line.outcome}"
    return f"started as generation {line.generation}" if line.source == "task" else "sent back"


def _document(item: "ReplayedItem") -> dict[str, Any]:
    """Return a line of the JSON document, in which the outcome is called `verdict`."""
    return {"verdict" if name == "outcome" else name: value for name, value in asdict(item).items()}
