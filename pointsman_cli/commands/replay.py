"""`pointsman replay`: retry dead letters and failed tasks."""

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from pointsman_cli import output
from pointsman_cli.errors import Exit, NotFoundError
from pointsman_cli.options import AsJson, StackOptions

if TYPE_CHECKING:
    from pointsman.services.replay import ReplayedItem


def replay(
    stack: StackOptions,
    ids: Annotated[
        list[str] | None,
        typer.Option("--id", metavar="TASK_ID", help="Only this task or message, even if it failed (repeatable)."),
    ] = None,
    reason: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only with this rejection code or failure reason.")
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Include failed tasks, not only the dead-letter queue.")
    ] = False,
    execute: Annotated[
        bool, typer.Option("--execute", help="Replay them. Default: only show what would be replayed.")
    ] = False,
    route_again: Annotated[
        bool, typer.Option("--route-again", help="Route a failed task again instead of reusing its decision.")
    ] = False,
    anyway: Annotated[bool, typer.Option("--anyway", help="Replay even what would be rejected again.")] = False,
    as_json: AsJson = False,
) -> int:
    """Retry dead letters and failed tasks, under their own ids.

    Shows what it would replay; --execute replays it. A failed task runs as its next generation, with a new deadline in
    24 hours, and costs money again. Exits with 1 if a replay fails.
    """
    from pointsman.entrypoints.replay import build_replay
    from pointsman.services.replay import ReplayOptions

    connection = stack.connect()
    task_ids = frozenset(connection.task_id(task_id) for task_id in ids or ())
    options = ReplayOptions(task_ids, reason, failed, anyway, route_again, execute)
    items = connection.runtime.part(build_replay)(options, f"replay-{uuid4().hex}")
    if options.ids and not items:
        named = ", ".join(sorted(options.ids))
        raise NotFoundError(f"not a dead letter or failed task: {named}; `pointsman rerun` runs any ended task anew")
    if as_json:
        output.print_document({"executed": execute, "found": [_document(item) for item in items]})
    else:
        _print_items(items, execute=execute)
    return Exit.FAILED if any(item.trouble for item in items) else Exit.OK


def _print_items(items: "list[ReplayedItem]", *, execute: bool) -> None:
    if not items:
        print("Nothing to replay.")
        return
    header = ("from", "task", "code", "bytes", "result" if execute else "would", "reason")
    output.print_table(header, [_row(item, execute=execute) for item in items], right=(3,))
    print()
    counts = Counter(_result(item, execute=execute) for item in items)
    output.print_pairs([(result, count) for result, count in counts.most_common()])
    if not execute:
        output.print_note("Nothing was changed. Add --execute to replay.")


def _row(item: "ReplayedItem", *, execute: bool) -> tuple[Any, ...]:
    reason = item.trouble or item.why or item.reason or ""
    return item.source, item.task_id, item.code, item.size, _result(item, execute=execute), reason


def _result(item: "ReplayedItem", *, execute: bool) -> str:
    if not execute:
        return str(item.outcome)
    if item.trouble:
        return "not replayed"
    if not item.replayed:
        return f"skipped: {item.outcome}"
    return f"started as generation {item.generation}" if item.source == "task" else "sent back"


def _document(item: "ReplayedItem") -> dict[str, Any]:
    """Return an item for the JSON document, where the outcome is called `verdict`."""
    return {"verdict" if name == "outcome" else name: value for name, value in asdict(item).items()}
