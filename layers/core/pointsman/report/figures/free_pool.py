"""What several free models of a tier saved: answers that would have been paid for once the first one was used up."""

from collections.abc import Iterable
from dataclasses import dataclass

from pointsman.report.figures.ledger_entries import LedgerEntry
from pointsman.report.figures.sums import Summable
from pointsman.routing.catalog import Billing
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.times import parse_time


@dataclass(frozen=True, slots=True)
class FreePool(Summable):
    """Answers of later free models of a chain."""

    answers: int
    saved_nano: int
    """Their tokens at the list price of the chain's first paid model, in nano-dollars: an estimate."""


def free_pool(attempts: Iterable[LedgerEntry], policy: RoutingPolicy) -> FreePool:
    """Return what the free models behind the first free one answered, and saved."""
    models, answers, saved_nano = policy.catalog.models, 0, 0
    for entry in attempts:
        came_from = models.get(entry.came_from or "")
        if not (entry.gave_answer and entry.billing == Billing.FREE and came_from and policy.is_free(came_from.id)):
            continue
        answers += 1
        if paid := next((name for name in policy.chain(entry.tier) if not policy.is_free(name)), None):
            saved_nano += models[paid].cost_nano(entry.usage, parse_time(entry.at))
    return FreePool(answers, saved_nano)
