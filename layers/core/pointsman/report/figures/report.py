"""The report of one day: ledger rows in, one typed report out. Every sum is exact, in nano-dollars."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pointsman.execution.outcome import Outcome
from pointsman.report.figures import ledger_entries, lifetimes
from pointsman.report.figures.baseline import Comparison
from pointsman.report.figures.day_summary import DaySpend, Summary, summed
from pointsman.report.figures.escalations import Escalations, Sum, escalations
from pointsman.report.figures.escalations import add_escalations as added_reached
from pointsman.report.figures.fallbacks import Fallback, fallbacks, passed_over
from pointsman.report.figures.fallbacks import add_fallbacks as added_hops
from pointsman.report.figures.ledger_entries import LedgerEntry, Totals
from pointsman.report.figures.lifetimes import Notice
from pointsman.report.figures.month import Month, month_to_date
from pointsman.report.figures.quota_use import QuotaUse, Requests, quota_use
from pointsman.report.figures.speed import LookUp, Speed, Stopwatch
from pointsman.report.figures.task_costs import Group, Groups, TaskBook, TaskCost, task_costs
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import Tier
from pointsman.values.times import day_bounds, days_between, to_text

UNTYPED = "untyped"
BEFORE = timedelta(hours=25)
"""How much of the time before the day its rows must cover: the longest quota day, and tries before a hop."""


class WorkTotals(NamedTuple):
    """What was done: the report's finest table but for billing and outcome."""

    tier: str
    type: str
    """A task type or `untyped`; of what worked on no task its purpose: `classification`, `judge`, `audit`."""
    model: str
    """As billed."""


class TaskKind(NamedTuple):
    """The ledger's attempts of one kind: a line of the CSV file."""

    tier: str
    type: str
    model: str
    billing: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Calls whose cost nobody knows; they are booked at what they reserved."""

    count: int
    reserved_nano: int

    def and_of(self, attempts: Iterable[LedgerEntry]) -> "Unknown":
        """Return these and the ones among more attempts."""
        costs = [entry.cost_nano for entry in attempts if not entry.cost_known]
        return Unknown(self.count + len(costs), self.reserved_nano + sum(costs))


@dataclass(frozen=True, slots=True)
class Report:
    """One day of the report's time zone: the attempts that began in it."""

    day: date
    zone: str
    since: datetime
    until: datetime
    """The first instant of the next day."""
    complete: bool
    """Whether the day was over when this was read."""
    stand_in: bool
    """Whether stand-ins answer here instead of models."""
    total: Totals
    """Classification included."""
    tiers: dict[Tier, Totals]
    """Attempts for tasks; with `classification` and `checking` they add up to `total`."""
    classification: Totals
    """Attempts at deciding about tasks; the orchestration tier's budget pays them."""
    checking: Totals
    """Attempts at judging answers, and the baseline's answers to a sample of the tasks; their tasks' tiers pay them."""
    models: dict[str, Totals]
    """By the model that was billed, classification included; they add up to `total`."""
    types: dict[str, Totals]
    """Attempts for tasks; with `classification` and `checking` they add up to `total`."""
    work: dict[WorkTotals, Totals]
    """Every attempt; they add up to `total`, but for tasks that stand in several."""
    kinds: dict[TaskKind, Totals]
    """The same, finer."""
    tasks: tuple[TaskCost, ...]
    """The dearest, by id; where there are few, all of them."""
    other_tasks: Group
    groups: dict[str, Groups]
    """All tasks by `agent`, `ticket` and `parent_id`."""
    outcomes: dict[str, int]
    """Rows by outcome; `not_sent` ones are no attempts."""
    fallbacks: tuple[Fallback, ...]
    passed_over: Totals
    """Paid attempts in a tier that begins with a free model, by no hop: it was benched, or the task is private."""
    unknown: Unknown
    month: Month
    baseline: Comparison
    baseline_month: Comparison
    """Of the month up to the end of the day."""
    days: tuple[DaySpend, ...]
    """The month's days up to this one."""
    escalations: dict[Escalations, Sum]
    """The answers of the highest tier."""
    speed: dict[Tier, Speed]
    quotas: tuple[QuotaUse, ...]
    notices: tuple[Notice, ...]
    summary: Summary
    """The day in short, for the reports of the rest of its month."""

    @property
    def free_to_paid(self) -> int:
        """Hops from a free model to a paid one."""
        return sum(fallback.count for fallback in self.fallbacks if fallback.free_to_paid)


@dataclass(frozen=True, slots=True)
class ReportScope:
    """What a report is of."""

    day: date
    zone: ZoneInfo
    policy: RoutingPolicy
    stand_in: bool
    now: datetime


def build_report(
    frame: ReportScope,
    shards: Iterable[Iterable[Mapping[str, Any]]],
    counters: Mapping[str, int],
    earlier: Iterable[Summary] = (),
    look_up: LookUp = lambda _: {},
) -> Report:
    """Return the day's report.

    `shards` are the ledger's rows of the day and of the time `BEFORE` it, all rows of a task in one shard: one shard at
    a time is held. `counters` are the month's, `earlier` are the month's days before this one.
    """
    tally = ReportBuilder(frame)
    for rows in shards:
        tally.add(rows)
    return tally.report(counters, list(earlier), look_up)


@dataclass(slots=True)
class ReportBuilder:
    """A day's figures while it is added up."""

    frame: ReportScope
    total: Totals = ledger_entries.NO_TOTALS
    classification: Totals = ledger_entries.NO_TOTALS
    checking: Totals = ledger_entries.NO_TOTALS
    passed_over: Totals = ledger_entries.NO_TOTALS
    tiers: dict[str, Totals] = field(default_factory=lambda: dict.fromkeys(map(str, Tier), ledger_entries.NO_TOTALS))
    models: dict[str, Totals] = field(default_factory=dict)
    types: dict[str, Totals] = field(default_factory=dict)
    work: dict[WorkTotals, Totals] = field(default_factory=dict)
    kinds: dict[TaskKind, Totals] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    hops: list[Fallback] = field(default_factory=list)
    unknown: Unknown = Unknown(0, 0)
    gone: set[str] = field(default_factory=set)
    """Models whose provider answered that they are retired."""
    escalations: dict[Escalations, Sum] = field(default_factory=dict)
    tasks: TaskBook = field(default_factory=TaskBook)
    times: Stopwatch = field(default_factory=Stopwatch)
    requests: Requests = field(default_factory=Requests)
    summary: Summary = field(init=False)

    def __post_init__(self) -> None:
        since, _ = self.bounds
        self.summary = summed(self.frame.day, str(self.frame.zone), [], self.frame.policy, since)

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """When the day begins, and when the next one does."""
        return day_bounds(self.frame.day, self.frame.zone)

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add a shard's rows."""
        policy, (since, until) = self.frame.policy, self.bounds
        first, last, before = to_text(since), to_text(until), to_text(since - BEFORE)
        attempts, parts = ledger_entries.read_entries(rows)
        attempts = [entry for entry in attempts if before <= entry.at < last]
        today = [entry for entry in attempts if entry.at >= first]
        work = [entry for entry in today if entry.for_task]
        self.requests.add(attempts)
        self.hops += fallbacks(attempts, first, policy)
        self.total += ledger_entries.totals_of(today)
        self.classification += ledger_entries.totals_of(entry for entry in today if entry.decides)
        self.checking += ledger_entries.totals_of(entry for entry in today if entry.checks_answers)
        self.passed_over += ledger_entries.totals_of(passed_over(today, policy, since))
        self.tiers = ledger_entries.add_totals(self.tiers, ledger_entries.totals_by(work, lambda each: str(each.tier)))
        self.models = ledger_entries.add_totals(
            self.models, ledger_entries.totals_by(today, lambda each: each.served_by)
        )
        self.types = ledger_entries.add_totals(
            self.types, ledger_entries.totals_by(work, lambda each: each.type or UNTYPED)
        )
        self.work = ledger_entries.add_totals(self.work, ledger_entries.totals_by(today, _work))
        self.kinds = ledger_entries.add_totals(self.kinds, ledger_entries.totals_by(today, _kind))
        self.outcomes.update(entry.outcome for entry in today)
        self.unknown = self.unknown.and_of(today)
        self.gone |= {entry.asked for entry in today if entry.outcome == Outcome.RETIRED}
        self.tasks.add(task_costs(work, [part for part in parts if first <= part.at < last]))
        self.escalations = added_reached(self.escalations, escalations(work))
        self.times.add(work)
        self.summary += Summary.of(self.frame.day, str(self.frame.zone), today, policy, since)

    def report(self, counters: Mapping[str, int], earlier: list[Summary], look_up: LookUp) -> Report:
        """Return the report of what was added."""
        frame, (since, until) = self.frame, self.bounds
        policy, month = frame.policy, [*earlier, self.summary]
        costs = {tier: sum(summary.costs[tier] for summary in month) for tier in Tier}
        opens = {tier: sum(summary.opens[tier] for summary in month) for tier in Tier}
        comparison = self.summary.compared
        for summary in earlier:
            comparison += summary.compared
        spends = {summary.day: summary.spend for summary in month}
        return Report(
            day=frame.day,
            zone=str(frame.zone),
            since=since,
            until=until,
            complete=until <= frame.now,
            stand_in=frame.stand_in,
            total=self.total,
            tiers={tier: self.tiers[tier] for tier in Tier},
            classification=self.classification,
            checking=self.checking,
            models=self.models,
            types=self.types,
            work=self.work,
            kinds=self.kinds,
            tasks=self.tasks.dearest(),
            other_tasks=self.tasks.others(),
            groups=self.tasks.groups(),
            outcomes=dict(sorted(self.outcomes.items())),
            fallbacks=added_hops(self.hops),
            passed_over=self.passed_over,
            unknown=self.unknown,
            month=month_to_date(
                costs, opens, counters, policy.config.pointsman.budget, since, frame.zone, min(until, frame.now)
            ),
            baseline=self.summary.compared,
            baseline_month=comparison,
            days=tuple(
                spends.get(day) or DaySpend(day, dict.fromkeys(Tier, 0))
                for day in days_between(frame.day.replace(day=1), frame.day)
            ),
            escalations=self.escalations,
            speed=self.times.speeds(look_up),
            quotas=quota_use(self.requests.by_model(), policy, since),
            notices=lifetimes.notices(policy, frame.day, self.gone),
            summary=self.summary,
        )


def _work(attempt: LedgerEntry) -> WorkTotals:
    return WorkTotals(str(attempt.tier), _type(attempt), attempt.served_by)


def _kind(attempt: LedgerEntry) -> TaskKind:
    return TaskKind(*_work(attempt), attempt.billing, attempt.outcome)


def _type(attempt: LedgerEntry) -> str:
    return (attempt.type or UNTYPED) if attempt.for_task else str(attempt.purpose)
