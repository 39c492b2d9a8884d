"""Effort: how much a model may think before it answers, from `none` to `max`."""

from collections.abc import Collection
from enum import StrEnum


class Effort(StrEnum):
    """The levels, from the least thinking to the most."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"


_RANK = {level: rank for rank, level in enumerate(Effort)}


def lowest(levels: Collection[Effort]) -> Effort:
    """Return the level with the least thinking. `levels` is not empty."""
    return min(levels, key=_RANK.__getitem__)


def nearest(wanted: Effort, levels: Collection[Effort]) -> Effort:
    """Return the level nearest to the wanted one; of two equally near, the lower. `levels` is not empty."""
    return min(levels, key=lambda level: (abs(_RANK[level] - _RANK[wanted]), _RANK[level]))
