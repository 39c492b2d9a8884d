"""The notice to the team that a month's cap is reached: an event and a message, once per month and cap."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pointsman.execution.budget import Cap, month_caps, spent
from pointsman.execution.events import BUDGET_USED_UP, budget_detail, budget_words
from pointsman.ports import EventPublisher, LedgerReader, ReportSink, SweepStore
from pointsman.services.context import Context
from pointsman.values import strict_json
from pointsman.values.errors import safe_message
from pointsman.values.log_events import LogEvent
from pointsman.values.times import month_key

_LATE = timedelta(hours=1)
"""How long after a month's end its caps are looked at still."""


@dataclass(frozen=True, slots=True)
class BudgetNotice:
    """A part of the sweep. A cap is reached when a call was refused by it, or when all of it is spent."""

    ctx: Context
    ledger: LedgerReader
    store: SweepStore
    bus: EventPublisher
    sink: ReportSink

    def __call__(self, now: datetime) -> int:
        """Tell of each cap that is reached, once; return how many notices were sent."""
        caps = month_caps(self.ctx.policy.config.pointsman.budget)
        months = {month_key(now - _LATE, self.ctx.zone), month_key(now, self.ctx.zone)} if caps else set()
        return sum(self._month(month, caps, now) for month in sorted(months))

    def _month(self, month: str, caps: tuple[Cap, ...], now: datetime) -> int:
        counters, since = self.ledger.counters(month), self.store.refusing_since(month)
        reached = [cap for cap in caps if cap.key in since or spent(cap, counters) >= cap.limit]
        return sum(self._tell(month, cap, spent(cap, counters), since.get(cap.key), now) for cap in reached)

    def _tell(self, month: str, cap: Cap, used: int, since: str | None, now: datetime) -> bool:
        if not self.store.claim_notice(month, cap, now):
            return False
        try:
            self.bus.publish(BUDGET_USED_UP, strict_json.dumps(budget_detail(month, cap, used, since)))
            self.sink.announce(*budget_words(month, cap, used, since))
        except Exception as error:  # noqa: BLE001  (the next sweep tries again)
            self.store.release_notice(month, cap)
            self.ctx.log(LogEvent.BUDGET_NOTICE_NOT_SENT, level="warning", cap=cap.counter, why=safe_message(error))
            return False
        self.ctx.log(LogEvent.BUDGET_USED_UP, level="warning", month=month, cap=cap.counter)
        return True
