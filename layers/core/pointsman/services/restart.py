"""Starts tasks again whose execution is gone: an emulator holds executions in memory, unlike Step Functions.

Run by the operator's process with the operator's rights. A task that waits for a batch or for its subtasks has no
execution: the economy lane and the sweep look after it. One that was not decided yet has its message in the queue.
"""

from dataclasses import dataclass, replace
from typing import Any

from pointsman.execution.records import IN_BATCH, POOLED, TaskRecord
from pointsman.execution.workflow_state import WorkflowState
from pointsman.ports import TaskStore, Workflow
from pointsman.services.context import Context
from pointsman.services.start import execution_name
from pointsman.values import strict_json
from pointsman.values.lane import Lane
from pointsman.values.log_events import LogEvent
from pointsman.values.status import ENDED, UNDER_WAY, Status


@dataclass(frozen=True, slots=True)
class Restart:
    """The use case."""

    ctx: Context
    tasks: TaskStore
    workflow: Workflow

    def __call__(self) -> int:
        """Start every task that is decided and not delivered, and whose execution is gone; return how many they are.

        The attempts go on where they stopped: the one that was open is closed by the next, and an answer that is
        stored is delivered without a call. A message that is still there finds the execution by its name.
        """
        started = 0
        for task_id in list(self.tasks.unfinished()):
            record = self.tasks.read(task_id)
            if record is None or not _has_execution_of_its_own(record):
                continue
            name = execution_name(task_id, record.generation)
            if self.workflow.input_of(name) is None and self.workflow.start(name, _input_from_here(record)).started:
                self.ctx.log(LogEvent.TASK_STARTED_AGAIN, task_id=task_id, generation=record.generation)
                started += 1
        return started


def _has_execution_of_its_own(record: TaskRecord) -> bool:
    """Return whether an execution, and nothing else, brings the task to its end and the end to those who wait."""
    if record.execution_input is None or record.attention in (POOLED, IN_BATCH):
        return False
    if record.status is Status.CLAIMED:
        return record.lane is None or record.lane.lane is Lane.STANDARD
    if record.status in ENDED:
        return record.attention is not None
    return record.status in UNDER_WAY and not record.subtasks


def _input_from_here(record: TaskRecord) -> str:
    """Return the input of an execution whose first attempt follows the task's last one."""
    assert record.execution_input is not None
    generation, _, attempt = record.last_attempt.partition(".")
    if not attempt or int(generation) != record.generation:
        return record.execution_input
    state: Any = strict_json.loads(record.execution_input)
    return strict_json.dumps(replace(WorkflowState.from_state(state), attempt=int(attempt) + 1).as_state())
