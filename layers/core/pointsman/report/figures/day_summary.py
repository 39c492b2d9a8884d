"""One day's totals: what later reports of its month need of it, and what it costs on AWS."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pointsman.report.figures.aws_bill import share_nano
from pointsman.report.figures.aws_units import DayLoad
from pointsman.report.figures.baseline import Comparison, compare
from pointsman.report.figures.ledger_entries import LedgerEntry, read_entries
from pointsman.report.figures.sums import Summable
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import Tier

CHART_DAYS = 30
"""Days that a report's chart shows, its own as the last."""


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


@dataclass(frozen=True, slots=True)
class DaySpend:
    """What one day cost, by the tier whose budget paid; orchestration pays for classification."""

    day: date
    tiers: dict[Tier, int]
    """Nano-dollars."""

    @property
    def cost_nano(self) -> int:
        """The day's cost."""
        return sum(self.tiers.values())


@dataclass(frozen=True, slots=True)
class DaySummary(Summable):
    """The totals of one day's ledger rows that later reports of its month need."""

    day: date
    zone: str
    """The time zone of the day."""
    costs: dict[Tier, int]
    """Of settled attempts, by the tier whose budget paid."""
    opens: dict[Tier, int]
    """Reserved by open attempts."""
    comparison: Comparison
    """Without the cost of AWS."""
    done: DayActivity
    """What AWS charges for."""

    @property
    def comparison_with_aws(self) -> Comparison:
        """The comparison with the estimated cost of AWS."""
        return replace(self.comparison, aws_nano=self.done.aws_nano)

    @property
    def spend(self) -> DaySpend:
        """What the day cost."""
        return DaySpend(self.day, {tier: self.costs[tier] + self.opens[tier] for tier in Tier})

    @classmethod
    def of(cls, day: date, zone: str, attempts: list[LedgerEntry], policy: RoutingPolicy, at: datetime) -> "DaySummary":
        """Return the totals of some of the day's attempts; `at` decides which model is the baseline."""
        costs, opens = dict.fromkeys(Tier, 0), dict.fromkeys(Tier, 0)
        for entry in attempts:
            (opens if entry.is_open else costs)[entry.tier] += entry.cost_nano
        return cls(day, zone, costs, opens, compare(attempts, policy, at), DayActivity.of(attempts))

    def is_valid_for(self, zone: str, baseline: str) -> bool:
        """Whether it can replace the day's rows in a report of that zone and baseline model."""
        return (self.zone, self.comparison.model) == (zone, baseline)


def summarize_day(
    day: date, zone: str, shards: Iterable[Iterable[Mapping[str, Any]]], policy: RoutingPolicy, at: datetime
) -> DaySummary:
    """Return the totals of a day's rows; `at` decides which model is the baseline."""
    total = DaySummary.of(day, zone, [], policy, at)
    for rows in shards:
        attempts, _ = read_entries(rows)
        total += DaySummary.of(day, zone, attempts, policy, at)
    return total
