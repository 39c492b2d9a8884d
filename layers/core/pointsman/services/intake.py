"""The router's work: every message becomes one execution, or a rejection with its reason, or goes back to the queue."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pointsman.contracts.envelope import object_in, open_message
from pointsman.contracts.reply_to import refusal
from pointsman.contracts.sender import UNKNOWN_SENDER, Sender
from pointsman.contracts.task import Rejection, Task
from pointsman.execution.budget import Family
from pointsman.execution.model_health import ModelState
from pointsman.execution.records import ATTENTION, MOST_REPLIES, SubtaskRef, TaskRecord
from pointsman.execution.subtasks import family_of, is_subtask
from pointsman.ports import ModelHealthStore, PayloadStore, TaskStore, Workflow
from pointsman.routing.decision import Decision
from pointsman.services.classification import TaskClassifier
from pointsman.services.context import Context
from pointsman.services.delivery import Delivery
from pointsman.services.rejection import TOO_MANY_REPLIES, RejectMessage
from pointsman.services.s3_prompts import S3Prompts
from pointsman.services.sender_limits import clamped, spender_of, tier_bound
from pointsman.services.start import first_state, has_execution, in_lane, start_or_pool
from pointsman.values import strict_json
from pointsman.values.errors import DeliveryError, RetryLaterError
from pointsman.values.log_events import LogEvent
from pointsman.values.money import nano
from pointsman.values.status import ENDED, Status
from pointsman.values.times import to_ms, to_text

TASK_LIFETIME = timedelta(hours=24)
"""A task without a deadline gets this long from its receipt."""
_CLASSIFYING_SHARE = 0.6
"""Of the invocation's time: how much classification may take."""


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """An SQS message, or the part of one that is a task."""

    message_id: str
    body: str
    sent_at: datetime | None = None
    """By the queue's word; None: it did not say."""
    sender: Sender = UNKNOWN_SENDER


@dataclass(slots=True)
class Batch:
    """How far the messages of one invocation have come."""

    owner: str
    until: datetime
    """When the invocation ends: its claims are leased until then."""
    claimed: dict[str, tuple[TaskRecord, Task]] = field(default_factory=dict)
    """By this invocation, by message id."""
    settled: set[str] = field(default_factory=set)
    """Messages that need nothing more: duplicates."""
    troubles: dict[str, Exception] = field(default_factory=dict)
    """Why a message is rejected or goes back, by message id."""
    health: dict[str, ModelState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Intake:
    """The use case: `claim_batch` reads, claims and decides a whole batch, `start_or_reject` ends one message of it."""

    ctx: Context
    tasks: TaskStore
    payloads: PayloadStore
    workflow: Workflow
    model_health: ModelHealthStore
    delivery: Delivery
    classifier: TaskClassifier
    s3_prompts: S3Prompts
    reject: RejectMessage
    economy: bool = False
    """Whether the economy lane is deployed."""

    def claim_batch(self, messages: list[QueueMessage], owner: str, seconds: float) -> Batch:
        """Claim what can be claimed and decide it; troubles stay with their own message."""
        now = self.ctx.clock.now()
        batch = Batch(owner, now + timedelta(seconds=seconds))
        batch.health = self.model_health.states(self.ctx.policy.in_use())
        for message in messages:
            try:
                self._claim(message, batch)
            except Exception as trouble:  # noqa: BLE001  (one message's trouble is no other's)
                batch.troubles[message.message_id] = trouble
        self._decide(batch, seconds * _CLASSIFYING_SHARE)
        return batch

    def start_or_reject(self, message: QueueMessage, batch: Batch) -> None:
        """Start the message's execution or reject it.

        Raises:
            Exception: Whatever stands in the way; the message goes back to the queue.
        """
        trouble = batch.troubles.get(message.message_id)
        if isinstance(trouble, Rejection):
            self.reject(message.message_id, message.body, trouble, message.sender)
        elif isinstance(trouble, RetryLaterError) and trouble.same_batch:
            self._claim(message, batch)  # its twin was started in the meantime
            if message.message_id in batch.claimed:
                raise RetryLaterError("the twin of this message let go of the task")
        elif trouble:
            raise trouble
        elif message.message_id not in batch.settled:
            record, _ = batch.claimed[message.message_id]
            start_or_pool(self.ctx, self.tasks, self.workflow, record)

    def _claim(self, message: QueueMessage, batch: Batch) -> None:
        task_id, task = self._read(message)
        now = self.ctx.clock.now()
        record = self._new_record(task_id, task, message, batch, now)
        self._refuse_tier(record, task)
        existing = self.tasks.claim(record)
        if existing is None:
            batch.claimed[message.message_id] = (record, task)
        elif existing.is_cancelled_ahead:
            self._drop_cancelled(record, existing)
            batch.settled.add(message.message_id)
        elif not task.has_fingerprint(existing.fingerprint):
            raise Rejection("task_id_conflict", "task_id: is taken by a task with other content")
        elif existing.status is Status.CLAIMED and not has_execution(self.workflow, existing):
            self._resume(message, task, existing, batch, now)
        else:
            self._answer_duplicate(existing, task)
            batch.settled.add(message.message_id)

    def _refuse_tier(self, record: TaskRecord, task: Task) -> None:
        """Raise a Rejection of a task that asks for more than its highest tier, unless it is one that was taken."""
        tier = task.explicit_tier
        if tier is None or (bound := tier_bound(self.ctx, spender_of(record), tier)) is None:
            return
        existing = self.tasks.read(record.task_id)
        if existing is None or existing.status is Status.REJECTED or not task.has_fingerprint(existing.fingerprint):
            field_name, (highest, subject) = "tier" if task.tier else "type", bound
            words = f"{field_name}: must not be above tier {highest}, the highest of this {subject.kind}"
            raise Rejection("tier_not_allowed", words)

    def _read(self, message: QueueMessage) -> tuple[str, Task]:
        if s3_prompt := object_in(message.body):
            return s3_prompt.task_id, self.s3_prompts.task(s3_prompt)
        return read_message(message.body, message.message_id, self.reject.reply_places)

    def _new_record(self, task_id: str, task: Task, message: QueueMessage, batch: Batch, now: datetime) -> TaskRecord:
        body = strict_json.dumps(task.model_dump(mode="json", exclude={"task_id", "reply_to"}, exclude_none=True))
        fingerprint = task.fingerprint()
        record = TaskRecord(
            task_id=task_id,
            status=Status.CLAIMED,
            fingerprint=fingerprint,
            body=self.payloads.keep(body, f"{task_id}/task.{fingerprint[:16]}"),
            reply_to=[task.reply_to] if task.reply_to else [],
            lease_owner=batch.owner,
            lease_until=to_ms(batch.until),
            sent_at=to_text(message.sent_at) if message.sent_at else None,
            received_at=to_text(now),
            deadline=to_text(task.deadline or now + TASK_LIFETIME),
            parent_id=task.parent_id,
            metadata=task.metadata,
            private=task.private,
            split=task.split,
            sender=message.sender.name,
            limited=message.sender.limited,
            via=message.sender.via,
        )
        if parent := self._parent_of(record):
            record.sender, record.limited = parent.sender, parent.limited
            record.family = family_of(parent, nano(self.ctx.policy.config.pointsman.limits.split_usd))
        elif task.max_cost_nano is not None:
            record.family = Family(task_id, task.max_cost_nano)
        if decision := self.classifier.decide_without_model(task):
            self._put_decision(record, task, decision, batch)
        return record

    def _parent_of(self, record: TaskRecord) -> TaskRecord | None:
        """Return the task whose answer handed this one out, by its own record; None: no answer did."""
        if record.parent_id is None or not is_subtask(record.task_id, record.parent_id):
            return None
        parent = self.tasks.read(record.parent_id)
        handed_out = SubtaskRef(record.task_id, record.fingerprint)
        return parent if parent and handed_out in parent.subtasks else None

    def _put_decision(self, record: TaskRecord, task: Task, decision: Decision, batch: Batch) -> str:
        """Set the record's decision and lane and the execution's input, which is returned."""
        record.decision = decision = clamped(self.ctx, record, decision)
        state = first_state(self.ctx, record, decision.tier, batch.health)
        state = in_lane(self.ctx, record, task, state, deployed=self.economy)
        record.execution_input = strict_json.dumps(state.as_state())
        return record.execution_input

    def _resume(self, message: QueueMessage, task: Task, existing: TaskRecord, batch: Batch, now: datetime) -> None:
        if existing.lease_owner == batch.owner:
            if any(record.task_id == existing.task_id for record, _ in batch.claimed.values()):
                raise RetryLaterError("its twin is in the same batch", same_batch=True)
            # Else the claim is this message's own: it was written, its answer lost, and the client's retry met it.
        elif existing.lease_until > to_ms(now) or not self.tasks.renew(existing, batch.owner, batch.until, now):
            raise RetryLaterError("another invocation holds the task")
        if task.reply_to:  # this message may ask for it at another place than the one that made the claim
            existing = self.tasks.add_reply(existing.task_id, task.reply_to)
        existing.lease_owner, existing.lease_until = batch.owner, to_ms(batch.until)
        batch.claimed[message.message_id] = (existing, task)

    def _drop_cancelled(self, record: TaskRecord, existing: TaskRecord) -> None:
        """Keep the message's task as cancelled, and tell its end."""
        at = to_text(self.ctx.clock.now())
        cancelled = replace(
            record,
            status=Status.CANCELLED,
            reason=existing.reason,
            ended_at=existing.ended_at,
            lease_owner="",
            lease_until=0,
            execution_input=None,
            attention=ATTENTION,
            attention_since=at,
        )
        if not self.tasks.adopt(cancelled):
            raise RetryLaterError("another invocation receives the cancelled task")
        self.ctx.log(LogEvent.CANCELLED_BEFORE_RECEIPT, task_id=record.task_id)
        try:
            self.delivery.finish(record.task_id, 1, None)
        except DeliveryError as error:  # the sweep tells it
            self.ctx.log(LogEvent.DELIVERY_FAILED, level="warning", task_id=record.task_id, why=str(error))

    def _answer_duplicate(self, existing: TaskRecord, task: Task) -> None:
        """Add a new place to reply to; a task that has ended answers it from the store."""
        self.ctx.log(LogEvent.DUPLICATE_MESSAGE, task_id=existing.task_id, status=str(existing.status))
        if not task.reply_to or task.reply_to in existing.reply_to:
            return
        if existing.status not in ENDED:
            existing = self.tasks.add_reply(existing.task_id, task.reply_to)
            if existing.status not in ENDED and task.reply_to not in existing.reply_to:
                raise Rejection(TOO_MANY_REPLIES, f"reply_to: the task has {MOST_REPLIES} places to reply to already")
        if existing.status in ENDED and task.reply_to not in existing.reply_to:
            self.delivery.send(existing, [task.reply_to])

    def _decide(self, batch: Batch, seconds: float) -> None:
        """Ask for what is undecided, and store each decision before anything is started by it."""
        undecided = {
            message_id: (record, task)
            for message_id, (record, task) in batch.claimed.items()
            if record.execution_input is None
        }
        if not undecided:
            return
        try:
            tasks = {record.task_id: task for record, task in undecided.values()}
            records = {record.task_id: record for record, _ in undecided.values()}
            decisions = self.classifier.decide(tasks, seconds, records)
        except Exception as trouble:  # noqa: BLE001  (those that are decided go on)
            batch.troubles |= dict.fromkeys(undecided, trouble)
            return
        for message_id, (record, task) in undecided.items():
            chosen = self._put_decision(record, task, decisions[record.task_id], batch)
            assert record.decision is not None
            try:
                self.tasks.decide(record.task_id, batch.owner, record.decision, chosen, record.lane, record.deadline)
            except Exception as trouble:  # noqa: BLE001  (one message's trouble is no other's)
                batch.troubles[message_id] = trouble


def read_message(body: str, message_id: str, reply_places: frozenset[str]) -> tuple[str, Task]:
    """Return the id and the task of a message that the router takes.

    Raises:
        Rejection: It can never work.
    """
    task_id, task = open_message(body, message_id)
    if task.reply_to and (rule := refusal(task.reply_to, reply_places)):
        raise Rejection("reply_to_not_allowed", f"reply_to: {rule}")
    return task_id, task
