"""The settlement of a batch's entries, and the search for a batch whose creation was not answered."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pointsman.batch_ports import BatchClient, BatchStore
from pointsman.execution.batch import (
    FOUND_WITHIN,
    RESULTS_FOR,
    BatchEntry,
    BatchStage,
    LaneBatch,
    ProviderBatch,
    found,
    looked_for_since,
    refuted,
)
from pointsman.execution.calls import Intent
from pointsman.execution.model_health import HealthUpdate, health_update
from pointsman.execution.outcome import GOOD, CallResult, Outcome
from pointsman.execution.output_room import bounded_task
from pointsman.execution.workflow_state import WorkflowState
from pointsman.ports import TaskStore
from pointsman.services.call import Interpretation, book_call, price_call
from pointsman.services.context import Context
from pointsman.services.lane_exit import LaneExit
from pointsman.services.task_call import TaskCalls
from pointsman.services.troubles import Troubles
from pointsman.values import strict_json
from pointsman.values.errors import LaneError
from pointsman.values.log_events import LogEvent
from pointsman.values.times import local_day

_SETTLING = timedelta(seconds=30)
"""How long the tables may be out of reach for one entry; then the next run settles it."""
_OF_MODEL = frozenset({Outcome.RETIRED, Outcome.ACCOUNT})
"""What an entry says of its model; how busy the provider is within a batch says nothing of single calls."""


@dataclass(frozen=True, slots=True)
class BatchSettlement:
    """Finds, cancels and settles batches."""

    ctx: Context
    tasks: TaskStore
    calls: TaskCalls
    store: BatchStore
    leaving: LaneExit
    client: Callable[[], BatchClient]

    def advance(self, owner: str, batch: LaneBatch, known: frozenset[str], end: datetime) -> LaneBatch:
        """Return a batch that was sent as it is after a look at it; `known` are other batches of ours."""
        if batch.stage is BatchStage.SENT:
            batch = self._look_for(owner, batch, known, end)
        return self._check(owner, batch, end) if batch.stage is BatchStage.CREATED else batch

    def _look_for(self, owner: str, batch: LaneBatch, known: frozenset[str], end: datetime) -> LaneBatch:
        assert batch.sent_at is not None
        seen = found(batch, self.client().listed(looked_for_since(batch)), known)
        if seen.stage is BatchStage.CREATED:
            names = ", ".join(seen.provider_ids)
            self.ctx.log(LogEvent.BATCH_FOUND, level="warning", batch=batch.batch_id, provider_id=names)
            return self.store.save(seen)
        if self.ctx.clock.now() - batch.sent_at < FOUND_WITHIN:
            return batch
        return self._lose(owner, batch, "its creation left no batch", end)

    def _check(self, owner: str, batch: LaneBatch, end: datetime) -> LaneBatch:
        """Settle the batch if it has ended; cancel it if its time is over."""
        client, now = self.client(), self.ctx.clock.now()
        for provider_id in batch.provider_ids:
            stated = client.retrieve(provider_id)
            if stated and stated.readable:
                results = list(client.results(provider_id))
                if not batch.proven and any(batch.number_of(custom_id) is None for custom_id, _ in results):
                    batch = self.store.save(refuted(batch, provider_id))
                    continue
                if not batch.proven:
                    batch = self.store.save(replace(batch, provider_ids=(provider_id,), proven=True))
                return self._settle(owner, batch, results, end)
            if _is_gone(stated, batch, now):
                if batch.proven or len(batch.provider_ids) == 1:
                    return self._lose(owner, batch, "its results are gone", end)
                batch = self.store.save(refuted(batch, provider_id))
        if batch.may_cancel(now):
            client.cancel(batch.provider_ids[0])
            self.ctx.log(LogEvent.BATCH_CANCELLED, batch=batch.batch_id, provider_id=batch.provider_ids[0])
            return self.store.save(replace(batch, cancelled_at=now))
        return batch

    def _settle(
        self, owner: str, batch: LaneBatch, results: Iterable[tuple[str, CallResult]], end: datetime
    ) -> LaneBatch:
        """Settle every entry by its result, in time; one without a result may have been billed all the same."""
        by_number = {batch.number_of(custom_id): result for custom_id, result in results}
        missing = CallResult(Outcome.UNKNOWN, detail="the batch has no result of it")
        pairs = [(entry, by_number.get(number, missing)) for number, entry in enumerate(batch.entries)]
        if not self.settle_entries(pairs, end):
            return batch  # the next run reads the results again
        self.store.close(owner, batch)
        self.ctx.log(LogEvent.BATCH_DONE, batch=batch.batch_id, model=batch.model, entries=batch.reserved)
        return replace(batch, stage=BatchStage.DONE)

    def _lose(self, owner: str, batch: LaneBatch, why: str, end: datetime) -> LaneBatch:
        """Settle every entry as unknown, at its reservation."""
        self.ctx.log(LogEvent.BATCH_LOST, level="error", batch=batch.batch_id, entries=batch.reserved, why=why)
        unknown = CallResult(Outcome.UNKNOWN, detail=f"the batch is lost: {why}")
        if not self.settle_entries([(entry, unknown) for entry in batch.entries], end):
            return batch
        self.store.close(owner, batch)
        return replace(batch, stage=BatchStage.DONE)

    def settle_entries(self, entries: Iterable[tuple[BatchEntry, CallResult]], end: datetime) -> bool:
        """Settle entries, as far as there is time; return whether all are settled.

        Raises:
            LaneError: Some could not be; all others were.
        """
        troubles = Troubles(self.ctx, LogEvent.LANE_PART_FAILED)
        for entry, result in entries:
            if self.ctx.clock.now() + _SETTLING > end:
                return False
            with troubles.of(f"entry of {entry.task_id}"):
                self.settle_entry(entry, result)
        if troubles.words:
            raise LaneError(troubles.words)
        return True

    def settle_entry(self, entry: BatchEntry, result: CallResult) -> None:
        """Settle an entry, unless it is, and have its task go on; one that is not reserved has nothing to settle."""
        if entry.key is None or (intent := self.ctx.ledger.find_intent(entry.key)) is None:
            return
        stored = self.ctx.ledger.find_outcome(entry.key)
        outcome = stored.outcome if stored else self._book(intent, result).outcome
        if record := self.tasks.read(entry.task_id):
            self.leaving.settled(record, outcome)

    def _book(self, intent: Intent, result: CallResult) -> CallResult:
        now, spec = self.ctx.clock.now(), intent.spec
        interpretation = self._interpreted(intent, result)
        milliseconds = int((now - intent.at) / timedelta(milliseconds=1))
        settled = price_call(self.ctx, intent, interpretation.result, now, milliseconds)
        update = HealthUpdate()
        if result.outcome in _OF_MODEL:
            model = self.ctx.policy.catalog.get(spec.model)
            state = self.ctx.ledger.look(None, spec.model, local_day(now, self.ctx.zone)).model
            update = health_update(state, result, now, self.ctx.policy.sharing_account(model))
        return book_call(self.ctx, settled, update, interpretation, now + _SETTLING)

    def _interpreted(self, intent: Intent, result: CallResult) -> Interpretation:
        """Return what is stored of an answer: its subtasks read, its checks announced, as of any."""
        record = self.tasks.read(intent.spec.task_id)
        of_now = record is not None and intent.spec.attempt_id.startswith(f"{record.generation:06d}.")
        if record is None or not of_now or result.outcome not in GOOD:
            return Interpretation(result)
        fields: Any = strict_json.loads(record.execution_input or "")
        state = WorkflowState.from_state(fields)
        task = bounded_task(self.ctx.policy.config.pointsman, self.calls.task(record), record, state.here.tier)
        return self.calls.interpreter(state, record, task)(result)


def _is_gone(stated: ProviderBatch | None, batch: LaneBatch, now: datetime) -> bool:
    """Return whether the results can never be read: there is no such batch, for the lane's longest time, or it is too
    long ago.
    """
    if stated is None:
        return now >= batch.until
    return stated.archived or now >= stated.created_at + RESULTS_FOR
