"""The notice to the team that calls are billed which are booked as free: once a month while it lasts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pointsman.execution.events import EVENT_VERSION, FREE_CALLS_BILLED, NoticeKey
from pointsman.execution.free_evidence import billed_all_the_same, billing_detail, billing_words
from pointsman.execution.model_health import ModelState
from pointsman.services.context import Context
from pointsman.services.notices import TeamNotice, TeamNotices
from pointsman.values.log_events import LogEvent
from pointsman.values.times import month_key


@dataclass(frozen=True, slots=True)
class BillingNotice:
    """A part of the sweep. Without such calls it reads and writes nothing."""

    ctx: Context
    notices: TeamNotices

    def __call__(self, states: Iterable[ModelState], now: datetime) -> int:
        """Tell of the models, if there are any; return how many notices were sent."""
        models = billed_all_the_same(self.ctx.policy, {state.model: state for state in states})
        if not models:
            return 0
        notice = TeamNotice(
            NoticeKey(month_key(now, self.ctx.zone), "gemini billed"),
            FREE_CALLS_BILLED,
            billing_detail(EVENT_VERSION, models),
            billing_words(models),
            LogEvent.FREE_CALLS_BILLED,
            LogEvent.BILLING_NOTICE_NOT_SENT,
            {"models": ", ".join(models)},
        )
        return int(self.notices.send(notice, now))
