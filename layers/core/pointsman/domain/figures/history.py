"""Earlier days in short: the manifest that the 30-day chart and the index of all days are drawn from."""

import json
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pointsman.domain.figures.booked import Booked
from pointsman.domain.taxonomy import Tier
from pointsman.domain.times import day_bounds, to_text

if TYPE_CHECKING:
    from pointsman.domain.figures.report import Report

KEY = "reports/index.json"
"""Where the manifest stands in the bucket."""
VERSION = 1
SHOWN = 30
"""Days of the chart."""


@dataclass(frozen=True, slots=True)
class DaySpend:
    """What one day cost, by the tier whose budget paid: classification is in orchestration."""

    day: date
    tiers: dict[Tier, int]
    """Nano-dollars."""

    @property
    def cost_nano(self) -> int:
        """All of it."""
        return sum(self.tiers.values())


@dataclass(frozen=True, slots=True)
class Entry:
    """A day of the manifest."""

    spend: DaySpend
    tasks: int
    attempts: int
    baseline_nano: int
    saved_nano: int
    complete: bool
    stand_in: bool


def by_day(attempts: Iterable[Booked], first: date, last: date, zone: ZoneInfo) -> tuple[DaySpend, ...]:
    """Return every day from the first to the last one of the zone, those without an attempt too."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    begins = [to_text(day_bounds(day, zone)[0]) for day in days]
    costs = [dict.fromkeys(Tier, 0) for _ in days]
    for each in attempts:
        costs[bisect_right(begins, each.at) - 1][each.tier] += each.cost_nano
    return tuple(DaySpend(day, cost) for day, cost in zip(days, costs, strict=True))


def entry_of(report: "Report") -> Entry:
    """Return the report's day in short."""
    own = report.baseline
    return Entry(
        spend=report.days[-1],
        tasks=report.total.tasks,
        attempts=report.total.attempts,
        baseline_nano=own.baseline_nano,
        saved_nano=own.saved_nano,
        complete=report.complete,
        stand_in=report.stand_in,
    )


def shown(report: "Report", entries: Iterable[Entry]) -> list[DaySpend]:
    """Return the chart's days: the report's month as the ledger has it, days before it from the manifest.

    A day that neither knows cost nothing that is known; it stands as 0.
    """
    known = {entry.spend.day: entry.spend for entry in entries} | {spend.day: spend for spend in report.days}
    days = [report.day - timedelta(days=back) for back in range(SHOWN - 1, -1, -1)]
    return [known.get(day) or DaySpend(day, dict.fromkeys(Tier, 0)) for day in days]


def with_entry(entries: Iterable[Entry], new: Entry) -> list[Entry]:
    """Return the entries with the new one in its day's place, oldest first."""
    days = {entry.spend.day: entry for entry in entries} | {new.spend.day: new}
    return [days[day] for day in sorted(days)]


def read(text: str | None) -> list[Entry]:
    """Return the entries of a stored manifest; none of one that is not there."""
    return [_entry(day, fields) for day, fields in json.loads(text)["days"].items()] if text else []


def written(entries: Iterable[Entry]) -> str:
    """Return the manifest: nano-dollars by day."""
    days = {entry.spend.day.isoformat(): _fields(entry) for entry in entries}
    return json.dumps({"version": VERSION, "days": days}, indent=1) + "\n"


def _fields(entry: Entry) -> dict[str, Any]:
    fields = asdict(entry)
    return {"tiers": fields.pop("spend")["tiers"], **fields}


def _entry(day: str, fields: dict[str, Any]) -> Entry:
    known = {name: fields[name] for name in Entry.__dataclass_fields__ if name != "spend"}
    tiers = {tier: int(fields["tiers"].get(str(tier), 0)) for tier in Tier}
    return Entry(spend=DaySpend(date.fromisoformat(day), tiers), **known)
