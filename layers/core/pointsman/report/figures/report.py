"""The report of one day, typed, and built from the ledger's rows one shard at a time. Sums are exact nano-dollars."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pointsman.execution.batch import LaneBatch
from pointsman.execution.outcome import Outcome
from pointsman.report.bill.kept import KeptReconciliation
from pointsman.report.figures.baseline import Comparison
from pointsman.report.figures.day_summary import CHART_DAYS, DaySpend, DaySummary, summarize_day
from pointsman.report.figures.day_tasks import DayTasks
from pointsman.report.figures.day_totals import DayTotals
from pointsman.report.figures.economy import EconomyDay, LaneEntries, unanswered_batches
from pointsman.report.figures.ledger_entries import (
    NO_TOTALS,
    LedgerAttempt,
    earlier_attempt,
    instant_of,
    read_entries,
)
from pointsman.report.figures.lifetimes import Notice, notices
from pointsman.report.figures.month import Month, month_to_date
from pointsman.report.figures.quality import Quality
from pointsman.report.figures.quota_use import FreeRequests, QuotaUse, quota_use
from pointsman.report.figures.speed import MilestoneLookup, Speed, SpeedCollector
from pointsman.report.figures.stack_place import UNKNOWN_STACK, StackPlace
from pointsman.report.figures.task_costs import LabelTotals, TaskCost, TaskCostCollector, TaskTotals, task_costs
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.lane import Lane
from pointsman.values.taxonomy import Tier
from pointsman.values.times import day_bounds, days_between, to_text

LOOKBACK = timedelta(hours=25)
"""How far before the day its rows must start: the longest quota day, and the attempts that led to a fallback."""


@dataclass(frozen=True, slots=True)
class Report(DayTotals):
    """One day of the report's time zone: the attempts that started in it."""

    day: date
    zone: str
    since: datetime
    until: datetime
    """The first instant of the next day."""
    complete: bool
    """Whether the day was over when its rows were read."""
    stand_in: bool
    """Whether stand-ins answer in place of models."""
    stack: StackPlace
    received: DayTasks
    """How the tasks that were received in the day stand."""
    tasks: tuple[TaskCost, ...]
    """The most expensive ones, by id; all of them if they are few."""
    other_tasks: TaskTotals
    labels: dict[str, LabelTotals]
    """Of all tasks by `agent`, `ticket`, `parent_id` and `sender`."""
    month: Month
    baseline: Comparison
    baseline_month: Comparison
    """Of the month up to the end of the day."""
    days: tuple[DaySpend, ...]
    """The month's days up to this one."""
    recent: tuple[DaySpend, ...]
    """The chart's days up to this one, those before the month as they were published; a day in neither counts as 0."""
    speed: dict[Tier, Speed]
    quotas: tuple[QuotaUse, ...]
    notices: tuple[Notice, ...]
    quality: Quality | None
    """None: nobody asks for it."""
    economy: EconomyDay | None
    """None: nothing has to do with the lane."""
    summary: DaySummary
    """What later reports of the month need of the day."""
    reconciled: tuple[KeptReconciliation, ...]
    """Each provider's latest reconciliation; empty: none is kept."""

    @property
    def fallback_count(self) -> int:
        """How many fallbacks there were."""
        return sum(self.fallbacks.values())

    @property
    def free_to_paid(self) -> int:
        """How many fallbacks led from a free model to a paid one."""
        return sum(count for fallback, count in self.fallbacks.items() if fallback.free_to_paid)


@dataclass(frozen=True, slots=True)
class ReportScope:
    """Which day a report covers, and what it is read against."""

    day: date
    zone: ZoneInfo
    policy: RoutingPolicy
    stand_in: bool
    now: datetime
    stack: StackPlace = UNKNOWN_STACK
    open_batches: tuple[LaneBatch, ...] = ()
    """Of the economy lane, when the report is made."""
    reconciled: tuple[KeptReconciliation, ...] = ()
    quality: Quality | None = None


def build_report(
    scope: ReportScope,
    shards: Iterable[Iterable[Mapping[str, Any]]],
    counters: Mapping[str, int],
    earlier: Iterable[DaySummary] = (),
    find_milestones: MilestoneLookup = lambda _: {},
    received: DayTasks | None = None,
    published: Iterable[DaySpend] = (),
) -> Report:
    """Return the day's report.

    `shards` are the ledger's rows of the day and of the time `LOOKBACK` before it, all rows of a task in one shard.
    Only one shard is held at a time. `counters` are the month's; `earlier` are the days of the month before this one;
    `published` are days before the month, for the chart.
    """
    builder = ReportBuilder(scope, received or DayTasks(), {day.day: day for day in published})
    for rows in shards:
        builder.add_shard(rows)
    return builder.build(counters, list(earlier), find_milestones)


@dataclass(slots=True)
class ReportBuilder:
    """The day's totals over the shards added so far."""

    scope: ReportScope
    received: DayTasks
    published: dict[date, DaySpend]
    retired: set[str] = field(default_factory=set)
    """Models whose provider answered that they are retired."""
    tasks: TaskCostCollector = field(default_factory=TaskCostCollector)
    speed: SpeedCollector = field(default_factory=SpeedCollector)
    requests: FreeRequests = field(default_factory=FreeRequests)
    totals: DayTotals = field(init=False)
    summary: DaySummary = field(init=False)

    def __post_init__(self) -> None:
        since, _ = self.bounds
        self.totals = DayTotals.of([], [], since, self.scope.policy)
        self.summary = summarize_day(self.scope.day, str(self.scope.zone), [], self.scope.policy, since)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """When the day starts, and when the next one does."""
        return day_bounds(self.scope.day, self.scope.zone)

    def add_shard(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add a shard's rows."""
        since, _ = self.bounds
        earlier = list[LedgerAttempt]()
        today, shares = read_entries(self._of_the_day(rows, earlier))
        for_tasks = [entry for entry in today if entry.for_task]
        self.requests.add(earlier)
        self.requests.add(today)
        self.totals += DayTotals.of(today, earlier, since, self.scope.policy)
        self.retired |= {entry.requested_model for entry in today if entry.outcome == Outcome.RETIRED}
        self.tasks.add(task_costs(for_tasks, shares))
        self.speed.add(entry for entry in for_tasks if not entry.in_batch)
        self.summary += DaySummary.of(self.scope.day, str(self.scope.zone), today, self.scope.policy, since)

    def _of_the_day(
        self, rows: Iterable[Mapping[str, Any]], earlier: list[LedgerAttempt]
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the day's rows; of those before it, put the attempts since `LOOKBACK` into `earlier`."""
        since, until = self.bounds
        earliest, first, end = to_text(since - LOOKBACK), to_text(since), to_text(until)
        for row in rows:
            at = instant_of(row)
            if first <= at < end:
                yield row
            elif earliest <= at < first and row["kind"] != "share":
                earlier.append(earlier_attempt(row))

    def build(self, counters: Mapping[str, int], earlier: list[DaySummary], find_milestones: MilestoneLookup) -> Report:
        """Return the report of the shards added."""
        scope, (since, until) = self.scope, self.bounds
        month, days = sum(earlier, self.summary), self._days([*earlier, self.summary])
        budget = scope.policy.config.pointsman.budget
        return Report(
            **self.totals.in_order(),
            day=scope.day,
            zone=str(scope.zone),
            since=since,
            until=until,
            complete=until <= scope.now,
            stand_in=scope.stand_in,
            stack=scope.stack,
            received=self.received,
            tasks=self.tasks.most_expensive(),
            other_tasks=self.tasks.others(),
            labels=self.tasks.labels(),
            month=month_to_date(month.costs, month.opens, counters, budget, since, scope.zone, min(until, scope.now)),
            baseline=self.summary.comparison_with_aws,
            baseline_month=sum((day.comparison_with_aws for day in earlier), self.summary.comparison_with_aws),
            days=tuple(days[-scope.day.day :]),
            recent=tuple(days[-CHART_DAYS:]),
            speed=self.speed.speeds(find_milestones),
            quotas=quota_use(self.requests.by_model(), scope.policy, since),
            notices=notices(scope.policy, scope.day, self.retired),
            economy=self._economy(),
            quality=scope.quality,
            summary=self.summary,
            reconciled=scope.reconciled,
        )

    def _economy(self) -> EconomyDay | None:
        batches, totals = self.scope.open_batches, self.totals
        day = EconomyDay(
            tasks=totals.lanes.get(Lane.ECONOMY, NO_TOTALS).tasks,
            entries=sum(totals.lane_lines.values(), LaneEntries()),
            received=self.received.lane,
            open_batches=len(batches),
            unanswered=unanswered_batches(batches, self.scope.now),
        )
        return day if day.is_used else None

    def _days(self, summaries: list[DaySummary]) -> list[DaySpend]:
        """Return the chart's days and all of the month's up to this one."""
        day, spends = self.scope.day, {summary.day: summary.spend for summary in summaries}
        first = min(day - timedelta(days=CHART_DAYS - 1), day.replace(day=1))
        nothing = dict.fromkeys(Tier, 0)
        older = {other: spend for other, spend in self.published.items() if other < day.replace(day=1)}
        return [spends.get(each) or older.get(each) or DaySpend(each, nothing) for each in days_between(first, day)]
