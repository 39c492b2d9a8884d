"""What `openclaw.json` says of decisions, and what it makes of a past task."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pointsman.routing import decision
from pointsman.routing.classifier.verdict import Classification, reweighed
from pointsman.routing.config import Classifier
from pointsman.routing.decision import Decision, Source
from pointsman.routing.preference import WEIGHINGS, Preference
from pointsman.values.taxonomy import TIER_OF, TaskType, Tier
from pointsman_cli.tuning.evidence import TaskOutcome

_ASKED = frozenset({Source.GEMINI, Source.HAIKU, Source.CACHE})


@dataclass(frozen=True, slots=True)
class Rules:
    """The part of the configuration that can be tuned."""

    threshold: float | None
    """None: one per tier, by `prefer`."""
    tiers: Mapping[TaskType, Tier]
    local_first: bool = True
    """False: a model is asked about every task, and the threshold means nothing."""
    prefer: Preference = Preference.BALANCE
    weights: Mapping[Tier, float] = field(default_factory=dict)
    """What the probability of a tier is multiplied by."""

    @classmethod
    def of(cls, own: Classifier) -> "Rules":
        """Return the rules of a configuration."""
        return cls(own.threshold, own.tiers, own.mode == "local_first", own.prefer, own.weights)

    def needed(self, tier: Tier) -> float:
        """Return the probability from which a local verdict on a tier stands."""
        return WEIGHINGS[self.prefer].needed(tier) if self.threshold is None else self.threshold

    @property
    def level(self) -> float:
        """The one threshold, or the highest of the tiers'."""
        return max(self.needed(tier) for tier in Tier)

    def tier_of(self, kind: TaskType) -> Tier:
        """Return the tier that tasks go to when they are found to be of that type, and it is sure."""
        return self.tiers.get(kind, TIER_OF[kind])

    def local(self, verdict: Classification) -> Tier | None:
        """Return where the local verdict sends a task; None: it is not sure, and a model is asked."""
        verdict = reweighed(verdict, self.weights)
        needed = self.needed(verdict.tier)
        local_decision = decision.local(verdict, needed) if self.local_first else None
        return (
            decision.ruled(local_decision, self.tiers, sure=verdict.probability >= needed).tier
            if local_decision
            else None
        )

    def without_model(self, verdict: Classification) -> Tier:
        """Return where a task goes if no model is asked: by the local verdict, or the best guess."""
        if local_tier := self.local(verdict):
            return local_tier
        guess = decision.guess(reweighed(verdict, self.weights), WEIGHINGS[self.prefer])
        return decision.ruled(guess, self.tiers, sure=False).tier

    def tier(self, seen: TaskOutcome, needed: Tier | None) -> Tier:
        """Return the tier of a past task under these rules.

        Where a model would be asked now and was not asked then, it is taken to say what the task `needed`, as far as
        that is known.
        """
        if not seen.classified:
            return seen.tier
        if local_tier := self.local(seen.verdict):
            return local_tier
        if seen.source is Source.LOCAL:
            return needed or seen.tier
        sure = seen.source in _ASKED and seen.confidence >= decision.HALF
        usual = TIER_OF[seen.type]
        return decision.ruled(Decision(seen.type, usual, seen.source, seen.confidence, ""), self.tiers, sure=sure).tier

    def type(self, seen: TaskOutcome) -> TaskType:
        """Return what a past task is found to be: by the local verdict, if that is sure now, else as it was decided."""
        return reweighed(seen.verdict, self.weights).type if self.local(seen.verdict) else seen.type

    def asks(self, seen: TaskOutcome) -> bool:
        """Return whether a model is asked about a task under these rules."""
        return seen.classified and self.local(seen.verdict) is None
