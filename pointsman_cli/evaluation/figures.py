"""The figures of a set of decisions."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import TaskType, Tier
from pointsman_cli.evaluation.acceptance import Accepted, accepted
from pointsman_cli.evaluation.baselines import BASELINES, LITELLM, LITELLM_PREDICTOR, Graded
from pointsman_cli.evaluation.examples import PERTURBATIONS, Example
from pointsman_cli.evaluation.routing import ClassificationCalls, Routed
from pointsman_cli.evaluation.statistics import Point, Proportion, Sureness, calibration_error, curve, proportion

_RANK = {tier: rank for rank, tier in enumerate(Tier)}


@dataclass(frozen=True, slots=True)
class Tiering:
    """How well tiers were chosen."""

    tier_accuracy: Proportion
    under_tiering: Proportion
    """Sent to a cheaper tier than theirs."""
    over_tiering: Proportion
    """Sent to a dearer one."""


@dataclass(frozen=True, slots=True)
class Stability:
    """What becomes of the tier when the text is changed and its meaning is not."""

    same_tier: Proportion
    tier_accuracy: Proportion


@dataclass(frozen=True, slots=True)
class Steering:
    """What instructions inside the texts do to the tier, against the same texts without them."""

    same_tier: Proportion
    raised: Proportion
    lowered: Proportion
    moved_when_sure: Proportion
    """Another tier than without the instruction, among the verdicts that stand."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Another way to choose tiers, on the same texts."""

    name: str
    tiering: Tiering | None
    skipped: str | None = None
    """Why it was not tried."""


@dataclass(frozen=True)
class Figures:
    """All of one set."""

    name: str
    types_right: Proportion
    """Of the local verdicts on texts that have a type, sure or not; so are the next eight."""
    forced: Tiering
    by_type: dict[TaskType, Proportion]
    """Right types."""
    by_tier: dict[Tier, Proportion]
    """Right tiers."""
    by_kind: dict[str, Proportion]
    """Right tiers, by what is special about a text."""
    confusion: dict[TaskType, dict[TaskType, int]]
    """By true type and verdict."""
    at_threshold: Point
    """Of the verdicts that stand without a model: as probable as their tiers need to be."""
    curve: list[Point]
    calibration_error: float | None
    sure: Tiering
    """Of the verdicts that stand: what is never shown to a model."""
    decided: Tiering
    """Of the decisions: undecided texts have been shown to a model, or offline got the higher of two tiers."""
    sources: dict[str, int]
    stability: dict[str, Stability]
    steering: Steering | None
    """None: the set has no such texts."""
    asking: ClassificationCalls
    baselines: list[Baseline]

    accepted: Accepted

    @property
    def texts(self) -> int:
        """How many texts of the set have an acceptable tier."""
        return self.forced.tier_accuracy.of


def figures(
    name: str,
    routed: Sequence[Routed],
    asking: ClassificationCalls,
    classify: Callable[[str], Tier],
    graded: Graded,
    policy: RoutingPolicy,
    now: datetime,
) -> Figures:
    """Return the figures of a set; `classify` gives the local verdict's tier of a changed text."""
    taken = accepted(routed, policy, now)
    routed = [text for text in routed if text.example.ok_tiers]
    seen = [Sureness(text.verdict.tier_probability, _right(text)) for text in routed]
    return Figures(
        name=name,
        types_right=proportion(text.verdict.type is text.example.type for text in routed if text.example.type),
        forced=_tiering(text.example.gap(text.verdict.tier) for text in routed),
        by_type={
            kind: proportion(text.verdict.type is kind for text in routed if text.example.type is kind)
            for kind in TaskType
        },
        by_tier={tier: proportion(_right(text) for text in routed if text.example.tier is tier) for tier in Tier},
        by_kind=_by_kind(routed),
        confusion=_confusion(routed),
        at_threshold=Point(
            min((text.verdict.tier_probability for text in routed if text.sure), default=1.0),
            proportion(text.sure for text in routed),
            proportion(_right(text) for text in routed if text.sure),
        ),
        curve=curve(seen),
        calibration_error=calibration_error(seen),
        sure=_tiering(text.example.gap(text.verdict.tier) for text in routed if text.sure),
        decided=_tiering(text.example.gap(text.decision.tier) for text in routed),
        sources=Counter(str(text.decision.source) for text in routed),
        stability={what: _stability(routed, change, classify) for what, change in PERTURBATIONS.items()},
        steering=_steering(routed, classify),
        asking=asking,
        baselines=_baselines([text.example for text in routed], graded),
        accepted=taken,
    )


def _right(each: Routed) -> bool:
    return each.verdict.tier in each.example.ok_tiers


def _tiering(gaps: Iterable[int]) -> Tiering:
    """Return the figures of chosen tiers by how far they are from an acceptable one."""
    gaps = list(gaps)
    return Tiering(
        proportion(gap == 0 for gap in gaps), proportion(gap < 0 for gap in gaps), proportion(gap > 0 for gap in gaps)
    )


def _by_kind(routed: Sequence[Routed]) -> dict[str, Proportion]:
    kinds = dict.fromkeys(text.example.kind for text in routed if text.example.kind)
    return {kind: proportion(_right(text) for text in routed if text.example.kind == kind) for kind in kinds if kind}


def _confusion(routed: Sequence[Routed]) -> dict[TaskType, dict[TaskType, int]]:
    counts = {true: dict.fromkeys(TaskType, 0) for true in TaskType}
    for text in routed:
        if text.example.type:
            counts[text.example.type][text.verdict.type] += 1
    return counts


def _stability(routed: Sequence[Routed], change: Callable[[str], str], classify: Callable[[str], Tier]) -> Stability:
    after = [classify(change(text.example.text)) for text in routed]
    return Stability(
        proportion(tier is text.verdict.tier for tier, text in zip(after, routed, strict=True)),
        proportion(tier in text.example.ok_tiers for tier, text in zip(after, routed, strict=True)),
    )


def _steering(routed: Sequence[Routed], classify: Callable[[str], Tier]) -> Steering | None:
    gaps = [
        (_RANK[text.verdict.tier] - _RANK[classify(text.example.plain)], text.sure)
        for text in routed
        if text.example.plain
    ]
    if not gaps:
        return None
    return Steering(
        same_tier=proportion(gap == 0 for gap, _ in gaps),
        raised=proportion(gap > 0 for gap, _ in gaps),
        lowered=proportion(gap < 0 for gap, _ in gaps),
        moved_when_sure=proportion(gap != 0 for gap, sure in gaps if sure),
    )


def _baselines(examples: Sequence[Example], graded: Graded) -> list[Baseline]:
    baselines = [
        Baseline(name, _tiering(example.gap(choose(example.text)) for example in examples))
        for name, choose in BASELINES.items()
    ]
    if graded.tiers is None:
        return [*baselines, Baseline(LITELLM, None, graded.skipped)]
    for name, tiers in ((LITELLM, graded.tiers), (LITELLM_PREDICTOR, graded.predicted)):
        if tiers is not None:
            gaps = (example.gap(tier) for example, tier in zip(examples, tiers, strict=True))
            baselines.append(Baseline(f"{name} {graded.version}", _tiering(gaps)))
    return baselines
