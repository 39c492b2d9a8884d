"""Runs an ended task anew, for `rerun` and `correct --rerun`."""

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pointsman.entrypoints.rerun import build_rerun
from pointsman.execution.records import TaskRecord
from pointsman.execution.workflow_state import WorkflowState
from pointsman.services.rerun import NotRerunnableError, RerunOptions, check_rerunnable
from pointsman.values import strict_json
from pointsman.values.status import ENDED, Status
from pointsman_cli import tasks
from pointsman_cli.errors import CommandError, NotFoundError, StillRunningError
from pointsman_cli.stacks import StackConnection

if TYPE_CHECKING:
    from pointsman.values.strict_json import Json


def rerun_task(connection: StackConnection, record: TaskRecord, options: RerunOptions) -> dict[str, Any]:
    """Start the task anew and return what to print of it; this machine then knows its id.

    Raises:
        StillRunningError: It has not ended.
        NotFoundError: Its prompt is gone.
        CommandError: It cannot be run so.
    """
    if record.status not in ENDED and record.status is not Status.REJECTED:
        raise StillRunningError(f"task {record.task_id} has not ended: wait for it, or `pointsman cancel` it first")
    try:
        check_rerunnable(record)
        body = tasks.read_payload(connection.runtime, record.body)
        if body is None:
            raise NotFoundError(
                f"task {record.task_id}: its prompt is gone (the bucket keeps prompts for 90 days): submit it again"
            )
        rerun = connection.runtime.part(build_rerun)
        started = rerun(record, body, options, str(uuid4()), f"rerun-{uuid4().hex}")
    except NotRerunnableError as error:
        raise CommandError(str(error)) from None
    connection.known_tasks.submitted([started.task_id])
    state: Json = strict_json.loads(started.execution_input or "{}")
    plan = WorkflowState.from_state(state).plan if isinstance(state, dict) else ()
    return {
        "task_id": started.task_id,
        "rerun_of": record.task_id,
        "type": started.type,
        "tier": started.tier,
        "model": plan[0].model if plan else None,
        "stand_in": connection.stand_in,
    }
