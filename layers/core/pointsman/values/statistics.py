"""The arithmetic of samples: intervals of shares and of paired differences, and a test that may be read at any time."""

import math
from collections.abc import Iterable, Mapping

Z95 = 1.959964
"""Standard deviations that hold 95% of a normal distribution."""
_BETS = tuple(0.9 * 0.62**step for step in range(9))
"""Parts of the largest stake, from 0.9 down to 0.02: some stake is near the best one for drops of 2 points and more."""


def wilson(count: float, of: float) -> tuple[float, float] | None:
    """Return the 95% interval of so many of so many (E. B. Wilson, 1927); None where there is nothing to divide by."""
    if not of:
        return None
    share, z2 = count / of, Z95 * Z95
    centre = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z95 / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of**2))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def paired_interval(scores: Iterable[float]) -> tuple[float, float] | None:
    """Return the 95% interval of the mean of paired scores from -1 to 1; None without a score.

    It is the adjusted Wald interval for paired proportions (D. G. Bonett and R. M. Price, Journal of Educational and
    Behavioral Statistics 37(4), 2012): one pair is added to the wins and one to the losses. A score between counts as
    a part of a win or loss, which makes the interval wider, never narrower.
    """
    some = list(scores)
    if not some:
        return None
    n = len(some) + 2
    wins = (sum(score for score in some if score > 0) + 1) / n
    losses = (1 - sum(score for score in some if score < 0)) / n
    mean, half = wins - losses, Z95 * math.sqrt((wins + losses - (wins - losses) ** 2) / n)
    return max(mean - half, -1.0), min(mean + half, 1.0)


def pairs_needed(variance: float, half_width: float) -> int:
    """Return how many pairs bring half of their interval down to `half_width`."""
    return math.ceil(Z95**2 * variance / half_width**2)


def drop_evidence(counts: Mapping[float, int], tolerated: float = 0.0) -> float:
    """Return the logarithm of the evidence that scores from -1 to 1 are below `-tolerated` on average.

    `counts` says how often each score came. The evidence is an e-process: the capital of somebody who bets on a drop, a
    mixture over fixed stakes (H. Robbins, Annals of Mathematical Statistics 41(5), 1970; I. Waudby-Smith and A. Ramdas,
    "Estimating means of bounded random variables by betting", Journal of the Royal Statistical Society B 86(1), 2024).
    Without a drop it ever reaches 1/a with a probability of at most a, however often it is looked at (J. Ville, 1939).
    """
    fair = -tolerated
    logs = [
        sum(count * math.log1p(stake * (fair - score)) for score, count in counts.items())
        for stake in (part / (1 - fair) for part in _BETS)
    ]
    largest = max(logs)
    return largest + math.log(sum(math.exp(log - largest) for log in logs) / len(logs))
