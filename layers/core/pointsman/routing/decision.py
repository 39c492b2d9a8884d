"""How a task came to its tier: stored with the task, so that a misrouted one can be explained."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from pointsman.contracts.task import Task
from pointsman.routing.preference import Weighing
from pointsman.values.taxonomy import TIER_OF, TYPES_OF, TaskType, Tier, higher

if TYPE_CHECKING:  # of the router alone: the tier functions read decisions only
    from pointsman.routing.classifier.local import LocalClassifier
    from pointsman.routing.classifier.verdict import Classification

HALF = 0.5
"""Confidence below which a model is not sure of its own word."""
FOLLOWS = 0.5
"""Probability of holding no task of its own from which a text is taken to continue another."""
MAY_FOLLOW = 0.02
"""The same from which nobody is sure of a paid tier: of texts as short as those, the classifier has seen few kinds."""
DOES_AS_WELL: Mapping[Tier, float] = {Tier.ORCHESTRATION: 0.25, Tier.IMPLEMENTATION: 0.55, Tier.REASONING: 0.25}
"""Share of the unsure texts that need the tier next to this one for which people find this one acceptable too."""


class Source(StrEnum):
    """Who decided."""

    EXPLICIT = "explicit"
    LOCAL = "local"
    GEMINI = "gemini"
    HAIKU = "haiku"
    CACHE = "cache"
    """A model, when it was asked about the same text before."""
    PARENT = "parent"
    """The task that this one continues: it holds no task of its own."""
    GUESS = "guess"
    """The local classifier's best guess, unsure as it was, because no model could be asked or read."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A task's type and tier, and why."""

    type: TaskType
    tier: Tier
    source: Source
    confidence: float
    reason: str
    words: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the decision as it is stored."""
        return {**asdict(self), "words": list(self.words)}

    @classmethod
    def from_item(cls, stored: Mapping[str, Any]) -> "Decision":
        """Return the decision that `as_dict` stored."""
        return cls(
            TaskType(stored["type"]),
            Tier(stored["tier"]),
            Source(stored["source"]),
            float(stored["confidence"]),
            stored["reason"],
            tuple(stored.get("words", ())),
        )


def explicit(task: Task, classifier: "LocalClassifier") -> Decision | None:
    """Return the sender's own choice, or None when there is none; a tier alone gets its most likely type."""
    if task.tier is None and task.type is None:
        return None
    if task.tier is None:
        assert task.type is not None
        return Decision(task.type, TIER_OF[task.type], Source.EXPLICIT, 1.0, "the task states its type")
    if task.type is not None:
        return Decision(task.type, task.tier, Source.EXPLICIT, 1.0, "the task states its tier")
    guess = classifier.classify(task.prompt, among=TYPES_OF[task.tier])
    return Decision(guess.type, task.tier, Source.EXPLICIT, 1.0, "the task states its tier")


def local(verdict: "Classification", needed: float) -> Decision | None:
    """Return the local verdict when its tier is as probable as it needs to be, else None.

    A paid tier is not chosen where the text may well hold no task.
    """
    may_follow = verdict.follow_up >= MAY_FOLLOW and verdict.tier is not Tier.ORCHESTRATION
    if verdict.tier_probability < needed or not verdict.request_found or may_follow:
        return None
    reason = f"local classifier is sure ({verdict.tier_probability:.2f} of {needed:.2f} needed)"
    return _of(verdict, verdict.tier, Source.LOCAL, verdict.tier_probability, reason)


def continued(parent: Decision, parent_id: str, confidence: float) -> Decision:
    """Return the decision on a text that holds no task of its own: that on the task which it continues."""
    reason = f"continues task {parent_id}, and holds no task of its own ({confidence:.2f})"
    return Decision(parent.type, parent.tier, Source.PARENT, round(confidence, 4), reason)


def asked(verdict: "Classification", vote: "ModelVote") -> Decision:
    """Return what a model said of the task.

    Where it is unsure, the higher tier of its two types and the local verdict; a text without a task of its own is
    implementation work.
    """
    kind, confidence, source = vote.type, vote.confidence, vote.source
    local_says = f"the local classifier says {verdict.type} at {verdict.tier_probability:.2f}"
    if kind is None:
        reason = f"{source} says that it holds no task of its own, {local_says}"
        return Decision(
            TYPES_OF[Tier.IMPLEMENTATION][0], Tier.IMPLEMENTATION, source, confidence, reason, verdict.words
        )
    if confidence < HALF and vote.also and higher(TIER_OF[vote.also], TIER_OF[kind]) is not TIER_OF[kind]:
        kind = vote.also
    tier = TIER_OF[kind]
    if confidence < HALF:
        tier = higher(tier, Tier.IMPLEMENTATION if verdict.follow_up > FOLLOWS else verdict.tier)
        if tier is not TIER_OF[kind]:
            reason = f"{source} was unsure of {kind}, {local_says}: the higher of two tiers"
            return _of(verdict, tier, source, confidence, reason)
    return Decision(kind, tier, source, confidence, f"{source} was asked, {local_says}", verdict.words)


@dataclass(frozen=True, slots=True)
class ModelVote:
    """What a model said of a text."""

    type: TaskType | None
    """None: it holds no task of its own."""
    confidence: float
    source: Source
    """Which model."""
    also: TaskType | None = None
    """A second type that fits as well."""


def remembered(verdict: "Classification", told: ModelVote) -> Decision:
    """Return the decision on a text that a model has been asked about before."""
    again = asked(verdict, told)
    return replace(again, source=Source.CACHE, reason=f"same text as before, of which: {again.reason}")


def not_below(found: Decision, sure: Decision | None) -> Decision:
    """Return what was found, or the sure local verdict where its tier is higher.

    What a text tells a model takes it to no cheaper tier.
    """
    if sure is None or higher(found.tier, sure.tier) is found.tier:
        return found
    reason = f"{found.source} says {found.type}, but the {sure.reason}: the higher of two tiers"
    return replace(sure, source=found.source, confidence=found.confidence, reason=reason)


def ruled(found: Decision, tiers: Mapping[TaskType, Tier], *, sure: bool) -> Decision:
    """Return what was found of a task, in the tier that `openclaw.json` gives to its type.

    A cheaper tier than the one found only when it is `sure` that the task is of that type.
    """
    tier = tiers.get(found.type, found.tier)
    if tier is found.tier or not (sure or higher(tier, found.tier) is tier):
        return found
    return replace(found, tier=tier, reason=f"{found.reason}; openclaw.json sends {found.type} to {tier}")


def guess(verdict: "Classification", weighing: Weighing, *, unread: bool = False) -> Decision:
    """Return the best guess without a model: the tier of the least expected harm.

    A text without a task of its own counts as implementation, an everyday one as orchestration. Where the text tried to
    steer, the likeliest tier is taken: steering costs assurance, and must not buy a dearer tier by it. The confidence
    is that the tier is acceptable. `unread` says that a model was asked, and that its word could not be read.
    """
    why = "no model gave a readable word" if unread else "no model could be asked"
    if verdict.steered:
        return _of(verdict, verdict.tier, Source.GUESS, verdict.tier_probability, f"{why}: the likeliest tier")
    shares = {**dict.fromkeys(Tier, 0.0), **verdict.tiers}
    shares[Tier.ORCHESTRATION] += verdict.background
    shares[Tier.IMPLEMENTATION] += verdict.follow_up
    tier = min(Tier, key=lambda tier: weighing.harm(shares, tier))
    order = list(Tier)
    beside = sum(share for other, share in shares.items() if abs(order.index(other) - order.index(tier)) == 1)
    if verdict.follow_up > FOLLOWS:
        why += ", and the text continues another"
    acceptable = shares[tier] + DOES_AS_WELL[tier] * beside
    return _of(verdict, tier, Source.GUESS, acceptable, f"{why}: the tier of the least expected harm")


def _of(verdict: "Classification", tier: Tier, source: Source, confidence: float, reason: str) -> Decision:
    candidates = (verdict.type, verdict.runner_up, *TYPES_OF[tier])
    kind = next(kind for kind in candidates if TIER_OF[kind] is tier)
    return Decision(kind, tier, source, round(confidence, 4), reason, verdict.words)
