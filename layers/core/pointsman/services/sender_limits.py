"""Limits of senders, agents, tickets and families around a call: looked at where there are any, and only there."""

from dataclasses import replace
from datetime import datetime

from pointsman.execution import budget, sender_limits
from pointsman.execution.budget import Charge
from pointsman.execution.calls import CallSpec, Purpose
from pointsman.execution.ledger_view import LedgerView
from pointsman.execution.outcome import CallResult
from pointsman.execution.records import TaskRecord
from pointsman.execution.sender_limits import NO_GRANT, Effective, LimitsView, Pace, PaceUpdate
from pointsman.routing.decision import Decision
from pointsman.routing.limit_rules import LimitSubject, Spender, limited_subjects
from pointsman.services.context import Context
from pointsman.values.taxonomy import Tier


def with_limits(ctx: Context, view: LedgerView, spec: CallSpec) -> LedgerView:
    """Return the view with what is counted of those whose limits hold for the call; the same where none do."""
    if view.limits is not None:
        return view
    limited = sender_limits.limited_by(ctx.policy.config.pointsman.limits, spec)
    families = sender_limits.families_of(spec)
    if not limited and not families:
        return replace(view, limits=LimitsView())
    counters = sender_limits.counters_read(limited, families, f"day_{view.day.day:02d}")
    paced = [it.subject.name for it in limited if spec.purpose is Purpose.TASK and sender_limits.is_paced(it)]
    limits = ctx.ledger.look_at_limits(counters, [it.subject.name for it in limited], paced, view.day)
    return replace(
        view,
        counters={**view.counters, **limits.counters},
        released={**view.released, **limits.released},
        limits=limits,
    )


def charge_of(ctx: Context, spec: CallSpec, worst_nano: int, view: LedgerView, now: datetime) -> Charge:
    """Return what a call with a worst case of `worst_nano` reserves, and the caps that it must keep."""
    options = ctx.policy.config.pointsman
    charge = budget.charge(options.budget, spec.tier, worst_nano, now, ctx.zone, view.released)
    today = f"day_{view.day.day:02d}"
    return sender_limits.with_parts(charge, spec, options.limits, _holding(ctx, spec, view, now), today)


def let_begin(ctx: Context, spec: CallSpec, view: LedgerView, now: datetime) -> tuple[PaceUpdate, ...] | CallResult:
    """Return how the call's task begins, under every limit on its pace; or why it waits."""
    if spec.purpose is not Purpose.TASK or view.limits is None:
        return ()
    updates = list[PaceUpdate]()
    generation = int(spec.attempt_id.partition(".")[0])
    place = sender_limits.place_name(spec.task_id, generation)
    begun = view.task is not None and view.task.last_attempt.startswith(f"{generation:06d}.")
    for bound in _holding(ctx, spec, view, now):
        if not bound.paced:
            continue
        pace = view.limits.paces.get(bound.subject.name, Pace())
        full = not begun and place not in pace.places and sender_limits.is_full(bound, pace)
        ended = ctx.ledger.ended_among(pace.places, now) if full else frozenset[str]()
        entry = sender_limits.begin(bound, pace, place, ended, now, begun=begun)
        if isinstance(entry, CallResult):
            return entry
        updates += [entry] if entry else []
    return tuple(updates)


def tier_bound(ctx: Context, spender: Spender, tier: Tier) -> tuple[Tier, LimitSubject] | None:
    """Return the highest tier that the spender may use and whose limit that is, where `tier` is above it.

    Raises:
        StoreError: It cannot be read which raises there are.
    """
    tiers, found = list(Tier), list[tuple[Tier, LimitSubject]]()
    for limited in limited_subjects(ctx.policy.config.pointsman.limits, spender):
        stated = [bounds.highest_tier for bounds in limited.rules if bounds.highest_tier]
        if not limited.granted and not any(tiers.index(it) < tiers.index(tier) for it in stated):
            continue
        name = limited.subject.name
        grant = ctx.ledger.look_at_limits((), (name,), (), ctx.clock.now().date()).grants.get(name, NO_GRANT)
        highest = sender_limits.effective(limited, grant, ctx.clock.now()).highest_tier
        if highest and tiers.index(highest) < tiers.index(tier):
            found.append((highest, limited.subject))
    return min(found, key=lambda it: tiers.index(it[0]), default=None)


def spender_of(record: TaskRecord) -> Spender:
    """Return for whom a task is."""
    return Spender(record.sender, record.metadata, record.limited)


def clamped(ctx: Context, record: TaskRecord, decision: Decision) -> Decision:
    """Return the decision with the highest tier that the task's limits allow, where it is above that."""
    if (bound := tier_bound(ctx, spender_of(record), decision.tier)) is None:
        return decision
    tier, subject = bound
    words = f"{decision.reason}; {decision.tier} is above {tier}, the highest tier of this {subject.kind}"
    return replace(decision, tier=tier, reason=words)


def _holding(ctx: Context, spec: CallSpec, view: LedgerView, now: datetime) -> list[Effective]:
    """Return the limits that hold for the call now."""
    grants = view.limits.grants if view.limits else {}
    limited = sender_limits.limited_by(ctx.policy.config.pointsman.limits, spec)
    return [sender_limits.effective(it, grants.get(it.subject.name, NO_GRANT), now) for it in limited]
