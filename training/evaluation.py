"""Measures verdicts against labels: accuracy, coverage, precision, under-tiering, calibration. Needs no numpy."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from pointsman.routing import decision
from pointsman.routing.classifier.verdict import Classification
from pointsman.routing.preference import WEIGHINGS, Preference
from pointsman.values.taxonomy import TIER_OF, TaskType, Tier

_WEIGHING = WEIGHINGS[Preference.BALANCE]
_RANK = {tier: rank for rank, tier in enumerate(Tier)}


@dataclass(frozen=True, slots=True)
class Judged:
    """A label and what the classifier said; `expected_type` is None where only the tier is known."""

    verdict: Classification
    expected_tier: Tier
    expected_type: TaskType | None = None

    @property
    def right(self) -> bool:
        """Whether the tier is right."""
        return self.verdict.tier is self.expected_tier

    @property
    def sure(self) -> bool:
        """Whether the verdict stands without a model, by the default preference."""
        return decision.local(self.verdict, _WEIGHING.needed(self.verdict.tier)) is not None


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures over a set of texts; shares are from 0 to 1, None where nothing was there to divide by."""

    texts: int
    type_accuracy: float | None
    tier_accuracy: float | None
    """With every verdict forced."""
    coverage: float | None
    """Share of texts of whose tier the classifier is sure."""
    precision: float | None
    """Share of right tiers among those."""
    under_tiering: float | None
    """Share of texts forced to a cheaper tier than theirs."""
    under_tiering_when_sure: float | None
    """The same among the sure ones."""
    over_tiering: float | None
    calibration_error: float | None
    """Expected calibration error of the tier probability, ten equal bins."""

    def __str__(self) -> str:
        parts = (
            f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value}"
            for name, value in asdict(self).items()
        )
        return "  ".join(parts)


def _share(count: float, of: int) -> float | None:
    return count / of if of else None


def figures(judged: Sequence[Judged]) -> Figures:
    """Return the figures of a set of verdicts."""
    typed = [one for one in judged if one.expected_type is not None]
    sure = [one for one in judged if one.sure]
    too_low = [one for one in judged if _RANK[one.verdict.tier] < _RANK[one.expected_tier]]
    return Figures(
        texts=len(judged),
        type_accuracy=_share(sum(one.verdict.type is one.expected_type for one in typed), len(typed)),
        tier_accuracy=_share(sum(one.right for one in judged), len(judged)),
        coverage=_share(len(sure), len(judged)),
        precision=_share(sum(one.right for one in sure), len(sure)),
        under_tiering=_share(len(too_low), len(judged)),
        under_tiering_when_sure=_share(sum(one.sure for one in too_low), len(sure)),
        over_tiering=_share(sum(_RANK[one.verdict.tier] > _RANK[one.expected_tier] for one in judged), len(judged)),
        calibration_error=_calibration_error(judged),
    )


def _calibration_error(judged: Sequence[Judged], bins: int = 10) -> float | None:
    boxes: list[list[Judged]] = [[] for _ in range(bins)]
    for one in judged:
        boxes[min(int(one.verdict.tier_probability * bins), bins - 1)].append(one)
    gaps = (abs(sum(one.verdict.tier_probability - one.right for one in box)) for box in boxes)
    return _share(sum(gaps), len(judged))


def judge(text: str, label: TaskType, classify: Callable[[str], Classification]) -> Judged:
    """Return the classifier's verdict beside the label."""
    return Judged(classify(text), TIER_OF[label], label)
