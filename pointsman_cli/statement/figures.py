"""A month's figures, added up from the ledger's rows one shard at a time. Sums are exact nano-dollars."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from pointsman.execution.calls import Purpose
from pointsman.execution.outcome import GOOD
from pointsman.report.bill.kept import KeptReconciliation
from pointsman.report.figures.baseline import Comparison, baseline_cost_nano, final_answers
from pointsman.report.figures.day_summary import DaySpend, DaySummary
from pointsman.report.figures.economy import LaneEntries
from pointsman.report.figures.ledger_entries import ClassificationShare, LedgerEntry, read_entries
from pointsman.report.figures.month import percent_of
from pointsman.report.figures.quality import Quality
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.times import day_bounds, days_between, local_day, parse_time

LABELS = ("sender", "agent", "ticket")
"""By what a month is divided."""


@dataclass(slots=True)
class NamedCost:
    """What one sender, agent or ticket cost, or one model."""

    tasks: int = 0
    calls: int = 0
    cost_nano: int = 0


@dataclass(frozen=True, slots=True)
class MeasuredBaseline:
    """What the answers would have cost on the baseline, as far as the audit has measured it."""

    answers: int = 0
    """That the baseline has given too, for the audit."""
    measured_nano: int = 0
    """What those cost at its list price, by the tokens that it used."""
    estimated_nano: int = 0
    """What the estimate says of the same answers."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A month of the report's time zone."""

    month: str
    """As 2026-11."""
    first: date
    last: date
    """The last day that it covers."""
    complete: bool
    """Whether the month was over when its rows were read."""
    comparison: Comparison
    """The parts of what was spent, beside the estimate of the baseline."""
    measured: MeasuredBaseline
    labels: dict[str, dict[str | None, NamedCost]]
    """By label, then by name; each label's names add up to what was spent. None: no name was stated, or a
    classification has no share of the cost."""
    models: dict[str, NamedCost]
    economy: LaneEntries
    days: tuple[DaySpend, ...]
    counted_nano: int
    """What the budget's counters hold for the days covered, reservations included."""
    reconciled: tuple[KeptReconciliation, ...] = ()
    """What is kept of the month's reconciliation with each provider's bill."""
    quality: Quality | None = None
    """Of the answers up to the last day; None: nobody asks for it (`pointsman.quality`)."""

    @property
    def spent_nano(self) -> int:
        """Every call's booked cost; reservations of open calls are part of it."""
        return self.comparison.actual_nano

    @property
    def baseline_nano(self) -> int:
        """The same answers on the baseline: measured where the audit has them, else estimated."""
        return self.comparison.baseline_nano - self.measured.estimated_nano + self.measured.measured_nano

    @property
    def saved_nano(self) -> int:
        """The baseline minus all costs, AWS included."""
        return self.baseline_nano - self.spent_nano - self.comparison.aws_nano

    @property
    def saved_percent(self) -> float | None:
        """None: there is no answer to compare."""
        return percent_of(self.saved_nano, self.baseline_nano)


@dataclass(slots=True)
class _Shard:
    """One shard's month."""

    policy: RoutingPolicy
    at: datetime
    tasks: dict[tuple[str, str | None], set[str]] = field(default_factory=lambda: defaultdict(set))
    """By label and name."""
    estimates: dict[tuple[str, str], int] = field(default_factory=dict)
    """Of the answers of each task's generation; an audit comes after its answer."""


@dataclass(slots=True)
class StatementBuilder:
    """The sums of the shards that were added so far."""

    policy: RoutingPolicy
    zone: ZoneInfo
    first: date
    last: date
    days: dict[date, DaySummary] = field(init=False)
    labels: dict[str, dict[str | None, NamedCost]] = field(init=False)
    models: dict[str, NamedCost] = field(default_factory=lambda: defaultdict(NamedCost))
    measured: Counter[str] = field(default_factory=Counter)
    economy: LaneEntries = field(default_factory=LaneEntries)

    def __post_init__(self) -> None:
        self.labels = {label: defaultdict(NamedCost) for label in LABELS}
        self.days = {day: self._summary(day, []) for day in days_between(self.first, self.last)}

    def add_shard(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add a shard's rows, which come in the order of their time; rows of other days do not count."""
        shard = _Shard(self.policy, self._baseline_at)
        for day, group in groupby(rows, lambda row: local_day(parse_time(row["row"].split("#", 1)[0]), self.zone)):
            if day in self.days:
                self._add_day(day, *read_entries(group), shard)
        for (label, name), task_ids in shard.tasks.items():
            self.labels[label][name].tasks += len(task_ids)

    def build(self, counters: Mapping[str, int], now: datetime) -> Statement:
        """Return the statement; `counters` are the month's."""
        summaries = list(self.days.values())
        comparisons = [summary.comparison_with_aws for summary in summaries]
        return Statement(
            month=f"{self.first:%Y-%m}",
            first=self.first,
            last=self.last,
            complete=day_bounds(self.last, self.zone)[1] <= now,
            comparison=sum(comparisons[1:], comparisons[0]),
            measured=MeasuredBaseline(**self.measured),
            labels={label: dict(names) for label, names in self.labels.items()},
            models=dict(self.models),
            economy=self.economy,
            days=tuple(summary.spend for summary in summaries),
            counted_nano=sum(counters.get(f"day_{day.day:02d}", 0) for day in self.days),
        )

    def _add_day(self, day: date, entries: list[LedgerEntry], shares: list[ClassificationShare], shard: _Shard) -> None:
        self.days[day] += self._summary(day, entries)
        self.economy += LaneEntries.of(entries)
        for entry in entries:
            self._add_call(entry, shard)
        for share in shares:
            for label in LABELS:
                name = _name_of(share, label)
                self.labels[label][name].cost_nano += share.cost_nano
                self.labels[label][None].cost_nano -= share.cost_nano  # with its classification it is nobody's
                shard.tasks[label, name].add(share.task_id)
        self._measure(entries, shard)

    def _add_call(self, entry: LedgerEntry, shard: _Shard) -> None:
        self.models[entry.billed_model].calls += entry.sent
        self.models[entry.billed_model].cost_nano += entry.cost_nano
        for label in LABELS:
            name = None if entry.is_classification else _name_of(entry, label)
            self.labels[label][name].calls += entry.sent
            self.labels[label][name].cost_nano += entry.cost_nano
            if entry.for_task:
                shard.tasks[label, name].add(entry.task_id)

    def _measure(self, entries: list[LedgerEntry], shard: _Shard) -> None:
        """Compare what the baseline's own answers used with what is estimated of the same."""
        baseline = self.policy.resolve(self.policy.config.baseline, shard.at)
        for answer in final_answers(entries):
            shard.estimates[answer.task_id, answer.generation] = baseline_cost_nano(baseline, answer)
        for entry in entries:
            if entry.purpose is not Purpose.AUDIT or entry.billed_model != baseline.id or entry.outcome not in GOOD:
                continue
            estimate = shard.estimates.pop((entry.task_id, entry.generation), None)
            if estimate is not None and entry.cost_known:
                measured = baseline_cost_nano(baseline, entry)
                self.measured.update(answers=1, measured_nano=measured, estimated_nano=estimate)

    def _summary(self, day: date, entries: list[LedgerEntry]) -> DaySummary:
        return DaySummary.of(day, str(self.zone), entries, self.policy, self._baseline_at)

    @property
    def _baseline_at(self) -> datetime:
        """When it is asked which model is the baseline, as the report of the last day does."""
        return day_bounds(self.last, self.zone)[0]


def _name_of(part: LedgerEntry | ClassificationShare, label: str) -> str | None:
    return part.sender if label == "sender" else part.metadata.get(label)
