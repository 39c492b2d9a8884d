"""The report of one day: ledger rows in, one typed report out. Every sum is exact, in nano-dollars."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pointsman.domain.chain import Points
from pointsman.domain.figures import booked, lifetimes
from pointsman.domain.figures.baseline import Comparison, compare
from pointsman.domain.figures.booked import Booked, Line
from pointsman.domain.figures.fallbacks import Fallback, fallbacks, passed_over
from pointsman.domain.figures.history import DaySpend, by_day
from pointsman.domain.figures.lifetimes import Notice
from pointsman.domain.figures.month import Month, month_to_date
from pointsman.domain.figures.quota_use import QuotaUse, quota_use
from pointsman.domain.figures.speed import Milestones, Speed, sample, speed
from pointsman.domain.figures.task_costs import TaskCost, task_costs
from pointsman.domain.outcome import Outcome
from pointsman.domain.taxonomy import Tier
from pointsman.domain.times import day_bounds, to_text

UNTYPED = "untyped"
QUOTA_DAY = timedelta(hours=25)
"""The longest."""
CLASSIFICATION = "classification"
"""Stands as the type of what was asked to decide about tasks."""


class Work(NamedTuple):
    """What was done: the report's finest table but for billing and outcome."""

    tier: str
    type: str
    """A task type, `untyped` or `classification`."""
    model: str
    """As billed."""


class Kind(NamedTuple):
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
    total: Line
    """Classification included."""
    tiers: dict[Tier, Line]
    """Attempts for tasks; with `classification` they add up to `total`."""
    classification: Line
    """Attempts at deciding about tasks; the orchestration tier's budget pays them."""
    models: dict[str, Line]
    """By the model that was billed, classification included; they add up to `total`."""
    types: dict[str, Line]
    """Attempts for tasks; with `classification` they add up to `total`."""
    work: dict[Work, Line]
    """Every attempt; they add up to `total`, but for tasks that stand in several."""
    kinds: dict[Kind, Line]
    """The same, finer."""
    tasks: tuple[TaskCost, ...]
    outcomes: dict[str, int]
    """Rows by outcome; `not_sent` ones are no attempts."""
    fallbacks: tuple[Fallback, ...]
    passed_over: Line
    """Paid attempts in a tier that begins with a free model, by no hop: it was benched, or the task is private."""
    unknown: Unknown
    month: Month
    baseline: Comparison
    baseline_month: Comparison
    """Of the month up to the end of the day."""
    days: tuple[DaySpend, ...]
    """The month's days up to this one."""
    speed: dict[Tier, Speed]
    quotas: tuple[QuotaUse, ...]
    notices: tuple[Notice, ...]

    @property
    def free_to_paid(self) -> int:
        """Hops from a free model to a paid one."""
        return sum(each.count for each in self.fallbacks if each.free_to_paid)


@dataclass(frozen=True, slots=True)
class Frame:
    """What a report is of."""

    day: date
    zone: ZoneInfo
    points: Points
    stand_in: bool
    now: datetime


type LookUp = Callable[[list[str]], Mapping[str, Milestones]]
"""Returns what the records of these tasks say of their way; those that are not there any more are left out."""


def build(
    frame: Frame,
    rows: Iterable[Mapping[str, Any]],
    counters: Mapping[str, int],
    look_up: LookUp = lambda _: {},
) -> Report:
    """Return the day's report.

    `rows` are the ledger's, of the month up to the day's end and of the day before; `counters` are the month's.
    """
    since, until = day_bounds(frame.day, frame.zone)
    month_begins, _ = day_bounds(frame.day.replace(day=1), frame.zone)
    attempts, parts = booked.read(rows)
    attempts = [each for each in attempts if each.at < to_text(until)]
    today = [each for each in attempts if each.at >= to_text(since)]
    this_month = [each for each in attempts if each.at >= to_text(month_begins)]
    work = [each for each in today if each.for_task]
    points = frame.points
    milestones = look_up(sample(work))
    return Report(
        day=frame.day,
        zone=str(frame.zone),
        since=since,
        until=until,
        complete=until <= frame.now,
        stand_in=frame.stand_in,
        total=booked.line(today),
        tiers={tier: booked.line(each for each in work if each.tier is tier) for tier in Tier},
        classification=booked.line(each for each in today if not each.for_task),
        models=booked.lines(today, lambda each: each.served_by),
        types=booked.lines(work, lambda each: each.type or UNTYPED),
        work=booked.lines(today, lambda each: Work(str(each.tier), _type(each), each.served_by)),
        kinds=booked.lines(
            today, lambda each: Kind(str(each.tier), _type(each), each.served_by, each.billing, each.outcome)
        ),
        tasks=task_costs(work, [part for part in parts if to_text(since) <= part.at < to_text(until)]),
        outcomes=dict(sorted(Counter(each.outcome for each in today).items())),
        fallbacks=fallbacks(attempts, to_text(since), points),
        passed_over=booked.line(passed_over(today, points, since)),
        unknown=_unknown(today),
        month=month_to_date(
            this_month, counters, points.config.pointsman.budget, since, frame.zone, min(until, frame.now)
        ),
        baseline=compare(today, points, since),
        baseline_month=compare(this_month, points, since),
        days=by_day(this_month, frame.day.replace(day=1), frame.day, frame.zone),
        speed={tier: speed((each for each in work if each.tier is tier), milestones) for tier in Tier},
        quotas=quota_use((each for each in attempts if each.at >= to_text(since - QUOTA_DAY)), points, since),
        notices=lifetimes.notices(points, frame.day, {e.asked for e in today if e.outcome == Outcome.RETIRED}),
    )


def _type(attempt: Booked) -> str:
    return (attempt.type or UNTYPED) if attempt.for_task else CLASSIFICATION


def _unknown(attempts: Iterable[Booked]) -> Unknown:
    costs = [each.cost_nano for each in attempts if not each.cost_known]
    return Unknown(len(costs), sum(costs))
