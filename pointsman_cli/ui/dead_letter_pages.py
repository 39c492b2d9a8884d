"""The pages of dead letters: a list, one of them as it lies there, its correction and its replay."""

from uuid import uuid4

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pointsman.adapters.dead_letters import count_letters
from pointsman.entrypoints.replay import build_replay
from pointsman.execution.dead_letter import DeadLetter
from pointsman.services.replay import ReplayedItem, ReplayOptions, is_rejected
from pointsman_cli.errors import CommandError, NotFoundError
from pointsman_cli.ui.form_reading import FormFields
from pointsman_cli.ui.ui_context import PAGE_ROWS, UiContext

_LONGEST_EDITED = 300_000
"""Characters: the queue takes no longer message."""


def dead_letter_list(ui: UiContext, request: Request) -> Response:
    """Return the list, the first of them: SQS shows them in no order."""
    connection = ui.connection
    count = count_letters(connection.clients.client("sqs"), connection.settings.dlq_url)
    options = ReplayOptions(most=PAGE_ROWS)
    items = connection.runtime.part(build_replay)(options, _owner()) if count else []
    return ui.page(request, "dead_letters.html", items=items, count=max(count, len(items)))


def dead_letter_page(ui: UiContext, request: Request) -> Response:
    """Return one as it lies there, and what its replay would come to."""
    letter, item = _letter(ui, request), _replay(ui, request)
    return ui.page(
        request,
        "dead_letter.html",
        item=item,
        body=letter.body,
        can_edit=is_rejected(letter) and len(letter.body) <= _LONGEST_EDITED,
    )


def replay_letter(ui: UiContext, request: Request, fields: FormFields) -> Response:
    """Send it back to the queue, corrected if the form has a body."""
    if (body := fields.get("body")) is not None and not is_rejected(_letter(ui, request)):
        raise CommandError("only a message that the router has rejected can be corrected")
    item = _replay(ui, request, corrected=body, execute=True, anyway="anyway" in fields)
    if item.trouble or not item.replayed:
        why = item.trouble or f"{item.outcome}{f': {item.why}' if item.why else ''}"
        raise CommandError(f"{item.task_id} was not replayed: {why}")
    return RedirectResponse("/dead-letters?did=sent_back", 303)


def _letter(ui: UiContext, request: Request) -> DeadLetter:
    task_id = request.path_params["task_id"]
    letter = ui.connection.runtime.part(build_replay).letter(task_id)
    if letter is None:
        raise NotFoundError(f"no dead letter {task_id}: it was replayed, deleted, or somebody reads it now")
    return letter


def _replay(
    ui: UiContext, request: Request, *, corrected: str | None = None, execute: bool = False, anyway: bool = False
) -> ReplayedItem:
    ids = frozenset({request.path_params["task_id"]})
    options = ReplayOptions(ids, anyway=anyway, execute=execute, corrected=corrected)
    items = [item for item in ui.connection.runtime.part(build_replay)(options, _owner()) if item.source == "queue"]
    if not items:
        raise NotFoundError(f"no dead letter {request.path_params['task_id']}")
    return items[0]


def _owner() -> str:
    return f"replay-{uuid4().hex}"
