"""What the use cases need from the world, by role; `adapters` carries it out on AWS and on the providers' SDKs."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any, Protocol

from pointsman.execution.budget import Cap
from pointsman.execution.calls import Booking, Intent, ModelRequest, Reservation, Settled, Share
from pointsman.execution.dead_letter import DeadLetter
from pointsman.execution.executions import DeadExecution, Execution, Pause
from pointsman.execution.ledger_keys import RowKey
from pointsman.execution.ledger_view import LedgerView
from pointsman.execution.model_health import Admission, HealthUpdate, ModelState
from pointsman.execution.outcome import CallResult, CheckResult
from pointsman.execution.records import Payload, SubtaskBatch, TaskRecord
from pointsman.execution.sender_limits import LimitsView, PaceUpdate
from pointsman.routing.decision import Decision, ModelVote
from pointsman.routing.lanes import LaneChoice


class Clock(Protocol):
    """The time, and the passing of it."""

    def now(self) -> datetime:
        """Return the time in UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class ModelClient(Protocol):
    """A provider. It asks once, never retries, and returns what happened as data."""

    def ask(self, request: ModelRequest) -> CallResult:
        """Return the outcome of one request; no exception for anything that a provider or the network does."""


class PayloadStore(Protocol):
    """Prompts and answers: small ones stay in their record, large ones go to S3 (claim check)."""

    def keep(self, text: str, key: str) -> Payload:
        """Store the text under the key when it is large; return where it is."""

    def keep_large(self, text: str, key: str) -> Payload:
        """Store the text under the key whatever its size."""

    def keep_answer(self, text: str, key: str, beside: Payload | None = None) -> Payload:
        """Store the text as `keep` does, or as well as it can be done; it cannot be had again without paying.

        `beside` is what the same record holds already of that answer.

        Raises:
            NotKeptError: it could not be stored at all.
        """

    def fetch(self, content: Payload, *, renew: bool = False) -> str:
        """Return the text; with `renew` its time in the store begins again where it is old."""


class TaskStore(Protocol):
    """The task table, but for what the books write in one transaction with the ledger."""

    def claim(self, record: TaskRecord) -> TaskRecord | None:
        """Store the record if its id is free or rejected; return None then, else the record that is in the way."""

    def renew(self, record: TaskRecord, owner: str, lease_until: datetime, now: datetime) -> bool:
        """Take over an expired lease of a claimed record; False when another was faster."""

    def decide(
        self,
        task_id: str,
        owner: str,
        decision: Decision,
        execution_input: str,
        lane: LaneChoice | None = None,
        deadline: str = "",
    ) -> None:
        """Store the decision and the execution's input with a claimed record, and a lane with the deadline in it."""

    def start(self, task_id: str, at: datetime) -> None:
        """Mark a claimed record as started; one that is further stays as it is."""

    def pool(self, task_id: str, at: datetime) -> None:
        """Mark a claimed record as started and as waiting for a batch of the economy lane."""

    def waiting_in_pool(self) -> Iterable[str]:
        """Return the ids of tasks that wait for a batch, or whose entry is settled and which are to go on, oldest
        first.
        """

    def change_lane(self, task_id: str, lane: LaneChoice) -> bool:
        """Keep what becomes of a task in the pool, which no batch takes from then on; False when it has left."""

    def send_on(self, task_id: str) -> None:
        """Take a record out of the economy lane's care, once its execution is there."""

    def add_reply(self, task_id: str, reply_to: str) -> TaskRecord:
        """Add a place to reply to, unless the task has ended or has `MOST_REPLIES`; return the record as it is then."""

    def reject(self, record: TaskRecord) -> None:
        """Store a rejected record if nothing stands under its id."""

    def read(self, task_id: str) -> TaskRecord | None:
        """Return the record, read consistently."""

    def read_many(self, task_ids: Iterable[str]) -> dict[str, TaskRecord]:
        """Return the records that are there, by id, read consistently."""

    def fail(
        self, task_id: str, generation: int, reason: str, at: datetime, waited_for: Mapping[str, Any] | None = None
    ) -> TaskRecord | None:
        """End a task that has neither ended nor an answer that is kept; return the record as it is then."""

    def complete(self, record: TaskRecord, at: datetime) -> TaskRecord | None:
        """End a task that has not ended by the answer that it has; return the record as it is then."""

    def cancel(self, task_id: str, generation: int, at: datetime) -> TaskRecord | None:
        """End a task of that generation that has neither ended nor an attempt open; None when it has."""

    def ask_cancel(self, task_id: str, generation: int, at: datetime) -> TaskRecord | None:
        """Mark a task of that generation whose attempt is open; None when none is, or the task has ended."""

    def cancel_ahead(self, task_id: str, at: datetime) -> TaskRecord | None:
        """Cancel an id whose message was not received; return the record that is in the way."""

    def adopt(self, record: TaskRecord) -> bool:
        """Store the record of a message over its id, which was cancelled ahead; False when another did."""

    def wait(self, record: TaskRecord) -> TaskRecord | None:
        """Mark a task as waiting for its subtasks, which are all in the queue; return the record as it is then."""

    def close(self, record: TaskRecord, at: datetime) -> TaskRecord | None:
        """End a task by what its subtasks came to (`status`, `reason`, `results`, `closed_by`); None: it had ended."""

    def delivered(self, task_id: str, generation: int, at: datetime) -> None:
        """Mark the answer as delivered and clear what asked for attention."""

    def reached(self, task_id: str, generation: int, place: str) -> None:
        """Keep that a place knows the task's end, so that whoever goes on with the delivery leaves it out."""

    def needs_attention(self, record: TaskRecord, at: datetime) -> None:
        """Keep who knows of the record's end (`notified`) and who could not be told (`undelivered`), for the sweep."""

    def wanting_attention(self) -> Iterable[str]:
        """Return the ids of tasks that have ended and are not delivered, or that wait for subtasks, oldest first."""

    def replay(self, record: TaskRecord, now: datetime) -> bool:
        """Store the record, a claim of the next generation, over its failed one; False when that is not there any more.

        The rows, tokens and costs of all generations stay, and add up.
        """

    def unfinished(self) -> Iterable[str]:
        """Return the ids of tasks that have not ended, or whose end the sweep looks after."""

    def replayable(self) -> Iterable[str]:
        """Return the ids of tasks that failed, or whose replay or rerun was begun and not finished."""


class UsageLedger(Protocol):
    """Ledger, budget and guards: what must change together does so in one transaction."""

    def look(self, task_id: str | None, model: str, day: date) -> LedgerView:
        """Return the task, the model's state and the counters of the day and its month, read consistently."""

    def look_at_limits(
        self, counters: Collection[str], subjects: Collection[str], paced: Collection[str], day: date
    ) -> LimitsView:
        """Read counters that are not the stack's own, what subjects are granted, and which of their tasks began."""

    def ended_among(self, places: Mapping[str, int], now: datetime) -> frozenset[str]:
        """Return the places of tasks that have begun and are not under way any more, by their own records."""

    def reserve(
        self, intent: Intent, admission: Admission, state: ModelState, paces: tuple[PaceUpdate, ...] = ()
    ) -> Reservation:
        """Write the intent and take what it needs, all or nothing."""

    def settle(
        self,
        settled: Settled,
        health: HealthUpdate,
        answer: Payload | None,
        shares: tuple[Share, ...] = (),
        subtasks: SubtaskBatch | None = None,
        *,
        counters_due: bool = False,
    ) -> Booking:
        """Write the outcome, the counters, the model's health, the answer and its subtasks. With `counters_due` the
        counters are left to whoever settles the intent again.
        """

    def record_check(self, record: TaskRecord, check: CheckResult, at: datetime) -> None:
        """Keep what the checks said of the record's answer, and end the task unless that is pending."""

    def record_refusal(self, month: str, caps: Iterable[Cap], at: datetime) -> None:
        """Keep when each cap on the month first refused a call."""

    def record_health(self, model: str, health: HealthUpdate) -> None:
        """Keep what is known of a model, and of those that share its account, without a call."""

    def find_intent(self, key: RowKey) -> Intent | None:
        """Return a stored intent."""

    def find_outcome(self, key: RowKey) -> CallResult | None:
        """Return what a stored outcome says of a call, without its text; None when there is none yet."""


class DecisionCache(Protocol):
    """What models said of public texts, by `model_votes.text_key`; it holds no text."""

    def recall(self, keys: Collection[str], now: datetime) -> dict[str, ModelVote]:
        """Return what is known and has not expired."""

    def keep(self, told: Mapping[str, ModelVote], until: datetime) -> None:
        """Store what was said, up to that time."""


class ModelHealthStore(Protocol):
    """The models' states, read for a batch at once."""

    def states(self, models: Iterable[str]) -> dict[str, ModelState]:
        """Return what is known of each model."""

    def clear_retired(self, state: ModelState) -> bool:
        """Hold the model no longer for retired, unless its provider has said so again since `state`; return whether."""


class Workflow(Protocol):
    """The state machine."""

    def start(self, name: str, execution_input: str) -> Execution:
        """Start an execution, or return the input of the one that has the name."""

    def input_of(self, name: str) -> str | None:
        """Return the input of the execution that has the name; None when there is none."""

    def dead(self, since: datetime, until: datetime) -> Iterable[DeadExecution]:
        """Return the executions that failed, timed out or were aborted in that time."""

    def stop(self, name: str, cause: str) -> None:
        """Stop an execution, if it is there and runs."""

    def position(self, name: str) -> tuple[str, int]:
        """Return the task and the generation that an execution runs."""

    def pause(self, name: str) -> Pause | None:
        """Return where an execution waits now; None when it does not."""


class EventPublisher(Protocol):
    """The event bus."""

    def publish(self, detail_type: str, detail: str) -> None:
        """Put one event; a refused entry is an error."""


class ReplySender(Protocol):
    """Whoever asked to be answered directly."""

    def reply(self, reply_to: str, detail: str, failed_with: str | None, event_id: str) -> bool:
        """Send the event's detail to a queue, webhook or task token; False when nobody waits there any more.

        `event_id` is the same however often this end is told (`webhook.event_id`).
        """


class TaskQueue(Protocol):
    """The queue that tasks are sent to."""

    def send(self, body: str, sender: str | None = None) -> None:
        """Put a message on the queue; `sender` is for whom, which counts if the router trusts our role."""


class DeadLetterQueue(Protocol):
    """The dead-letter queue."""

    def put(self, body: str, attributes: dict[str, str], message_id: str) -> None:
        """Send a rejected message there, with its reason; by claim check when it does not fit."""

    def letters(self) -> Iterable[DeadLetter]:
        """Return every message once, its body fetched where it travelled by claim check; they stay invisible meanwhile.

        When the iteration ends, those that were not dropped are visible again.
        """

    def drop(self, letter: DeadLetter) -> None:
        """Delete a message."""
