"""The statement as JSON."""

from dataclasses import asdict
from typing import Any

from pointsman.report.figures.stack_place import StackPlace
from pointsman.report.render.quality_json import quality_document
from pointsman_cli.statement.figures import NamedCost, Statement


def statement_document(statement: Statement, stack: StackPlace, *, stand_in: bool) -> dict[str, Any]:
    """Return the document: every name, amounts in whole nano-dollars."""
    comparison, measured = statement.comparison, statement.measured
    return {
        "month": statement.month,
        "first": statement.first.isoformat(),
        "last": statement.last.isoformat(),
        "complete": statement.complete,
        "stand_in": stand_in,
        "stack": stack._asdict(),
        "spent_nano_usd": statement.spent_nano,
        "counted_nano_usd": statement.counted_nano,
        "parts": {
            "answers_nano_usd": comparison.answers_nano,
            "classification_nano_usd": comparison.classification_nano,
            "failed_nano_usd": comparison.failed_nano,
            "checking_nano_usd": comparison.checking_nano,
            "unknown_nano_usd": comparison.unknown_nano,
            "open_nano_usd": comparison.open_nano,
        },
        "saved": {
            "baseline": comparison.model,
            "baseline_nano_usd": statement.baseline_nano,
            "measured_answers": measured.answers,
            "measured_nano_usd": measured.measured_nano,
            "estimate_of_measured_nano_usd": measured.estimated_nano,
            "estimated_answers": comparison.answers - measured.answers,
            "estimated_nano_usd": statement.baseline_nano - measured.measured_nano,
            "aws_nano_usd": comparison.aws_nano,
            "saved_nano_usd": statement.saved_nano,
            "percent": statement.saved_percent,
        },
        "economy": {
            "entries": statement.economy.entries,
            "cost_nano_usd": statement.economy.cost_nano,
            "saved_nano_usd": statement.economy.saved_nano,
        },
        "models": {name: _costs(named) for name, named in sorted(statement.models.items())},
        **{f"{label}s": _names(names) for label, names in statement.labels.items()},
        "reconciled": [
            {
                "provider": kept.provider,
                "until": kept.until.isoformat() if kept.until else None,
                "unexplained_nano_usd": kept.unexplained_nano,
                "least_unexplained_nano_usd": kept.least_unexplained_nano,
                "explained": kept.explained,
            }
            for kept in statement.reconciled
        ],
        "quality": quality_document(statement.quality),
        "days": [{"date": day.day.isoformat(), "cost_nano_usd": day.cost_nano} for day in statement.days],
    }


def _names(names: dict[str | None, NamedCost]) -> dict[str, Any]:
    """Return each name's costs, and those of what has no name."""
    named = {name: _costs(it) for name, it in sorted((name, it) for name, it in names.items() if name is not None)}
    return {"named": named, "not_stated": _costs(names.get(None, NamedCost()))}


def _costs(named: NamedCost) -> dict[str, int]:
    costs = asdict(named)
    costs["cost_nano_usd"] = costs.pop("cost_nano")
    return costs
