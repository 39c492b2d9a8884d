"""A measured figure beside its peer, and the statistics that it is made of."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A value, and what it is held against, both of one run."""

    name: str
    value: float
    unit: str
    peer: str
    """What it is compared with, in words."""
    peer_value: float
    n: int
    """Runs of each side."""
    p95: float | None = None
    """Of the value; None where every run gives the same."""
    target: float | None = None
    """The greatest `measured` that is accepted; None: shown, not judged."""
    judged: str = "ratio"
    """Which number `target` is about: `ratio` or `value`."""
    wall: float | None = None
    """The same by the clock on the wall, where `value` is processor time: it doubles when the machine is busy."""
    peer_wall: float | None = None

    @property
    def ratio(self) -> float | None:
        """Value by peer; None for a peer of zero."""
        return self.value / self.peer_value if self.peer_value else None

    @property
    def meets(self) -> bool | None:
        """Whether the target is met; None without one."""
        if self.target is None:
            return None
        measured = self.ratio if self.judged == "ratio" else self.value
        return measured is not None and measured <= self.target

    def as_dict(self) -> dict[str, Any]:
        """Return it as build/bench.json holds it."""
        ratio = None if self.ratio is None else round(self.ratio, 4)
        fields: dict[str, Any] = {"value": round(self.value, 4), "unit": self.unit, "peer": self.peer}
        fields |= {"peer_value": round(self.peer_value, 4), "ratio": ratio, "n": self.n}
        fields |= {"p95": None if self.p95 is None else round(self.p95, 4)}
        fields |= {"wall": self.wall and round(self.wall, 4), "peer_wall": self.peer_wall and round(self.peer_wall, 4)}
        return fields | {"target": self.target, "judged": self.judged, "meets": self.meets}


def median(samples: Sequence[float]) -> float:
    """Return the middle."""
    return statistics.median(samples)


def p95(samples: Sequence[float]) -> float:
    """Return the smallest sample that 95% of all do not exceed."""
    ordered = sorted(samples)
    return ordered[max(-(-len(ordered) * 95 // 100) - 1, 0)]


def compared(
    name: str,
    samples: Sequence[float],
    peer: str,
    peer_samples: Sequence[float],
    *,
    unit: str = "ms",
    target: float | None = None,
    judged: str = "ratio",
    wall: Sequence[float] | None = None,
    peer_wall: Sequence[float] | None = None,
) -> Figure:
    """Return medians side by side."""
    walls = [median(side) if side else None for side in (wall, peer_wall)]
    value, peer_value = median(samples), median(peer_samples)
    return Figure(name, value, unit, peer, peer_value, len(samples), p95(samples), target, judged, walls[0], walls[1])
