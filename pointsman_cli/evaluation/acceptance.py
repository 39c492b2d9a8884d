"""How acceptable decisions are: each text may have several tiers that a sensible lead would not object to, or none."""

import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pointsman.routing import decision
from pointsman.routing.policy import RoutingPolicy
from pointsman.routing.preference import WEIGHINGS, Preference
from pointsman.values.taxonomy import Tier
from pointsman.values.usage import Usage
from pointsman_cli.dry_run import BYTES_PER_TOKEN, TYPICAL_OUTPUT_TOKENS
from pointsman_cli.evaluation.examples import Example
from pointsman_cli.evaluation.routing import Routed
from pointsman_cli.evaluation.statistics import Proportion, Sureness, calibration_error, proportion

_RANK = {tier: rank for rank, tier in enumerate(Tier)}
_LENGTHS = ((100, "up to 100 characters"), (400, "up to 400"), (2_000, "up to 2,000"), (math.inf, "longer"))
TASKS = 1_000
"""Tasks that costs are stated for."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The decisions on texts that have an acceptable tier, as they are made without a model."""

    acceptable: Proportion
    too_cheap: Proportion
    """Cheaper than all acceptable tiers."""
    too_dear: Proportion
    one_tier: Proportion
    """Acceptable ones among texts with exactly one acceptable tier."""
    coverage: Proportion
    """Of which the classifier is sure."""
    precision: Proportion
    """Acceptable ones among those."""
    too_cheap_when_sure: Proportion
    vague_sure: Proportion
    """Of the texts without an acceptable tier: those of which the classifier is sure all the same."""


@dataclass(frozen=True, slots=True)
class PreferenceFigures:
    """What a preference would come to."""

    prefer: Preference
    acceptable: Proportion
    too_cheap: Proportion
    too_dear: Proportion
    coverage: Proportion
    cost_nano: int
    """Of so many tasks at list price, in nano-dollars: an estimate from the texts' lengths and a typical answer."""
    errors_nano: int
    """What wrong tiers add to it: a second try one tier up, or the difference to the acceptable tier."""


@dataclass(frozen=True)
class Accepted:
    """All of one set."""

    everything: Acceptance
    calibration_error: float | None
    """Of the stated confidence that the tier is acceptable."""
    by_source: dict[str, Acceptance]
    by_length: dict[str, Acceptance]
    by_language: dict[str, Acceptance]
    preferences: list[PreferenceFigures]


def accepted(routed: Sequence[Routed], policy: RoutingPolicy, now: datetime) -> Accepted:
    """Return the figures of a set."""
    tasks = [text for text in routed if text.example.ok_tiers]
    lengths = _by(routed, _length_class)
    return Accepted(
        everything=_acceptance(routed),
        calibration_error=calibration_error([Sureness(text.decision.confidence, _fits(text)) for text in tasks]),
        by_source=_by(routed, lambda example: (example.source or "").split(":")[0]),
        by_length={name: lengths[name] for _, name in _LENGTHS if name in lengths},
        by_language=_by(routed, lambda example: example.lang or _script(example.text)),
        preferences=[_preference(prefer, tasks, policy, now) for prefer in Preference],
    )


def _acceptance(routed: Sequence[Routed]) -> Acceptance:
    tasks = [text for text in routed if text.example.ok_tiers]
    gaps = [text.example.gap(text.decision.tier) for text in tasks]
    sure = [text for text in tasks if text.sure]
    return Acceptance(
        acceptable=proportion(each == 0 for each in gaps),
        too_cheap=proportion(each < 0 for each in gaps),
        too_dear=proportion(each > 0 for each in gaps),
        one_tier=proportion(_fits(text) for text in tasks if len(text.example.ok_tiers) == 1),
        coverage=Proportion(len(sure), len(tasks)),
        precision=proportion(_fits(text) for text in sure),
        too_cheap_when_sure=proportion(text.example.gap(text.decision.tier) < 0 for text in sure),
        vague_sure=proportion(text.sure for text in routed if not text.example.ok_tiers),
    )


def _fits(text: Routed) -> bool:
    return text.decision.tier in text.example.ok_tiers


def _script(text: str) -> str:
    """Return the script that most letters of a text are of, where its language is not said."""
    letters = Counter(unicodedata.name(char, "").partition(" ")[0] for char in text if char.isalpha())
    return f"{letters.most_common(1)[0][0].lower()} script" if letters else ""


def _length_class(example: Example) -> str:
    return next(name for most, name in _LENGTHS if len(example.text) <= most)


def _by(routed: Sequence[Routed], key: Callable[[Example], str]) -> dict[str, Acceptance]:
    groups: dict[str, list[Routed]] = {}
    for text in routed:
        if name := key(text.example):
            groups.setdefault(name, []).append(text)
    return {name: _acceptance(groups[name]) for name in sorted(groups, key=lambda name: (-len(groups[name]), name))}


def _preference(prefer: Preference, tasks: Sequence[Routed], policy: RoutingPolicy, now: datetime) -> PreferenceFigures:
    weighing = WEIGHINGS[prefer]
    cost = errors = sure = 0
    gaps: list[int] = []
    for text in tasks:
        verdict, tiers = text.verdict, sorted(text.example.ok_tiers, key=_RANK.__getitem__)
        local = decision.local(verdict, weighing.needed(verdict.tier))
        chosen = (local or decision.guess(verdict, weighing)).tier
        sure += local is not None
        gaps.append(text.example.gap(chosen))
        prices = _prices(text.example.text, policy, now)
        cost += prices[chosen]
        if gaps[-1] < 0:
            errors += prices[tiers[0]]
        elif gaps[-1] > 0:
            errors += max(prices[chosen] - prices[tiers[-1]], 0)
    return PreferenceFigures(
        prefer,
        proportion(each == 0 for each in gaps),
        proportion(each < 0 for each in gaps),
        proportion(each > 0 for each in gaps),
        Proportion(sure, len(tasks)),
        cost * TASKS // max(len(tasks), 1),
        errors * TASKS // max(len(tasks), 1),
    )


def _prices(text: str, policy: RoutingPolicy, now: datetime) -> Mapping[Tier, int]:
    """Return nano-dollars of a call with that text by tier: that of the tier's model, free ones at nothing."""
    usage = Usage(input=math.ceil(len(text.encode()) / BYTES_PER_TOKEN), output=TYPICAL_OUTPUT_TOKENS)
    models = {tier: policy.resolve(policy.chain(tier)[0], now) for tier in Tier}
    return {tier: 0 if policy.is_free(model.id) else model.cost_nano(usage, now) for tier, model in models.items()}
