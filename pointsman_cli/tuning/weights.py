"""What each tier's probability should count in this team: learnt from what past tasks needed, by re-weighting alone.

The weights are few, bounded and on a grid. They are proposed only if decisions on tasks that they were not learnt from
do less harm by them, beyond chance, and if decisions on the project's own texts stay as good.
"""

import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from pointsman.routing.classifier.verdict import Classification
from pointsman.routing.preference import WEIGHINGS
from pointsman.values.taxonomy import Tier
from pointsman_cli.evaluation.examples import Example
from pointsman_cli.evaluation.statistics import Proportion, proportion
from pointsman_cli.tuning.evidence import Known
from pointsman_cli.tuning.rate import LEAST, LEAST_TO_RAISE, TARGET, Rate, rate
from pointsman_cli.tuning.rules import Rules

WEIGHTS = (1.0, 0.71, 1.41, 0.5, 2.0)
"""Weights that are tried for the cheapest and the most expensive tier, the mildest first; the middle one keeps 1."""
FOLDS = 5
OWN_LOSS = 0.01
"""Share of the project's own texts that may get another tier than an acceptable one by the weights."""

type Judged = tuple[Example, Classification]


@dataclass(frozen=True, slots=True)
class WeightsFinding:
    """What the evidence says of the tiers' weights."""

    now: Mapping[Tier, float]
    proposed: Mapping[Tier, float] | None
    why: str
    harm_now: float | None = None
    """Expected harm of a decision without a model on a task that was not learnt from, in steps too dear."""
    harm_then: float | None = None
    better: Rate | None = None
    """Of the tasks that would have gone elsewhere: those to which less harm is done."""
    own_now: Proportion | None = None
    """Acceptable decisions on the project's own texts."""
    own_then: Proportion | None = None


def weigh_tiers(known: Sequence[Known], rules: Rules, own_texts: Callable[[], Sequence[Judged]]) -> WeightsFinding:
    """Return the weights that the classified tasks speak for; `own_texts` are read only where there are labels."""
    if (labels := sum(need.stated for _, need in known)) < LEAST:
        return WeightsFinding(rules.weights, None, f"too thin: {labels} of {LEAST} labels")
    own = own_texts()
    allowed = [candidate for candidate in _candidates(rules) if _harmless(own, rules, candidate)]
    harms = [[_harm(pair, candidate) for candidate in (rules, *allowed)] for pair in known]
    folds = [_fold(seen.text) for seen, _ in known]
    then = [0.0] * len(known)
    for fold in range(FOLDS):
        best = _best([harm for harm, other in zip(harms, folds, strict=True) if other != fold])
        then = [harm[best] if other == fold else kept for harm, other, kept in zip(harms, folds, then, strict=True)]
    needs = [need for _, need in known]
    before = [harm[0] for harm in harms]
    changed = [(new < old, need) for new, old, need in zip(then, before, needs, strict=True) if new != old]
    weight = sum(need.weight for need in needs)
    harm_now, harm_then = sum(before) / weight, sum(then) / weight
    better, chosen = rate(changed), (rules, *allowed)[_best(harms)]
    proposed, why = None, "the evidence does not tell whether others would do better"
    if chosen.weights == rules.weights:
        why = "no others that leave the project's own texts alone would have done better"
    elif better.labels >= LEAST_TO_RAISE and better.interval[0] > 0.5 and harm_then < harm_now:
        proposed, why = chosen.weights, "tasks that they were not learnt from go where they belong, beyond chance"
    return WeightsFinding(
        rules.weights, proposed, why, harm_now, harm_then, better, _acceptable(own, rules), _acceptable(own, chosen)
    )


def _candidates(rules: Rules) -> list[Rules]:
    ends = (Tier.ORCHESTRATION, Tier.REASONING)
    grid = sorted(itertools.product(WEIGHTS, repeat=2), key=lambda pair: sum(map(WEIGHTS.index, pair)))
    weights = [{tier: step for tier, step in zip(ends, pair, strict=True) if step != 1.0} for pair in grid]
    return [replace(rules, weights=chosen) for chosen in weights if chosen != rules.weights]


def _harm(pair: Known, rules: Rules) -> float:
    seen, need = pair
    weighing = WEIGHINGS[rules.prefer]
    return need.weight * weighing.harm({need.tier: 1.0}, rules.without_model(seen.verdict))


def _best(harms: Sequence[Sequence[float]]) -> int:
    """Return the candidate that does the least harm, the first of equals."""
    sums = [round(sum(column), 9) for column in zip(*harms, strict=True)]
    return sums.index(min(sums)) if sums else 0


def _fold(text: str) -> int:
    """Return the fold in which a text is held out; the same text is never on both sides."""
    return hashlib.sha256(text.encode()).digest()[0] % FOLDS


def _harmless(own: Sequence[Judged], now: Rules, then: Rules) -> bool:
    sure = proportion(tier in example.ok_tiers for example, verdict in own if (tier := then.local(verdict)))
    before, after = _acceptable(own, now).value, _acceptable(own, then).value
    return (after or 0.0) >= (before or 0.0) - OWN_LOSS and (sure.value is None or sure.value >= TARGET)


def _acceptable(own: Sequence[Judged], rules: Rules) -> Proportion:
    return proportion(rules.without_model(verdict) in example.ok_tiers for example, verdict in own)
