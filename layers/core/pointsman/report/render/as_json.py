"""The report as JSON: integer nano-dollars (`*_nano_usd`), and dollars as decimal strings (`usd`).

`*_nano` is the older, deprecated name of the same amount; `docs/schemas/report.json` describes the document.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pointsman.report.figures.baseline import ESTIMATE, Comparison
from pointsman.report.figures.day_tasks import DayTask
from pointsman.report.figures.drivers import drivers, spend_before
from pointsman.report.figures.economy import EconomyDay
from pointsman.report.figures.ledger_entries import Totals
from pointsman.report.figures.month import Month, Spend
from pointsman.report.figures.report import Report
from pointsman.report.figures.task_costs import LabelTotals
from pointsman.report.render.attention import Attention, all_is_well, attention_of
from pointsman.report.render.quality_json import quality_document
from pointsman.values.money import usd
from pointsman.values.times import to_text

_DOCUMENT_VERSION = 2
"""Increased when a field changes its meaning or is removed; added fields do not increase it."""


def as_json(report: Report) -> dict[str, Any]:
    """Return the document. It depends on ledger and task records alone: it has no time of creation."""
    document: dict[str, Any] = with_nano_usd(_document(report))
    return document


def with_nano_usd(document: Any) -> Any:
    """Return a document with each amount `*_nano` also under the name `*_nano_usd`."""
    if isinstance(document, Mapping):
        named = {name: with_nano_usd(value) for name, value in document.items()}
        return named | {f"{name}_usd": value for name, value in named.items() if name.endswith("_nano")}
    return [with_nano_usd(entry) for entry in document] if isinstance(document, list | tuple) else document


def _document(report: Report) -> dict[str, Any]:
    return {
        "version": _DOCUMENT_VERSION,
        "date": report.day.isoformat(),
        "time_zone": report.zone,
        "from": to_text(report.since),
        "to": to_text(report.until),
        "complete": report.complete,
        "stand_in": report.stand_in,
        "stack": report.stack._asdict(),
        **_tasks(report),
        "attention": [_attention(item) for item in attention_of(report)],
        "all_is_well": all_is_well(report),
        "drivers": [asdict(driver) for driver in drivers(report)],
        "days_before": asdict(spend_before(report.recent)),
        "totals": _totals(report.total),
        "tiers": {str(tier): _totals(totals) for tier, totals in report.tiers.items()},
        "classification": _totals(report.classification),
        "checking": _totals(report.checking),
        "models": {name: _totals(totals) for name, totals in report.models.items()},
        "types": {name: _totals(totals) for name, totals in report.types.items()},
        "agents": _named(report.labels["agent"]),
        "tickets": _named(report.labels["ticket"]),
        "parents": _named(report.labels["parent_id"]),
        "senders": _named(report.labels["sender"]),
        "lanes": {name: _totals(totals) for name, totals in report.lanes.items()},
        "economy": _economy(report.economy),
        "quality": quality_document(report.quality),
        "reconciled": [
            {**asdict(kept), "until": kept.until.isoformat() if kept.until else None} for kept in report.reconciled
        ],
        "work": [{**key._asdict(), **_totals(totals)} for key, totals in report.work.items()],
        "task_costs": [{**asdict(task), "with_share_nano": task.with_share_nano} for task in report.tasks],
        "others": {
            "tasks": asdict(report.other_tasks),
            "agents": _others(report.labels["agent"]),
            "tickets": _others(report.labels["ticket"]),
            "parents": _others(report.labels["parent_id"]),
            "senders": _others(report.labels["sender"]),
        },
        "outcomes": report.outcomes,
        "unrecognized": report.unrecognized,
        "fallbacks": [
            {
                "from": fallback.came_from,
                "to": fallback.model,
                "reason": fallback.reason,
                "free_to_paid": fallback.free_to_paid,
                "count": count,
            }
            for fallback, count in report.fallbacks.items()
        ],
        "reached": [{**asdict(group), **asdict(totals)} for group, totals in report.top_tier.items()],
        "free_to_paid": report.free_to_paid,
        "free_pool": {**asdict(report.free_pool), "saved_usd": exact_usd(report.free_pool.saved_nano)},
        "free_passed_over": _totals(report.skipped_free),
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


def _economy(economy: EconomyDay | None) -> dict[str, Any] | None:
    if economy is None:
        return None
    return {
        "tasks": economy.tasks,
        "entries": asdict(economy.entries),
        **asdict(economy.received),
        "open_batches": economy.open_batches,
        "unanswered_batches": [{**asdict(batch), "sent_at": to_text(batch.sent_at)} for batch in economy.unanswered],
    }


def exact_usd(nano: int) -> str:
    """Return nano-dollars as dollars with all nine decimals."""
    return f"{usd(nano):.9f}"


def _tasks(report: Report) -> dict[str, Any]:
    tasks = report.received
    return {
        "tasks": {"received": tasks.received, **{str(kind): count for kind, count in tasks.counts.items()}},
        "reasons": {str(kind): words for kind, words in tasks.reasons.items()},
        "late": tasks.late,
        "wait_unknown": tasks.unread,
        "dead_letters": tasks.dead_letters,
        "listed_tasks": [_listed(task) for task in tasks.listed],
    }


def _listed(task: DayTask) -> dict[str, Any]:
    return {
        "task_id": task.task_id,
        "kind": str(task.kind),
        "reason": task.why,
        "received_at": task.received_at,
        "ended_at": task.ended_at,
        "delivered": task.is_delivered,
        "type": task.type,
        "tier": task.tier,
        "model": task.model,
        "agent": task.agent,
        "ticket": task.ticket,
        "cost_nano": task.cost_nano,
        "waiting_for": task.waiting.as_document() if task.waiting else None,
    }


def _attention(item: Attention) -> dict[str, Any]:
    return {"what": item.what, "why": item.why, "money_nano_usd": item.money_nano_usd, "do": item.step}


def _totals(totals: Totals) -> dict[str, Any]:
    return {
        "tasks": totals.tasks,
        "attempts": totals.attempts,
        "open": totals.open_attempts,
        "tokens": totals.usage.as_dict(),
        "thinking_percent": totals.thinking_percent,
        "cost_nano": totals.cost_nano,
        "usd": exact_usd(totals.cost_nano),
    }


def _named(labels: LabelTotals) -> dict[str, dict[str, int]]:
    return {name: asdict(totals) for name, totals in labels.named.items()}


def _others(labels: LabelTotals) -> dict[str, Any]:
    """Return what `_named` leaves out: all but the most expensive names, and tasks without a name."""
    return {"names": labels.other_names, **asdict(labels.others), "none_stated": asdict(labels.unlabelled)}


def _month(month: Month) -> dict[str, Any]:
    return {
        "month": month.name,
        **_spend(month.total),
        "tiers": {str(tier): _spend(spend) for tier, spend in month.tiers.items()},
        "projected_nano": month.projected_nano,
        "caps": [{**asdict(cap), "percent": cap.percent} for cap in month.caps],
    }


def _spend(spend: Spend) -> dict[str, Any]:
    return {**asdict(spend), "difference_nano": spend.difference_nano, "usd": exact_usd(spend.spent_nano)}


def _baseline(comparison: Comparison) -> dict[str, Any]:
    return {
        **asdict(comparison),
        "saved_nano": comparison.saved_nano,
        "usd": exact_usd(comparison.baseline_nano),
        "saved_usd": exact_usd(comparison.saved_nano),
        "percent": comparison.percent,
        "note": ESTIMATE,
    }
