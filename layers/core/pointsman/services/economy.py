"""A run of the economy lane: it settles the batches that have ended, has their tasks go on, and sends what waits.

One run has the lane at a time. Whatever it leaves undone, or half done, the next run finds stored.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import batched
from typing import Any

from pointsman.batch_ports import BatchClient, BatchStore
from pointsman.execution.batch import MOST_ENTRIES, POOLED_FOR, BatchStage, LaneBatch
from pointsman.execution.outcome import Outcome
from pointsman.execution.records import POOLED, TaskRecord
from pointsman.execution.workflow_state import WorkflowState
from pointsman.ports import TaskStore
from pointsman.routing.lanes import StandardReason
from pointsman.services.batch_creation import BatchCreation
from pointsman.services.batch_settlement import BatchSettlement
from pointsman.services.context import Context
from pointsman.services.lane_exit import LaneExit
from pointsman.services.troubles import Troubles
from pointsman.values import strict_json
from pointsman.values.errors import BatchError, LaneError, MissingKeyError
from pointsman.values.lane import Lane
from pointsman.values.log_events import LogEvent
from pointsman.values.times import to_text

_READ_AT_ONCE = 100
_WORTH_SENDING = 0.25
"""Of the lane's longest time: a task with less of it left goes into no batch, which would be cancelled too soon."""

type _Group = tuple[str, float]
"""A model, and the lane's longest time in hours: tasks of one batch have about the same time."""


@dataclass(slots=True)
class LaneRun:
    """What one run did."""

    busy: bool = False
    """Whether another run has the lane, so that this one did nothing."""
    waiting: int = 0
    """Tasks in the pool that came into no batch."""
    open_batches: int = 0
    unanswered: int = 0
    """Of these, creations that are neither answered nor found."""
    created_batches: int = 0
    done_batches: int = 0
    went_on: int = 0
    """Tasks in the pool whose workflow it began."""

    def count(self, stage: BatchStage) -> None:
        """Count a batch by how far it is."""
        self.open_batches += stage is not BatchStage.DONE
        self.unanswered += stage is BatchStage.SENT
        self.done_batches += stage is BatchStage.DONE


@dataclass(frozen=True, slots=True)
class EconomyLane:
    """The use case of the economy function and of `pointsman economy`."""

    ctx: Context
    tasks: TaskStore
    store: BatchStore
    creation: BatchCreation
    settlement: BatchSettlement
    leaving: LaneExit
    client: Callable[[], BatchClient]

    def __call__(self, owner: str, seconds: float, pooled_for: timedelta = POOLED_FOR) -> LaneRun:
        """Take one turn; `owner` names this process, and `pooled_for` is how long a task waits at most for others.

        Raises:
            LaneError: Something could not be done; all else was.
        """
        now, run = self.ctx.clock.now(), LaneRun()
        end = now + timedelta(seconds=seconds)
        opened = self.store.take(owner, end, now)
        if opened is None:
            return LaneRun(busy=True)
        troubles = Troubles(self.ctx, LogEvent.LANE_PART_FAILED)
        batches = self._opened(opened.batch_ids, troubles)
        blocked = len(batches) < len(opened.batch_ids)
        known = frozenset(opened.known)
        for batch in sorted(batches, key=lambda it: it.stage is BatchStage.FILLING):
            others = known.union(*(it.provider_ids for it in batches if it is not batch and it.proven))
            stage = batch.stage
            if not (blocked and stage is BatchStage.FILLING):
                with troubles.of(f"batch {batch.batch_id}"):
                    stage = self._step(owner, batch, others, end).stage
            run.count(stage)
            run.created_batches += batch.stage is not BatchStage.CREATED and stage is BatchStage.CREATED
            blocked |= stage in (BatchStage.FILLING, BatchStage.SENT)
        with troubles.of("the pool"):
            groups = self._pool(run, troubles)
            run.waiting = sum(map(len, groups.values()))
            if not blocked:
                self._create(owner, run, groups, now - pooled_for, end)
        self.store.let_go(owner)
        self.ctx.log(LogEvent.LANE_ENDED, **asdict(run))
        if troubles.words:
            raise LaneError(troubles.words)
        return run

    def _opened(self, batch_ids: Iterable[str], troubles: Troubles) -> list[LaneBatch]:
        batches: list[LaneBatch] = []
        for batch_id in batch_ids:
            with troubles.of(f"batch {batch_id}"):
                if batch := self.store.read(batch_id):
                    batches.append(batch)
        return batches

    def _step(self, owner: str, batch: LaneBatch, known: frozenset[str], end: datetime) -> LaneBatch:
        """Return the batch after a step; where the provider cannot be asked, it stays as it is for the next run."""
        try:
            if batch.stage is BatchStage.FILLING:
                return self.creation.send(owner, batch, end)
            return self.settlement.advance(owner, batch, known, end)
        except (BatchError, MissingKeyError) as error:
            self.ctx.log(LogEvent.BATCH_NOT_READ, level="warning", batch=batch.batch_id, why=str(error))
            return batch

    def _pool(self, run: LaneRun, troubles: Troubles) -> dict[_Group, list[TaskRecord]]:
        """Have those go on that have waited long enough or whose entry is settled; return the others by their group."""
        groups: dict[_Group, list[TaskRecord]] = defaultdict(list)
        for some in batched(self.tasks.waiting_in_pool(), _READ_AT_ONCE, strict=False):
            records = self.tasks.read_many(some)
            for task_id in some:
                record = records.get(task_id)
                if record is None or record.attention != POOLED or record.lane is None:
                    continue  # the index is a moment behind
                with troubles.of(f"task {task_id}"):
                    if self._goes_on(record):
                        run.went_on += 1
                    else:
                        groups[self._model_of(record), record.lane.hours].append(record)
        return groups

    def _goes_on(self, record: TaskRecord) -> bool:
        """Have a task go on, unless it is to wait for a batch."""
        assert record.lane is not None
        now, model = self.ctx.clock.now(), self.ctx.policy.catalog.models.get(self._model_of(record))
        if record.last_attempt.startswith(f"{record.generation:06d}."):
            outcome = self.ctx.ledger.find_outcome(record.rows[-1])
            self.leaving.settled(record, outcome.outcome if outcome else Outcome.UNKNOWN)
        elif record.lane.lane is Lane.STANDARD:  # a run had it leave, and ended
            self.leaving.go_on(record)
        elif record.lane.ends() - now < timedelta(hours=record.lane.hours * _WORTH_SENDING):
            self.leaving.leave(record, str(StandardReason.WAITED))
        elif model is None or model.has_ended(now.date()):
            self.leaving.leave(record, str(Outcome.RETIRED))
        else:
            return False
        return True

    @staticmethod
    def _model_of(record: TaskRecord) -> str:
        fields: Any = strict_json.loads(record.execution_input or "")
        return WorkflowState.from_state(fields).here.model

    def _create(
        self, owner: str, run: LaneRun, groups: dict[_Group, list[TaskRecord]], waiting_since: datetime, end: datetime
    ) -> None:
        """Create batches of those who have waited long enough, or are many; one at a time, each answered before the
        next.
        """
        for (model_id, _), records in groups.items():
            oldest = min(record.attention_since or "" for record in records)
            while records and (len(records) >= MOST_ENTRIES or oldest <= to_text(waiting_since)):
                try:
                    self.client()  # before anything is reserved
                except MissingKeyError as error:
                    self.ctx.log(LogEvent.BATCH_NOT_CREATED, level="warning", outcome="account", detail=str(error))
                    return
                some, records[:] = records[:MOST_ENTRIES], records[MOST_ENTRIES:]
                batch = self.creation.send(owner, self.creation.begin(owner, model_id, some), end)
                run.count(batch.stage)
                run.waiting -= batch.reserved
                run.created_batches += batch.stage is BatchStage.CREATED
                if batch.stage in (BatchStage.FILLING, BatchStage.SENT) or self.ctx.clock.now() >= end:
                    return
