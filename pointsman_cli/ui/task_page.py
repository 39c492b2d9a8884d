"""The page of one task: answer, prompt, why it went where it did, its attempts, its family, and who was told."""

from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pointsman.execution.records import TaskRecord
from pointsman.values.status import Status
from pointsman.values.times import parse_time
from pointsman_cli import tasks
from pointsman_cli.commands.status import waiting_summary
from pointsman_cli.stacks import StackConnection
from pointsman_cli.ui.ui_context import PAGE_ROWS, UiContext

_IN_THE_QUEUE = timedelta(days=4)
"""The longest that a message stays there."""
_LONGEST_SHOWN = 100_000
"""Characters of a prompt on the page."""


def task_page(ui: UiContext, request: Request) -> Response:
    """Return the whole page."""
    return ui.page(request, "task.html", **_values(ui, request))


def task_part(ui: UiContext, request: Request) -> Response:
    """Return the page's content, which is live until the task has ended."""
    return ui.page(request, "task_part.html", **_values(ui, request))


def _values(ui: UiContext, request: Request) -> dict[str, Any]:
    connection, task_id = ui.connection, request.path_params["task_id"]
    record = connection.client.read(task_id)
    if record is None and task_id in connection.known_tasks.recently_submitted(ui.now() - _IN_THE_QUEUE):
        return {"task_id": task_id, "task": None, "ended": False}
    record = tasks.read_task_record(connection.client, task_id)
    document = tasks.task_document(connection.runtime, record, stand_in=connection.stand_in)
    ended = record.status in (Status.COMPLETED, Status.FAILED, Status.REJECTED, Status.CANCELLED)
    shows_private = request.query_params.get("private") == "show"
    return {
        "task_id": record.task_id,
        "task": document,
        "ended": ended,
        "answer": _answer(connection, record) if ended else None,
        "sent": _sent(connection, record) if shows_private or not record.private else None,
        "hidden": record.private and not shows_private,
        "attempts": _with_places(document, ui.now()),
        "subtasks": document["subtasks"][:PAGE_ROWS],
        "waiting": waiting_summary(document["waiting_for"]),
        "now": ui.now(),
    }


def _answer(connection: StackConnection, record: TaskRecord) -> str | None:
    return tasks.read_payload(connection.runtime, record.answer)


def _sent(connection: StackConnection, record: TaskRecord) -> dict[str, Any] | None:
    """Return what was asked: the conversation's turns or the prompt, and the instructions beside it; None: gone."""
    fields = tasks.read_task_fields(connection.runtime, record)
    if fields is None:
        return None
    said = fields.get("messages") or [{"role": "user", "content": fields.get("prompt")}]
    turns = [
        {"role": str(turn.get("role")), "text": str(turn.get("content"))[:_LONGEST_SHOWN]}
        for turn in said
        if isinstance(turn, dict)
    ]
    longer = any(isinstance(turn, dict) and len(str(turn.get("content"))) > _LONGEST_SHOWN for turn in said)
    return {"turns": turns[-PAGE_ROWS:], "system": fields.get("system"), "cut": longer or len(turns) > PAGE_ROWS}


def _with_places(document: dict[str, Any], now: datetime) -> list[dict[str, Any]]:
    """Return the attempts with where they lie on a line from the task's receipt to its end, in percent."""
    attempts = document["attempts"]
    if not attempts:
        return []
    begin = parse_time(document["received_at"] or attempts[0]["at"])
    ends = [_end(attempt, now) for attempt in attempts]
    end = max([*ends, parse_time(document["ended_at"])] if document["ended_at"] else [*ends, now])
    whole = max((end - begin).total_seconds(), 0.001)
    places = []
    for attempt, ended in zip(attempts, ends, strict=True):
        start = (parse_time(attempt["at"]) - begin).total_seconds()
        left = min(max(100 * start / whole, 0), 99.5)
        width = max(100 * (ended - begin).total_seconds() / whole - left, 0.5)
        places.append({**attempt, "left": round(left, 2), "width": round(min(width, 100 - left), 2)})
    return places[-PAGE_ROWS:]


def _end(attempt: dict[str, Any], now: datetime) -> datetime:
    took = attempt["milliseconds"]
    return now if took is None else parse_time(attempt["at"]) + timedelta(milliseconds=took)
