"""Hand-written stores, one for each port that a table or a bucket stands behind. They hold what a test gives them and
follow the ports' contracts in memory; tests/component/test_fakes.py compares them with the real adapters.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from pointsman.execution.budget import OPEN, Cap
from pointsman.execution.calls import Booking, Intent, Purpose, Reservation, Settled, Share
from pointsman.execution.events import NoticeKey
from pointsman.execution.ledger_keys import LedgerWatermarks, RowKey
from pointsman.execution.ledger_view import LedgerView
from pointsman.execution.model_health import Admission, HealthUpdate, ModelState
from pointsman.execution.outcome import GOOD, CallResult, CheckResult, Outcome
from pointsman.execution.records import MOST_REPLIES, Payload, SubtaskBatch, TaskRecord
from pointsman.execution.sender_limits import LimitsView, PaceUpdate
from pointsman.routing.decision import Decision, ModelVote
from pointsman.values.errors import RetryLaterError
from pointsman.values.status import CANCEL_REASON, ENDED, Status
from pointsman.values.times import to_ms, to_text, utc_days


@dataclass
class FakePayloads:
    """A bucket for texts above a size."""

    objects: dict[str, str] = field(default_factory=dict)
    largest_inline: int = 300_000

    def keep(self, text: str, key: str) -> Payload:
        return Payload(inline=text) if len(text.encode()) <= self.largest_inline else self.keep_large(text, key)

    def keep_large(self, text: str, key: str) -> Payload:
        ref = f"tasks/{key}"
        self.objects[ref] = text
        return Payload(ref=ref)

    def keep_answer(self, text: str, key: str, beside: Payload | None = None) -> Payload:
        del beside
        return self.keep(text, key)

    def fetch(self, payload: Payload, *, renew: bool = False) -> str:
        del renew
        return self.objects[payload.ref] if payload.ref else payload.inline or ""


@dataclass
class FakeTaskStore:
    """The task table in memory."""

    records: dict[str, TaskRecord] = field(default_factory=dict)

    def claim(self, record: TaskRecord) -> TaskRecord | None:
        existing = self.records.get(record.task_id)
        if existing and existing.status is not Status.REJECTED:
            return replace(existing)
        self.records[record.task_id] = replace(record)
        return None

    def renew(self, record: TaskRecord, owner: str, lease_until: datetime, now: datetime) -> bool:
        stored = self.records.get(record.task_id)
        if stored is None or stored.status is not Status.CLAIMED:
            return False
        if stored.lease_until > to_ms(now):
            return stored.lease_owner == owner
        stored.lease_owner, stored.lease_until = owner, to_ms(lease_until)
        return True

    def decide(self, task_id: str, owner: str, decision: Decision, execution_input: str) -> None:
        stored = self.records.get(task_id)
        if stored is None or stored.lease_owner != owner:
            raise RetryLaterError("another invocation holds the task")
        stored.decision, stored.execution_input = decision, execution_input

    def start(self, task_id: str, at: datetime) -> None:
        stored = self.records.get(task_id)
        if stored and stored.status is Status.CLAIMED:
            stored.status, stored.started_at = Status.STARTED, to_text(at)
            stored.lease_owner, stored.lease_until = "", 0

    def add_reply(self, task_id: str, reply_to: str) -> TaskRecord:
        stored = self.records[task_id]
        room = len(stored.reply_to) < MOST_REPLIES
        if stored.status not in ENDED and reply_to not in stored.reply_to and room:
            stored.reply_to = [*stored.reply_to, reply_to]
        return replace(stored)

    def reject(self, record: TaskRecord) -> None:
        self.records.setdefault(record.task_id, replace(record))

    def read(self, task_id: str) -> TaskRecord | None:
        stored = self.records.get(task_id)
        return replace(stored) if stored else None

    def read_many(self, task_ids: Iterable[str]) -> dict[str, TaskRecord]:
        return {task_id: replace(self.records[task_id]) for task_id in set(task_ids) if task_id in self.records}

    def fail(
        self, task_id: str, generation: int, reason: str, at: datetime, waited_for: Mapping[str, Any] | None = None
    ) -> TaskRecord | None:
        stored = self._running(task_id, generation)
        if stored and stored.answer == Payload() and not stored.open_intent and not stored.cancel_asked_at:
            stored.reason, stored.waited_for = reason, waited_for
            self._end(stored, Status.FAILED, at)
        return self.read(task_id)

    def complete(self, record: TaskRecord, at: datetime) -> TaskRecord | None:
        stored = self._running(record.task_id, record.generation)
        if stored and not stored.open_intent and not stored.cancel_asked_at:
            self._end(stored, Status.COMPLETED, at)
            stored.model = record.checked.model if record.checked else stored.model
        return self.read(record.task_id)

    def cancel(self, task_id: str, generation: int, at: datetime) -> TaskRecord | None:
        stored = self._running(task_id, generation)
        if stored is None or stored.open_intent:
            return None
        stored.reason, stored.lease_owner, stored.lease_until = CANCEL_REASON, "", 0
        self._end(stored, Status.CANCELLED, at)
        return replace(stored)

    def ask_cancel(self, task_id: str, generation: int, at: datetime) -> TaskRecord | None:
        stored = self._running(task_id, generation)
        if stored is None or stored.open_intent is None:
            return None
        stored.cancel_asked_at = stored.cancel_asked_at or to_text(at)
        return replace(stored)

    def cancel_ahead(self, task_id: str, at: datetime) -> TaskRecord | None:
        if existing := self.records.get(task_id):
            return replace(existing)
        self.records[task_id] = TaskRecord(task_id, Status.CANCELLED, reason=CANCEL_REASON, ended_at=to_text(at))
        return None

    def adopt(self, record: TaskRecord) -> bool:
        existing = self.records.get(record.task_id)
        if existing is None or not existing.is_cancelled_ahead:
            return False
        self.records[record.task_id] = replace(record)
        return True

    def wait(self, record: TaskRecord) -> TaskRecord | None:
        if stored := self._running(record.task_id, record.generation):
            stored.status = Status.WAITING
        return self.read(record.task_id)

    def close(self, record: TaskRecord, at: datetime) -> TaskRecord | None:
        stored = self._running(record.task_id, record.generation)
        if stored is None:
            return None
        stored.reason, stored.results, stored.closed_by = record.reason, record.results, record.closed_by
        self._end(stored, record.status, at)
        return replace(stored)

    def delivered(self, task_id: str, generation: int, at: datetime) -> None:
        stored = self.records.get(task_id)
        if stored and stored.generation == generation:
            stored.delivered_at, stored.attention, stored.attention_since = to_text(at), None, None
            stored.notified, stored.undelivered = [], []

    def reached(self, task_id: str, generation: int, place: str) -> None:
        stored = self.records.get(task_id)
        if stored and stored.generation == generation and not stored.delivered_at and place not in stored.notified:
            stored.notified = [*stored.notified, place]

    def needs_attention(self, record: TaskRecord, at: datetime) -> None:
        stored = self.records.get(record.task_id)
        if stored and stored.generation == record.generation and not stored.delivered_at:
            stored.attention, stored.attention_since = "delivery", record.attention_since or to_text(at)
            stored.notified, stored.undelivered = record.notified, record.undelivered

    def wanting_attention(self) -> Iterable[str]:
        waiting = [record for record in self.records.values() if record.attention]
        return [record.task_id for record in sorted(waiting, key=lambda record: record.attention_since or "")]

    def replay(self, record: TaskRecord, now: datetime) -> bool:
        stored = self.records.get(record.task_id)
        failed = stored and stored.status is Status.FAILED and stored.generation == record.generation - 1
        if not stored or not failed or stored.open_intent:
            return False
        self.records[record.task_id] = TaskRecord(
            task_id=stored.task_id,
            status=Status.CLAIMED,
            generation=record.generation,
            fingerprint=stored.fingerprint,
            body=stored.body,
            reply_to=stored.reply_to,
            lease_owner=record.lease_owner,
            lease_until=record.lease_until,
            decision=record.decision,
            execution_input=record.execution_input,
            deadline=record.deadline,
            received_at=stored.received_at,
            rows=stored.rows,
            cost_nano=stored.cost_nano,
        )
        return True

    def unfinished(self) -> Iterable[str]:
        return [
            record.task_id
            for record in self.records.values()
            if record.status in (Status.CLAIMED, Status.STARTED) or record.attention
        ]

    def replayable(self) -> Iterable[str]:
        return [
            record.task_id
            for record in self.records.values()
            if record.status is Status.FAILED
            or (record.status is Status.CLAIMED and (record.generation > 1 or record.rerun_of))
        ]

    @staticmethod
    def _end(stored: TaskRecord, status: Status, at: datetime) -> None:
        stored.status, stored.ended_at = status, to_text(at)
        stored.attention, stored.attention_since = "delivery", to_text(at)

    def _running(self, task_id: str, generation: int) -> TaskRecord | None:
        stored = self.records.get(task_id)
        ended = stored is None or stored.status in ENDED | {Status.REJECTED} or stored.generation != generation
        return None if ended else stored


@dataclass
class FakeLedger:
    """`UsageLedger`, `LedgerReader` and `ModelHealthStore` over the same rows, counters and models, in memory."""

    tasks: FakeTaskStore = field(default_factory=FakeTaskStore)
    intents: dict[RowKey, Intent] = field(default_factory=dict)
    outcomes: dict[RowKey, Settled] = field(default_factory=dict)
    shares_of: dict[RowKey, tuple[Share, ...]] = field(default_factory=dict)
    counters_due: set[RowKey] = field(default_factory=set)
    months: dict[str, dict[str, int]] = field(default_factory=dict)
    models: dict[str, ModelState] = field(default_factory=dict)
    refusals: dict[tuple[str, str], datetime] = field(default_factory=dict)

    def look(self, task_id: str | None, model: str, day: date) -> LedgerView:
        task = self.tasks.read(task_id) if task_id else None
        counters = self.counters(f"{day:%Y-%m}", day.day)
        return LedgerView(task, self.models.get(model, ModelState(model)), counters, day=day)

    def look_at_limits(
        self, counters: Collection[str], subjects: Collection[str], paced: Collection[str], day: date
    ) -> LimitsView:
        raise AssertionError("no limits are configured")

    def ended_among(self, places: Mapping[str, int], now: datetime) -> frozenset[str]:
        raise AssertionError("no limits are configured")

    def reserve(
        self, intent: Intent, admission: Admission, state: ModelState, paces: tuple[PaceUpdate, ...] = ()
    ) -> Reservation:
        spec, stored = intent.spec, self.tasks.records.get(intent.spec.task_id)
        if intent.key in self.intents or not self._may_begin(intent, stored):
            return Reservation(made=False, attempt_used=True)
        counters = self.months.setdefault(intent.charge.month, {})
        over = any(counters.get(cap.counter, 0) + intent.charge.amount > cap.limit for cap in intent.charge.caps)
        current = self.models.get(spec.model, ModelState(spec.model))
        if (intent.charge.amount and over) or (admission.writes and current.version != state.version):
            return Reservation(made=False)
        self.intents[intent.key] = intent
        for counter in intent.charge.counters:
            for name in (counter, counter + OPEN):
                counters[name] = counters.get(name, 0) + intent.charge.amount
        if admission.writes:
            self._admit(spec.model, spec.tag, admission)
        if stored and spec.purpose is not Purpose.AUDIT:
            stored.status, stored.started_at = Status.STARTED, stored.started_at or to_text(intent.at)
            stored.lease_owner, stored.lease_until = "", 0
            stored.last_attempt, stored.open_intent = spec.attempt_id, intent.key
            stored.rows = [*stored.rows, intent.key]
        return Reservation(made=True)

    def _may_begin(self, intent: Intent, stored: TaskRecord | None) -> bool:
        if intent.spec.purpose is Purpose.CLASSIFICATION:
            return True
        if stored is None or stored.subtasks or stored.cancel_asked_at:
            return False
        if intent.spec.purpose is Purpose.AUDIT:
            return stored.status is Status.COMPLETED and stored.audit is None
        return stored.status not in ENDED and stored.last_attempt < intent.spec.attempt_id

    def _admit(self, model: str, tag: str, admission: Admission) -> None:
        state = self.models.get(model, ModelState(model))
        slots = {name: slot for name, slot in state.slots.items() if name not in admission.stale}
        if admission.slot:
            slots[tag] = admission.slot
            state = replace(state, day=admission.day, day_count=admission.day_count)
        state = replace(state, probe_until=admission.probe_until or state.probe_until)
        self.models[model] = replace(state, slots=slots, version=state.version + 1)

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
        intent = settled.intent
        if stored := self.outcomes.get(intent.key):
            if intent.key in self.counters_due:
                self.counters_due.remove(intent.key)
                self._book(stored)
            return Booking(stored == settled and settled.result.outcome is not Outcome.UNKNOWN)
        self.outcomes[intent.key], self.shares_of[intent.key] = settled, shares
        if counters_due:
            self.counters_due.add(intent.key)
        else:
            self._book(settled)
        self.record_health(intent.spec.model, health)
        stored = self.tasks.records.get(intent.spec.task_id)
        if stored and intent.spec.purpose is Purpose.TASK:
            self._end_attempt(stored, settled, answer, subtasks)
        ended = stored is not None and stored.status is Status.CANCELLED and stored.cancel_asked_at
        return Booking.TASK_CANCELLED if ended else Booking.OURS

    def _book(self, settled: Settled) -> None:
        charge = settled.intent.charge
        counters = self.months.setdefault(charge.month, {})
        for counter in charge.counters:
            counters[counter] = counters.get(counter, 0) + settled.cost_nano - charge.amount
            counters[counter + OPEN] = counters.get(counter + OPEN, 0) - charge.amount

    def _end_attempt(
        self, stored: TaskRecord, settled: Settled, answer: Payload | None, subtasks: SubtaskBatch | None
    ) -> None:
        stored.cost_nano += settled.cost_nano
        stored.attempts += settled.result.outcome is not Outcome.NOT_SENT
        if stored.open_intent != settled.intent.key:
            return
        stored.open_intent = None
        if stored.status in ENDED:
            return
        stored.model = settled.billed_model
        if stored.cancel_asked_at:
            stored.reason = CANCEL_REASON
            FakeTaskStore._end(stored, Status.CANCELLED, settled.at)
            return
        if settled.result.outcome in GOOD and answer:
            stored.answer, stored.truncated = answer, settled.result.outcome is Outcome.TRUNCATED
            if subtasks:
                stored.subtasks, stored.drafts, stored.attention = list(subtasks.expected), subtasks.drafts, "delivery"
                stored.deadline, stored.attention_since = subtasks.deadline, to_text(settled.at)
            elif not (settled.result.check and settled.result.check.pending):
                stored.status, stored.ended_at = Status.COMPLETED, to_text(settled.at)
                stored.attention, stored.attention_since = "delivery", to_text(settled.at)

    def record_health(self, model: str, health: HealthUpdate) -> None:
        state = self.models.get(model, ModelState(model))
        added = {name: getattr(state, name) + amount for name, amount in health.adds.items()}
        self.models[model] = replace(state, **{**dict.fromkeys(health.removes, 0), **added, **health.sets})
        for other in health.shared_with:
            self.record_health(other, health.of_account)

    def record_check(self, record: TaskRecord, check: CheckResult, at: datetime) -> None:
        stored = self.tasks.records[record.task_id]
        if not check.pending:
            stored.status, stored.ended_at = Status.COMPLETED, to_text(at)

    def record_refusal(self, month: str, caps: Iterable[Cap], at: datetime) -> None:
        for cap in caps:
            self.refusals.setdefault((month, cap.key), at)

    def find_intent(self, key: RowKey) -> Intent | None:
        return self.intents.get(key)

    def find_outcome(self, key: RowKey) -> CallResult | None:
        settled = self.outcomes.get(key)
        return replace(settled.result, text="", detail="stored") if settled else None

    def open_intents(self, since: datetime, until: datetime) -> Iterable[RowKey]:
        unfinished = self.intents.keys() - self.outcomes.keys() | self.counters_due
        return [key for key, intent in self.intents.items() if key in unfinished and since <= intent.at < until]

    def counters(self, month: str, through: int = 0) -> dict[str, int]:
        return {
            name: count
            for name, count in self.months.get(month, {}).items()
            if not name.startswith("day_") or int(name[4:6]) <= through
        }

    def shards(
        self, since: datetime, until: datetime, attributes: tuple[str, ...] = ()
    ) -> Iterable[Iterator[dict[str, Any]]]:
        del attributes
        rows = [
            {"kind": "attempt", "row": key.row, "day_shard": key.day_shard, "cost_nano": self._cost(key)}
            for key, intent in self.intents.items()
            if since <= intent.at < until
        ]
        return [iter(rows)] if utc_days(since, until) else []

    def _cost(self, key: RowKey) -> int:
        return self.outcomes[key].cost_nano if key in self.outcomes else self.intents[key].charge.amount

    def states(self, models: Iterable[str]) -> dict[str, ModelState]:
        return {model: self.models[model] for model in models if model in self.models}

    def clear_retired(self, state: ModelState) -> bool:
        stored = self.models.get(state.model, ModelState(state.model))
        if not stored.retired or stored.retired_at != state.retired_at:
            return False
        self.models[state.model] = replace(stored, retired=False, retired_at=0)
        return True


@dataclass
class FakeDecisionCache:
    """What models said of texts."""

    votes: dict[str, tuple[ModelVote, datetime]] = field(default_factory=dict)

    def recall(self, keys: Collection[str], now: datetime) -> dict[str, ModelVote]:
        return {key: self.votes[key][0] for key in keys if key in self.votes and self.votes[key][1] > now}

    def keep(self, told: Mapping[str, ModelVote], until: datetime) -> None:
        self.votes |= {key: (vote, until) for key, vote in told.items()}


@dataclass
class FakeReportSink:
    """Files of reports, and what the team was told."""

    files: dict[str, tuple[str, str]] = field(default_factory=dict)
    announced: list[tuple[str, str]] = field(default_factory=list)

    def store(self, key: str, content_type: str, text: str) -> None:
        self.files[key] = (content_type, text)

    def fetch(self, key: str) -> str | None:
        return self.files[key][1] if key in self.files else None

    def announce(self, subject: str, text: str) -> None:
        self.announced.append((subject, text))


@dataclass
class FakeSweepStore:
    """What the sweep keeps between its runs."""

    marks: LedgerWatermarks | None = None
    refusing: dict[str, dict[str, str]] = field(default_factory=dict)
    notices: dict[tuple[str, str], tuple[str, datetime]] = field(default_factory=dict)

    def watermarks(self) -> LedgerWatermarks | None:
        return self.marks

    def settled(self, since: datetime, until: datetime) -> None:
        marks = self.marks or LedgerWatermarks(since, until, None)
        self.marks = replace(marks, settled_before=max(marks.settled_before, until))

    def archived(self, before: date) -> None:
        assert self.marks is not None
        if self.marks.archived_before is None or self.marks.archived_before < before:
            self.marks = replace(self.marks, archived_before=before)

    def refusing_since(self, month: str) -> Mapping[str, str]:
        return self.refusing.get(month, {})

    def claim_notice(self, key: NoticeKey, at: datetime) -> bool:
        notified = self.notices.get((key.topic, key.name))
        if notified is None or notified[0] != key.occurrence:
            self.notices[key.topic, key.name] = (key.occurrence, at)
        return self.notices[key.topic, key.name] == (key.occurrence, at)

    def release_notice(self, key: NoticeKey) -> None:
        self.notices.pop((key.topic, key.name), None)


@dataclass
class FakeArchive:
    """The ledger's closed days."""

    shards: dict[tuple[date, int], list[dict[str, Any]]] = field(default_factory=dict)
    manifests: dict[date, dict[str, Any]] = field(default_factory=dict)

    def write(self, day: date, shard: int, rows: Iterable[dict[str, Any]]) -> None:
        self.shards[day, shard] = list(rows)

    def read(self, day: date, shard: int) -> Iterator[dict[str, Any]]:
        return iter(self.shards[day, shard])

    def manifest(self, day: date) -> Mapping[str, Any] | None:
        return self.manifests.get(day)

    def finish(self, day: date, manifest: dict[str, Any]) -> None:
        self.manifests[day] = manifest
