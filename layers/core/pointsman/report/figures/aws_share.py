"""The activity of a day that AWS charges for, as the ledger counts it, and its estimated cost."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from pointsman.report.figures.aws_bill import share_nano
from pointsman.report.figures.aws_units import DayLoad
from pointsman.report.figures.ledger_entries import LedgerEntry
from pointsman.report.figures.sums import Summable
from pointsman.values.taxonomy import Tier


@dataclass(frozen=True, slots=True)
class DayActivity(Summable):
    """The activity of a day, or of a part of it that shares no task with the other parts."""

    tasks: int
    calls: dict[Tier, int]
    """Of tasks, classifications and checks, by the tier whose budget paid."""
    milliseconds: int
    """The duration of all calls."""

    @classmethod
    def of(cls, attempts: Iterable[LedgerEntry]) -> "DayActivity":
        """Return the activity of some attempts."""
        sent = [entry for entry in attempts if entry.sent]
        calls = dict.fromkeys(Tier, 0)
        for entry in sent:
            calls[entry.tier] += 1
        tasks = {entry.task_id for entry in sent if entry.for_task}
        return cls(len(tasks), calls, sum(entry.milliseconds for entry in sent))

    @property
    def aws_nano(self) -> int:
        """Nano-dollars: the day's share of the AWS bill for a month of such days. 0 for a day without a call."""
        if not any(self.calls.values()):
            return 0
        calls = {tier: Decimal(count) for tier, count in self.calls.items()}
        return share_nano(DayLoad(Decimal(self.tasks), calls, Decimal(self.milliseconds) / 1_000))
