"""The replay: dead letters back to the queue, failed tasks as a new generation. A dry run unless told to execute."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from itertools import islice

from pointsman.contracts.envelope import object_in, parts, readable_id, unwrap
from pointsman.contracts.s3_prompt import S3Prompt, is_s3_event
from pointsman.contracts.task import Rejection, Task, read_task
from pointsman.execution.dead_letter import DeadLetter
from pointsman.execution.records import TaskRecord
from pointsman.ports import DeadLetterQueue, ModelHealthStore, PayloadStore, TaskQueue, TaskStore, Workflow
from pointsman.routing.decision import Decision
from pointsman.services.call import close_open_intent
from pointsman.services.classification import TaskClassifier
from pointsman.services.context import Context
from pointsman.services.intake import TASK_LIFETIME, read_message
from pointsman.services.sender_limits import clamped
from pointsman.services.start import first_state, has_execution, start_again
from pointsman.values import strict_json
from pointsman.values.errors import RetryLaterError, safe_message
from pointsman.values.limits import LARGEST_BODY
from pointsman.values.log_events import LogEvent
from pointsman.values.status import Status
from pointsman.values.times import to_ms, to_text

REPLAY_LEASE = timedelta(seconds=60)
"""How long a replay holds its claim; whoever repeats it later takes over."""
_CLASSIFYING_SECONDS = 60.0
REPLAY_UNFINISHED = "unfinished"
"""The code of a failed task whose replay was begun and not carried through."""
GIVEN_UP = "gave_up"
"""The code of a message that SQS itself moved, after `maxReceiveCount` receipts: the router had never got through."""


class ReplayOutcome(StrEnum):
    """What a replay would come to."""

    REPLAY = "replay"
    REJECTED_AGAIN = "would be rejected again"
    DUPLICATE = "answers a task that is there"
    """The task of this id and content exists: the message starts nothing, and adds its place to reply to."""
    IMPOSSIBLE = "cannot be replayed"


def is_rejected(letter: DeadLetter) -> bool:
    """Return whether the router has rejected the message, so that it can be corrected; SQS moved any other."""
    return bool(letter.attributes)


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """What an operator asks for."""

    ids: frozenset[str] = frozenset()
    """Only these tasks; empty: all."""
    code: str | None = None
    """Only what was rejected with this code, or failed for this reason."""
    failed: bool = False
    """Failed tasks too, without naming them."""
    anyway: bool = False
    """Also what would be rejected again."""
    route_again: bool = False
    """Decide anew who serves."""
    execute: bool = False
    """Do it, rather than tell it."""
    most: int | None = None
    """How many letters to look at; None: all."""
    corrected: str | None = None
    """The body to send instead of that of a rejected message, which `ids` names."""


@dataclass(frozen=True, slots=True)
class ReplayedItem:
    """One message or task, and what the replay made of it."""

    source: str
    """`queue` or `task`."""
    task_id: str
    code: str
    """Why it is here: a rejection's code, `gave_up`, or the reason of a failed task."""
    reason: str | None
    size: int
    """UTF-8 bytes of the message or of the stored task."""
    outcome: ReplayOutcome
    why: str | None = None
    """What stands in the way, field and rule."""
    replayed: bool = False
    generation: int = 1
    """Of the task, once replayed."""
    trouble: str | None = None
    """What went wrong while it was carried out; it is where it was."""


@dataclass(frozen=True, slots=True)
class Replay:
    """The use case of `pointsman replay`, run by the operator's process with the operator's rights."""

    ctx: Context
    tasks: TaskStore
    payloads: PayloadStore
    workflow: Workflow
    model_health: ModelHealthStore
    classifier: TaskClassifier
    dead_letters: DeadLetterQueue
    queue: TaskQueue
    reply_places: frozenset[str]

    def __call__(self, options: ReplayOptions, owner: str) -> list[ReplayedItem]:
        """Return what is (or, if told to execute, was) replayed; `owner` names this process in its claims."""
        letters = [
            self._letter(letter, options)
            for letter in islice(self.dead_letters.letters(), options.most)
            if self._is_chosen(letter, options)
        ]
        ids = dict.fromkeys([*(self.tasks.replayable() if options.failed else ()), *sorted(options.ids)])
        return [*letters, *self._failed(ids, options, owner)]

    def letter(self, task_id: str) -> DeadLetter | None:
        """Return the dead letter of a task or message as it lies there."""
        options = ReplayOptions(frozenset({task_id}))
        return next((letter for letter in self.dead_letters.letters() if self._is_chosen(letter, options)), None)

    def _is_chosen(self, letter: DeadLetter, options: ReplayOptions) -> bool:
        ids = {_id_of(letter), _first_id(letter), letter.message_id, readable_id(letter.body) or ""}
        named = not options.ids or bool(options.ids & ids)
        return named and options.code in (None, _code(letter))

    def _letter(self, letter: DeadLetter, options: ReplayOptions) -> ReplayedItem:
        if options.ids and options.corrected is not None and is_rejected(letter):
            letter = replace(letter, body=options.corrected)
        body, outcome, why = self._examine(letter)
        entry = ReplayedItem(
            source="queue",
            task_id=_id_of(letter),
            code=_code(letter),
            reason=letter.attributes.get("reason"),
            size=len(letter.body.encode()),
            outcome=outcome,
            why=why,
        )
        skipped = outcome is ReplayOutcome.IMPOSSIBLE or (
            outcome is ReplayOutcome.REJECTED_AGAIN and not options.anyway
        )
        if skipped or not options.execute:
            return entry
        try:
            self.queue.send(body)
            self.dead_letters.drop(
                letter
            )  # only now: a crash in between doubles the message, and its id makes that harmless
        except Exception as error:  # noqa: BLE001  (one letter's trouble is no other's)
            return replace(entry, trouble=safe_message(error))
        self.ctx.log(LogEvent.DEAD_LETTER_REPLAYED, task_id=entry.task_id, code=entry.code)
        return replace(entry, replayed=True)

    def _examine(self, letter: DeadLetter) -> tuple[str, ReplayOutcome, str | None]:
        """Return the body to send, whether the router would take it, and why not."""
        body = letter.body
        try:
            if len(parts(body)) != 1:
                return body, ReplayOutcome.REPLAY, None
            if s3_prompt := object_in(body):
                return body, *self._of_object(s3_prompt)
            body = with_id(body, _first_id(letter))
            if len(body.encode()) > LARGEST_BODY:
                return body, ReplayOutcome.IMPOSSIBLE, f"body: with its task_id it has more than {LARGEST_BODY} bytes"
            task_id, task = read_message(body, _first_id(letter), self.reply_places)
        except Rejection as rejection:
            return body, ReplayOutcome.REJECTED_AGAIN, rejection.reason
        existing = self.tasks.read(task_id)
        if existing is None or existing.status is Status.REJECTED:
            return body, ReplayOutcome.REPLAY, None
        if not task.has_fingerprint(existing.fingerprint):
            return body, ReplayOutcome.REJECTED_AGAIN, "task_id: is taken by a task with other content"
        if self._waits_for_its_message(existing):
            return body, ReplayOutcome.REPLAY, None
        return body, ReplayOutcome.DUPLICATE, f"the task is {existing.status}"

    def _of_object(self, s3_prompt: S3Prompt) -> tuple[ReplayOutcome, str | None]:
        """Return the verdict on an event of S3; whether its object may be had now is for the router to see."""
        existing = self.tasks.read(s3_prompt.task_id)
        if existing is None or existing.status is Status.REJECTED or self._waits_for_its_message(existing):
            return ReplayOutcome.REPLAY, None
        return ReplayOutcome.DUPLICATE, f"the task is {existing.status}"

    def _waits_for_its_message(self, record: TaskRecord) -> bool:
        """Return whether the task is claimed and nothing runs it."""
        return record.status is Status.CLAIMED and not has_execution(self.workflow, record)

    def _failed(self, ids: Iterable[str], options: ReplayOptions, owner: str) -> Iterable[ReplayedItem]:
        for task_id in ids:
            record = self.tasks.read(task_id)
            if record and _is_failed(record) and options.code in (None, record.reason or REPLAY_UNFINISHED):
                yield self._task(record, options, owner)

    def _task(self, record: TaskRecord, options: ReplayOptions, owner: str) -> ReplayedItem:
        entry = ReplayedItem(
            source="task",
            task_id=record.task_id,
            code=record.reason or REPLAY_UNFINISHED,
            reason=None if record.status is Status.FAILED else "a replay or rerun was begun and has not started it",
            size=0,
            outcome=ReplayOutcome.REPLAY,
            generation=record.generation,
        )
        try:
            text = self.payloads.fetch(record.body)
            entry = replace(entry, size=len(text.encode()))
            if options.execute:
                generation = self._again(record, read_task(strict_json.loads(text)), options, owner)
                entry = replace(entry, replayed=True, generation=generation)
        except RetryLaterError as error:
            return replace(entry, trouble=str(error))
        except Exception as error:  # noqa: BLE001  (one task's trouble is no other's)
            words = safe_message(error)
            return (
                replace(entry, trouble=words)
                if options.execute
                else replace(entry, outcome=ReplayOutcome.IMPOSSIBLE, why=words)
            )
        return entry

    def _again(self, record: TaskRecord, task: Task, options: ReplayOptions, owner: str) -> int:
        """Claim the next generation and start it; a replay that was begun is resumed as it was stored."""
        now = self.ctx.clock.now()
        if record.status is Status.CLAIMED:
            if not self.tasks.renew(record, owner, now + REPLAY_LEASE, now):
                raise RetryLaterError("another process is about to start it: try again in a minute")
            start_again(self.ctx, self.tasks, self.workflow, record)
            return record.generation
        close_open_intent(self.ctx, record)
        claim = replace(
            record,
            status=Status.CLAIMED,
            generation=record.generation + 1,
            lease_owner=owner,
            lease_until=to_ms(now + REPLAY_LEASE),
            deadline=to_text(now + TASK_LIFETIME),
        )
        if options.route_again or claim.decision is None:
            claim.decision = self._decision(task, record)
        claim.decision = clamped(self.ctx, claim, claim.decision)
        health = self.model_health.states(self.ctx.policy.in_use())
        state = first_state(self.ctx, claim, claim.decision.tier, health)
        claim.execution_input = strict_json.dumps(state.as_state())
        claim.lane = None  # it has waited long enough
        if not self.tasks.replay(claim, now):
            raise RetryLaterError("another process was faster")
        start_again(self.ctx, self.tasks, self.workflow, claim)
        return claim.generation

    def _decision(self, task: Task, record: TaskRecord) -> Decision:
        if decision := self.classifier.decide_without_model(task):
            return decision
        task_id = record.task_id
        return self.classifier.decide({task_id: task}, _CLASSIFYING_SECONDS, {task_id: record})[task_id]


def with_id(body: str, message_id: str) -> str:
    """Return the body with `message_id` as the task's id where it states none: SQS gives what is sent anew a new id.

    A body that carries an id, in the task or in the envelope around it, is returned as it is, and so is one that cannot
    be read.
    """
    try:
        fields, task_id = unwrap(body, "")
    except Rejection:
        return body
    if task_id or not isinstance(fields, dict) or fields.get("task_id") is not None or is_s3_event(fields):
        return body
    return strict_json.portable(strict_json.dumps({**fields, "task_id": message_id}))


def _is_failed(record: TaskRecord) -> bool:
    begun = record.generation > 1 or record.rerun_of is not None
    return record.status is Status.FAILED or (record.status is Status.CLAIMED and begun)


def _code(letter: DeadLetter) -> str:
    return letter.attributes.get("code", GIVEN_UP)


def _first_id(letter: DeadLetter) -> str:
    """Return the message's SQS id when it first came: the router's dead letters are messages of their own."""
    return letter.attributes.get("message_id", letter.message_id)


def _id_of(letter: DeadLetter) -> str:
    """Return the id that the message's record stands under, or would."""
    if task_id := letter.attributes.get("task_id"):
        return task_id
    try:
        _, enveloped = unwrap(letter.body, "")
    except Rejection:
        enveloped = ""
    return readable_id(letter.body) or enveloped or _first_id(letter)
