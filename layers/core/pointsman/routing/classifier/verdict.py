"""A local verdict, and what a team's own weights of the tiers make of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pointsman.values.taxonomy import TaskType, Tier


@dataclass(frozen=True, slots=True)
class Classification:
    """What the classifier makes of a text. `type` is always a type of `tier`."""

    type: TaskType
    """The most probable type of the most probable tier."""
    probability: float
    """Calibrated probability of `type`."""
    words: tuple[str, ...]
    """The words of the text that spoke for `type` against `runner_up`, strongest first; at most 5."""
    runner_up: TaskType
    """The most probable other type; `type` itself if only one was allowed."""
    tier: Tier
    """The most probable tier: the sum over its types."""
    tier_probability: float
    """Calibrated probability of `tier`."""
    runner_up_tier: Tier
    """The most probable other tier; `tier` itself if only one was allowed."""
    tiers: Mapping[Tier, float] = field(default_factory=dict)
    """Calibrated probability of each tier; what is missing to 1 is doubt."""
    follow_up: float = 0.0
    """Calibrated probability that the text holds no task of its own."""
    background: float = 0.0
    """Calibrated probability that it is an everyday request of no type."""
    request_found: bool = True
    """False of a long text in which nothing asks."""
    steered: bool = False
    """Whether something that addresses the router was left out."""
    best: Mapping[Tier, tuple[TaskType, float]] = field(default_factory=dict)
    """The most probable type of each tier, and its share of the tier."""


def first_two(tiers: Mapping[Tier, float]) -> tuple[Tier, Tier]:
    """Return the most and the second most probable tier; of equals the dearer comes first."""
    order = list(Tier)
    ranked = sorted(tiers, key=lambda tier: (tiers[tier], order.index(tier)), reverse=True)
    return ranked[0], ranked[min(1, len(ranked) - 1)]


def reweighed(verdict: Classification, weights: Mapping[Tier, float]) -> Classification:
    """Return a verdict whose tiers' probabilities are multiplied by the weights, and add up to what they did.

    One from which something that addresses the router was left out stays: its certainty is capped.
    """
    if not weights or verdict.steered or not verdict.best:
        return verdict
    scaled = {tier: share * weights.get(tier, 1.0) for tier, share in verdict.tiers.items()}
    doubt = verdict.follow_up + verdict.background
    total = sum(scaled.values()) + doubt
    tiers = {tier: share / total for tier, share in scaled.items()}
    tier, runner_up_tier = first_two(tiers)
    kind, share = verdict.best[tier]
    same = kind is verdict.type
    return replace(
        verdict,
        type=kind,
        probability=tiers[tier] * share,
        words=verdict.words if same else (),
        runner_up=verdict.runner_up if same else verdict.type,
        tier=tier,
        tier_probability=tiers[tier],
        runner_up_tier=runner_up_tier,
        tiers=tiers,
        follow_up=verdict.follow_up / total,
        background=verdict.background / total,
    )
