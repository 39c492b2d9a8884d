"""What is known of past tasks: how each was decided, what was made of it, and which tier it needed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pointsman.execution.outcome import GOOD, Outcome
from pointsman.report.figures.ledger_entries import LedgerEntry
from pointsman.routing.catalog import Catalog, Model
from pointsman.routing.classifier.verdict import Classification
from pointsman.routing.decision import Source
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import TaskType, Tier

SILENCE = 0.25
"""Weight of a task whose answer nobody objected to, as if one in four were looked at."""
INSUFFICIENT = frozenset({*GOOD, Outcome.REFUSED, Outcome.BLOCKED, Outcome.TOO_LONG, Outcome.EMPTY})
"""What a cheaper model came to before a dearer one answered, where it says something of the text. An answer among
them is one that was not accepted; outages and used-up quotas are not among them.
"""
_ORDER = list(Tier)


class Ground(StrEnum):
    """How it is known which tier a task needed."""

    CORRECTED = "corrected"
    """A person said what its type should have been."""
    ESCALATED = "escalated"
    """A cheaper model could not do it, and a dearer one did."""
    SILENCE = "silence"
    """It was answered as decided, and nobody objected."""


@dataclass(frozen=True, slots=True)
class Need:
    """The tier that a task needed."""

    tier: Tier
    ground: Ground

    @property
    def stated(self) -> bool:
        """Whether it is more than silence: a label."""
        return self.ground is not Ground.SILENCE

    @property
    def weight(self) -> float:
        """What it counts for."""
        return 1.0 if self.stated else SILENCE


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """A past task. `type`, `tier` and `source` are the decision as it was when it was corrected, if it was."""

    task_id: str
    text: str
    private: bool
    type: TaskType
    tier: Tier
    source: Source
    confidence: float
    verdict: Classification
    """The local classifier's, with the weights of now."""
    corrected: tuple[TaskType, Tier] | None
    attempts: tuple[LedgerEntry, ...]
    """For the task itself, in the order of their time."""
    passed: bool | None = None
    """Whether its answer passed its checks; None: it was not checked."""
    share_nano: int = 0
    """Its part of the requests that decided about it."""

    @property
    def classified(self) -> bool:
        """Whether it was for Pointsman to decide; else its sender did."""
        return self.source is not Source.EXPLICIT

    @property
    def answer(self) -> LedgerEntry | None:
        """The attempt whose answer was delivered."""
        return next((attempt for attempt in reversed(self.attempts) if attempt.gave_answer), None)

    @property
    def booked_nano(self) -> int:
        """What all of its attempts cost; reserved, where that is not known."""
        return sum(attempt.cost_nano for attempt in self.attempts)


type Known = tuple[TaskOutcome, Need]
"""A task, and the tier that it needed."""


@dataclass(frozen=True, slots=True)
class TuningEvidence:
    """The tasks of some time."""

    seen: tuple[TaskOutcome, ...]
    unreadable: int
    """Tasks of the ledger whose record or text is gone."""


def servers(policy: RoutingPolicy) -> dict[str, Tier]:
    """Return the tier that each model of the catalogue stands for: that of the configured model which is its successor
    or predecessor, or the model itself; of a model that serves several tiers the most expensive.
    """
    models = policy.catalog.models
    last = {_last(policy.catalog, models[policy.config.routing.of(tier)]).id: tier for tier in Tier}
    tiers = {name: last.get(_last(policy.catalog, model).id) for name, model in models.items()}
    return {name: tier for name, tier in tiers.items() if tier}


def fell_short(seen: TaskOutcome, serves: Mapping[str, Tier]) -> tuple[LedgerEntry, ...]:
    """Return the attempts of cheaper tiers' models that could not do what the one which answered could."""
    answer = seen.answer
    if answer is None or answer.billed_model not in serves or seen.passed is False:
        return ()
    by = serves[answer.billed_model]
    earlier = seen.attempts[: seen.attempts.index(answer)]
    return tuple(
        attempt
        for attempt in earlier
        if attempt.outcome in INSUFFICIENT
        and attempt.billed_model in serves
        and dearer(by, serves[attempt.billed_model])
    )


def need(seen: TaskOutcome, serves: Mapping[str, Tier]) -> Need | None:
    """Return the tier that a task needed; None when nothing is known: no answer that was accepted, or a guess
    that nobody looked at.
    """
    if seen.corrected:
        return Need(seen.corrected[1], Ground.CORRECTED)
    if seen.answer is None or seen.passed is False:
        return None
    if fell_short(seen, serves):
        return Need(serves[seen.answer.billed_model], Ground.ESCALATED)
    return None if seen.source is Source.GUESS else Need(seen.tier, Ground.SILENCE)


def dearer(one: Tier, other: Tier) -> bool:
    """Return whether the one tier is dearer than the other."""
    return _ORDER.index(one) > _ORDER.index(other)


def tally(needs: Sequence[Need | None]) -> dict[Ground, int]:
    """Return how many tasks there are of each ground."""
    counts = Counter(need_of_task.ground for need_of_task in needs if need_of_task)
    return {ground: counts[ground] for ground in Ground}


def _last(catalog: Catalog, model: Model) -> Model:
    while model.successor:
        model = catalog.get(model.successor)
    return model
