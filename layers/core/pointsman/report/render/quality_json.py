"""The quality for JSON: percent from 0 to 100, points from -100 to 100."""

from typing import Any

from pointsman.report.figures.judges import JudgeQuality
from pointsman.report.figures.quality import QUALITY_DAYS, GroupQuality, Quality
from pointsman.report.render.quality_words import group_sentence


def quality_document(quality: Quality | None) -> dict[str, Any] | None:
    """Return the figures; None where nobody asks for them."""
    if quality is None:
        return None
    return {
        "baseline": quality.baseline,
        "since": quality.since.date().isoformat(),
        "days": QUALITY_DAYS,
        "tested_since": quality.test_since.date().isoformat(),
        "margin_points": quality.margin_points,
        "tolerated_points": quality.tolerated_points,
        "groups": [{**_group_document(group), "sentence": group_sentence(quality, group)} for group in quality.groups],
        "judges": [_judge_document(judge) for judge in quality.judges],
        "agreement_with_people_percent": quality.people.percent,
        "judged_by_both": quality.people.of,
    }


def _group_document(group: GroupQuality) -> dict[str, Any]:
    return {
        "kind": str(group.kind),
        "name": group.name,
        "pairs": group.pairs,
        "by_people": group.by_people,
        "better": group.better,
        "worse": group.worse,
        "points": round(group.points, 2),
        "low": round(group.low, 2),
        "high": round(group.high, 2),
        "agreement_percent": group.agreement.percent,
        "enough": group.enough
        and {"pairs": group.enough.pairs, "share": group.enough.share, "by": group.enough.by.isoformat()},
        "tested_pairs": group.tested_pairs,
        "dropped": group.dropped,
    }


def _judge_document(judge: JudgeQuality) -> dict[str, Any]:
    error = judge.error
    return {
        "family": judge.family,
        "model": judge.model,
        "pairs": judge.pairs,
        "steady_percent": judge.steady.percent,
        "first_points": judge.first_points,
        "controls": {str(kind): {"right": part.count, "of": part.of} for kind, part in judge.controls.items()},
        "error_percent": error and error[0],
        "error_low": error and error[1],
        "error_high": error and error[2],
        "counts": judge.counts,
    }
