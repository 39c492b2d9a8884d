"""Shares of past tasks, weighed by what is known of each, and what they must reach before anything is proposed."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pointsman.values.statistics import wilson
from pointsman_cli.tuning.evidence import Need

TARGET = 0.95
"""Precision at the tier level that the local classifier's sure verdicts have to keep."""
LEAST = 30
"""Labels without which the threshold stays, and no type goes to a cheaper tier."""
LEAST_TO_RAISE = 10
"""Labels without which no type goes to a dearer tier, and which a lower threshold must newly cover."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of weighed tasks."""

    hits: float
    of: float
    labels: int
    """How many of them are more than silence."""

    @property
    def value(self) -> float | None:
        """The share; None of nothing."""
        return self.hits / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95% interval; of nothing, all that can be."""
        return wilson(self.hits, self.of) or (0.0, 1.0)

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        low, high = self.interval
        return {"share": self.value, "low": low, "high": high, "weight": self.of, "labels": self.labels}


def rate(flags: Iterable[tuple[bool, Need]]) -> Rate:
    """Return the weighed share of those that are true."""
    seen = list(flags)
    return Rate(
        sum(need.weight for hit, need in seen if hit),
        sum(need.weight for _, need in seen),
        sum(need.stated for _, need in seen),
    )
