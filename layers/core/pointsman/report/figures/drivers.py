"""What made most of a day's cost, and how the day compares with those before it."""

from collections.abc import Sequence
from dataclasses import dataclass

from pointsman.report.figures.day_summary import DaySpend
from pointsman.report.figures.month import percent_of
from pointsman.report.figures.report import Report

_AVERAGE_DAYS = 7


@dataclass(frozen=True, slots=True)
class Driver:
    """The ticket, agent, sender or model that made most of a day's cost."""

    kind: str
    """`ticket`, `agent`, `sender` or `model`."""
    name: str
    cost_nano: int
    percent: float
    """Of the day's whole cost."""


@dataclass(frozen=True, slots=True)
class SpendBefore:
    """A day's cost beside those of the days before it; None: there was no such day."""

    yesterday_nano: int | None
    average_nano: int | None
    """Of the days since the first that cost anything, at most `_AVERAGE_DAYS`, the day itself left out."""
    average_days: int


def drivers(report: Report) -> list[Driver]:
    """Return the ticket, agent, sender and model that made most of the cost, those that there are."""
    costs = {
        "ticket": {name: totals.with_share_nano for name, totals in report.labels["ticket"].named.items()},
        "agent": {name: totals.with_share_nano for name, totals in report.labels["agent"].named.items()},
        "sender": {name: totals.with_share_nano for name, totals in report.labels["sender"].named.items()},
        "model": {name: totals.cost_nano for name, totals in report.models.items()},
    }
    whole = report.total.cost_nano
    most: list[Driver] = []
    for kind, named in costs.items():
        name, cost = max(named.items(), key=lambda item: (item[1], item[0]), default=("", 0))
        if cost and whole:
            most.append(Driver(kind, name, cost, percent_of(cost, whole) or 0.0))
    return most


def spend_before(recent: Sequence[DaySpend]) -> SpendBefore:
    """Return the last day's cost beside those before it."""
    *before, _ = recent
    first = next((number for number, day in enumerate(before) if day.cost_nano), len(before))
    known = [day.cost_nano for day in before[first:]]
    last = known[-_AVERAGE_DAYS:]
    return SpendBefore(known[-1] if known else None, sum(last) // len(last) if last else None, len(last))
