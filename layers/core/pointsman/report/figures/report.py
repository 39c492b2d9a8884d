"""The report of one day, typed, and built from the ledger's rows one shard at a time. Sums are exact nano-dollars."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from pointsman.execution.outcome import Outcome
from pointsman.report.bill.kept import KeptReconciliation
from pointsman.report.figures.baseline import Comparison
from pointsman.report.figures.day_summary import CHART_DAYS, DaySpend, DaySummary, summarize_day
from pointsman.report.figures.day_tasks import DayTasks
from pointsman.report.figures.fallbacks import Fallback, count_fallbacks, skipped_free_model
from pointsman.report.figures.free_pool import FreePool, free_pool
from pointsman.report.figures.ledger_entries import (
    NO_TOTALS,
    LedgerEntry,
    Totals,
    read_entries,
    totals_by,
    totals_of,
)
from pointsman.report.figures.lifetimes import Notice, notices
from pointsman.report.figures.month import Month, month_to_date
from pointsman.report.figures.quota_use import FreeRequests, QuotaUse, quota_use
from pointsman.report.figures.speed import MilestoneLookup, Speed, SpeedCollector
from pointsman.report.figures.stack_place import UNKNOWN_STACK, StackPlace
from pointsman.report.figures.sums import Summable
from pointsman.report.figures.task_costs import LabelTotals, TaskCost, TaskCostCollector, TaskTotals, task_costs
from pointsman.report.figures.top_tier import TopTierGroup, TopTierTotals, top_tier_totals
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import Tier
from pointsman.values.times import day_bounds, days_between, to_text

LOOKBACK = timedelta(hours=25)
"""How far before the day its rows must start: the longest quota day, and the attempts that led to a fallback."""
_UNTYPED = "untyped"


class WorkKey(NamedTuple):
    """Which work some attempts did."""

    tier: str
    type: str
    """A task type or `untyped`; otherwise the attempts' purpose: `classification`, `judge` or `audit`."""
    model: str
    """As billed."""


class AccountRefusal(NamedTuple):
    """What a provider refused an account for."""

    provider: str
    trouble: str
    """An `AccountTrouble`."""


class CsvKey(NamedTuple):
    """Which attempts a line of the CSV file adds up."""

    tier: str
    type: str
    """As in `WorkKey`."""
    model: str
    billing: str
    outcome: str


@dataclass(frozen=True, slots=True)
class UnknownCosts(Summable):
    """Calls whose cost will never be known; they are booked at the reserved amount."""

    count: int
    reserved_nano: int

    @classmethod
    def of(cls, attempts: Iterable[LedgerEntry]) -> Self:
        """Return those among some attempts."""
        costs = [entry.cost_nano for entry in attempts if not entry.cost_known]
        return cls(len(costs), sum(costs))


@dataclass(frozen=True, slots=True)
class DayTotals(Summable):
    """What the attempts that started in a day, or a part of them, add up to."""

    total: Totals
    """Of all attempts."""
    tiers: dict[Tier, Totals]
    """Of attempts for tasks; with `classification` and `checking` they add up to `total`."""
    classification: Totals
    """Of classifications, which the orchestration tier's budget pays."""
    checking: Totals
    """Of judges and audits, which their tasks' tiers pay."""
    models: dict[str, Totals]
    """Of all attempts by billed model; they add up to `total`."""
    types: dict[str, Totals]
    """Of attempts for tasks; with `classification` and `checking` they add up to `total`."""
    lanes: dict[str, Totals]
    """Of attempts for tasks, by lane; with `classification` and `checking` they add up to `total`."""
    work: dict[WorkKey, Totals]
    """Of all attempts; they add up to `total`, except for tasks that count under several keys."""
    csv_lines: dict[CsvKey, Totals]
    """The same, by billing and outcome too."""
    outcomes: dict[str, int]
    """Rows by outcome; `not_sent` ones are no attempts."""
    account_refusals: dict[AccountRefusal, int]
    """Calls that a provider refused because of the account or place."""
    unrecognized: dict[str, int]
    """Refusals whose meaning is not known, by outcome."""
    fallbacks: dict[Fallback, int]
    free_pool: FreePool
    skipped_free: Totals
    """Of paid attempts that no fallback led to, in a tier that starts with a free model."""
    unknown: UnknownCosts
    top_tier: dict[TopTierGroup, TopTierTotals]

    @classmethod
    def of(cls, attempts: Iterable[LedgerEntry], since: datetime, policy: RoutingPolicy) -> Self:
        """Return the totals of the day that starts at `since`.

        `attempts` begin earlier, to tell a fallback from its retry.
        """
        entries, first = list(attempts), to_text(since)
        today = [entry for entry in entries if entry.at >= first]
        for_tasks = [entry for entry in today if entry.for_task]
        return cls(
            total=totals_of(today),
            tiers=dict.fromkeys(Tier, NO_TOTALS) | totals_by(for_tasks, lambda entry: entry.tier),
            classification=totals_of(entry for entry in today if entry.is_classification),
            checking=totals_of(entry for entry in today if entry.checks_answers),
            models=totals_by(today, lambda entry: entry.billed_model),
            types=totals_by(for_tasks, lambda entry: entry.type or _UNTYPED),
            lanes=totals_by(for_tasks, lambda entry: str(entry.lane)),
            work=totals_by(today, _work_key),
            csv_lines=totals_by(today, lambda entry: CsvKey(*_work_key(entry), entry.billing, entry.outcome)),
            outcomes=Counter(entry.outcome for entry in today),
            account_refusals=Counter(_account_refusals(today, policy)),
            unrecognized=Counter(entry.outcome for entry in today if not entry.recognized),
            fallbacks=count_fallbacks(entries, first, policy),
            free_pool=free_pool(for_tasks, policy),
            skipped_free=totals_of(skipped_free_model(today, policy, since)),
            unknown=UnknownCosts.of(today),
            top_tier=top_tier_totals(for_tasks),
        )

    def in_order(self) -> dict[str, Any]:
        """Return the fields by name, groups in the order of their keys; tiers have an order of their own."""
        return {
            name: dict(sorted(value.items())) if isinstance(value, dict) and name != "tiers" else value
            for name in DayTotals.__dataclass_fields__
            for value in (getattr(self, name),)
        }


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


def _work_key(entry: LedgerEntry) -> WorkKey:
    kind = (entry.type or _UNTYPED) if entry.for_task else str(entry.purpose)
    return WorkKey(str(entry.tier), kind, entry.billed_model)


def _account_refusals(attempts: Iterable[LedgerEntry], policy: RoutingPolicy) -> Iterator[AccountRefusal]:
    for entry in attempts:
        if entry.account:
            model = policy.catalog.models.get(entry.requested_model)
            yield AccountRefusal(str(model.provider) if model else entry.requested_model, entry.account)


@dataclass(frozen=True, slots=True)
class ReportScope:
    """Which day a report covers, and what it is read against."""

    day: date
    zone: ZoneInfo
    policy: RoutingPolicy
    stand_in: bool
    now: datetime
    stack: StackPlace = UNKNOWN_STACK
    reconciled: tuple[KeptReconciliation, ...] = ()


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
        self.speed.add(entry for entry in for_tasks if not entry.in_batch)
        self.summary += DaySummary.of(self.scope.day, str(self.scope.zone), today, self.scope.policy, since)

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
            summary=self.summary,
            reconciled=scope.reconciled,
        )

    def _days(self, summaries: list[DaySummary]) -> list[DaySpend]:
        """Return the chart's days and all of the month's up to this one."""
        day, spends = self.scope.day, {summary.day: summary.spend for summary in summaries}
        first = min(day - timedelta(days=CHART_DAYS - 1), day.replace(day=1))
        nothing = dict.fromkeys(Tier, 0)
        older = {other: spend for other, spend in self.published.items() if other < day.replace(day=1)}
        return [spends.get(each) or older.get(each) or DaySpend(each, nothing) for each in days_between(first, day)]
