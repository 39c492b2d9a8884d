"""The demo's phases: which samples are sent, and which faults the fake providers inject."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
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
    in_lane: bool = False
    """Whether its messages go the economy lane, whose turns the demo takes: its stack has no schedules."""
    needs: str | None = None
    """The provider that must be fake; `None` if both may be real."""

    def faults_from(self, regain: datetime) -> list[dict[str, Any]]:
        """Return the rules, `REGAIN` in them replaced by the minute, in UTC."""
        text = json.dumps(self.faults).replace(REGAIN, f"{regain:%Y-%m-%d at %H:%M UTC}")
        rules: list[dict[str, Any]] = json.loads(text)
        return rules


REGAIN = "REGAIN"
"""In a fault: when the account is served again."""


def next_regain(now: datetime) -> datetime:
    """Return the first full minute that is 5 seconds or more ahead: providers name no seconds."""
    return (now + timedelta(seconds=65)).replace(second=0, microsecond=0)


DEMO_PHASES = (
    Phase("Normal traffic", [number for number in range(50) if number not in (23, 24, 40, 41)]),
    Phase("The economy lane: one batch at half the price", (40, 41), in_lane=True, needs="anthropic"),
    Phase("A duplicate, and the same id with different content", (23, 24)),
    Phase(
        "Anthropic is overloaded (two 529 errors)",
        (50,),
        ({"provider": "anthropic", "contains": "password reset endpoint", "times": 2, "action": {"status": 529}},),
        needs="anthropic",
    ),
    Phase(
        "Claude thinks until no room is left for an answer",
        (51,),
        (
            {
                "provider": "anthropic",
                "contains": "overlapping time intervals",
                "action": {"preset": "thinking_eats_all"},
            },
        ),
        needs="anthropic",
    ),
    Phase(
        "Gemini's daily quota is used up (429)",
        (60,),
        ({"provider": "gemini", "action": "gemini_day_quota"},),
        needs="gemini",
    ),
    Phase("After the daily quota is used up", (61, 62), needs="gemini"),
    Phase(
        "Anthropic's usage limit is reached, until the next full minute",
        (70,),
        (
            {
                "provider": "anthropic",
                "times": 1,
                "action": {
                    "status": {
                        "code": 400,
                        "type": "invalid_request_error",
                        "message": "You have reached your specified API usage limits. "
                        f"You will regain access on {REGAIN}.",
                    }
                },
            },
        ),
        needs="anthropic",
    ),
)
LANE_PHASE, THINKING_PHASE, ACCOUNT_PHASE = DEMO_PHASES[1], DEMO_PHASES[4], DEMO_PHASES[-1]
GEMINI_QUOTA_PHASES = DEMO_PHASES[5:7]
"""Phases in which Gemini refuses every request: it should get one and no more."""


def split_playable(stand_in: FakedProviders) -> tuple[list[Phase], list[Phase]]:
    """Return the phases that can be played, and those that cannot because their provider is real."""
    playable = [phase for phase in DEMO_PHASES if phase.needs is None or getattr(stand_in, phase.needs)]
    return playable, [phase for phase in DEMO_PHASES if phase not in playable]


def samples_of(phase: Phase, samples: list[Sample]) -> list[Sample]:
    """Return a phase's samples."""
    return [sample for sample in samples if sample.number in phase.numbers]
