"""The delivery of a task's end: an event on the bus, and an answer to everyone who asked for one."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pointsman.domain import events, strict_json
from pointsman.domain.records import ENDED, Status, TaskRecord
from pointsman.domain.reply_to import shown
from pointsman.domain.taxonomy import Tier
from pointsman.domain.times import parse_time
from pointsman.domain.webhook import event_id
from pointsman.errors import DeliveryError, words_for
from pointsman.ports import EventPublisher, Replies, TaskStore, Texts
from pointsman.services.call import close_open_intent
from pointsman.services.context import Context

BUS = "event"
"""The event bus, among those who have been told."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The use case of the delivery function; also the router's, for a task that had ended when it was sent again."""

    ctx: Context
    tasks: TaskStore
    texts: Texts
    bus: EventPublisher
    replies: Replies
    bucket: str

    def finish(self, task_id: str, generation: int, reason: str | None) -> Status | None:
        """End the task if it has not ended, and deliver; return how it ended.

        It ends completed by the answer that is kept, else failed with `reason`.

        None: the task is unknown or runs in a later generation, whose own end will be delivered.

        Raises:
            DeliveryError: somebody could not be reached; all others were.
        """
        now = self.ctx.clock.now()
        record = self.tasks.read(task_id)
        if record is None or record.generation != generation:
            return None
        if record.status not in ENDED:
            close_open_intent(self.ctx, record)
            record = self.tasks.fail(task_id, generation, reason or "unknown", now)
            if record and record.generation == generation and record.answer_is_kept:
                record = self.tasks.complete(record, now)
            if record is None or record.generation != generation:
                return None
            self.ctx.note(f"task {record.status}", task_id=task_id, reason=record.reason)
        if record.status in ENDED and not record.delivered_at:
            waiting = [place for place in record.reply_to if place not in record.told]
            self.send(record, waiting, event=BUS not in record.told)
            now = self.ctx.clock.now()
            self.tasks.delivered(task_id, generation, now)
            self._time(record, now)
        return record.status

    def send(self, record: TaskRecord, reply_to: list[str], *, event: bool = True) -> None:
        """Publish the event and reply; everyone is tried before a failure is raised, and kept apart by success."""
        try:
            detail = strict_json.dumps(self.detail(record))
        except Exception as error:  # noqa: BLE001  (kept, and raised in words that may be logged)
            self._keep(record, [], [f"its answer cannot be read ({words_for(error)})"])
            raise DeliveryError(f"task {record.task_id}: its answer cannot be read ({words_for(error)})") from None
        failed_with = record.reason if record.status is Status.FAILED else None
        end = event_id(record.task_id, record.generation, record.status)
        told: list[str] = []
        failed: list[str] = []
        if event:
            try:
                self.bus.publish(events.DETAIL_TYPES[record.status], detail)
            except Exception as error:  # noqa: BLE001  (the replies must still be tried)
                failed.append(f"event bus ({words_for(error)})")
            else:
                told.append(BUS)
        for place in reply_to:
            try:
                reached = self.replies.reply(place, detail, failed_with, end)
            except Exception as error:  # noqa: BLE001  (the others must still be tried)
                failed.append(f"{shown(place)} ({words_for(error)})")
            else:
                told.append(place)
                if not reached:
                    self.ctx.note("nobody waits there any more", task_id=record.task_id, place=shown(place))
        if failed:
            self._keep(record, told, failed)
            raise DeliveryError(f"task {record.task_id}: not delivered to {', '.join(failed)}")

    def detail(self, record: TaskRecord) -> dict[str, object]:
        """Return the event's detail, the answer inside when it is small enough."""
        if record.status is not Status.COMPLETED:
            return events.detail_of(record, None, None)
        text, ref = self.texts.fetch(record.answer), record.answer.ref
        detail = events.detail_of(record, text, None)
        if events.fits(detail):
            return detail
        kept = record.answer if ref else self.texts.keep_large(text, f"{record.task_id}/answer.{record.generation}")
        return events.detail_of(replace(record, answer=kept), None, f"s3://{self.bucket}/{kept.ref}")

    def _time(self, record: TaskRecord, now: datetime) -> None:
        """Tell how long an answer of the orchestration tier took, queue and delivery included; no replay's."""
        answered = record.status is Status.COMPLETED and (record.decision or {}).get("tier") == Tier.ORCHESTRATION
        if answered and record.generation == 1 and record.sent_at:
            taken = (now - parse_time(record.sent_at)) / timedelta(milliseconds=1)
            self.ctx.count("OrchestrationMilliseconds", max(taken, 0.0))

    def _keep(self, record: TaskRecord, told: list[str], failed: list[str]) -> None:
        kept = replace(record, told=list(dict.fromkeys([*record.told, *told])), unreached=failed)
        self.tasks.needs_attention(kept, "delivery", self.ctx.clock.now())
