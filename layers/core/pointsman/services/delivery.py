"""The delivery of a task's end: an event on the bus, and an answer to everyone who asked for one; and the event of a
task that is held.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pointsman.contracts.reply_to import printable
from pointsman.contracts.webhook import event_id
from pointsman.execution import events, subtasks
from pointsman.execution.records import TaskRecord
from pointsman.execution.waiting import Waiting, failed_for
from pointsman.ports import EventPublisher, PayloadStore, ReplySender, TaskStore
from pointsman.services.call import close_open_intent
from pointsman.services.cancel import cancel_task
from pointsman.services.context import Context
from pointsman.services.subtasks import Subtasks
from pointsman.values import strict_json
from pointsman.values.errors import DeliveryError, safe_message
from pointsman.values.log_events import LogEvent
from pointsman.values.status import ENDED, UNDER_WAY, Status
from pointsman.values.taxonomy import Tier
from pointsman.values.times import parse_time

_MOST_RACES = 3
"""Attempts that may begin while a task is ended: its execution has stopped, so there is at most one."""
BUS = "event"
"""The event bus, among those who have been notified."""
_LOG_EVENTS = {
    Status.COMPLETED: LogEvent.TASK_COMPLETED,
    Status.FAILED: LogEvent.TASK_FAILED,
    Status.CANCELLED: LogEvent.TASK_CANCELLED,
}
DELIVERED_WITHIN = timedelta(minutes=2)
"""A try at a delivery is over by then (the function has 60 s, the workflow 70): one that left no word was cut short."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The use case of the delivery function; a tier function's too, for its plain answers, and the router's, for a task
    that had ended when it was sent again.
    """

    ctx: Context
    tasks: TaskStore
    payloads: PayloadStore
    bus: EventPublisher
    replies: ReplySender
    bucket: str
    subtasks: Subtasks

    def finish(
        self, task_id: str, generation: int, reason: str | None, waiting_for: Mapping[str, Any] | None = None
    ) -> Status | None:
        """End the task if it has not ended, and deliver; return its status.

        It ends completed by the answer that is stored, else failed with `reason`, and with what its workflow's state
        says that it waited for. One whose answer hands out subtasks
        waits for them, and the last of them to be finished here ends and delivers it too.

        None: the task is unknown or runs in a later generation, whose own end will be delivered.

        Raises:
            DeliveryError: Somebody could not be reached; all others were.
        """
        record = self.tasks.read(task_id)
        if record is None or record.generation != generation:
            return None
        if record.status not in ENDED:
            waits = record.subtasks and not record.cancel_asked_at
            record = self._wait(record) if waits else self._end(record, reason, waiting_for)
            if record is None or record.generation != generation:
                return None
        self._notify(record)
        if record.parent_id and record.status in ENDED and subtasks.is_subtask(task_id, record.parent_id):
            self.subtask_ended(task_id, record.parent_id)
        return record.status

    def announce_hold(self, task_id: str, generation: int, entry: Mapping[str, Any]) -> bool:
        """Publish that a budget holds the task, by its workflow's entry of what it waits for; return whether it does.

        Whoever is to be replied to gets the task's end alone.

        Raises:
            PublishError: The bus did not take the event.
        """
        record = self.tasks.read(task_id)
        if record is None or record.generation != generation or record.status not in UNDER_WAY:
            return False
        if record.cancel_asked_at:
            return False
        detail = events.held_detail(record, Waiting.of_entry(entry))
        self.bus.publish(events.TASK_HELD, strict_json.portable(strict_json.dumps(detail)))
        self.ctx.log(LogEvent.TASK_HELD, task_id=task_id, cap=entry.get("cap"))
        return True

    def tell_answer(self, task_id: str, generation: int) -> bool:
        """Deliver the answer of a task whose end the event bus alone is to be told; return whether it is delivered.

        A tier function does this with an answer that it has just settled; all else is left to the delivery function.

        Raises:
            DeliveryError: The bus could not be reached.
        """
        record = self.tasks.read(task_id)
        if record is None or record.generation != generation or record.status is not Status.COMPLETED:
            return False
        of_parent = record.parent_id and subtasks.is_subtask(task_id, record.parent_id)
        if record.reply_to or record.subtasks or of_parent:
            return False
        self._notify(record)
        return True

    def subtask_ended(self, task_id: str, parent_id: str) -> None:
        """End and deliver the task that waits for this subtask, if it was the last one.

        Raises:
            DeliveryError: Somebody could not be reached.
        """
        parent = self.tasks.read(parent_id)
        if parent is None or task_id not in {ref.task_id for ref in parent.subtasks}:
            return
        if parent.status not in ENDED:
            parent = self.subtasks.complete_parent(parent, task_id)
        if parent and parent.closed_by == task_id:  # also when this is repeated after a failure to deliver
            self._notify(parent)

    def _wait(self, record: TaskRecord) -> TaskRecord | None:
        if record.status is not Status.WAITING and not self.subtasks.too_late(record):
            return self.subtasks.dispatch(record)
        return self.subtasks.complete_parent(record, None) or record

    def _end(self, record: TaskRecord, reason: str | None, waiting_for: Mapping[str, Any] | None) -> TaskRecord | None:
        """End the task once none of its attempts is open: one may begin in an execution that is being stopped."""
        task_id, generation, now = record.task_id, record.generation, self.ctx.clock.now()
        for _ in range(_MOST_RACES):
            close_open_intent(self.ctx, record)
            ended = self._try_end(record, reason or "unknown", now, waiting_for)
            if ended is None or ended.generation != generation:
                return ended
            if ended.status in ENDED:
                self.ctx.log(_LOG_EVENTS[ended.status], task_id=task_id, reason=ended.reason)
            if ended.status in ENDED or not (ended.open_intent or ended.cancel_asked_at):
                return ended
            record = ended
        raise DeliveryError(f"task {task_id}: attempts begin while it is to end")

    def _try_end(
        self, record: TaskRecord, reason: str, now: datetime, waiting_for: Mapping[str, Any] | None
    ) -> TaskRecord | None:
        """End the task unless an attempt is open; return it as it is then."""
        task_id, generation = record.task_id, record.generation
        if record.cancel_asked_at:
            return self.tasks.cancel(task_id, generation, now) or self.tasks.read(task_id)
        ended = self.tasks.fail(task_id, generation, reason, now, failed_for(reason, waiting_for))
        if ended and ended.generation == generation and ended.has_answer and not ended.cancel_asked_at:
            return self.tasks.complete(ended, now)
        return ended

    def _cancel_subtasks(self, record: TaskRecord) -> None:
        """Cancel what a cancelled task has handed out, before its own end is told: whoever tells it again goes on."""
        for task_id in [ref.task_id for ref in record.subtasks]:
            if ended := cancel_task(self.tasks, task_id, self.ctx.clock.now()).ended_now:
                try:
                    self._notify(ended)
                except DeliveryError as error:  # the sweep tells it
                    self.ctx.log(LogEvent.DELIVERY_FAILED, level="warning", task_id=task_id, why=str(error))

    def _notify(self, record: TaskRecord) -> None:
        """Deliver the end of a task that has ended and is not delivered yet."""
        if record.status not in ENDED or record.delivered_at:
            return
        if record.status is Status.CANCELLED:
            self._cancel_subtasks(record)
        self.send(record, [place for place in (BUS, *record.reply_to) if place not in record.notified])
        now = self.ctx.clock.now()
        self.tasks.delivered(record.task_id, record.generation, now)
        self._measure(record, now)

    def send(self, record: TaskRecord, places: list[str]) -> None:
        """Send the task's end to the bus (`BUS`) and to those it is to reply to. Everyone is tried before a failure is
        raised; whoever is reached is stored before the next one is tried, which may take all the time that is left.

        Raises:
            DeliveryError: Somebody could not be reached.
        """
        try:
            detail = strict_json.portable(strict_json.dumps(self.detail(record)))
        except Exception as error:  # noqa: BLE001  (kept, and raised in words that may be logged)
            why = f"its answer cannot be read ({safe_message(error)})"
            self._store_undelivered(record, [], [why])
            raise DeliveryError(f"task {record.task_id}: {why}") from None
        notified: list[str] = []
        failures: list[str] = []
        for place in places:
            try:
                self._reach(record, place, detail)
                notified.append(place)
                if place != places[-1]:  # what follows the last one stores it
                    self.tasks.reached(record.task_id, record.generation, place)
            except Exception as error:  # noqa: BLE001  (the others must still be tried)
                name = "event bus" if place == BUS else printable(place)
                failures.append(f"{name} ({safe_message(error)})")
        if failures:
            self._store_undelivered(record, notified, failures)
            raise DeliveryError(f"task {record.task_id}: not delivered to {', '.join(failures)}")

    def _reach(self, record: TaskRecord, place: str, detail: str) -> None:
        if place == BUS:
            self.bus.publish(events.DETAIL_TYPES[record.status], detail)
            return
        failed_with = None if record.status is Status.COMPLETED else record.reason
        end = event_id(record.task_id, record.generation, record.status)
        if not self.replies.reply(place, detail, failed_with, end):
            self.ctx.log(LogEvent.REPLY_TARGET_GONE, task_id=record.task_id, place=printable(place))

    def detail(self, record: TaskRecord) -> dict[str, object]:
        """Return the event's detail, the answer inside when it is small enough."""
        if record.results:
            return self._with_subtasks(record)
        if record.status is not Status.COMPLETED:
            return events.detail_of(record, None, None)
        text = self.payloads.fetch(record.answer)
        detail = events.detail_of(record, text, None)
        if events.fits(detail):
            return detail
        return events.detail_of(record, None, self._reference(record, text))

    def _with_subtasks(self, record: TaskRecord) -> dict[str, object]:
        """Return the detail of a task with subtasks, as many of their answers inside as it holds."""
        completed = self.tasks.read_many(subtasks.completed_ids(record.results))
        parent = record if record.status is Status.COMPLETED else None
        answered = [parent, *(completed.get(end.task_id) for end in record.results)]
        answers = [self.payloads.fetch(holder.answer) if holder else None for holder in answered]
        inside = events.inside(record, answers)
        pairs = [
            (text, None) if place in inside or holder is None or text is None else (None, self._reference(holder, text))
            for place, (holder, text) in enumerate(zip(answered, answers, strict=True))
        ]
        return events.family_detail(record, pairs)

    def _reference(self, record: TaskRecord, text: str) -> str:
        """Return where an answer is that is too large for an event; one that was small enough for its record is put
        there.
        """
        stored = record.answer.ref
        ref = stored or self.payloads.keep_large(text, f"{record.task_id}/answer.{record.generation}").ref
        return f"s3://{self.bucket}/{ref}"

    def _measure(self, record: TaskRecord, now: datetime) -> None:
        """Report how long an answer of the orchestration tier took, queue and delivery included.

        No replay's, and none that waited for subtasks.
        """
        answered = record.status is Status.COMPLETED and not record.subtasks
        if answered and record.tier is Tier.ORCHESTRATION and record.generation == 1 and record.sent_at:
            milliseconds = (now - parse_time(record.sent_at)) / timedelta(milliseconds=1)
            self.ctx.count("OrchestrationMilliseconds", max(milliseconds, 0.0))

    def _store_undelivered(self, record: TaskRecord, notified: list[str], failures: list[str]) -> None:
        everyone = list(dict.fromkeys([*record.notified, *notified]))
        self.tasks.needs_attention(replace(record, notified=everyone, undelivered=failures), self.ctx.clock.now())
