"""Where a call's result leads a task: the plan changes where a successor or a cheaper tier steps in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pointsman.execution.budget import over_budget_reason
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.execution.waiting import refused_by_budget, waiting_after
from pointsman.execution.workflow_state import Course, Next, WorkflowState, is_held, next_state
from pointsman.routing.catalog import Billing
from pointsman.routing.policy import Hop
from pointsman.services.context import Context
from pointsman.values.log_events import LogEvent
from pointsman.values.taxonomy import Tier

_FIRST_PAUSE, _GROWTH, _LONGEST_PAUSE = 3.0, 1.5, 300.0
"""Seconds between two looks at whether a task may begin, and how they grow."""


def follow(ctx: Context, state: WorkflowState, result: CallResult) -> WorkflowState:
    """Return where the result leads."""
    now = ctx.clock.now()
    when_exhausted = ctx.policy.config.pointsman.budget.when_exhausted_for(state.here.tier)
    if result.outcome is Outcome.RETIRED:
        state = replace(state, plan=_with_successor(ctx, state, now))
    elif result.outcome is Outcome.OVER_BUDGET and when_exhausted == "degrade" and not state.has_answer:
        state = replace(state, plan=_degraded(ctx, state, now))
    patience = timedelta(seconds=ctx.policy.config.pointsman.patience_seconds)
    course = Course(hold=when_exhausted == "hold", patience=patience)
    if result.outcome is Outcome.ACCOUNT:
        course = _beyond_provider(ctx, state, course)
    if result.outcome is Outcome.BUSY and (cap := result.shortfall) and cap.needs_nano_usd is None:
        # The limit of a sender's pace: whoever has waited often asks less often.
        grown = min(_FIRST_PAUSE * _GROWTH ** min(state.tries, 20), _LONGEST_PAUSE)
        result = replace(result, retry_after=max(result.retry_after or 0.0, grown))
    onward = replace(next_state(state, result, now, course), held_by=None, announce_hold=False)
    if result.outcome is Outcome.OVER_BUDGET and result.shortfall and onward.reason == Outcome.OVER_BUDGET:
        onward = replace(onward, reason=over_budget_reason(result.shortfall.cap))
    if onward.next is not Next.WAIT:
        if (
            result.outcome is Outcome.OVER_BUDGET and result.shortfall
        ):  # its failure, if it comes to that, names the cap
            onward = replace(onward, waiting_for=refused_by_budget(result, state.here.model, now).as_state())
        return onward
    again = datetime.fromtimestamp(onward.not_before, UTC)
    held = is_held(state, result, course)
    onward = replace(onward, waiting_for=waiting_after(result, state.here.model, again, held=held).as_state())
    if not held:
        return onward
    held_by = result.shortfall.cap if result.shortfall else ""
    return replace(onward, held_by=held_by, announce_hold=held_by != state.held_by)


def _beyond_provider(ctx: Context, state: WorkflowState, course: Course) -> Course:
    """Return the course that passes over the hops of the provider that does not serve the account."""
    models = [ctx.policy.catalog.models.get(hop.model) for hop in state.plan]
    providers = [model.provider if model else None for model in models]
    here, last = providers[state.hop], len(providers)
    others = [place for place in range(state.hop + 1, last) if providers[place] is not here]
    return replace(course, onward=min(others, default=last), alone=set(providers) == {here})


def _with_successor(ctx: Context, state: WorkflowState, now: datetime) -> tuple[Hop, ...]:
    policy, here = ctx.policy, state.here
    if (retired := policy.catalog.models.get(here.model)) is None:  # it left the catalogue, and its successor with it
        ctx.log(LogEvent.MODEL_RETIRED, level="warning", model=here.model)
        return state.plan
    successor = policy.resolve(here.model, now, {here.model})
    allowed = policy.may_follow(here.tier, policy.billing(retired), policy.billing(successor))
    allowed = allowed and not (state.private and policy.billing(successor) is Billing.FREE)
    ctx.log(LogEvent.MODEL_RETIRED, level="warning", model=retired.id, successor=successor.id, allowed=allowed)
    planned = any(hop.model == successor.id for hop in state.plan[state.hop :])
    if successor.id == retired.id or not allowed or planned:
        return state.plan
    return (*state.plan[: state.hop + 1], policy.hop(successor, here.tier), *state.plan[state.hop + 1 :])


def _degraded(ctx: Context, state: WorkflowState, now: datetime) -> tuple[Hop, ...]:
    """Return the plan with the next cheaper tier's chain in place of what follows; paid by that tier's budget."""
    tiers = list(Tier)
    place = tiers.index(state.here.tier)
    if place == 0:
        return state.plan[: state.hop + 1]
    cheaper = ctx.policy.plan(tiers[place - 1], now, private=state.private)
    return (*state.plan[: state.hop + 1], *cheaper)
