"""The cancelling of tasks, by the operator's process with the operator's rights."""

from dataclasses import dataclass

from pointsman.execution.records import TaskRecord
from pointsman.ports import TaskStore, Workflow
from pointsman.services.cancel import CancelledTask, cancel_task
from pointsman.services.delivery import Delivery
from pointsman.services.start import execution_name
from pointsman.values.errors import DeliveryError
from pointsman.values.status import CANCEL_REASON, Status


@dataclass(frozen=True, slots=True)
class Cancellation:
    """The use case of `pointsman cancel`."""

    tasks: TaskStore
    workflow: Workflow
    delivery: Delivery

    def __call__(self, task_id: str) -> tuple[CancelledTask, str | None]:
        """Cancel the task, tell its end and stop its execution; return what became of it, and who could not be told.

        The order lets the rule on stopped executions find the end told. Whatever fails after the first step is made
        good: the sweep tells the end, and an execution that goes on finds the task ended.
        """
        result = cancel_task(self.tasks, task_id, self.delivery.ctx.clock.now())
        if result.ended_now is None:
            return result, None
        trouble = None
        try:
            self.delivery.finish(task_id, result.ended_now.generation, None)
        except DeliveryError as error:
            trouble = str(error)
        self._stop(result.ended_now)
        for part in self.tasks.read_many(ref.task_id for ref in result.ended_now.subtasks).values():
            if part.status is Status.CANCELLED:
                self._stop(part)
        return result, trouble

    def _stop(self, record: TaskRecord) -> None:
        self.workflow.stop(execution_name(record.task_id, record.generation), CANCEL_REASON)
