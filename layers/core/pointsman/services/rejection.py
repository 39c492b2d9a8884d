"""A message that can never work: recorded, dead-lettered, told, and never tried again."""

from dataclasses import dataclass

from pointsman.contracts.envelope import object_in, open_message, readable_id, readable_reply
from pointsman.contracts.reply_to import refusal
from pointsman.contracts.sender import Sender, is_api_key
from pointsman.contracts.task import Rejection
from pointsman.contracts.webhook import event_id
from pointsman.execution import events, subtasks
from pointsman.execution.records import RejectedMessage, TaskRecord
from pointsman.ports import DeadLetterQueue, EventPublisher, TaskStore
from pointsman.services.context import Context
from pointsman.services.delivery import Delivery
from pointsman.values import strict_json
from pointsman.values.errors import DeliveryError, safe_message
from pointsman.values.log_events import LogEvent
from pointsman.values.status import Status
from pointsman.values.times import to_text

TOO_MANY_REPLIES = "too_many_replies"
_CONFLICT = "task_id_conflict"
_OF_ANOTHER_TASK = frozenset({_CONFLICT, TOO_MANY_REPLIES})
"""Codes of messages whose id is a task's that goes on: they are told under their own message id."""


@dataclass(frozen=True, slots=True)
class RejectMessage:
    """A part of the router's use case."""

    ctx: Context
    tasks: TaskStore
    dead_letters: DeadLetterQueue
    bus: EventPublisher
    delivery: Delivery
    reply_places: frozenset[str]
    """Addresses (`reply_to.address_of`) that tasks may ask to be answered at."""

    def __call__(self, message_id: str, body: str, rejection: Rejection, sender: Sender) -> None:
        """Record, dead letter, event, in this order; what is repeated after a failure is found already done or doubles
        a dead letter with the same message id, never loses one.
        """
        asked_id, code = readable_id(body), rejection.code
        task_id = asked_id if asked_id and code not in _OF_ANOTHER_TASK else message_id
        record = TaskRecord(
            task_id=task_id,
            status=Status.REJECTED,
            reason=rejection.reason,
            received_at=to_text(self.ctx.clock.now()),
            rejection=RejectedMessage(code, message_id, asked_id),
            sender=sender.name,
            via=sender.via,
        )
        self.tasks.reject(record)
        attributes = {"reason": rejection.reason, "code": code, "task_id": task_id, "message_id": message_id}
        if code != _CONFLICT or not is_api_key(sender) or self._parent(message_id, body):
            self.dead_letters.put(body, attributes, message_id)  # else its caller waits at the front door, and is told
        detail = strict_json.dumps(events.detail_of(record, None, None))
        self.bus.publish(events.DETAIL_TYPES[Status.REJECTED], detail)
        self._notify_sender(body, task_id, code, detail)
        self.ctx.log(LogEvent.TASK_REJECTED, level="warning", task_id=task_id, code=code, reason=rejection.reason)
        if code == _CONFLICT:
            self._notify_parent(message_id, body)

    def _notify_sender(self, body: str, task_id: str, code: str, detail: str) -> None:
        """Tell who waits for the answer that there is none; tried once, as event and dead letter tell it too."""
        place = readable_reply(body)
        if not place or refusal(place, self.reply_places):
            return
        try:
            self.delivery.replies.reply(place, detail, code, event_id(task_id, 1, Status.REJECTED))
        except Exception as trouble:  # noqa: BLE001  (to repeat the whole rejection for it would double its dead letter)
            why = safe_message(trouble)
            self.ctx.log(LogEvent.REJECTION_NOT_DELIVERED, level="warning", task_id=task_id, why=why)

    def _parent(self, message_id: str, body: str) -> str | None:
        """Return the task that a message with an id in use is a subtask of."""
        if object_in(body):
            return None
        task_id, task = open_message(body, message_id)
        return task.parent_id if task.parent_id and subtasks.is_subtask(task_id, task.parent_id) else None

    def _notify_parent(self, message_id: str, body: str) -> None:
        """Have a task look that waits for this one: the only way in which the router rejects a subtask."""
        if parent_id := self._parent(message_id, body):
            try:
                self.delivery.subtask_ended(open_message(body, message_id)[0], parent_id)
            except DeliveryError as error:  # the sweep delivers it
                self.ctx.log(LogEvent.DELIVERY_FAILED, level="warning", task_id=parent_id, why=str(error))
