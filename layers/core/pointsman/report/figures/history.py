"""The published days: the manifest behind the 30-day chart and the index of all days."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from pointsman.report.bill.kept import KeptMonths, KeptReconciliation
from pointsman.report.figures.day_summary import DaySpend, DaySummary
from pointsman.report.figures.day_tasks import TaskKind
from pointsman.report.figures.report import Report

MANIFEST_KEY = "reports/index.json"
"""The manifest's key in the bucket."""
_MANIFEST_VERSION = 1


@dataclass(frozen=True, slots=True)
class PublishedDay:
    """A day of the manifest."""

    spend: DaySpend
    tasks: int
    attempts: int
    baseline_nano: int
    saved_nano: int
    complete: bool
    stand_in: bool
    summary: DaySummary | None = None
    """Present once all its calls are settled: its rows need not be read again."""
    received: dict[TaskKind, int] = field(default_factory=dict)
    """How many of the tasks received that day became what; empty for a day published before this was counted."""


def published_day(report: Report, *, settled: bool = False) -> PublishedDay:
    """Return a report's entry in the manifest; `settled`: no call of the day is open, and none will start."""
    comparison = report.baseline
    return PublishedDay(
        spend=report.days[-1],
        tasks=report.total.tasks,
        attempts=report.total.attempts,
        baseline_nano=comparison.baseline_nano,
        saved_nano=comparison.saved_nano,
        complete=report.complete,
        stand_in=report.stand_in,
        summary=report.summary if settled else None,
        received=report.received.counts if report.received.received else {},
    )


def with_day(entries: Iterable[PublishedDay], new: PublishedDay) -> list[PublishedDay]:
    """Return the entries, oldest first, with the new one in place of its day's old one."""
    days = {entry.spend.day: entry for entry in entries} | {new.spend.day: new}
    return [days[day] for day in sorted(days)]


def read_manifest(text: str | None) -> list[PublishedDay]:
    """Return the entries of a stored manifest; none if there is no manifest."""
    return [_entry(day, fields) for day, fields in json.loads(text)["days"].items()] if text else []


def read_reconciled(text: str | None) -> dict[str, dict[str, KeptReconciliation]]:
    """Return what a stored manifest holds of reconciliations; nothing where none has been kept."""
    months = json.loads(text).get("reconciled", {}) if text else {}
    return {
        month: {name: KeptReconciliation.from_fields(month, name, fields) for name, fields in providers.items()}
        for month, providers in months.items()
    }


def manifest_text(entries: Iterable[PublishedDay], reconciled: KeptMonths | None = None) -> str:
    """Return the manifest as JSON."""
    document: dict[str, Any] = {
        "version": _MANIFEST_VERSION,
        "days": {entry.spend.day.isoformat(): _fields(entry) for entry in entries},
    }
    if reconciled:
        document["reconciled"] = {
            month: {name: kept.as_fields() for name, kept in providers.items()}
            for month, providers in reconciled.items()
        }
    return json.dumps(document, indent=1) + "\n"


def _fields(entry: PublishedDay) -> dict[str, Any]:
    fields = asdict(entry)
    fields["tiers"] = fields.pop("spend")["tiers"]
    if summary := fields.pop("summary"):
        del summary["day"]
        fields["summary"] = summary
    return fields


def _entry(day: str, fields: dict[str, Any]) -> PublishedDay:
    spend, summary = {"day": day, "tiers": fields["tiers"]}, fields.get("summary")
    entry = {**fields, "spend": spend, "summary": summary and {"day": day, **summary}}
    return _published_days().validate_python(entry)


@cache
def _published_days() -> TypeAdapter[PublishedDay]:
    return TypeAdapter(PublishedDay)
