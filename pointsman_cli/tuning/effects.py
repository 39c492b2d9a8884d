"""What other rules would have done to past tasks: who would have moved, and what that costs at their real tokens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pointsman.report.figures.ledger_entries import LedgerEntry
from pointsman.report.figures.sums import Summable
from pointsman.routing.catalog import Billing, Model
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import Tier
from pointsman.values.times import parse_time
from pointsman_cli.tuning.evidence import Need, TaskOutcome, dearer
from pointsman_cli.tuning.rules import Rules


@dataclass(frozen=True, slots=True)
class Cost(Summable):
    """Nano-dollars."""

    billed: int
    """What is paid: nothing on a free tier."""
    listed: int
    """The list price, free tier or not."""


NO_COST = Cost(0, 0)


@dataclass(frozen=True, slots=True)
class Move:
    """A task that would have gone to another tier."""

    task_id: str
    before: Tier
    after: Tier
    needed: Tier | None
    """None: not known, or known by silence alone."""
    cost_before: Cost | None
    """None: it has no answer whose tokens could be priced, or no model may serve it there."""
    cost_after: Cost | None

    @property
    def up(self) -> bool:
        """Whether to a dearer tier."""
        return dearer(self.after, self.before)


@dataclass(frozen=True, slots=True)
class Effects:
    """What a proposal would have changed."""

    moves: tuple[Move, ...]
    asked_before: int
    """Tasks that a model is asked about under the present rules, and under the others."""
    asked_after: int
    spared_nano: int
    """Booked shares of requests that would not have been made; those that would be made in addition have no price."""

    def counts(self) -> dict[tuple[Tier, Tier], int]:
        """Return how many move, by tier before and after."""
        ways = [(move.before, move.after) for move in self.moves]
        return {way: ways.count(way) for way in sorted(set(ways), key=lambda way: [list(Tier).index(t) for t in way])}

    def priced(self) -> tuple[Cost, Cost, int]:
        """Return the moved tasks' cost before and after, and how many are in it."""
        pairs = [(move.cost_before, move.cost_after) for move in self.moves if move.cost_before and move.cost_after]
        before, after = (sum((pair[n] for pair in pairs), NO_COST) for n in (0, 1))
        return before, after, len(pairs)


def effects(
    seen: Sequence[TaskOutcome], needs: Mapping[str, Need], now: Rules, other: Rules, policy: RoutingPolicy
) -> Effects:
    """Return what `other` rules would have made of the tasks, beside what the rules of now make of them."""
    moves, spared = [], 0
    for task in seen:
        need = needs.get(task.task_id)
        needed = need.tier if need else None
        before, after = now.tier(task, needed), other.tier(task, needed)
        if before is not after:
            stated_tier = needed if need and need.stated else None
            costs = _before(task, before, policy), _price(task, after, policy)
            moves.append(Move(task.task_id, before, after, stated_tier, *costs))
        if now.asks(task) and not other.asks(task):
            spared += task.share_nano
    return Effects(tuple(moves), sum(map(now.asks, seen)), sum(map(other.asks, seen)), spared)


def at_tier(seen: TaskOutcome, answer: LedgerEntry, tier: Tier, policy: RoutingPolicy) -> Cost | None:
    """Return what the tokens of an answer cost on the first model of a tier; None when none may serve the task."""
    at = parse_time(answer.at)
    hops = policy.plan(tier, at, private=seen.private)
    if not hops:
        return None
    model = policy.catalog.get(hops[0].model)
    listed = model.cost_nano(answer.usage, at)
    return Cost(0 if policy.billing(model) is Billing.FREE else listed, listed)


def as_booked(seen: TaskOutcome, policy: RoutingPolicy) -> Cost:
    """Return what a task's attempts cost, failed ones too."""
    listed = sum(_model(policy, attempt).cost_nano(attempt.usage, parse_time(attempt.at)) for attempt in seen.attempts)
    return Cost(seen.booked_nano, listed)


def _before(seen: TaskOutcome, tier: Tier, policy: RoutingPolicy) -> Cost | None:
    """Return what is booked, if the task went there; else the price of its tokens there."""
    if seen.answer is None:
        return None
    return as_booked(seen, policy) if seen.tier is tier else _price(seen, tier, policy)


def _price(seen: TaskOutcome, tier: Tier, policy: RoutingPolicy) -> Cost | None:
    return at_tier(seen, seen.answer, tier, policy) if seen.answer else None


def _model(policy: RoutingPolicy, attempt: LedgerEntry) -> Model:
    return policy.catalog.get(attempt.billed_model)
