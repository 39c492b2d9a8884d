"""The router's work: every message becomes one execution, or a rejection with its reason, or goes back to the queue."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pointsman.contracts.envelope import object_in, open_message, readable_id, readable_reply
from pointsman.contracts.reply_to import refusal
from pointsman.contracts.task import Rejection, Task
from pointsman.contracts.webhook import event_id
from pointsman.execution import events, subtasks
from pointsman.execution.model_health import ModelState, ms
from pointsman.execution.records import TaskRecord
from pointsman.ports import DeadLetters, EventPublisher, ModelHealthStore, PayloadStore, TaskStore, Workflow
from pointsman.routing.decision import Decision
from pointsman.services.classification import TaskClassifier
from pointsman.services.context import Context
from pointsman.services.delivery import Delivery
from pointsman.services.s3_prompts import S3Prompts
from pointsman.services.start import first_position, start
from pointsman.values import strict_json
from pointsman.values.errors import DeliveryError, RetryLaterError, safe_message
from pointsman.values.status import ENDED, Status
from pointsman.values.times import to_text

LIFETIME = timedelta(hours=24)
"""A task without a deadline gets this long from its receipt."""
ASKING = 0.6
"""Share of the invocation's time that classification may take."""


@dataclass(frozen=True, slots=True)
class Message:
    """An SQS message, or the part of one that is a task."""

    message_id: str
    body: str
    sent_at: datetime | None = None
    """By the queue's word; None: it did not say."""


@dataclass(slots=True)
class Batch:
    """What the messages of one invocation have come to so far."""

    owner: str
    until: datetime
    """When the invocation ends: its claims are leased until then."""
    mine: dict[str, tuple[TaskRecord, Task]] = field(default_factory=dict)
    """Claimed by this invocation, by message id."""
    settled: set[str] = field(default_factory=set)
    """Messages that need nothing more: duplicates."""
    troubles: dict[str, Exception] = field(default_factory=dict)
    """Why a message is rejected or goes back, by message id."""
    states: dict[str, ModelState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Intake:
    """The use case: `take` reads, claims and decides a whole batch, `finish` ends one message of it."""

    ctx: Context
    tasks: TaskStore
    payloads: PayloadStore
    workflow: Workflow
    model_health_store: ModelHealthStore
    dead_letters: DeadLetters
    bus: EventPublisher
    delivery: Delivery
    classification: TaskClassifier
    reply_places: frozenset[str]
    """Addresses (`reply_to.address_of`) that tasks may ask to be answered at."""
    objects: S3Prompts

    def take(self, messages: list[Message], owner: str, seconds: float) -> Batch:
        """Claim what can be claimed and decide it; troubles stay with their own message."""
        now = self.ctx.clock.now()
        batch = Batch(owner, now + timedelta(seconds=seconds))
        batch.states = self.model_health_store.states(self.ctx.policy.catalogue.models)
        for message in messages:
            try:
                self._claim(message, batch)
            except Exception as trouble:  # noqa: BLE001  (one message's trouble is no other's)
                batch.troubles[message.message_id] = trouble
        self._decide(batch, seconds * ASKING)
        return batch

    def finish(self, message: Message, batch: Batch) -> None:
        """Start the message's execution or reject it.

        Raises:
            Exception: whatever stands in the way; the message goes back to the queue.
        """
        trouble = batch.troubles.get(message.message_id)
        if isinstance(trouble, Rejection):
            self._reject(message, trouble)
        elif isinstance(trouble, RetryLaterError) and trouble.same_batch:
            self._claim(message, batch)  # its twin was started in the meantime
            if message.message_id in batch.mine:
                raise RetryLaterError("the twin of this message let go of the task")
        elif trouble:
            raise trouble
        elif message.message_id not in batch.settled:
            record, _ = batch.mine[message.message_id]
            start(self.ctx, self.tasks, self.workflow, record)

    def _claim(self, message: Message, batch: Batch) -> None:
        task_id, task = self._read(message)
        now = self.ctx.clock.now()
        record = self._new_record(task_id, task, message, batch, now)
        existing = self.tasks.claim(record, now)
        if existing is None:
            batch.mine[message.message_id] = (record, task)
        elif existing.fingerprint != record.fingerprint:
            raise Rejection("task_id_conflict", "task_id: is taken by a task with other content")
        elif existing.status is Status.CLAIMED:
            self._resume(message, task, existing, batch, now)
        else:
            self._answer_duplicate(existing, task)
            batch.settled.add(message.message_id)

    def _read(self, message: Message) -> tuple[str, Task]:
        if found := object_in(message.body):
            return found.task_id, self.objects.task(found)
        return read_message(message.body, message.message_id, self.reply_places)

    def _new_record(self, task_id: str, task: Task, message: Message, batch: Batch, now: datetime) -> TaskRecord:
        body = strict_json.dumps(task.model_dump(mode="json", exclude={"task_id", "reply_to"}, exclude_none=True))
        fingerprint = task.fingerprint()
        record = TaskRecord(
            task_id=task_id,
            status=Status.CLAIMED,
            fingerprint=fingerprint,
            body=self.payloads.keep(body, f"{task_id}/task.{fingerprint[:16]}"),
            reply_to=[task.reply_to] if task.reply_to else [],
            lease_owner=batch.owner,
            lease_until=ms(batch.until),
            sent_at=to_text(message.sent_at) if message.sent_at else None,
            received_at=to_text(now),
            deadline=to_text(task.deadline or now + LIFETIME),
            task_fields={
                "parent_id": task.parent_id,
                "metadata": task.metadata,
                "private": task.private,
                "split": task.split,
            },
        )
        if decision := self.classification.plainly(task):
            self._put_decision(record, decision, batch.states)
        return record

    def _put_decision(self, record: TaskRecord, decision: Decision, states: dict[str, ModelState]) -> None:
        record.decision = decision.as_dict()
        record.input = strict_json.dumps(first_position(self.ctx, record, decision.tier, states).as_state())

    def _resume(self, message: Message, task: Task, existing: TaskRecord, batch: Batch, now: datetime) -> None:
        if existing.lease_owner == batch.owner:
            raise RetryLaterError("its twin is in the same batch", same_batch=True)
        if existing.lease_until > ms(now) or not self.tasks.renew(existing, batch.owner, batch.until, now):
            raise RetryLaterError("another invocation holds the task")
        if task.reply_to:  # this message may ask for it at another place than the one that made the claim
            existing = self.tasks.add_reply(existing.task_id, task.reply_to)
        existing.lease_owner, existing.lease_until = batch.owner, ms(batch.until)
        batch.mine[message.message_id] = (existing, task)

    def _answer_duplicate(self, existing: TaskRecord, task: Task) -> None:
        """Add a new place to reply to; a task that has ended answers it from the store."""
        self.ctx.note("duplicate", task_id=existing.task_id, status=str(existing.status))
        if not task.reply_to or task.reply_to in existing.reply_to:
            return
        if existing.status not in ENDED:
            existing = self.tasks.add_reply(existing.task_id, task.reply_to)
        if existing.status in ENDED and task.reply_to not in existing.reply_to:
            self.delivery.send(existing, [task.reply_to], event=False)

    def _decide(self, batch: Batch, seconds: float) -> None:
        """Ask for what is undecided, and store each decision before anything is started by it."""
        undecided = {rec.task_id: task for rec, task in batch.mine.values() if rec.input is None}
        if not undecided:
            return
        try:
            decisions = self.classification.ask_for(undecided, seconds)
        except Exception as trouble:  # noqa: BLE001  (those that are decided go on)
            for message_id, (record, _) in batch.mine.items():
                if record.input is None:
                    batch.troubles[message_id] = trouble
            return
        for message_id, (record, _) in batch.mine.items():
            if record.input is not None:
                continue
            self._put_decision(record, decisions[record.task_id], batch.states)
            assert record.decision is not None
            assert record.input is not None
            try:
                self.tasks.decide(record.task_id, batch.owner, record.decision, record.input)
            except Exception as trouble:  # noqa: BLE001  (one message's trouble is no other's)
                batch.troubles[message_id] = trouble

    def _reject(self, message: Message, rejection: Rejection) -> None:
        """Record, dead letter, event, in this order; what is repeated after a failure is found already done or doubles
        a dead letter with the same message id, never loses one.
        """
        own_id = readable_id(message.body)
        task_id = own_id if own_id and rejection.code != "task_id_conflict" else message.message_id
        record = TaskRecord(
            task_id=task_id,
            status=Status.REJECTED,
            reason=rejection.reason,
            received_at=to_text(self.ctx.clock.now()),
            task_fields={"code": rejection.code, "message_id": message.message_id, "asked_id": own_id},
        )
        self.tasks.reject(record)
        attributes = {
            "reason": rejection.reason,
            "code": rejection.code,
            "task_id": task_id,
            "message_id": message.message_id,
        }
        self.dead_letters.put(message.body, attributes, message.message_id)
        detail = strict_json.dumps(events.detail_of(record, None, None))
        self.bus.publish(events.DETAIL_TYPES[Status.REJECTED], detail)
        self._tell_asker(message, task_id, rejection.code, detail)
        self.ctx.note("task rejected", level="warning", task_id=task_id, code=rejection.code, reason=rejection.reason)
        if rejection.code == "task_id_conflict":
            self._tell_parent(message)

    def _tell_parent(self, message: Message) -> None:
        """Have a task look that waits for this one: the only way in which the router rejects a subtask."""
        if object_in(message.body):
            return
        task_id, task = open_message(message.body, message.message_id)
        if task.parent_id and subtasks.is_subtask(task_id, task.parent_id):
            try:
                self.delivery.subtask_ended(task_id, task.parent_id)
            except DeliveryError as error:  # the sweep delivers it
                self.ctx.note("not delivered", level="warning", task_id=task.parent_id, why=str(error))

    def _tell_asker(self, message: Message, task_id: str, code: str, detail: str) -> None:
        """Tell who waits for the answer that there is none; tried once, as event and dead letter tell it too."""
        place = readable_reply(message.body)
        if not place or refusal(place, self.reply_places):
            return
        try:
            self.delivery.replies.reply(place, detail, code, event_id(task_id, 1, Status.REJECTED))
        except Exception as trouble:  # noqa: BLE001  (to repeat the whole rejection for it would double its dead letter)
            self.ctx.note("rejection not told", level="warning", task_id=task_id, why=safe_message(trouble))


def read_message(body: str, message_id: str, reply_places: frozenset[str]) -> tuple[str, Task]:
    """Return the id and the task of a message that the router takes.

    Raises:
        Rejection: it can never work.
    """
    task_id, task = open_message(body, message_id)
    if task.reply_to and (rule := refusal(task.reply_to, reply_places)):
        raise Rejection("reply_to_not_allowed", f"reply_to: {rule}")
    return task_id, task
