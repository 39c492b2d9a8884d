"""What the quality of the answers says of where types go: which must go up, and which may go down."""

from collections.abc import Mapping
from dataclasses import dataclass

from pointsman.report.figures.quality import GroupKind, GroupQuality, Quality
from pointsman.values.taxonomy import TaskType, Tier
from pointsman_cli.tuning.evidence import dearer
from pointsman_cli.tuning.rate import LEAST
from pointsman_cli.tuning.rules import Rules


@dataclass(frozen=True, slots=True)
class TierByQuality:
    """Where a type's tasks belong, by the quality of their answers."""

    tier: Tier
    why: str


def tiers_by_quality(
    by_tier: Mapping[Tier, Quality], rules: Rules, serves: Mapping[str, Tier]
) -> dict[TaskType, TierByQuality]:
    """Return the types that belong elsewhere.

    A type must go up to the baseline's tier when its answers on its own tier are worse beyond doubt. It may go down
    to a cheaper tier whose answers to such tasks are no worse by more than the margin, the interval being as narrow.
    """
    found = {kind: _raised(kind, by_tier, rules, serves) or _lowered(kind, by_tier, rules) for kind in TaskType}
    return {kind: there for kind, there in found.items() if there}


def _raised(
    kind: TaskType, by_tier: Mapping[Tier, Quality], rules: Rules, serves: Mapping[str, Tier]
) -> TierByQuality | None:
    tier = rules.tier_of(kind)
    quality = by_tier.get(tier)
    group = _of_type(kind, quality)
    if quality is None or group is None or not group.dropped:
        return None
    above = serves.get(quality.baseline)
    if above is None or not dearer(above, tier):
        return None
    basis = f"{group.tested_points or 0.0:+.1f} points, {group.tested_pairs} pairs"
    return TierByQuality(above, f"its answers are worse than {quality.baseline}'s, beyond doubt ({basis})")


def _lowered(kind: TaskType, by_tier: Mapping[Tier, Quality], rules: Rules) -> TierByQuality | None:
    for tier in Tier:
        quality = by_tier.get(tier)
        group = _of_type(kind, quality)
        if quality is None or group is None or not dearer(rules.tier_of(kind), tier) or group.enough:
            continue
        if group.pairs >= LEAST and group.low >= -quality.margin_points and not group.dropped:
            why = (
                f"{tier} answers are no worse than {quality.baseline}'s by more than {max(-group.low, 0.0):.1f} points"
            )
            return TierByQuality(tier, f"{why} ({group.pairs} pairs)")
    return None


def _of_type(kind: TaskType, quality: Quality | None) -> GroupQuality | None:
    groups = quality.groups if quality else ()
    return next((group for group in groups if group.kind is GroupKind.TYPE and group.name == kind), None)
