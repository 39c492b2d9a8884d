"""The pages Audit: tasks that the baseline has answered too, and both answers side by side, whose they are unsaid."""

from datetime import timedelta
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pointsman.execution.comparison import Preferred
from pointsman.execution.records import TaskRecord
from pointsman_cli import tasks
from pointsman_cli.errors import BadInputError, CommandError, NotFoundError
from pointsman_cli.ui.form_reading import FormFields, chosen
from pointsman_cli.ui.ui_context import PAGE_ROWS, UiContext

_DAYS = 2
"""Days whose ledger is read for the list."""
_SIDES = ("delivered", "baseline")


class BetterSide(StrEnum):
    """What a person can say of two answers."""

    LEFT = "left"
    RIGHT = "right"
    SAME = "same"


def audit_list(ui: UiContext, request: Request) -> Response:
    """Return the audits of the last days, the newest first."""
    now = ui.now()
    audited = tasks.audited_tasks(ui.connection.runtime, now - timedelta(days=_DAYS), now)[::-1]
    return ui.page(request, "audits.html", records=audited[:PAGE_ROWS], count=len(audited), days=_DAYS)


def audit_page(ui: UiContext, request: Request) -> Response:
    """Return two answers side by side; whose they are stands there once one is found better."""
    record = _audited(ui, request)
    pair = tasks.answer_pair(ui.connection.runtime, record)
    return ui.page(
        request,
        "audit.html",
        pair=pair,
        sides=[pair[side] for side in _order(ui, record)],
        names=_order(ui, record),
        judgement=pair["judgement"],
        open=pair["baseline"]["outcome"] == "open",
        hidden=record.private and request.query_params.get("private") != "show",
    )


def judge_pair(ui: UiContext, request: Request, fields: FormFields) -> Response:
    """Keep which answer a person finds better."""
    record, better = _audited(ui, request), chosen(BetterSide, fields, "better")
    if better is None:
        raise BadInputError("better: say which answer is better, or that they are the same")
    left, right = _order(ui, record)
    side = {BetterSide.LEFT: left, BetterSide.RIGHT: right, BetterSide.SAME: Preferred.SAME}[better]
    if not ui.connection.runtime.stores.tasks.judge_audit(record.pair, Preferred(side), ui.now()):
        raise CommandError(f"task {record.task_id}: its second answer is not there yet")
    return RedirectResponse(f"/audit/{record.task_id}", 303)


def _audited(ui: UiContext, request: Request) -> TaskRecord:
    record = tasks.read_task_record(ui.connection.client, request.path_params["task_id"])
    if record.audit is None:
        raise NotFoundError(f"task {record.task_id} has no audit")
    return record


def _order(ui: UiContext, record: TaskRecord) -> tuple[str, ...]:
    """Return which answer stands on which side: by chance, but the same while this window is open."""
    turned = int(ui.session.form_token(f"/audit/{record.task_id}/sides")[0], 16) % 2
    return _SIDES[::-1] if turned else _SIDES
