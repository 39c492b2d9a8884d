"""The delivery of a task's end: an event on the bus, and an answer to everyone who asked for one."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pointsman.contracts.reply_to import shown
from pointsman.contracts.webhook import event_id
from pointsman.execution import events, subtasks
from pointsman.execution.records import TaskRecord
from pointsman.ports import EventPublisher, PayloadStore, Replies, TaskStore
from pointsman.services.call import close_open_intent
from pointsman.services.context import Context
from pointsman.services.subtasks import SubtaskService
from pointsman.values import strict_json
from pointsman.values.errors import DeliveryError, safe_message
from pointsman.values.status import ENDED, Status
from pointsman.values.taxonomy import Tier
from pointsman.values.times import parse_time

BUS = "event"
"""The event bus, among those who have been told."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The use case of the delivery function; also the router's, for a task that had ended when it was sent again."""

    ctx: Context
    tasks: TaskStore
    payloads: PayloadStore
    bus: EventPublisher
    replies: Replies
    bucket: str
    family: SubtaskService

    def finish(self, task_id: str, generation: int, reason: str | None) -> Status | None:
        """End the task if it has not ended, and deliver; return its status.

        It ends completed by the answer that is kept, else failed with `reason`. One whose answer hands out subtasks
        waits for them, and the last of them to be finished here ends and delivers it too.

        None: the task is unknown or runs in a later generation, whose own end will be delivered.

        Raises:
            DeliveryError: somebody could not be reached; all others were.
        """
        record = self.tasks.read(task_id)
        if record is None or record.generation != generation:
            return None
        if record.status not in ENDED:
            record = self._wait(record) if record.subtasks else self._end(record, reason)
            if record is None or record.generation != generation:
                return None
        self._tell(record)
        parent_id = record.task_fields.get("parent_id")
        if parent_id and record.status in ENDED and subtasks.is_subtask(task_id, parent_id):
            self.subtask_ended(task_id, parent_id)
        return record.status

    def subtask_ended(self, task_id: str, parent_id: str) -> None:
        """End and deliver the task that waits for this subtask, if it was the last one.

        Raises:
            DeliveryError: somebody could not be reached.
        """
        parent = self.tasks.read(parent_id)
        if parent is None or task_id not in {each["task_id"] for each in parent.subtasks}:
            return
        if parent.status not in ENDED:
            parent = self.family.gather(parent, task_id)
        if parent and parent.closed_by == task_id:  # also when this is repeated after a failure to deliver
            self._tell(parent)

    def _wait(self, record: TaskRecord) -> TaskRecord | None:
        if record.status is not Status.WAITING and not self.family.too_late(record):
            return self.family.send_out(record)
        return self.family.gather(record, None) or record

    def _end(self, record: TaskRecord, reason: str | None) -> TaskRecord | None:
        task_id, generation, now = record.task_id, record.generation, self.ctx.clock.now()
        close_open_intent(self.ctx, record)
        ended = self.tasks.fail(task_id, generation, reason or "unknown", now)
        if ended and ended.generation == generation and ended.answer_is_kept:
            ended = self.tasks.complete(ended, now)
        if ended and ended.generation == generation:
            self.ctx.note(f"task {ended.status}", task_id=task_id, reason=ended.reason)
        return ended

    def _tell(self, record: TaskRecord) -> None:
        """Deliver the end of a task that has ended and is not delivered yet."""
        if record.status not in ENDED or record.delivered_at:
            return
        waiting = [place for place in record.reply_to if place not in record.told]
        self.send(record, waiting, event=BUS not in record.told)
        now = self.ctx.clock.now()
        self.tasks.delivered(record.task_id, record.generation, now)
        self._time(record, now)

    def send(self, record: TaskRecord, reply_to: list[str], *, event: bool = True) -> None:
        """Publish the event and reply; everyone is tried before a failure is raised, and kept apart by success."""
        try:
            detail = strict_json.dumps(self.detail(record))
        except Exception as error:  # noqa: BLE001  (kept, and raised in words that may be logged)
            self._keep(record, [], [f"its answer cannot be read ({safe_message(error)})"])
            raise DeliveryError(f"task {record.task_id}: its answer cannot be read ({safe_message(error)})") from None
        failed_with = record.reason if record.status is Status.FAILED else None
        end = event_id(record.task_id, record.generation, record.status)
        told: list[str] = []
        failed: list[str] = []
        if event:
            try:
                self.bus.publish(events.DETAIL_TYPES[record.status], detail)
            except Exception as error:  # noqa: BLE001  (the replies must still be tried)
                failed.append(f"event bus ({safe_message(error)})")
            else:
                told.append(BUS)
        for place in reply_to:
            try:
                reached = self.replies.reply(place, detail, failed_with, end)
            except Exception as error:  # noqa: BLE001  (the others must still be tried)
                failed.append(f"{shown(place)} ({safe_message(error)})")
            else:
                told.append(place)
                if not reached:
                    self.ctx.note("nobody waits there any more", task_id=record.task_id, place=shown(place))
        if failed:
            self._keep(record, told, failed)
            raise DeliveryError(f"task {record.task_id}: not delivered to {', '.join(failed)}")

    def detail(self, record: TaskRecord) -> dict[str, object]:
        """Return the event's detail, the answer inside when it is small enough."""
        if record.results:
            return self._of_family(record)
        if record.status is not Status.COMPLETED:
            return events.detail_of(record, None, None)
        text = self.payloads.fetch(record.answer)
        detail = events.detail_of(record, text, None)
        if events.fits(detail):
            return detail
        return events.detail_of(record, None, self._ref(record, text))

    def _of_family(self, record: TaskRecord) -> dict[str, object]:
        """Return the detail of a task with subtasks, as many of their answers inside as it holds."""
        done = self.tasks.read_many(subtasks.completed(record.results))
        own = record if record.status is Status.COMPLETED else None
        holders = [own, *(done.get(each["task_id"]) for each in record.results)]
        texts = [self.payloads.fetch(each.answer) if each else None for each in holders]
        inside = events.inside(record, texts)
        told = [
            (text, None) if place in inside or each is None or text is None else (None, self._ref(each, text))
            for place, (each, text) in enumerate(zip(holders, texts, strict=True))
        ]
        return events.family_detail(record, told)

    def _ref(self, record: TaskRecord, text: str) -> str:
        """Return where an answer is that is too large for an event; one that was small enough for its record is put
        there.
        """
        ref = record.answer.ref
        kept = ref or self.payloads.keep_large(text, f"{record.task_id}/answer.{record.generation}").ref
        return f"s3://{self.bucket}/{kept}"

    def _time(self, record: TaskRecord, now: datetime) -> None:
        """Tell how long an answer of the orchestration tier took, queue and delivery included.

        No replay's, and none that others' work was waited for.
        """
        answered = record.status is Status.COMPLETED and not record.subtasks
        orchestration = (record.decision or {}).get("tier") == Tier.ORCHESTRATION
        if answered and orchestration and record.generation == 1 and record.sent_at:
            taken = (now - parse_time(record.sent_at)) / timedelta(milliseconds=1)
            self.ctx.count("OrchestrationMilliseconds", max(taken, 0.0))

    def _keep(self, record: TaskRecord, told: list[str], failed: list[str]) -> None:
        kept = replace(record, told=list(dict.fromkeys([*record.told, *told])), unreached=failed)
        self.tasks.needs_attention(kept, self.ctx.clock.now())
