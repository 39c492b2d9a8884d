"""The notice to the team that a provider does not serve the account: once from its beginning to its end."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pointsman.execution.events import ACCOUNT_NOT_SERVED, EVENT_VERSION, NoticeKey
from pointsman.execution.model_health import ModelState
from pointsman.execution.refused_account import RefusedAccount, refused_accounts
from pointsman.services.context import Context
from pointsman.services.notices import TeamNotice, TeamNotices
from pointsman.values.log_events import LogEvent
from pointsman.values.times import to_text


@dataclass(frozen=True, slots=True)
class AccountNotice:
    """A part of the sweep. Without trouble it reads and writes nothing."""

    ctx: Context
    notices: TeamNotices

    def __call__(self, states: Iterable[ModelState], now: datetime) -> int:
        """Tell of each provider whose trouble is not told yet; return how many notices were sent."""
        catalog = self.ctx.policy.catalog
        refused = refused_accounts(states, lambda model: catalog.get(model).provider)
        return sum(self.notices.send(_notice(account), now) for account in refused)


def _notice(account: RefusedAccount) -> TeamNotice:
    return TeamNotice(
        NoticeKey("account", str(account.provider), f"{account.trouble} {to_text(account.since)}"),
        ACCOUNT_NOT_SERVED,
        account.detail(EVENT_VERSION),
        account.words(),
        LogEvent.ACCOUNT_NOT_SERVED,
        LogEvent.ACCOUNT_NOTICE_NOT_SENT,
        {"provider": str(account.provider), "trouble": str(account.trouble)},
    )
