"""Notices to the team: an event on the bus and a message to the report topic, once for what they tell of."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pointsman.execution.events import NoticeKey
from pointsman.ports import EventPublisher
from pointsman.report_ports import ReportSink, SweepStore
from pointsman.services.context import Context
from pointsman.values import strict_json
from pointsman.values.errors import safe_message
from pointsman.values.log_events import LogEvent


@dataclass(frozen=True, slots=True)
class TeamNotice:
    """What the team is to know."""

    key: NoticeKey
    detail_type: str
    detail: dict[str, Any]
    words: tuple[str, str]
    """Subject and text."""
    sent: LogEvent
    not_sent: LogEvent
    log_fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class TeamNotices:
    """Sends each notice once, whichever sweep sees its cause first; one that cannot be sent is left to the next."""

    ctx: Context
    store: SweepStore
    bus: EventPublisher
    sink: ReportSink

    def send(self, notice: TeamNotice, now: datetime) -> bool:
        """Send the notice unless it was sent before; return whether it was sent now."""
        if not self.store.claim_notice(notice.key, now):
            return False
        try:
            self.bus.publish(notice.detail_type, strict_json.dumps(notice.detail))
            self.sink.announce(*notice.words)
        except Exception as error:  # noqa: BLE001  (the next sweep tries again)
            self.store.release_notice(notice.key)
            self.ctx.log(notice.not_sent, level="warning", **notice.log_fields, why=safe_message(error))
            return False
        self.ctx.log(notice.sent, level="warning", **notice.log_fields)
        return True
