"""One day's spending in short: what later reports of its month need of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from pointsman.report.figures.aws_share import Done
from pointsman.report.figures.baseline import Comparison, compare
from pointsman.report.figures.ledger_entries import LedgerEntry
from pointsman.report.figures.ledger_entries import read_entries as read_rows
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import Tier


@dataclass(frozen=True, slots=True)
class DaySpend:
    """What one day cost, by the tier whose budget paid: classification is in orchestration."""

    day: date
    tiers: dict[Tier, int]
    """Nano-dollars."""

    @property
    def cost_nano(self) -> int:
        """All of it."""
        return sum(self.tiers.values())


@dataclass(frozen=True, slots=True)
class Summary:
    """What the ledger's rows of one day add up to: what later reports of its month need of it."""

    day: date
    zone: str
    """Whose day it is."""
    costs: dict[Tier, int]
    """Of settled attempts, by the tier whose budget paid."""
    opens: dict[Tier, int]
    """Reserved by attempts that are not settled."""
    comparison: Comparison
    """Without what AWS charges."""
    done: Done

    @property
    def compared(self) -> Comparison:
        """The comparison with what AWS charges, by estimate."""
        return replace(self.comparison, aws_nano=self.done.aws_nano)

    @property
    def spend(self) -> DaySpend:
        """What the day cost."""
        return DaySpend(self.day, {tier: self.costs[tier] + self.opens[tier] for tier in Tier})

    @classmethod
    def of(cls, day: date, zone: str, attempts: list[LedgerEntry], policy: RoutingPolicy, at: datetime) -> "Summary":
        """Return the sums of some of the day's attempts."""
        costs, opens = dict.fromkeys(Tier, 0), dict.fromkeys(Tier, 0)
        for entry in attempts:
            (opens if entry.is_open else costs)[entry.tier] += entry.cost_nano
        return cls(day, zone, costs, opens, compare(attempts, policy, at), Done.of(attempts))

    def __add__(self, other: "Summary") -> "Summary":
        """Return the sums of both parts of the day."""
        return Summary(
            self.day,
            self.zone,
            {tier: self.costs[tier] + other.costs[tier] for tier in Tier},
            {tier: self.opens[tier] + other.opens[tier] for tier in Tier},
            self.comparison + other.comparison,
            self.done + other.done,
        )

    def holds(self, zone: str, baseline: str) -> bool:
        """Whether it can stand for its rows in a report of that zone and baseline model."""
        return (self.zone, self.comparison.model) == (zone, baseline)


def summed(
    day: date, zone: str, shards: Iterable[Iterable[Mapping[str, Any]]], policy: RoutingPolicy, at: datetime
) -> Summary:
    """Return what a day's rows add up to, beside the baseline as of `at`."""
    total = Summary.of(day, zone, [], policy, at)
    for rows in shards:
        attempts, _ = read_rows(rows)
        total += Summary.of(day, zone, attempts, policy, at)
    return total
