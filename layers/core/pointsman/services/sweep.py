"""The sweep: closes what no later attempt closed, tries again what could not be delivered, and looks after tasks that
wait for subtasks.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from pointsman.execution.budget import OPEN
from pointsman.execution.model_health import ModelState
from pointsman.ports import LedgerReader, ModelHealthStore, SweepStore, TaskStore, Workflow
from pointsman.report.figures.month import percent_of
from pointsman.services.account_notice import AccountNotice
from pointsman.services.archive import Archiving
from pointsman.services.attempt import FUNCTION_SECONDS
from pointsman.services.billing_notice import BillingNotice
from pointsman.services.budget_notice import BudgetNotice
from pointsman.services.call import close_unknown
from pointsman.services.context import Context
from pointsman.services.delivery import Delivery
from pointsman.services.start import task_of_execution
from pointsman.values.errors import DeliveryError
from pointsman.values.log_events import LogEvent
from pointsman.values.money import nano
from pointsman.values.status import ENDED, Status
from pointsman.values.times import PACIFIC, month_key

_GRACE = timedelta(seconds=60)
_LOOK_BACK = timedelta(days=3)
"""How far the first sweep looks; later ones begin where all was settled."""
SETTLED_AFTER = timedelta(seconds=max(FUNCTION_SECONDS.values())) + _GRACE
"""No intent is written or settled by its own function any later."""
_DEAD_FOR = timedelta(minutes=5), timedelta(hours=6)
"""Since when an execution must have ended for the rule to have finished its task, and until when the sweep does."""


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What one sweep did."""

    closed: int
    delivered: int
    undelivered: int
    finished: int
    """Tasks whose execution had died without a word."""
    archived: int
    """Days."""
    gathered: int
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
    store: SweepStore
    archiving: Archiving

    def __call__(self) -> SweepResult:
        """Close every intent whose function must have ended, and deliver what waits."""
        now = self.ctx.clock.now()
        closed = self._close_open(now)
        delivered, undelivered, gathered = self._look_after()
        finished = self._finish_dead(now)
        states = list(self.model_health.states(self.ctx.policy.in_use()).values())
        self._gauge(states, now)
        self.budget_notice(now)
        self.account_notice(states, now)
        self.billing_notice(states, now)
        archived = self.archiving()
        result = SweepResult(closed, delivered, undelivered, finished, archived, gathered)
        self.ctx.log(LogEvent.SWEEP_ENDED, **asdict(result))
        return result

    def _close_open(self, now: datetime) -> int:
        """Close every intent whose function must have ended; keep up to where all are settled."""
        watermarks, closed, settled = self.store.watermarks(), 0, now - SETTLED_AFTER
        since = watermarks.settled_before if watermarks else now - _LOOK_BACK
        for intent in self.ledger.open_intents(since, now):
            if now - intent.at > timedelta(seconds=_seconds_of(intent.spec.function)) + _GRACE:
                close_unknown(self.ctx, intent)
                closed += 1
            else:
                settled = min(settled, intent.at)
        self.store.settled(since, settled)
        return closed

    def _look_after(self) -> tuple[int, int, int]:
        """Deliver what waits; send out, end and deliver tasks with subtasks. Return how many were delivered, could not
        be, and were ended.
        """
        delivered = undelivered = gathered = 0
        for task_id in list(self.tasks.wanting_attention()):
            record = self.tasks.read(task_id)
            if record is None or not (record.status in ENDED or record.subtasks):
                continue
            try:
                status = self.delivery.finish(task_id, record.generation, None)
            except DeliveryError as error:
                undelivered += 1
                self.ctx.log(LogEvent.DELIVERY_FAILED, level="warning", task_id=task_id, why=str(error))
                continue
            delivered += record.status in ENDED
            gathered += record.status not in ENDED and status in ENDED
        return delivered, undelivered, gathered

    def _finish_dead(self, now: datetime) -> int:
        """Finish tasks whose execution died and whom the rule on its status did not reach; return how many."""
        finished = 0
        for execution in self.workflow.dead(now - _DEAD_FOR[1], now - _DEAD_FOR[0]):
            task_id, generation = task_of_execution(self.workflow, execution.name)
            record = self.tasks.read(task_id)
            if record is None or record.generation != generation or record.status is not Status.STARTED:
                continue
            try:
                self.delivery.finish(task_id, generation, f"workflow_{execution.status.lower()}")
            except DeliveryError as error:  # the task has ended and waits for the next sweep
                self.ctx.log(LogEvent.DELIVERY_FAILED, level="warning", task_id=task_id, why=str(error))
            finished += 1
        return finished

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


def _seconds_of(function: str) -> int:
    return {str(tier): seconds for tier, seconds in FUNCTION_SECONDS.items()}.get(function, 60)
