"""The economy lane of a day: its entries of batches, who waits for one, and batches whose creation is not answered."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from pointsman.execution.batch import BatchStage, LaneBatch
from pointsman.report.figures.day_tasks import LaneTasks
from pointsman.report.figures.ledger_entries import LedgerEntry
from pointsman.report.figures.sums import Summable

_UNANSWERED_AFTER = timedelta(minutes=15)
"""A creation that is not answered by then was looked for, and not found, by two runs of the lane."""


@dataclass(frozen=True, slots=True)
class LaneEntries(Summable):
    """Entries of batches; the next five counts add up to `entries`."""

    entries: int = 0
    answered: int = 0
    not_processed: int = 0
    """Expired, cancelled or not sent: released, and repeated the standard way."""
    unknown: int = 0
    """Booked as reserved, because their cost will never be known."""
    open: int = 0
    """In a batch that has not ended."""
    otherwise: int = 0
    """Refused, failed, or answered in vain."""
    cost_nano: int = 0
    """Of all of them; open and unknown ones at the reserved amount."""
    saved_nano: int = 0
    """What those of known cost would have cost more at the standard price."""

    @classmethod
    def of(cls, attempts: Iterable[LedgerEntry]) -> Self:
        """Return those among some attempts."""
        entries = [entry for entry in attempts if entry.in_batch]
        kinds = [_kind_of(entry) for entry in entries]
        known = [entry for entry in entries if entry.cost_known and not entry.is_open]
        return cls(
            len(entries),
            **{kind: kinds.count(kind) for kind in set(kinds)},
            cost_nano=sum(entry.cost_nano for entry in entries),
            saved_nano=sum(entry.standard_nano - entry.cost_nano for entry in known),
        )


@dataclass(frozen=True, slots=True)
class UnansweredBatch:
    """A batch whose creation is neither answered nor found."""

    batch_id: str
    model: str
    entries: int
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class EconomyDay:
    """What there is to say of the lane."""

    tasks: int
    """That had an entry."""
    entries: LaneEntries
    received: LaneTasks
    """How the tasks that were received in the day stand in the lane."""
    open_batches: int
    """When the report was made."""
    unanswered: tuple[UnansweredBatch, ...]

    @property
    def is_used(self) -> bool:
        """Whether anything went through the lane, waits for it, or asked for it."""
        return bool(self.entries.entries or self.received.waiting or self.received.standard or self.open_batches)


def unanswered_batches(batches: Iterable[LaneBatch], now: datetime) -> tuple[UnansweredBatch, ...]:
    """Return those whose creation has not been answered for a while."""
    return tuple(
        UnansweredBatch(batch.batch_id, batch.model, batch.reserved, batch.sent_at)
        for batch in batches
        if batch.stage is BatchStage.SENT and batch.sent_at and now - batch.sent_at >= _UNANSWERED_AFTER
    )


def _kind_of(entry: LedgerEntry) -> str:
    if entry.is_open:
        return "open"
    if not entry.cost_known:
        return "unknown"
    if not entry.sent:
        return "not_processed"
    return "answered" if entry.gave_answer else "otherwise"
