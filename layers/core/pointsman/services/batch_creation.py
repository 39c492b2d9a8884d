"""The making of a batch: its entries are reserved one by one, each with its intent, then it is created, once.

Before the creation is sent it is stored that it is: whatever happens then, no other batch is created until this one is
answered or found.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

from pointsman.batch_ports import BatchClient, BatchStore
from pointsman.contracts.task import Task
from pointsman.execution import model_health
from pointsman.execution.batch import (
    CREATE_SECONDS,
    MOST_BATCH_BYTES,
    BatchEntry,
    BatchStage,
    LaneBatch,
    ProviderBatch,
)
from pointsman.execution.calls import CallSpec, Intent
from pointsman.execution.ledger_keys import RowKey
from pointsman.execution.outcome import PASSING, CallResult, Outcome
from pointsman.execution.output_room import bounded_task
from pointsman.execution.records import IN_BATCH, POOLED, TaskRecord
from pointsman.execution.workflow_state import WorkflowState
from pointsman.ports import TaskStore
from pointsman.routing.catalog import Model
from pointsman.routing.lanes import StandardReason
from pointsman.services.batch_settlement import BatchSettlement
from pointsman.services.call import BYTES_PER_TOKEN_AT_MOST, reserve_call
from pointsman.services.context import Context
from pointsman.services.lane_exit import LaneExit
from pointsman.services.next_spec import next_spec
from pointsman.services.sender_limits import with_limits
from pointsman.services.task_call import TaskCalls
from pointsman.values import strict_json
from pointsman.values.errors import StoreError, safe_message
from pointsman.values.lane import Lane
from pointsman.values.log_events import LogEvent
from pointsman.values.status import ENDED
from pointsman.values.times import local_day

ECONOMY_FUNCTION = "economy"
"""The function that makes the calls, in the ledger's rows."""


@dataclass(frozen=True, slots=True)
class BatchCreation:
    """Fills and creates batches."""

    ctx: Context
    tasks: TaskStore
    calls: TaskCalls
    store: BatchStore
    leaving: LaneExit
    settlement: BatchSettlement
    client: Callable[[], BatchClient]

    def begin(self, owner: str, model_id: str, records: Sequence[TaskRecord]) -> LaneBatch:
        """Store a batch for these tasks, none of which is reserved yet."""
        now = self.ctx.clock.now()
        batch_id = f"{now:%Y%m%dT%H%M%S}-{uuid4().hex[:12]}"
        until = min(record.lane.ends() for record in records if record.lane)
        entries = tuple(BatchEntry(record.task_id) for record in records)
        return self.store.open(owner, LaneBatch(batch_id, model_id, until, entries))

    def send(self, owner: str, batch: LaneBatch, end: datetime) -> LaneBatch:
        """Reserve what is not reserved yet and create the batch; return it as it is then. A run that ended in between
        left it as it is stored, with some of its tasks reserved.
        """
        model, now = self.ctx.policy.catalog.get(batch.model), self.ctx.clock.now()
        if now >= batch.until:
            return self._give_up(owner, batch, "the lane's longest time is over", end)
        entries, specs, size = list[BatchEntry](), dict[int, CallSpec](), 0
        for number, entry in enumerate(batch.entries):
            reserved = self._reserved(batch.custom_id(number), entry, model, MOST_BATCH_BYTES - size)
            entries.append(BatchEntry(entry.task_id, reserved[1] if reserved else None))
            if reserved:
                specs[number] = reserved[0]
                size += reserved[0].input_bytes
        batch = replace(batch, entries=tuple(entries))
        if not specs:
            self.store.close(owner, batch)
            return replace(batch, stage=BatchStage.DONE)
        if end - self.ctx.clock.now() < timedelta(seconds=CREATE_SECONDS):
            return batch  # the next run finds what is reserved, and creates it
        client = self.client()
        batch = self.store.save(replace(batch, stage=BatchStage.SENT, sent_at=self.ctx.clock.now()))
        requests = [(batch.custom_id(number), spec.request(model, CREATE_SECONDS)) for number, spec in specs.items()]
        return self._answered(owner, batch, client.create(requests, CREATE_SECONDS), model, end)

    def _answered(
        self, owner: str, batch: LaneBatch, made: ProviderBatch | CallResult, model: Model, end: datetime
    ) -> LaneBatch:
        if isinstance(made, ProviderBatch):
            self.ctx.log(
                LogEvent.BATCH_CREATED,
                batch=batch.batch_id,
                provider_id=made.provider_id,
                model=batch.model,
                entries=batch.reserved,
            )
            created = replace(batch, stage=BatchStage.CREATED, provider_ids=(made.provider_id,), proven=True)
            return self.store.save(created)
        if made.outcome is Outcome.UNKNOWN:
            self.ctx.log(LogEvent.BATCH_UNANSWERED, level="warning", batch=batch.batch_id, detail=made.detail)
            return batch
        outcome = str(made.outcome)
        self.ctx.log(
            LogEvent.BATCH_NOT_CREATED, level="warning", batch=batch.batch_id, outcome=outcome, detail=made.detail
        )
        if made.outcome is Outcome.ACCOUNT:
            sharing = self.ctx.policy.sharing_account(model)
            state = self.ctx.ledger.look(None, model.id, self._today()).model
            update = model_health.health_update(state, made, self.ctx.clock.now(), sharing)
            self.ctx.ledger.record_health(model.id, update)
        if made.outcome in PASSING:  # nothing was taken: the next run tries again, with all that is reserved
            return self.store.save(replace(batch, stage=BatchStage.FILLING, sent_at=None))
        return self._give_up(owner, batch, f"the batch was refused: {made.detail}", end)

    def _give_up(self, owner: str, batch: LaneBatch, why: str, end: datetime) -> LaneBatch:
        """Release every entry of a batch that was not created; its tasks go the standard way."""
        released = CallResult(Outcome.NOT_SENT, detail=why, ours=True, unbilled=True)
        entries = [self._with_intent(batch.custom_id(number), entry) for number, entry in enumerate(batch.entries)]
        if not self.settlement.settle_entries([(entry, released) for entry in entries], end):
            return batch
        self.store.close(owner, batch)
        return replace(batch, stage=BatchStage.DONE)

    def _with_intent(self, custom_id: str, entry: BatchEntry) -> BatchEntry:
        """Return the entry with its intent, which a run that ended may have written and not stored with the batch."""
        if entry.key is not None or (record := self.tasks.read(entry.task_id)) is None:
            return entry
        intent = self._intent_in(custom_id, record)
        return BatchEntry(entry.task_id, intent.key if intent else None)

    def _reserved(self, custom_id: str, entry: BatchEntry, model: Model, room: int) -> tuple[CallSpec, RowKey] | None:
        """Return a task's call and its intent, reserved now if it was not; None: the task comes into no batch now."""
        record = self.tasks.read(entry.task_id)
        if record is None or record.status in ENDED or record.execution_input is None:
            return None
        fields: Any = strict_json.loads(record.execution_input)
        state = WorkflowState.from_state(fields)
        if intent := self._intent_in(custom_id, record):
            if record.cancel_asked_at:
                cancelled = CallResult(Outcome.NOT_SENT, detail="cancelled before it was sent", ours=True)
                self.settlement.settle_entry(BatchEntry(entry.task_id, intent.key), cancelled)
                return None
            spec, _ = self._spec(state, record, custom_id)
            asked = replace(spec, effort=intent.spec.effort, max_output_tokens=intent.spec.max_output_tokens)
            return asked, intent.key
        waits = record.attention == POOLED and record.lane and record.lane.lane is Lane.ECONOMY
        if not waits or record.last_attempt.startswith(f"{record.generation:06d}."):
            return None
        return self._reserve(custom_id, record, state, model, room)

    def _reserve(
        self, custom_id: str, record: TaskRecord, state: WorkflowState, model: Model, room: int
    ) -> tuple[CallSpec, RowKey] | None:
        try:
            spec, task = self._spec(state, record, custom_id)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001  (one task's trouble is no other's: its own workflow meets it again)
            self.ctx.log(LogEvent.LANE_PART_FAILED, level="error", task_id=record.task_id, why=safe_message(error))
            self.leaving.leave(record, str(StandardReason.UNREADABLE))
            return None
        if spec.input_bytes > BYTES_PER_TOKEN_AT_MOST * model.context_window:
            self.leaving.leave(record, str(Outcome.TOO_LONG))
            return None
        if spec.input_bytes > room:
            return None  # it waits for the next batch
        view = with_limits(self.ctx, self.ctx.ledger.look(record.task_id, model.id, self._today()), spec)
        fitting = next_spec(self.ctx, state, spec, task, view)
        assert fitting is not None
        intent = reserve_call(self.ctx, fitting, model, view)
        if isinstance(intent, Intent):
            return fitting, intent.key
        outcome, detail = str(intent.outcome), intent.detail
        self.ctx.log(LogEvent.CALL_NOT_MADE, task_id=record.task_id, model=spec.model, outcome=outcome, detail=detail)
        if intent.outcome not in PASSING | {Outcome.UNKNOWN}:
            self.leaving.leave(record, outcome)
        return None

    def _intent_in(self, custom_id: str, record: TaskRecord) -> Intent | None:
        """Return the task's intent as this entry."""
        if record.attention != IN_BATCH or record.open_intent is None:
            return None
        intent = self.ctx.ledger.find_intent(record.open_intent)
        return intent if intent and intent.spec.batch_entry == custom_id else None

    def _spec(self, state: WorkflowState, record: TaskRecord, custom_id: str) -> tuple[CallSpec, Task]:
        task = bounded_task(self.ctx.policy.config.pointsman, self.calls.task(record), record, state.here.tier)
        return replace(self.calls.spec(state, record, task, ECONOMY_FUNCTION), batch_entry=custom_id), task

    def _today(self) -> date:
        return local_day(self.ctx.clock.now(), self.ctx.zone)
