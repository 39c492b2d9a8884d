"""The demo's phases: which samples are sent, and which faults the fake providers inject."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from demo.samples import Sample
from devstack import FakedProviders

REPLY_QUEUE = "pointsman-replies"
"""The reply_to queue of sample 28."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Messages that belong together; the next phase begins when all of them are settled."""

    name: str
    numbers: Collection[int]
    """Numbers of its samples."""
    faults: tuple[dict[str, Any], ...] = ()
    """Fault rules for the fake providers, active from this phase on."""
    needs: str | None = None
    """The provider that must be fake; `None` if both may be real."""


DEMO_PHASES = (
    Phase("Normal traffic", [number for number in range(50) if number not in (23, 24)]),
    Phase("A duplicate, and the same id with different content", (23, 24)),
    Phase(
        "Anthropic is overloaded (two 529 errors)",
        (50,),
        ({"provider": "anthropic", "contains": "password reset endpoint", "times": 2, "action": {"status": 529}},),
        needs="anthropic",
    ),
    Phase(
        "Gemini's daily quota is used up (429)",
        (60,),
        ({"provider": "gemini", "action": "gemini_day_quota"},),
        needs="gemini",
    ),
    Phase("After the daily quota is used up", (61, 62), needs="gemini"),
)
GEMINI_QUOTA_PHASES = DEMO_PHASES[-2:]
"""Phases in which Gemini refuses every request: it should get one and no more."""


def split_playable(stand_in: FakedProviders) -> tuple[list[Phase], list[Phase]]:
    """Return the phases that can be played, and those that cannot because their provider is real."""
    playable = [phase for phase in DEMO_PHASES if phase.needs is None or getattr(stand_in, phase.needs)]
    return playable, [phase for phase in DEMO_PHASES if phase not in playable]


def samples_of(phase: Phase, samples: list[Sample]) -> list[Sample]:
    """Return a phase's samples."""
    return [sample for sample in samples if sample.number in phase.numbers]
