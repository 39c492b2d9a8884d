"""The sweep: closes what no later attempt closed, tries again what could not be delivered, and looks after tasks that
wait for subtasks. One record's trouble is no other's: it is raised when all the rest is done.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from pointsman.execution.batch import RESULTS_FOR
from pointsman.execution.budget import OPEN
from pointsman.execution.calls import CallSpec
from pointsman.execution.executions import DeadExecution
from pointsman.execution.model_health import ModelState
from pointsman.execution.records import TaskRecord
from pointsman.ports import ModelHealthStore, TaskStore, Workflow
from pointsman.report.figures.month import percent_of
from pointsman.report_ports import LedgerReader, SweepStore
from pointsman.services.account_notice import AccountNotice
from pointsman.services.archive import Archiving
from pointsman.services.attempt import FUNCTION_SECONDS
from pointsman.services.billing_notice import BillingNotice
from pointsman.services.budget_notice import BudgetNotice
from pointsman.services.call import close_unknown
from pointsman.services.context import Context
from pointsman.services.delivery import DELIVERED_WITHIN, Delivery
from pointsman.services.quality import QualityNotice
from pointsman.services.start import task_of_execution
from pointsman.services.troubles import Troubles
from pointsman.values.errors import DeliveryError, SweepError
from pointsman.values.log_events import LogEvent
from pointsman.values.money import nano
from pointsman.values.status import ENDED, UNDER_WAY
from pointsman.values.times import PACIFIC, month_key, parse_time

_GRACE = timedelta(seconds=60)
_LOOK_BACK = timedelta(days=3)
"""How far the first sweep looks; later ones begin where all was settled."""
SETTLED_AFTER = timedelta(seconds=max(FUNCTION_SECONDS.values())) + _GRACE
"""No intent is written or settled by its own function any later."""
_DEAD_FOR = timedelta(minutes=5), timedelta(hours=6)
"""Since when an execution must have ended for the rule to have finished its task, and until when the sweep does."""

_DELIVERING_FOR = timedelta(minutes=8)
"""Of the function's 15 minutes; places that hang keep the sweep from nothing else."""


@dataclass(slots=True)
class SweepResult:
    """What one sweep did."""

    closed: int = 0
    delivered: int = 0
    undelivered: int = 0
    finished: int = 0
    """Tasks whose execution had died without a word."""
    archived: int = 0
    """Days."""
    gathered: int = 0
    """Tasks with subtasks that this sweep ended."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """The use case of the sweep function and of `pointsman sweep`."""

    ctx: Context
    ledger: LedgerReader
    model_health: ModelHealthStore
    tasks: TaskStore
    workflow: Workflow
    delivery: Delivery
    budget_notice: BudgetNotice
    account_notice: AccountNotice
    billing_notice: BillingNotice
    quality_notice: QualityNotice
    store: SweepStore
    archiving: Archiving

    def __call__(self) -> SweepResult:
        """Close every intent whose function must have ended, and deliver what waits.

        Raises:
            SweepError: Something could not be done; all else was.
        """
        now, result, troubles = self.ctx.clock.now(), SweepResult(), Troubles(self.ctx, LogEvent.SWEEP_PART_FAILED)
        states: list[ModelState] = []
        with troubles.of("open attempts"):
            self._close_open(now, result, troubles)
        with troubles.of("deliveries"):
            self._look_after(now, result, troubles)
        with troubles.of("dead executions"):
            self._finish_dead(now, result, troubles)
        with troubles.of("models"):
            states += self.model_health.states(self.ctx.policy.in_use()).values()
        with troubles.of("metrics"):
            self._gauge(states, now)
        with troubles.of("budget notice"):
            self.budget_notice(now)
        with troubles.of("account notice"):
            self.account_notice(states, now)
        with troubles.of("billing notice"):
            self.billing_notice(states, now)
        with troubles.of("quality notice"):
            self.quality_notice(now)
        with troubles.of("archive"):
            result.archived = self.archiving()
        self.ctx.log(LogEvent.SWEEP_ENDED, **asdict(result))
        if troubles.words:
            raise SweepError(troubles.words)
        return result

    def _close_open(self, now: datetime, result: SweepResult, troubles: Troubles) -> None:
        """Close every intent whose function must have ended; keep up to where all are settled."""
        watermarks, settled = self.store.watermarks(), now - SETTLED_AFTER
        since = watermarks.settled_before if watermarks else now - _LOOK_BACK
        for key in self.ledger.open_intents(since, now):
            closed = result.closed
            with troubles.of(f"attempt {key.row}"):
                intent = self.ctx.ledger.find_intent(key)
                if intent and now - intent.at > _open_for(intent.spec) + _GRACE:
                    close_unknown(self.ctx, intent)
                    result.closed += 1
            if result.closed == closed:
                settled = min(settled, parse_time(key.began_at))
        self.store.settled(since, settled)

    def _look_after(self, now: datetime, result: SweepResult, troubles: Troubles) -> None:
        """Deliver what waits; send out, end and deliver tasks with subtasks."""
        task_ids = list(self.tasks.wanting_attention())
        for number, task_id in enumerate(task_ids):
            if self.ctx.clock.now() - now > _DELIVERING_FOR:
                troubles.words.append(f"{len(task_ids) - number} deliveries (no time left)")
                return
            with troubles.of(f"task {task_id}"):
                self._look_after_task(task_id, now, result)

    def _look_after_task(self, task_id: str, now: datetime, result: SweepResult) -> None:
        record = self.tasks.read(task_id)
        if record is None or not (record.status in ENDED or record.subtasks):
            return
        if record.status in ENDED and not record.undelivered and _ended_within(record, now, DELIVERED_WITHIN):
            return  # its own workflow is about to deliver it
        try:
            status = self.delivery.finish(task_id, record.generation, None)
        except DeliveryError as error:
            result.undelivered += 1
            self.ctx.log(LogEvent.DELIVERY_FAILED, level="warning", task_id=task_id, why=str(error))
            return
        result.delivered += record.status in ENDED
        result.gathered += record.status not in ENDED and status in ENDED

    def _finish_dead(self, now: datetime, result: SweepResult, troubles: Troubles) -> None:
        """Finish tasks whose execution died and whom the rule on its status did not reach."""
        for execution in self.workflow.dead(now - _DEAD_FOR[1], now - _DEAD_FOR[0]):
            with troubles.of(f"execution {execution.name}"):
                self._finish_execution(execution, result)

    def _finish_execution(self, execution: DeadExecution, result: SweepResult) -> None:
        task_id, generation = task_of_execution(self.workflow, execution.name)
        record = self.tasks.read(task_id)
        if record is None or record.generation != generation or record.status not in UNDER_WAY:
            return
        try:
            self.delivery.finish(task_id, generation, f"workflow_{execution.status.lower()}")
        except DeliveryError as error:  # the task has ended and waits for the next sweep
            self.ctx.log(LogEvent.DELIVERY_FAILED, level="warning", task_id=task_id, why=str(error))
        result.finished += 1

    def _gauge(self, states: list[ModelState], now: datetime) -> None:
        """Say how much of the month's budget and of the fullest free quota is used."""
        if cap := self.ctx.policy.config.pointsman.budget.month_usd:
            counters = self.ledger.counters(month_key(now, self.ctx.zone))
            spent = counters.get("month", 0) - counters.get("month" + OPEN, 0)
            self.ctx.count("MonthSpendPercent", float(percent_of(spent, nano(cap)) or 0))
        today = now.astimezone(PACIFIC).date().isoformat()
        quotas = [(state, self.ctx.policy.quota(self.ctx.policy.catalog.get(state.model))) for state in states]
        percents = [
            100 * state.day_count / quota.rpd for state, quota in quotas if quota and quota.rpd and state.day == today
        ]
        self.ctx.count("QuotaUsedPercent", round(max(percents, default=0.0), 2))


def _ended_within(record: TaskRecord, now: datetime, time: timedelta) -> bool:
    return record.ended_at is not None and now - parse_time(record.ended_at) < time


def _open_for(spec: CallSpec) -> timedelta:
    """Return how long a call may be open: as long as its function runs, or as its batch's results are kept."""
    if spec.batch_entry:
        return RESULTS_FOR
    return timedelta(seconds={str(tier): seconds for tier, seconds in FUNCTION_SECONDS.items()}.get(spec.function, 60))
