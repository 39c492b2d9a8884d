"""What the evidence speaks for: another threshold, another tier for a type, or nothing.

A change needs labels (`Need.stated`) and an interval, so that chance does not propose one. Types are looked at first,
the weights of the tiers under the rules that come of it, the threshold under all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from pointsman.values.taxonomy import TaskType, Tier
from pointsman_cli.evaluation.statistics import Proportion
from pointsman_cli.tuning.by_quality import TierByQuality
from pointsman_cli.tuning.evidence import Known, Need, dearer
from pointsman_cli.tuning.rate import LEAST, LEAST_TO_RAISE, TARGET, Rate, rate
from pointsman_cli.tuning.rules import Rules
from pointsman_cli.tuning.weights import Judged, WeightsFinding, weigh_tiers

THRESHOLDS = tuple(hundredth / 100 for hundredth in range(50, 100))


@dataclass(frozen=True, slots=True)
class At:
    """What a threshold gives."""

    threshold: float | None
    """None: one per tier, by preference."""
    coverage: Proportion
    precision: Rate


@dataclass(frozen=True, slots=True)
class ThresholdFinding:
    """What the evidence says of the threshold."""

    now: At
    proposed: At | None
    why: str


@dataclass(frozen=True, slots=True)
class TypeFinding:
    """What the evidence says of tasks that were found to be of a type."""

    type: TaskType
    tier: Tier
    """Where they go now."""
    tasks: int
    cheaper_would_do: Rate
    """A cheaper tier would have done."""
    needed_dearer: Rate
    """A dearer one was needed."""
    proposed: Tier | None
    why: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """All findings, and the rules that come of them."""

    labels: int
    now: Rules
    rules: Rules
    threshold: ThresholdFinding | None
    """None: every task is shown to a model, and there is no threshold."""
    weights: WeightsFinding | None
    """None for the same reason."""
    types: tuple[TypeFinding, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing is proposed."""
        return self.rules == self.now


def propose(
    known: Sequence[Known],
    now: Rules,
    own_texts: Callable[[], Sequence[Judged]] = lambda: (),
    by_quality: Mapping[TaskType, TierByQuality] = MappingProxyType({}),
) -> Proposal:
    """Return what the classified tasks of which something is known speak for; `own_texts` are the project's.

    What the quality of the answers says goes before the labels where a type must go up, and behind them else.
    """
    classified = [(seen, need) for seen, need in known if seen.classified]
    of_type: dict[TaskType, list[Known]] = {kind: [] for kind in TaskType}
    for pair in classified:
        of_type[now.type(pair[0])].append(pair)
    types = tuple(_with_quality(_type(kind, some, now), by_quality.get(kind)) for kind, some in of_type.items() if some)
    tiers = {
        **now.tiers,
        **{type_finding.type: type_finding.proposed for type_finding in types if type_finding.proposed},
    }
    rules = replace(now, tiers=tiers)
    weights = weigh_tiers(classified, rules, own_texts) if now.local_first else None
    if weights and weights.proposed is not None:
        rules = replace(rules, weights=weights.proposed)
    threshold = _threshold(classified, rules) if now.local_first else None
    if threshold and threshold.proposed:
        rules = replace(rules, threshold=threshold.proposed.threshold)
    return Proposal(sum(need.stated for _, need in classified), now, rules, threshold, weights, types)


def _type(kind: TaskType, known: Sequence[Known], now: Rules) -> TypeFinding:
    tier, needs = now.tier_of(kind), [need for _, need in known]
    less = rate((dearer(tier, need.tier), need) for need in needs)
    more = rate((dearer(need.tier, tier), need) for need in needs)
    proposed = _raised(tier, needs) or _lowered(tier, needs)
    return TypeFinding(kind, tier, len(known), less, more, proposed, _why(tier, proposed, less))


def _with_quality(finding: TypeFinding, there: TierByQuality | None) -> TypeFinding:
    if there is None or (finding.proposed and not dearer(there.tier, finding.tier)):
        return finding
    return replace(finding, proposed=there.tier, why=there.why)


def _raised(tier: Tier, needs: Sequence[Need]) -> Tier | None:
    """Return the most expensive tier that more than half of the tasks needed, beyond chance."""
    for above in reversed([tier_above for tier_above in Tier if dearer(tier_above, tier)]):
        rate_above = rate((not dearer(above, need.tier), need) for need in needs)
        if rate_above.labels >= LEAST_TO_RAISE and rate_above.interval[0] > 0.5:
            return above
    return None


def _lowered(tier: Tier, needs: Sequence[Need]) -> Tier | None:
    """Return the cheapest tier that would have done for the target's share of the tasks."""
    for below in [tier_below for tier_below in Tier if dearer(tier, tier_below)]:
        rate_below = rate((not dearer(need.tier, below), need) for need in needs)
        if rate_below.labels >= LEAST and (rate_below.value or 0) >= TARGET:
            return below
    return None


def _why(tier: Tier, proposed: Tier | None, less: Rate) -> str:
    if proposed and dearer(proposed, tier):
        return f"more than half needed {proposed}, beyond chance"
    if proposed:
        return f"{proposed} would have done for {TARGET:.0%} or more"
    if less.labels < LEAST_TO_RAISE:
        return f"too thin: {less.labels} of {LEAST_TO_RAISE} labels"
    if less.labels < LEAST and (less.value or 0) > 0.5:
        return f"too thin for a cheaper tier: {less.labels} of {LEAST} labels"
    return "stays"


def _threshold(known: Sequence[Known], rules: Rules) -> ThresholdFinding:
    now = _at(rules, known)
    if (labelled := sum(need.stated for _, need in known)) < LEAST:
        return ThresholdFinding(now, None, f"too thin: {labelled} of {LEAST} labels")
    low, high = now.precision.interval
    if high < TARGET:
        return _higher(known, rules, now)
    for candidate in THRESHOLDS:
        if candidate >= rules.level:
            break
        at_candidate = _at(replace(rules, threshold=candidate), known)
        gained = at_candidate.precision.labels - now.precision.labels
        if at_candidate.precision.interval[0] >= TARGET and gained >= LEAST_TO_RAISE:
            why = f"precision stays at {TARGET} or more, to the lower end of its interval"
            return ThresholdFinding(now, at_candidate, why)
    if low >= TARGET:
        return ThresholdFinding(
            now, None, f"precision is at {TARGET} or more, and no lower threshold is known to keep it"
        )
    return ThresholdFinding(now, None, f"{TARGET} lies within the interval: the evidence does not tell")


def _higher(known: Sequence[Known], rules: Rules, now: At) -> ThresholdFinding:
    """Return the lowest threshold that reaches the target, when the present one surely does not."""
    for candidate in THRESHOLDS:
        at_candidate = _at(replace(rules, threshold=candidate), known)
        enough = at_candidate.coverage.count >= LEAST and (at_candidate.precision.value or 0) >= TARGET
        if candidate > rules.level and enough:
            return ThresholdFinding(now, at_candidate, f"precision is surely below {TARGET} now")
    return ThresholdFinding(
        now, None, f'precision is surely below {TARGET}, and no threshold is known to help: consider "mode": "gemini"'
    )


def _at(rules: Rules, known: Sequence[Known]) -> At:
    sent = [(rules.local(seen.verdict), need) for seen, need in known]
    sure = [(tier is need.tier, need) for tier, need in sent if tier]
    return At(rules.threshold, Proportion(len(sure), len(sent)), rate(sure))
