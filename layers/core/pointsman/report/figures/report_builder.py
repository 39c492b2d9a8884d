"""A day's report, built from the ledger's rows one shard at a time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pointsman.execution.outcome import Outcome
from pointsman.report.figures.day_summary import DaySpend, DaySummary, summarize_day
from pointsman.report.figures.ledger_entries import (
    read_entries,
)
from pointsman.report.figures.lifetimes import notices
from pointsman.report.figures.month import month_to_date
from pointsman.report.figures.quota_use import FreeRequests, quota_use
from pointsman.report.figures.report import DayTotals, Report
from pointsman.report.figures.speed import MilestoneLookup, SpeedCollector
from pointsman.report.figures.task_costs import TaskBook, task_costs
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import Tier
from pointsman.values.times import day_bounds, days_between, to_text

LOOKBACK = timedelta(hours=25)
"""How far before the day its rows must start: the longest quota day, and the attempts that led to a fallback."""
_UNTYPED = "untyped"


@dataclass(frozen=True, slots=True)
class ReportScope:
    """Which day a report covers, and what it is read against."""

    day: date
    zone: ZoneInfo
    policy: RoutingPolicy
    stand_in: bool
    now: datetime


def build_report(
    scope: ReportScope,
    shards: Iterable[Iterable[Mapping[str, Any]]],
    counters: Mapping[str, int],
    earlier: Iterable[DaySummary] = (),
    find_milestones: MilestoneLookup = lambda _: {},
) -> Report:
    """Return the day's report.

    `shards` are the ledger's rows of the day and of the time `LOOKBACK` before it, all rows of a task in one shard.
    Only one shard is held at a time. `counters` are the month's; `earlier` are the days of the month before this one.
    """
    builder = ReportBuilder(scope)
    for rows in shards:
        builder.add_shard(rows)
    return builder.build(counters, list(earlier), find_milestones)


@dataclass(slots=True)
class ReportBuilder:
    """The day's totals over the shards added so far."""

    scope: ReportScope
    retired: set[str] = field(default_factory=set)
    """Models whose provider answered that they are retired."""
    tasks: TaskBook = field(default_factory=TaskBook)
    speed: SpeedCollector = field(default_factory=SpeedCollector)
    requests: FreeRequests = field(default_factory=FreeRequests)
    totals: DayTotals = field(init=False)
    summary: DaySummary = field(init=False)

    def __post_init__(self) -> None:
        since, _ = self.bounds
        self.totals = DayTotals.of([], since, self.scope.policy)
        self.summary = summarize_day(self.scope.day, str(self.scope.zone), [], self.scope.policy, since)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """When the day starts, and when the next one does."""
        return day_bounds(self.scope.day, self.scope.zone)

    def add_shard(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add a shard's rows."""
        since, until = self.bounds
        first, end, earliest = to_text(since), to_text(until), to_text(since - LOOKBACK)
        attempts, shares = read_entries(rows)
        attempts = [entry for entry in attempts if earliest <= entry.at < end]
        today = [entry for entry in attempts if entry.at >= first]
        for_tasks = [entry for entry in today if entry.for_task]
        self.requests.add(attempts)
        self.totals += DayTotals.of(attempts, since, self.scope.policy)
        self.retired |= {entry.requested_model for entry in today if entry.outcome == Outcome.RETIRED}
        self.tasks.add(task_costs(for_tasks, [share for share in shares if first <= share.at < end]))
        self.speed.add(for_tasks)
        self.summary += DaySummary.of(self.scope.day, str(self.scope.zone), today, self.scope.policy, since)

    def build(self, counters: Mapping[str, int], earlier: list[DaySummary], find_milestones: MilestoneLookup) -> Report:
        """Return the report of the shards added."""
        scope, (since, until) = self.scope, self.bounds
        month = sum(earlier, self.summary)
        budget = scope.policy.config.pointsman.budget
        return Report(
            **self.totals.in_order(),
            day=scope.day,
            zone=str(scope.zone),
            since=since,
            until=until,
            complete=until <= scope.now,
            stand_in=scope.stand_in,
            tasks=self.tasks.most_expensive(),
            other_tasks=self.tasks.others(),
            labels=self.tasks.groups(),
            month=month_to_date(month.costs, month.opens, counters, budget, since, scope.zone, min(until, scope.now)),
            baseline=self.summary.comparison_with_aws,
            baseline_month=sum((day.comparison_with_aws for day in earlier), self.summary.comparison_with_aws),
            days=self._days([*earlier, self.summary]),
            speed=self.speed.speeds(find_milestones),
            quotas=quota_use(self.requests.by_model(), scope.policy, since),
            notices=notices(scope.policy, scope.day, self.retired),
            summary=self.summary,
        )

    def _days(self, summaries: list[DaySummary]) -> tuple[DaySpend, ...]:
        spends = {summary.day: summary.spend for summary in summaries}
        days = days_between(self.scope.day.replace(day=1), self.scope.day)
        return tuple(spends.get(day) or DaySpend(day, dict.fromkeys(Tier, 0)) for day in days)
