"""The sweep: closes what no later attempt closed, and tries again what could not be delivered."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pointsman.domain.budget import OPEN
from pointsman.domain.figures.month import percent_of
from pointsman.domain.money import nano
from pointsman.domain.records import ENDED
from pointsman.domain.times import PACIFIC, month_key
from pointsman.errors import DeliveryError
from pointsman.ports import Books, Ledger, Marks, TaskStore
from pointsman.services.attempt import FUNCTION_SECONDS
from pointsman.services.call import close_unknown
from pointsman.services.context import Context
from pointsman.services.deliver import Delivery

GRACE = timedelta(seconds=60)
LOOK_BACK = timedelta(days=3)
"""How long the sweep may have been away without leaving an intent open."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did."""

    closed: int
    delivered: int
    undelivered: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """The use case of the sweep function and of `pointsman sweep`."""

    ctx: Context
    books: Books
    ledger: Ledger
    marks: Marks
    tasks: TaskStore
    delivery: Delivery

    def __call__(self) -> Swept:
        """Close every intent whose function must have ended, and deliver what waits."""
        now, closed = self.ctx.clock.now(), 0
        patience = timedelta(seconds=max(FUNCTION_SECONDS.values())) + GRACE
        for intent in self.books.open_intents(now - LOOK_BACK, now):
            own = timedelta(seconds=_seconds_of(intent.function)) + GRACE
            if now - intent.at > min(own, patience):
                close_unknown(self.ctx, intent)
                closed += 1
        delivered = undelivered = 0
        for task_id in list(self.tasks.wanting_attention()):
            record = self.tasks.read(task_id)
            if record is None or record.status not in ENDED:
                continue
            try:
                self.delivery.finish(task_id, record.generation, None)
                delivered += 1
            except DeliveryError as error:
                undelivered += 1
                self.ctx.note("still not delivered", level="warning", task_id=task_id, why=str(error))
        self._gauge(now)
        self.ctx.note("swept", closed=closed, delivered=delivered, undelivered=undelivered)
        return Swept(closed, delivered, undelivered)

    def _gauge(self, now: datetime) -> None:
        """Say how much of the month's budget and of the fullest free quota is used."""
        if cap := self.ctx.points.config.pointsman.budget.month_usd:
            counters = self.ledger.counters(month_key(now, self.ctx.zone))
            spent = counters.get("month", 0) - counters.get("month" + OPEN, 0)
            self.ctx.count("MonthSpendPercent", float(percent_of(spent, nano(cap)) or 0))
        today = now.astimezone(PACIFIC).date().isoformat()
        states = self.marks.states(self.ctx.points.catalogue.models).values()
        used = [(state, self.ctx.points.quota(self.ctx.points.catalogue.get(state.model))) for state in states]
        shares = [
            100 * state.day_count / quota.rpd for state, quota in used if quota and quota.rpd and state.day == today
        ]
        self.ctx.count("QuotaUsedPercent", round(max(shares, default=0.0), 2))


def _seconds_of(function: str) -> int:
    return {str(tier): seconds for tier, seconds in FUNCTION_SECONDS.items()}.get(function, 60)
