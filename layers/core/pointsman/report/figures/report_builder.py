"""A day's report, built from the ledger's rows one shard at a time."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pointsman.execution.outcome import Outcome
from pointsman.report.figures.baseline import Comparison
from pointsman.report.figures.day_summary import DaySpend, DaySummary, summarize_day
from pointsman.report.figures.fallbacks import Fallback, count_fallbacks, skipped_free_model
from pointsman.report.figures.free_pool import NO_POOL, FreePool, free_pool
from pointsman.report.figures.ledger_entries import (
    NO_TOTALS,
    LedgerEntry,
    Totals,
    add_totals,
    read_entries,
    totals_by,
    totals_of,
)
from pointsman.report.figures.lifetimes import notices
from pointsman.report.figures.month import Month, month_to_date
from pointsman.report.figures.quota_use import FreeRequests, quota_use
from pointsman.report.figures.report import CsvKey, Report, UnknownCosts, WorkKey
from pointsman.report.figures.speed import MilestoneLookup, SpeedCollector
from pointsman.report.figures.task_costs import TaskCostCollector, task_costs
from pointsman.report.figures.top_tier import TopTierGroup, TopTierTotals, top_tier_totals
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
    total: Totals = NO_TOTALS
    classification: Totals = NO_TOTALS
    checking: Totals = NO_TOTALS
    skipped_free: Totals = NO_TOTALS
    tiers: dict[Tier, Totals] = field(default_factory=lambda: dict.fromkeys(Tier, NO_TOTALS))
    models: dict[str, Totals] = field(default_factory=dict)
    types: dict[str, Totals] = field(default_factory=dict)
    work: dict[WorkKey, Totals] = field(default_factory=dict)
    csv_lines: dict[CsvKey, Totals] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    fallbacks: Counter[Fallback] = field(default_factory=Counter)
    free_pool: FreePool = NO_POOL
    unknown: UnknownCosts = field(default_factory=UnknownCosts)
    retired: set[str] = field(default_factory=set)
    """Models whose provider answered that they are retired."""
    top_tier: dict[TopTierGroup, TopTierTotals] = field(default_factory=dict)
    tasks: TaskCostCollector = field(default_factory=TaskCostCollector)
    speed: SpeedCollector = field(default_factory=SpeedCollector)
    requests: FreeRequests = field(default_factory=FreeRequests)
    summary: DaySummary = field(init=False)

    def __post_init__(self) -> None:
        since, _ = self.bounds
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
        self.fallbacks += count_fallbacks(attempts, first, self.scope.policy)
        self._add_totals(today, for_tasks)
        self.tasks.add(task_costs(for_tasks, [share for share in shares if first <= share.at < end]))
        self.speed.add(for_tasks)

    def _add_totals(self, today: list[LedgerEntry], for_tasks: list[LedgerEntry]) -> None:
        policy, (since, _) = self.scope.policy, self.bounds
        self.total += totals_of(today)
        self.classification += totals_of(entry for entry in today if entry.is_classification)
        self.checking += totals_of(entry for entry in today if entry.checks_answers)
        self.free_pool = self.free_pool.plus(free_pool(for_tasks, policy))
        self.skipped_free += totals_of(skipped_free_model(today, policy, since))
        add_totals(self.tiers, totals_by(for_tasks, lambda entry: entry.tier))
        add_totals(self.models, totals_by(today, lambda entry: entry.billed_model))
        add_totals(self.types, totals_by(for_tasks, lambda entry: entry.type or _UNTYPED))
        add_totals(self.work, totals_by(today, _work_key))
        add_totals(self.csv_lines, totals_by(today, _csv_key))
        add_totals(self.top_tier, top_tier_totals(for_tasks))
        self.outcomes.update(entry.outcome for entry in today)
        self.unknown = self.unknown.plus(today)
        self.retired |= {entry.requested_model for entry in today if entry.outcome == Outcome.RETIRED}
        self.summary += DaySummary.of(self.scope.day, str(self.scope.zone), today, policy, since)

    def build(self, counters: Mapping[str, int], earlier: list[DaySummary], find_milestones: MilestoneLookup) -> Report:
        """Return the report of the shards added."""
        scope, (since, until) = self.scope, self.bounds
        return Report(
            day=scope.day,
            zone=str(scope.zone),
            since=since,
            until=until,
            complete=until <= scope.now,
            stand_in=scope.stand_in,
            total=self.total,
            tiers=self.tiers,
            classification=self.classification,
            checking=self.checking,
            models=dict(sorted(self.models.items())),
            types=dict(sorted(self.types.items())),
            work={key: self.work[key] for key in sorted(self.work)},
            csv_lines={key: self.csv_lines[key] for key in sorted(self.csv_lines)},
            tasks=self.tasks.most_expensive(),
            other_tasks=self.tasks.others(),
            labels=self.tasks.labels(),
            outcomes=dict(sorted(self.outcomes.items())),
            fallbacks={fallback: self.fallbacks[fallback] for fallback in sorted(self.fallbacks)},
            free_pool=self.free_pool,
            skipped_free=self.skipped_free,
            unknown=self.unknown,
            month=self._month([*earlier, self.summary], counters),
            baseline=self.summary.comparison_with_aws,
            baseline_month=self._comparison(earlier),
            days=self._days([*earlier, self.summary]),
            top_tier={group: self.top_tier[group] for group in sorted(self.top_tier, key=lambda group: group.sort_key)},
            speed=self.speed.speeds(find_milestones),
            quotas=quota_use(self.requests.by_model(), scope.policy, since),
            notices=notices(scope.policy, scope.day, self.retired),
            summary=self.summary,
        )

    def _month(self, summaries: list[DaySummary], counters: Mapping[str, int]) -> Month:
        scope, (since, until) = self.scope, self.bounds
        costs = {tier: sum(summary.costs[tier] for summary in summaries) for tier in Tier}
        opens = {tier: sum(summary.opens[tier] for summary in summaries) for tier in Tier}
        budget = scope.policy.config.pointsman.budget
        return month_to_date(costs, opens, counters, budget, since, scope.zone, min(until, scope.now))

    def _comparison(self, earlier: list[DaySummary]) -> Comparison:
        comparison = self.summary.comparison_with_aws
        for summary in earlier:
            comparison += summary.comparison_with_aws
        return comparison

    def _days(self, summaries: list[DaySummary]) -> tuple[DaySpend, ...]:
        spends = {summary.day: summary.spend for summary in summaries}
        days = days_between(self.scope.day.replace(day=1), self.scope.day)
        return tuple(spends.get(day) or DaySpend(day, dict.fromkeys(Tier, 0)) for day in days)


def _work_key(entry: LedgerEntry) -> WorkKey:
    return WorkKey(str(entry.tier), _type(entry), entry.billed_model)


def _csv_key(entry: LedgerEntry) -> CsvKey:
    return CsvKey(*_work_key(entry), entry.billing, entry.outcome)


def _type(entry: LedgerEntry) -> str:
    return (entry.type or _UNTYPED) if entry.for_task else str(entry.purpose)
