"""The arithmetic of figures: shares with their intervals, calibration, and coverage against precision."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pointsman.values.statistics import wilson


@dataclass(frozen=True, slots=True)
class Proportion:
    """So many of so many, with the 95% interval of E. B. Wilson (1927); None where there is nothing to divide by."""

    count: int
    of: int

    @property
    def value(self) -> float | None:
        """The share."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The bounds between which the share of all such texts lies, in 95 of 100 samples."""
        return wilson(self.count, self.of)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        low, high = self.interval or (None, None)
        return {**asdict(self), "share": self.value, "low": low, "high": high}


def proportion(flags: Iterable[bool]) -> Proportion:
    """Return how many are true."""
    seen = list(flags)
    return Proportion(sum(seen), len(seen))


@dataclass(frozen=True, slots=True)
class Sureness:
    """How probable a verdict was said to be, and whether it was right."""

    probability: float
    right: bool


def calibration_error(seen: Sequence[Sureness], bins: int = 10) -> float | None:
    """Return the expected calibration error over equal bins: how far stated probabilities are from the truth."""
    boxes: list[list[Sureness]] = [[] for _ in range(bins)]
    for one in seen:
        boxes[min(int(one.probability * bins), bins - 1)].append(one)
    gap = sum(abs(sum(one.probability - one.right for one in box)) for box in boxes)
    return gap / len(seen) if seen else None


@dataclass(frozen=True, slots=True)
class Point:
    """What a threshold would give: the share of verdicts at or above it, and the share of right ones among those."""

    threshold: float
    coverage: Proportion
    precision: Proportion


def point(seen: Sequence[Sureness], threshold: float) -> Point:
    """Return coverage and precision at a threshold."""
    sure = [one for one in seen if one.probability >= threshold]
    return Point(threshold, Proportion(len(sure), len(seen)), proportion(one.right for one in sure))


def curve(seen: Sequence[Sureness]) -> list[Point]:
    """Return the point of every threshold that makes a difference, from the highest down."""
    ranked = sorted(seen, key=lambda one: -one.probability)
    points: list[Point] = []
    right = 0
    for count, one in enumerate(ranked, 1):
        right += one.right
        if count == len(ranked) or ranked[count].probability < one.probability:
            points.append(Point(one.probability, Proportion(count, len(ranked)), Proportion(right, count)))
    return points
