"""What the attempts of a day, or of a part of it, add up to: by tier, model, type, lane and outcome."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Self

from pointsman.report.figures.economy import LaneEntries
from pointsman.report.figures.fallbacks import Fallback, count_fallbacks, skipped_free_model
from pointsman.report.figures.free_pool import FreePool, free_pool
from pointsman.report.figures.ledger_entries import (
    NO_TOTALS,
    LedgerAttempt,
    LedgerEntry,
    Totals,
    grouped,
    groups_of,
    totals_by,
    totals_of,
    totals_of_groups,
)
from pointsman.report.figures.sums import Summable
from pointsman.report.figures.top_tier import TopTierGroup, TopTierTotals, top_tier_totals
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import Tier
from pointsman.values.times import to_text

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
    lane: str


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
    """The same, by billing, outcome and lane too."""
    lane_lines: dict[CsvKey, LaneEntries]
    """Of entries of batches, by the same."""
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
    def of(
        cls, today: list[LedgerEntry], earlier: Iterable[LedgerAttempt], since: datetime, policy: RoutingPolicy
    ) -> Self:
        """Return the totals of the day that starts at `since`; `earlier` attempts tell a fallback from its retry."""
        groups = groups_of(today)
        task_groups = [group for group in groups if group.first.for_task]
        for_tasks = [entry for entry in today if entry.for_task]
        in_batches = [entry for entry in today if entry.in_batch]
        return cls(
            total=totals_of_groups(groups),
            tiers=dict.fromkeys(Tier, NO_TOTALS) | totals_by(task_groups, lambda entry: entry.tier),
            classification=totals_of_groups(group for group in groups if group.first.is_classification),
            checking=totals_of_groups(group for group in groups if group.first.checks_answers),
            models=totals_by(groups, lambda entry: entry.billed_model),
            types=totals_by(task_groups, lambda entry: entry.type or _UNTYPED),
            lanes=totals_by(task_groups, lambda entry: str(entry.lane)),
            work=totals_by(groups, _work_key),
            csv_lines=totals_by(groups, _csv_key),
            lane_lines={key: LaneEntries.of(group) for key, group in grouped(in_batches, _csv_key).items()},
            outcomes=Counter(entry.outcome for entry in today),
            account_refusals=Counter(_account_refusals(today, policy)),
            unrecognized=Counter(entry.outcome for entry in today if not entry.recognized),
            fallbacks=count_fallbacks(earlier, today, to_text(since), policy),
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


def _work_key(entry: LedgerEntry) -> WorkKey:
    kind = (entry.type or _UNTYPED) if entry.for_task else str(entry.purpose)
    return WorkKey(str(entry.tier), kind, entry.billed_model)


def _csv_key(entry: LedgerEntry) -> CsvKey:
    return CsvKey(*_work_key(entry), entry.billing, entry.outcome, str(entry.lane))


def _account_refusals(attempts: Iterable[LedgerEntry], policy: RoutingPolicy) -> Iterator[AccountRefusal]:
    for entry in attempts:
        if entry.account:
            model = policy.catalog.models.get(entry.requested_model)
            yield AccountRefusal(str(model.provider) if model else entry.requested_model, entry.account)
