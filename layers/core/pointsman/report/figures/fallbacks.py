"""Who stepped in for whom: hops along a chain, and free models that were passed over."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from pointsman.report.figures.ledger_entries import LedgerEntry
from pointsman.routing.catalog import Billing
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import Tier


@dataclass(frozen=True, slots=True, order=True)
class Fallback:
    """Hops of one kind."""

    came_from: str
    model: str
    reason: str
    """The outcome that led to the hop."""
    free_to_paid: bool
    count: int = 0


def fallbacks(attempts: Iterable[LedgerEntry], since: str, policy: RoutingPolicy) -> tuple[Fallback, ...]:
    """Return the hops made since then. `attempts` may begin earlier, so that a hop is told from a later try of it.

    Several tries on one hop are one hop, as of the first try that was sent.
    """
    counts: dict[Fallback, int] = {}
    tasks = sorted(
        (entry for entry in attempts if entry.for_task), key=lambda each: (each.task_id, each.generation, each.turn)
    )
    for _, tries in groupby(tasks, key=lambda each: (each.task_id, each.generation, each.hop)):
        hop = list(tries)
        sent = next((entry for entry in hop if entry.sent), None)
        if sent is None or sent.came_from is None or sent.at < since:
            continue
        paid = sent.billing == Billing.PAID and _is_free(sent.came_from, policy)
        kind = Fallback(sent.came_from, sent.asked, hop[0].after or "unknown", paid)
        counts[kind] = counts.get(kind, 0) + 1
    return tuple(
        Fallback(kind.came_from, kind.model, kind.reason, kind.free_to_paid, counts[kind]) for kind in sorted(counts)
    )


def add_fallbacks(hops: Iterable[Fallback]) -> tuple[Fallback, ...]:
    """Return one entry per kind, their counts added up."""
    counts: Counter[Fallback] = Counter()
    for hop in hops:
        counts[replace(hop, count=0)] += hop.count
    return tuple(replace(kind, count=counts[kind]) for kind in sorted(counts))


def passed_over(attempts: Iterable[LedgerEntry], policy: RoutingPolicy, now: datetime) -> list[LedgerEntry]:
    """Return paid attempts that came from no other model although their tier begins with a free one.

    The router leaves out models that are benched, and free models for private tasks.
    """
    first = {tier: policy.resolve(policy.chain(tier)[0], now).id for tier in Tier}
    free = {tier for tier, model in first.items() if _is_free(model, policy)}
    return [
        entry
        for entry in attempts
        if entry.sent
        and entry.came_from is None
        and entry.billing == Billing.PAID
        and entry.tier in free
        and not entry.checks_answers
    ]


def _is_free(model_id: str, policy: RoutingPolicy) -> bool:
    model = policy.catalog.models.get(model_id)
    return model is not None and policy.billing(model) is Billing.FREE
