"""What a started task waits for, for whoever asks: its execution knows."""

from pointsman.execution.records import TaskRecord
from pointsman.execution.waiting import Waiting, WaitingFor, waiting_in_lane
from pointsman.ports import Workflow
from pointsman.services.start import execution_name
from pointsman.values.status import UNDER_WAY, Status
from pointsman.values.times import parse_time


def waiting_of(workflow: Workflow, record: TaskRecord) -> Waiting | None:
    """Return what the task waits for now; None when it has no execution, or its execution does not wait."""
    if record.status is Status.WAITING and record.deadline:
        until = parse_time(record.deadline)
        return Waiting(WaitingFor.SUBTASKS, until, until)
    if record.status not in UNDER_WAY:
        return None
    if waiting := waiting_in_lane(record):
        return waiting
    pause = workflow.pause(execution_name(record.task_id, record.generation))
    return Waiting.of_pause(pause) if pause else None
