"""Cancels tasks for the command and the MCP tool, and says in words what became of each."""

import re
from collections.abc import Iterable, Sequence
from typing import TypedDict

from pointsman.contracts.task import ID_PATTERN
from pointsman.entrypoints.cancellation import build_cancellation
from pointsman.services.cancel import CancelledTask, CancelOutcome
from pointsman.values.errors import RetryLaterError
from pointsman.values.status import Status
from pointsman_cli.errors import BadInputError, Exit
from pointsman_cli.stacks import StackConnection

_NOTES = {
    CancelOutcome.CANCELLING: "its call is under way: it ends with that call, whose cost is booked",
    CancelOutcome.NOT_RECEIVED: "no such task was received: if it is in the queue, it is dropped when it arrives",
}


class CancelRow(TypedDict):
    """What cancelling a task came to."""

    task_id: str
    result: str
    """`cancelled`, `cancelling`, `not_received`, `ended_before` or `failed`."""
    status: str | None
    """The task's, as stored; None: it was not received."""
    subtasks: int
    """How many subtasks were cancelled with it."""
    note: str | None


def cancel_tasks(connection: StackConnection, task_ids: Iterable[str]) -> list[CancelRow]:
    """Cancel tasks; one's trouble is no other's.

    Raises:
        BadInputError: An id is none that a task can have. Nothing was cancelled.
    """
    ids = list(dict.fromkeys(task_ids))
    for task_id in ids:
        if not re.fullmatch(ID_PATTERN, task_id):
            raise BadInputError(f"{task_id}: is no task id")
    cancellation = connection.runtime.part(build_cancellation)
    rows: list[CancelRow] = []
    for task_id in ids:
        try:
            rows.append(_row(*cancellation(task_id)))
        except RetryLaterError as error:
            rows.append({"task_id": task_id, "result": "failed", "status": None, "subtasks": 0, "note": str(error)})
    return rows


def exit_code(rows: Sequence[CancelRow]) -> Exit:
    """Return the command's exit code."""
    missed = [row for row in rows if row["result"] in ("ended_before", "failed") and row["status"] != Status.CANCELLED]
    return Exit.FAILED if missed else Exit.OK


def _row(task: CancelledTask, trouble: str | None) -> CancelRow:
    record, note = task.record, _NOTES.get(task.outcome)
    if trouble:
        note = f"{trouble}; the sweep tries again"
    elif task.outcome is CancelOutcome.ENDED and record:
        note = f"it is {record.status}"
    return {
        "task_id": task.task_id,
        "result": task.outcome.replace(" ", "_"),
        "status": str(record.status) if record else None,
        "subtasks": len(record.subtasks) if record and task.ended_now else 0,
        "note": note,
    }
