"""What a day did that AWS charges for, as the ledger counts it, and what that comes to."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from pointsman.report.figures.aws_bill import share_nano
from pointsman.report.figures.aws_units import Day
from pointsman.report.figures.ledger_entries import LedgerEntry
from pointsman.values.taxonomy import Tier


@dataclass(frozen=True, slots=True)
class Done:
    """Counts of a day, or of a part of it that has no task in common with the others."""

    tasks: int
    calls: dict[Tier, int]
    """Of tasks and of classifications, by the tier whose budget paid."""
    milliseconds: int
    """Of all calls."""

    @classmethod
    def of(cls, attempts: Iterable[LedgerEntry]) -> "Done":
        """Return the counts of some attempts."""
        sent = [entry for entry in attempts if entry.sent]
        calls = dict.fromkeys(Tier, 0)
        for entry in sent:
            calls[entry.tier] += 1
        tasks = {entry.task_id for entry in sent if entry.for_task}
        return cls(len(tasks), calls, sum(entry.milliseconds for entry in sent))

    def __add__(self, other: "Done") -> "Done":
        """Return the counts of both parts."""
        calls = {tier: self.calls[tier] + other.calls[tier] for tier in Tier}
        return Done(self.tasks + other.tasks, calls, self.milliseconds + other.milliseconds)

    @property
    def aws_nano(self) -> int:
        """Nano-dollars: the day's part of AWS's bill for a month of such days. 0 of a day without a call."""
        if not any(self.calls.values()):
            return 0
        calls = {tier: Decimal(count) for tier, count in self.calls.items()}
        return share_nano(Day(Decimal(self.tasks), calls, Decimal(self.milliseconds) / 1_000))
