"""The page Submit: a prompt, beside it where it would go and what it would cost, and the sending."""

import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pointsman.client import InvalidTaskError, TaskFields
from pointsman.client.message import body_of, task_fields
from pointsman.contracts.task import Rejection, Task
from pointsman.values.effort import Effort
from pointsman.values.taxonomy import TaskType, Tier
from pointsman_cli import submission
from pointsman_cli.dry_run import TYPICAL_OUTPUT_TOKENS, DryRun
from pointsman_cli.errors import BadInputError
from pointsman_cli.ui.form_reading import FormFields, chosen, stated
from pointsman_cli.ui.ui_context import UiContext

_METADATA = ("ticket", "agent")


def submit_page(ui: UiContext, request: Request) -> Response:
    """Return the form."""
    return ui.page(
        request,
        "submit.html",
        types=list(TaskType),
        tiers=list(Tier),
        efforts=list(Effort),
        key=str(uuid.uuid4()),
    )


def estimate_part(ui: UiContext, request: Request, fields: FormFields) -> Response:
    """Return where the task would go and what it would cost; asks no model and sends nothing."""
    if not stated(fields, "prompt"):
        return ui.page(request, "estimate_part.html", estimate=None, problem=None)
    try:
        task = submission.check(_body(fields), strict=True)
        estimate = estimate_of(ui, task)
    except (BadInputError, Rejection) as error:
        return ui.page(request, "estimate_part.html", estimate=None, problem=str(error))
    return ui.page(
        request, "estimate_part.html", estimate=estimate, problem=None, task=task, typical=TYPICAL_OUTPUT_TOKENS
    )


def estimate_of(ui: UiContext, task: Task) -> dict[str, Any]:
    """Return the document of `pointsman route` for a task, without asking a model."""
    runtime = ui.connection.runtime
    run = DryRun(runtime, runtime.stores.model_health.states(runtime.context.policy.catalog.models), ask=False)
    return run.document(task, *run.decide([task]))


def submit_task(ui: UiContext, _: Request, fields: FormFields) -> Response:
    """Send the task, and go on to its page.

    Sending the same form again, as a browser does that goes back, is the same task; with another text it is another.
    """
    connection, body = ui.connection, _body(fields)
    task = submission.check(body, strict=True)
    sent = connection.client.send(body)
    connection.known_tasks.submitted([sent.task_id])
    assert sent.task_id == task.task_id
    return RedirectResponse(f"/tasks/{sent.task_id}", 303)


def _body(fields: FormFields) -> str:
    tokens, metadata = stated(fields, "max_output_tokens"), {name: stated(fields, name) for name in _METADATA}
    if tokens and not (tokens.isascii() and tokens.isdecimal() and len(tokens) < 10):
        raise BadInputError("max_output_tokens: must be a number")
    options: TaskFields = {
        "type": chosen(TaskType, fields, "type"),
        "tier": chosen(Tier, fields, "tier"),
        "effort": chosen(Effort, fields, "effort"),
        "private": "private" in fields,
        "split": "split" in fields,
        "system": stated(fields, "system"),
        "max_output_tokens": int(tokens) if tokens else None,
        "max_cost_usd": stated(fields, "max_cost_usd"),
        "metadata": {name: text for name, text in metadata.items() if text} or None,
    }
    try:
        unnamed = body_of({**task_fields(fields.get("prompt", ""), {**options, "task_id": "x"})})
        key = uuid.uuid5(uuid.NAMESPACE_OID, fields.get("key", "") + unnamed)
        return body_of(task_fields(fields.get("prompt", ""), {**options, "task_id": str(key)}))
    except InvalidTaskError as error:
        raise BadInputError(f"invalid message: {error}") from None
