"""A task that waits for its subtasks: they are sent out, and whichever ends last ends it.

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
from pointsman.values.log_events import LogEvent
from pointsman.values.status import Status
from pointsman.values.times import parse_time

WAITS_AFTER_DEADLINE = timedelta(minutes=5)
"""How long after the deadline, which is theirs too, subtasks are waited for."""


@dataclass(frozen=True, slots=True)
class Subtasks:
    """The use case: `dispatch` and `complete_parent` move a task on that has subtasks."""

    ctx: Context
    tasks: TaskStore
    payloads: PayloadStore
    queue: TaskQueue

    def dispatch(self, record: TaskRecord) -> TaskRecord | None:
        """Put the subtasks on the queue and mark the task as waiting; return it as it is then.

        What is sent twice is a duplicate: the messages are the same ones each time.

        Raises:
            DeliveryError: They could not all be sent.
        """
        try:
            for message in self._messages(record):
                self.queue.send(strict_json.portable(strict_json.dumps(message)), record.sender)
        except Exception as error:  # noqa: BLE001  (raised in words that may be logged)
            raise DeliveryError(f"task {record.task_id}: subtasks not sent ({safe_message(error)})") from None
        self.ctx.log(LogEvent.SUBTASKS_SENT, task_id=record.task_id, count=len(record.subtasks))
        return self.tasks.wait(record)

    def _messages(self, record: TaskRecord) -> list[dict[str, Any]]:
        drafts = cast("list[dict[str, Any]]", strict_json.loads(self.payloads.fetch(record.drafts)))
        return subtasks.subtask_messages(Parent.of(record, record.deadline), drafts)

    def too_late(self, record: TaskRecord) -> bool:
        """Return whether the task must not wait any longer."""
        return self.ctx.clock.now() - WAITS_AFTER_DEADLINE > parse_time(record.deadline)

    def complete_parent(self, record: TaskRecord, last: str | None) -> TaskRecord | None:
        """End the task if its subtasks have, or must not be waited for any longer; None when this did not end it.

        `last` is the subtask that has just ended.
        """
        now = self.ctx.clock.now()
        records = self.tasks.read_many(ref.task_id for ref in record.subtasks)
        ends = subtasks.subtask_ends(record.subtasks, records, late=self.too_late(record))
        if ends is None:
            return None
        any_done = bool(subtasks.completed_ids(ends))
        status, reason = (Status.COMPLETED, None) if any_done else (Status.FAILED, subtasks.NONE_COMPLETED)
        closed = replace(record, status=status, reason=reason, results=ends, closed_by=last)
        ended = self.tasks.close(closed, now)
        if ended:
            event = LogEvent.TASK_COMPLETED if any_done else LogEvent.TASK_FAILED
            self.ctx.log(event, task_id=record.task_id, reason=reason, subtasks=subtasks.status_counts(ends))
        return ended
