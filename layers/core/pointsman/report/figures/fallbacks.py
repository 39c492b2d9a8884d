"""Fallbacks from one model to the next of its chain, and free models that were skipped."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from itertools import chain, groupby
from typing import NamedTuple

from pointsman.report.figures.ledger_entries import LedgerAttempt, LedgerEntry
from pointsman.routing.catalog import Billing
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import Tier


class Fallback(NamedTuple):
    """One kind of fallback."""

    came_from: str
    model: str
    reason: str
    """The outcome that led to it."""
    free_to_paid: bool


def count_fallbacks(
    earlier: Iterable[LedgerAttempt], today: Iterable[LedgerAttempt], since: str, policy: RoutingPolicy
) -> Counter[Fallback]:
    """Return how often each fallback happened since then. `earlier` attempts tell a fallback from its retry.

    Several attempts on one hop count once, at the time of the first attempt that was sent.
    """
    counts: Counter[Fallback] = Counter()
    entries = [entry for entry in today if entry.for_task]
    fell_back = {entry.task_id for entry in entries if entry.came_from is not None}
    attempts = sorted(
        (entry for entry in chain(earlier, entries) if entry.task_id in fell_back and entry.for_task),
        key=lambda entry: (entry.task_id, entry.generation, entry.attempt_id, entry.at),
    )
    for _, hop_attempts in groupby(attempts, key=lambda entry: (entry.task_id, entry.generation, entry.hop)):
        hop = list(hop_attempts)
        sent = next((entry for entry in hop if entry.sent), None)
        if sent is None or sent.came_from is None or sent.at < since:
            continue
        free_to_paid = sent.billing == Billing.PAID and policy.is_free(sent.came_from)
        reason = hop[0].previous_outcome or "unknown"
        counts[Fallback(sent.came_from, sent.requested_model, reason, free_to_paid)] += 1
    return counts


def skipped_free_model(attempts: Iterable[LedgerEntry], policy: RoutingPolicy, now: datetime) -> list[LedgerEntry]:
    """Return the paid attempts that no fallback led to although their tier starts with a free model.

    The router skips models that are out of quota or backing off, and free models for private tasks.
    """
    first_models = {tier: policy.resolve(policy.chain(tier)[0], now).id for tier in Tier}
    free_tiers = {tier for tier, model_id in first_models.items() if policy.is_free(model_id)}
    return [
        entry
        for entry in attempts
        if entry.sent
        and entry.came_from is None
        and entry.billing == Billing.PAID
        and entry.tier in free_tiers
        and not entry.checks_answers
    ]
