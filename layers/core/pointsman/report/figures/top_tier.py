"""The answers of the top tier, by why their tasks were sent there."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from enum import StrEnum

from pointsman.report.figures.ledger_entries import LedgerEntry
from pointsman.report.figures.sums import Summable
from pointsman.values.taxonomy import Tier

TOP_TIER = list(Tier)[-1]
FAILED_CHECK_PREFIX = "failed_check"
"""What `previous_outcome` begins with when a lower tier's answer failed a check; the check's name follows."""


class TopTierReason(StrEnum):
    """Why a task was sent to the top tier."""

    DECIDED = "decided"
    """The sender or the classifier chose the tier; no lower one was tried."""
    ESCALATED = "escalated"
    """A lower tier's answer failed a check."""


@dataclass(frozen=True, slots=True)
class TopTierGroup:
    """Answers of one task type and model that have the same reason."""

    how: TopTierReason
    type: str | None
    model: str
    """As billed."""
    check: str | None
    """The check that the lower tier's answer failed."""

    def __lt__(self, other: "TopTierGroup") -> bool:
        """Return whether it comes before another; some have neither type nor check."""
        return [name or "" for name in astuple(self)] < [name or "" for name in astuple(other)]


@dataclass(frozen=True, slots=True)
class TopTierTotals(Summable):
    """How many answers a group has, and what they cost."""

    answers: int
    cost_nano: int


def top_tier_totals(attempts: Iterable[LedgerEntry]) -> dict[TopTierGroup, TopTierTotals]:
    """Return the top tier's answers by group; `attempts` are all attempts of their tasks."""
    entries, totals = list(attempts), dict[TopTierGroup, TopTierTotals]()
    failed = {(entry.task_id, entry.generation): check for entry in entries if (check := _failed_check_before(entry))}
    for entry in entries:
        if entry.tier is TOP_TIER and entry.gave_answer:
            check = failed.get((entry.task_id, entry.generation))
            reason = TopTierReason.ESCALATED if check else TopTierReason.DECIDED
            group = TopTierGroup(reason, entry.type, entry.billed_model, check)
            totals[group] = totals.get(group, TopTierTotals(0, 0)) + TopTierTotals(1, entry.cost_nano)
    return totals


def _failed_check_before(attempt: LedgerEntry) -> str | None:
    """Return the failed check that led to the attempt; its retries name another reason."""
    prefix, _, check = (attempt.previous_outcome or "").partition(":")
    return check if prefix == FAILED_CHECK_PREFIX and attempt.tier is TOP_TIER else None
