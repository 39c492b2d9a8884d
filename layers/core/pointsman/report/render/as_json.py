"""The report as JSON: whole nano-dollars (`*_nano`), and dollars as a decimal text (`usd`) beside the ones to read."""

from dataclasses import asdict
from typing import Any

from pointsman.report.figures.baseline import ESTIMATE, Comparison
from pointsman.report.figures.ledger_entries import Totals
from pointsman.report.figures.month import Month, Spend
from pointsman.report.figures.report import Report
from pointsman.report.figures.task_costs import Groups
from pointsman.values.money import usd
from pointsman.values.times import to_text

_DOCUMENT_VERSION = 1
"""Raised when a field changes its meaning or goes; new fields may come without."""


def as_json(report: Report) -> dict[str, Any]:
    """Return the document, equal for equal books: it does not say when it was made."""
    return {
        "version": _DOCUMENT_VERSION,
        "date": report.day.isoformat(),
        "time_zone": report.zone,
        "from": to_text(report.since),
        "to": to_text(report.until),
        "complete": report.complete,
        "stand_in": report.stand_in,
        "totals": _line(report.total),
        "tiers": {str(tier): _line(line) for tier, line in report.tiers.items()},
        "classification": _line(report.classification),
        "checking": _line(report.checking),
        "models": {name: _line(line) for name, line in report.models.items()},
        "types": {name: _line(line) for name, line in report.types.items()},
        "agents": _named(report.groups["agent"]),
        "tickets": _named(report.groups["ticket"]),
        "parents": _named(report.groups["parent_id"]),
        "work": [{**key._asdict(), **_line(line)} for key, line in report.work.items()],
        "tasks": [{**asdict(task), "with_share_nano": task.with_share_nano} for task in report.tasks],
        "others": {
            "tasks": asdict(report.other_tasks),
            "agents": _others(report.groups["agent"]),
            "tickets": _others(report.groups["ticket"]),
            "parents": _others(report.groups["parent_id"]),
        },
        "outcomes": report.outcomes,
        "fallbacks": [
            {
                "from": fallback.came_from,
                "to": fallback.model,
                "reason": fallback.reason,
                "free_to_paid": fallback.free_to_paid,
                "count": fallback.count,
            }
            for fallback in report.fallbacks
        ],
        "reached": [{**asdict(kind), **asdict(total)} for kind, total in report.escalations.items()],
        "free_to_paid": report.free_to_paid,
        "free_passed_over": _line(report.passed_over),
        "unknown_costs": asdict(report.unknown),
        "month": _month(report.month),
        "baseline": _baseline(report.baseline),
        "baseline_month": _baseline(report.baseline_month),
        "days": [
            {"date": day.day.isoformat(), "tiers_nano": day.tiers, "cost_nano": day.cost_nano} for day in report.days
        ],
        "speed": {str(tier): asdict(speed) for tier, speed in report.speed.items()},
        "quotas": [
            {**asdict(quota), "pacific_day": quota.pacific_day.isoformat(), "percent": quota.percent}
            for quota in report.quotas
        ],
        "models_ending": [
            {
                "model": notice.model,
                "state": notice.state,
                "ends": notice.ends.isoformat() if notice.ends else None,
                "successor": notice.successor,
            }
            for notice in report.notices
        ],
    }


def exact(nano: int) -> str:
    """Return nano-dollars as dollars with all nine decimals."""
    return f"{usd(nano):.9f}"


def _line(line: Totals) -> dict[str, Any]:
    return {
        "tasks": line.tasks,
        "attempts": line.attempts,
        "open": line.open_attempts,
        "tokens": line.usage.as_dict(),
        "cost_nano": line.cost_nano,
        "usd": exact(line.cost_nano),
    }


def _named(groups: Groups) -> dict[str, dict[str, int]]:
    return {name: asdict(group) for name, group in groups.named.items()}


def _others(groups: Groups) -> dict[str, Any]:
    """Return what `_named` leaves out: names beyond the dearest ones, and tasks that state none."""
    return {"names": groups.other_names, **asdict(groups.others), "none_stated": asdict(groups.without)}


def _month(month: Month) -> dict[str, Any]:
    return {
        "month": month.name,
        **_spend(month.total),
        "tiers": {str(tier): _spend(spend) for tier, spend in month.tiers.items()},
        "projected_nano": month.projected_nano,
        "caps": [{**asdict(cap), "percent": cap.percent} for cap in month.caps],
    }


def _spend(spend: Spend) -> dict[str, Any]:
    return {**asdict(spend), "difference_nano": spend.difference_nano, "usd": exact(spend.spent_nano)}


def _baseline(comparison: Comparison) -> dict[str, Any]:
    return {
        **asdict(comparison),
        "saved_nano": comparison.saved_nano,
        "usd": exact(comparison.baseline_nano),
        "saved_usd": exact(comparison.saved_nano),
        "percent": comparison.percent,
        "note": ESTIMATE,
    }
