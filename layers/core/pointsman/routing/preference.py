"""What a wrong tier costs, by the team's preference, and how sure a local verdict must be therefore."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pointsman.values.taxonomy import Tier


class Preference(StrEnum):
    """What decisions lean to where they are unsure: `classifier.prefer` of `openclaw.json`."""

    QUALITY = "quality"
    BALANCE = "balance"
    COST = "cost"


@dataclass(frozen=True, slots=True)
class Weighing:
    """The harm of a wrong tier, in units of one step too dear under `balance`."""

    too_cheap: float
    """Per step: a poor answer, and perhaps a second try."""
    too_dear: float
    """Per step: money."""
    tolerance: float
    """The harm that a verdict may be expected to do where no model is asked about it."""

    def harm(self, shares: Mapping[Tier, float], tier: Tier) -> float:
        """Return the expected harm of a tier, from the probability that each is needed."""
        order = list(Tier)
        gaps = ((share, order.index(needed) - order.index(tier)) for needed, share in shares.items())
        return sum(share * (gap * self.too_cheap if gap > 0 else -gap * self.too_dear) for share, gap in gaps)

    def needed(self, tier: Tier) -> float:
        """Return the probability from which a verdict on that tier stands: one is wrong in one direction or in both."""
        wrong = {
            Tier.ORCHESTRATION: self.too_cheap,
            Tier.IMPLEMENTATION: max(self.too_cheap, self.too_dear),
            Tier.REASONING: self.too_dear,
        }
        return max(1.0 - self.tolerance / wrong[tier], 0.5)


WEIGHINGS: Mapping[Preference, Weighing] = {
    Preference.QUALITY: Weighing(too_cheap=2.0, too_dear=1.0, tolerance=0.22),
    Preference.BALANCE: Weighing(too_cheap=1.3, too_dear=1.0, tolerance=0.22),
    Preference.COST: Weighing(too_cheap=1.0, too_dear=1.3, tolerance=0.22),
}
"""Chosen in view of texts that people wrote and that are not trained on (docs/routing.md)."""
