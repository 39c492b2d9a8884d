"""Cancel, rerun, correct and replay a task: a page that says what will be done, and the doing of it."""

from typing import Any
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pointsman.contracts.task import Rejection, read_task
from pointsman.entrypoints.replay import build_replay
from pointsman.execution.records import TaskRecord
from pointsman.services.replay import ReplayOptions
from pointsman.services.rerun import RerunOptions
from pointsman.values.effort import Effort
from pointsman.values.status import ENDED, Status
from pointsman.values.taxonomy import TaskType, Tier
from pointsman_cli import correcting, rerunning, tasks
from pointsman_cli.cancelling import cancel_tasks
from pointsman_cli.errors import BadInputError, CommandError, StillRunningError
from pointsman_cli.ui.form_reading import FormFields, chosen, stated
from pointsman_cli.ui.submit_page import estimate_of
from pointsman_cli.ui.ui_context import UiContext


def confirm_cancel(ui: UiContext, request: Request) -> Response:
    """Say what cancelling the task does."""
    record = _record(ui, request)
    if record.status in ENDED:
        raise CommandError(f"task {record.task_id} has ended: it is {record.status}")
    return ui.page(request, "confirm_cancel.html", task=record, under_way=record.open_intent is not None)


def do_cancel(ui: UiContext, request: Request, _: FormFields) -> Response:
    """Cancel the task."""
    (row,) = cancel_tasks(ui.connection, [request.path_params["task_id"]])
    if row["result"] == "failed":
        raise CommandError(f"task {row['task_id']} was not cancelled: {row['note']}")
    return RedirectResponse(f"/tasks/{row['task_id']}?did={row['result']}", 303)


def confirm_rerun(ui: UiContext, request: Request) -> Response:
    """Say what running the task anew does, and what it may cost."""
    record = _record(ui, request)
    if record.status not in ENDED and record.status is not Status.REJECTED:
        raise StillRunningError(f"task {record.task_id} has not ended: wait for it, or cancel it first")
    models = sorted({model for tier in Tier for model in ui.connection.runtime.context.policy.chain(tier)})
    return ui.page(
        request,
        "confirm_rerun.html",
        task=record,
        estimate=_estimate(ui, record),
        types=list(TaskType),
        tiers=list(Tier),
        efforts=list(Effort),
        models=models,
    )


def do_rerun(ui: UiContext, request: Request, fields: FormFields) -> Response:
    """Run the task anew, and go on to the new one."""
    options = RerunOptions(
        chosen(TaskType, fields, "type"),
        chosen(Tier, fields, "tier"),
        stated(fields, "model"),
        chosen(Effort, fields, "effort"),
    )
    started = rerunning.rerun_task(ui.connection, _record(ui, request), options)
    return RedirectResponse(f"/tasks/{started['task_id']}?did=rerun", 303)


def confirm_correct(ui: UiContext, request: Request) -> Response:
    """Ask what the task should have been."""
    record = _record(ui, request)
    ended = record.status in ENDED
    return ui.page(request, "confirm_correct.html", task=record, ended=ended, types=list(TaskType))


def do_correct(ui: UiContext, request: Request, fields: FormFields) -> Response:
    """Record what the task should have been, and run it anew as that if it is wanted."""
    record, kind = _record(ui, request), chosen(TaskType, fields, "type")
    if kind is None:
        raise BadInputError("type: say what the task should have been")
    _, started = correcting.correct_task(ui.connection, record, kind, rerun="rerun" in fields)
    after = f"/tasks/{started['task_id']}?did=rerun" if started else f"/tasks/{record.task_id}?did=corrected"
    return RedirectResponse(after, 303)


def confirm_replay(ui: UiContext, request: Request) -> Response:
    """Say what replaying the failed task does."""
    record = _record(ui, request)
    items = ui.connection.runtime.part(build_replay)(_replay_of(record, execute=False), f"replay-{uuid4().hex}")
    if not items:
        raise CommandError(f"task {record.task_id} is not a failed task; any that has ended can be run anew")
    return ui.page(request, "confirm_replay.html", task=record, item=items[-1], estimate=_estimate(ui, record))


def do_replay(ui: UiContext, request: Request, _: FormFields) -> Response:
    """Start the failed task's next generation."""
    record = _record(ui, request)
    items = ui.connection.runtime.part(build_replay)(_replay_of(record, execute=True), f"replay-{uuid4().hex}")
    if not items or items[-1].trouble:
        raise CommandError(
            f"task {record.task_id} was not replayed: {items[-1].trouble if items else 'it has changed'}"
        )
    return RedirectResponse(f"/tasks/{record.task_id}?did=replayed", 303)


def _record(ui: UiContext, request: Request) -> TaskRecord:
    return tasks.read_task_record(ui.connection.client, request.path_params["task_id"])


def _replay_of(record: TaskRecord, *, execute: bool) -> ReplayOptions:
    return ReplayOptions(frozenset({record.task_id}), execute=execute)


def _estimate(ui: UiContext, record: TaskRecord) -> dict[str, Any] | None:
    """Return what the task as it was would cost now; None where its prompt is gone."""
    fields = tasks.read_task_fields(ui.connection.runtime, record)
    if fields is None:
        return None
    found = {"type": record.type, "tier": record.tier} if record.decision else {}
    try:
        return estimate_of(ui, read_task({**fields, **found}))
    except Rejection:
        return None
