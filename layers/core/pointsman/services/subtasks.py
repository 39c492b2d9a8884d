"""A task that waits for its subtasks: they are sent out, and whoever ends last ends it.

Nothing is counted: how far the subtasks are is read from their own records, whenever one of them ends and at each
sweep. So no end can be missed or counted twice, and one conditional write ends the task.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast

from pointsman.execution import subtasks
from pointsman.execution.records import TaskRecord
from pointsman.execution.subtasks import Parent
from pointsman.ports import PayloadStore, TaskQueue, TaskStore
from pointsman.services.context import Context
from pointsman.values import strict_json
from pointsman.values.errors import DeliveryError, safe_message
from pointsman.values.status import Status
from pointsman.values.times import parse_time

PATIENCE = timedelta(minutes=5)
"""How long after the deadline, which is theirs too, subtasks are waited for."""


@dataclass(frozen=True, slots=True)
class SubtaskService:
    """The use case: `send_out` and `gather` move a task on that has subtasks."""

    ctx: Context
    tasks: TaskStore
    payloads: PayloadStore
    queue: TaskQueue

    def send_out(self, record: TaskRecord) -> TaskRecord | None:
        """Put the subtasks on the queue and mark the task as waiting; return it as it is then.

        What is sent twice is a duplicate: the messages are the same ones each time.

        Raises:
            DeliveryError: they could not all be sent.
        """
        try:
            for message in self._messages(record):
                self.queue.send(strict_json.dumps(message))
        except Exception as error:  # noqa: BLE001  (raised in words that may be logged)
            raise DeliveryError(f"task {record.task_id}: subtasks not sent ({safe_message(error)})") from None
        self.ctx.note("subtasks sent", task_id=record.task_id, count=len(record.subtasks))
        return self.tasks.wait(record)

    def _messages(self, record: TaskRecord) -> list[dict[str, Any]]:
        drafts = cast("list[dict[str, Any]]", strict_json.loads(self.payloads.fetch(record.drafts)))
        return subtasks.messages(Parent.of(record, record.deadline), drafts)

    def too_late(self, record: TaskRecord) -> bool:
        """Return whether the task must not wait any longer."""
        return self.ctx.clock.now() - PATIENCE > parse_time(record.deadline)

    def gather(self, record: TaskRecord, last: str | None) -> TaskRecord | None:
        """End the task if its subtasks have, or must not be waited for any longer; None when this did not end it.

        `last` is the subtask that has just ended.
        """
        now = self.ctx.clock.now()
        found = self.tasks.read_many(each["task_id"] for each in record.subtasks)
        results = subtasks.results(record.subtasks, found, late=self.too_late(record))
        if results is None:
            return None
        any_done = bool(subtasks.completed(results))
        status, reason = (Status.COMPLETED, None) if any_done else (Status.FAILED, subtasks.NONE_COMPLETED)
        closed = replace(record, status=status, reason=reason, results=results, closed_by=last)
        ended = self.tasks.close(closed, now)
        if ended:
            counts = subtasks.counts(results)
            self.ctx.note(f"task {status}", task_id=record.task_id, reason=reason, subtasks=counts)
        return ended
