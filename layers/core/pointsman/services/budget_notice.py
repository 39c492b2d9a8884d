"""The notice to the team that a month's cap is reached: once per month and cap."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pointsman.execution.budget import Cap, month_caps, spent
from pointsman.execution.events import BUDGET_USED_UP, NoticeKey, budget_detail, budget_words
from pointsman.report_ports import LedgerReader
from pointsman.services.context import Context
from pointsman.services.notices import TeamNotice, TeamNotices
from pointsman.values.log_events import LogEvent
from pointsman.values.times import month_key

_LATE = timedelta(hours=1)
"""How long after a month's end its caps are looked at still."""


@dataclass(frozen=True, slots=True)
class BudgetNotice:
    """A part of the sweep. A cap is reached when a call was refused by it, or when all of it is spent."""

    ctx: Context
    ledger: LedgerReader
    notices: TeamNotices

    def __call__(self, now: datetime) -> int:
        """Tell of each cap that is reached, once; return how many notices were sent."""
        caps = month_caps(self.ctx.policy.config.pointsman.budget)
        months = {month_key(now - _LATE, self.ctx.zone), month_key(now, self.ctx.zone)} if caps else set()
        return sum(self._month(month, caps, now) for month in sorted(months))

    def _month(self, month: str, caps: tuple[Cap, ...], now: datetime) -> int:
        counters, since = self.ledger.counters(month), self.notices.store.refusing_since(month)
        reached = [cap for cap in caps if cap.key in since or spent(cap, counters) >= cap.limit]
        reports = [_notice(month, cap, spent(cap, counters), since.get(cap.key)) for cap in reached]
        return sum(self.notices.send(notice, now) for notice in reports)


def _notice(month: str, cap: Cap, used: int, since: str | None) -> TeamNotice:
    return TeamNotice(
        NoticeKey(month, cap.key),
        BUDGET_USED_UP,
        budget_detail(month, cap, used, since),
        budget_words(month, cap, used, since),
        LogEvent.BUDGET_USED_UP,
        LogEvent.BUDGET_NOTICE_NOT_SENT,
        {"month": month, "cap": cap.counter},
    )
