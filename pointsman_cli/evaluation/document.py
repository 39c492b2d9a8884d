"""The figures as JSON."""

from dataclasses import asdict
from typing import Any

from pointsman_cli.evaluation.figures import Figures, Steering, Tiering
from pointsman_cli.evaluation.statistics import Point, Proportion


def evaluation_document(own: Figures) -> dict[str, Any]:
    """Return a set's figures; shares are from 0 to 1, money in nano-dollars for all texts together."""
    return {
        "set": own.name,
        "texts": own.texts,
        "type_accuracy": own.types_right.as_dict(),
        "tier_accuracy": own.forced.right.as_dict(),
        "under_tiering": own.forced.under.as_dict(),
        "over_tiering": own.forced.over.as_dict(),
        "by_type": _shares(own.by_type),
        "by_tier": _shares(own.by_tier),
        "by_kind": _shares(own.by_kind),
        "confusion": {
            str(true): {str(predicted): n for predicted, n in row.items()} for true, row in own.confusion.items()
        },
        "at_threshold": _point(own.at_threshold) | {"tiering": _tiering(own.sure)},
        "curve": [_point(curve_point) for curve_point in own.curve],
        "calibration_error": own.calibration_error,
        "decided": {"tiering": _tiering(own.decided), "sources": own.sources},
        "stability": {
            what: {"same_tier": stability.same.as_dict(), "tier_accuracy": stability.right.as_dict()}
            for what, stability in own.stability.items()
        },
        "steering": _steering(own.steering),
        "asking": asdict(own.asking),
        "baselines": [
            {"name": baseline.name, "skipped": baseline.skipped}
            | (_tiering(baseline.tiering) if baseline.tiering else {})
            for baseline in own.baselines
        ],
    }


def _shares[K: str](shares: dict[K, Proportion]) -> dict[str, Any]:
    return {str(name): ratio.as_dict() for name, ratio in shares.items()}


def _steering(own: Steering | None) -> dict[str, Any] | None:
    if own is None:
        return None
    return {
        "same_tier": own.same.as_dict(),
        "raised": own.raised.as_dict(),
        "lowered": own.lowered.as_dict(),
        "moved_when_sure": own.moved_when_sure.as_dict(),
    }


def _tiering(own: Tiering) -> dict[str, Any]:
    return {
        "tier_accuracy": own.right.as_dict(),
        "under_tiering": own.under.as_dict(),
        "over_tiering": own.over.as_dict(),
    }


def _point(own: Point) -> dict[str, Any]:
    return {
        "threshold": own.threshold,
        "coverage": own.coverage.as_dict(),
        "precision": own.precision.as_dict(),
    }
