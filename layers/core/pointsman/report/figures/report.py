"""The report of one day, typed. Every sum is exact, in nano-dollars."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from pointsman.report.figures.baseline import Comparison
from pointsman.report.figures.day_summary import DaySpend, DaySummary
from pointsman.report.figures.fallbacks import Fallback
from pointsman.report.figures.free_pool import FreePool
from pointsman.report.figures.ledger_entries import LedgerEntry, Totals
from pointsman.report.figures.lifetimes import Notice
from pointsman.report.figures.month import Month
from pointsman.report.figures.quota_use import QuotaUse
from pointsman.report.figures.speed import Speed
from pointsman.report.figures.task_costs import LabelTotals, TaskCost, TaskTotals
from pointsman.report.figures.top_tier import TopTierGroup, TopTierTotals
from pointsman.values.taxonomy import Tier


class WorkKey(NamedTuple):
    """Which work some attempts did."""

    tier: str
    type: str
    """A task type or `untyped`; otherwise the attempts' purpose: `classification`, `judge` or `audit`."""
    model: str
    """As billed."""


class CsvKey(NamedTuple):
    """Which attempts a line of the CSV file adds up."""

    tier: str
    type: str
    """As in `WorkKey`."""
    model: str
    billing: str
    outcome: str


@dataclass(frozen=True, slots=True)
class UnknownCosts:
    """Calls whose cost will never be known; they are booked at the reserved amount."""

    count: int = 0
    reserved_nano: int = 0

    def plus(self, attempts: Iterable[LedgerEntry]) -> "UnknownCosts":
        """Return these and those among more attempts."""
        costs = [entry.cost_nano for entry in attempts if not entry.cost_known]
        return UnknownCosts(self.count + len(costs), self.reserved_nano + sum(costs))


@dataclass(frozen=True, slots=True)
class Report:
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
    work: dict[WorkKey, Totals]
    """Of all attempts; they add up to `total`, except for tasks that count under several keys."""
    csv_lines: dict[CsvKey, Totals]
    """The same, by billing and outcome too."""
    tasks: tuple[TaskCost, ...]
    """The most expensive ones, by id; all of them if they are few."""
    other_tasks: TaskTotals
    labels: dict[str, LabelTotals]
    """Of all tasks by `agent`, `ticket` and `parent_id`."""
    outcomes: dict[str, int]
    """Rows by outcome; `not_sent` ones are no attempts."""
    fallbacks: dict[Fallback, int]
    free_pool: FreePool
    skipped_free: Totals
    """Of paid attempts that no fallback led to, in a tier that starts with a free model."""
    unknown: UnknownCosts
    month: Month
    baseline: Comparison
    baseline_month: Comparison
    """Of the month up to the end of the day."""
    days: tuple[DaySpend, ...]
    """The month's days up to this one."""
    top_tier: dict[TopTierGroup, TopTierTotals]
    speed: dict[Tier, Speed]
    quotas: tuple[QuotaUse, ...]
    notices: tuple[Notice, ...]
    summary: DaySummary
    """What later reports of the month need of the day."""

    @property
    def fallback_count(self) -> int:
        """How many fallbacks there were."""
        return sum(self.fallbacks.values())

    @property
    def free_to_paid(self) -> int:
        """How many fallbacks led from a free model to a paid one."""
        return sum(count for fallback, count in self.fallbacks.items() if fallback.free_to_paid)
