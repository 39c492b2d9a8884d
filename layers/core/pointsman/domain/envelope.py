"""What AWS wraps around a task on its way to the queue, and the identity that each wrapper gives it."""

import re

from pointsman.domain import strict_json
from pointsman.domain.strict_json import Json, NotStrictJson
from pointsman.domain.task import ID_PATTERN, Rejection, Task, read_task

_DEEPEST = 3
"""Wrappers around wrappers: an EventBridge rule to SNS to SQS makes two."""


def open_message(body: str, message_id: str) -> tuple[str, Task]:
    """Return the task id and the task in an SQS message body.

    The id is the task's own, else the SNS `MessageId` or EventBridge `id` of the innermost envelope, else `message_id`
    (the SQS message's).

    Raises:
        Rejection: the body is no strict JSON (`invalid_json`) or no task (`invalid_task`).
    """
    fields, default_id = unwrap(body, message_id)
    task = read_task(fields)
    return task.task_id or default_id, task


def unwrap(body: str, message_id: str) -> tuple[Json, str]:
    """Return what stands inside the envelopes, and the id of the innermost."""
    here, default_id = _parse(body), message_id
    for _ in range(_DEEPEST):
        if not isinstance(here, dict) or "prompt" in here:
            break
        if here.get("Type") == "Notification" and isinstance(here.get("Message"), str):
            default_id = _usable(here.get("MessageId"), default_id)
            here = _parse(str(here["Message"]))
        elif "detail-type" in here and "source" in here and isinstance(here.get("detail"), dict):
            default_id = _usable(here.get("id"), default_id)
            here = here["detail"]
        else:
            break
    return here, default_id


def _parse(text: str) -> Json:
    try:
        return strict_json.loads(text)
    except NotStrictJson as error:
        raise Rejection("invalid_json", f"body: {error}") from None


def _usable(candidate: Json, otherwise: str) -> str:
    return candidate if isinstance(candidate, str) and re.fullmatch(ID_PATTERN, candidate) else otherwise


def readable_id(body: str) -> str | None:
    """Return the valid `task_id` that a rejected message states, or None."""
    try:
        fields, _ = unwrap(body, "")
    except Rejection:
        return None
    stated = fields.get("task_id") if isinstance(fields, dict) else None
    return _usable(stated, "") or None
