"""What is sent when, and which faults the stand-in plays meanwhile."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from demo.samples import Sample
from devstack import FakedProviders

REPLY_QUEUE = "pointsman-replies"
"""The queue that sample 28 wants to be answered at."""


@dataclass(frozen=True, slots=True)
class Phase:
    """Messages that belong together; the next phase begins when all of them are accounted for."""

    name: str
    numbers: Collection[int]
    """Of the samples."""
    faults: tuple[dict[str, Any], ...] = ()
    """Rules for the stand-in, in force from here on."""
    needs: str | None = None
    """The provider that the stand-in must stand for."""


PHASES = (
    Phase("Normal traffic", [number for number in range(50) if number not in (23, 24)]),
    Phase("The same again: a duplicate, and its id with other content", (23, 24)),
    Phase(
        "Anthropic is overloaded: 529, twice",
        (50,),
        ({"provider": "anthropic", "contains": "password reset endpoint", "times": 2, "action": {"status": 529}},),
        needs="anthropic",
    ),
    Phase(
        "Gemini's free tier is used up for the day: 429",
        (60,),
        ({"provider": "gemini", "action": "gemini_day_quota"},),
        needs="gemini",
    ),
    Phase("What comes after it on that day", (61, 62), needs="gemini"),
)
GEMINI_IS_OUT = PHASES[-2:]
"""Phases in which Gemini refuses everything: it should be asked once, and then not again."""


def chosen(stand_in: FakedProviders) -> tuple[list[Phase], list[Phase]]:
    """Return the phases that can be played, and those that cannot because a real provider answers."""
    can = [phase for phase in PHASES if phase.needs is None or getattr(stand_in, phase.needs)]
    return can, [phase for phase in PHASES if phase not in can]


def of(phase: Phase, samples: list[Sample]) -> list[Sample]:
    """Return the phase's samples."""
    return [sample for sample in samples if sample.number in phase.numbers]
