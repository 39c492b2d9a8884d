"""The effort and the output cap of a task's next call: within the budget, and never what came to nothing before."""

from dataclasses import replace

from pointsman.contracts.task import Task
from pointsman.execution import budget
from pointsman.execution.calls import CallSpec
from pointsman.execution.ledger_view import LedgerView
from pointsman.execution.outcome import Outcome
from pointsman.execution.output_room import room_after, task_room
from pointsman.execution.workflow_state import WorkflowState
from pointsman.routing.catalog import Billing, Model
from pointsman.services.context import Context
from pointsman.services.sender_limits import charge_of


def next_spec(ctx: Context, state: WorkflowState, spec: CallSpec, task: Task, view: LedgerView) -> CallSpec | None:
    """Return the call with the effort and the cap that it is to have now.

    What the model answered before without any use to the task changes them (`output_room.room_after`); a cap that is
    ours to choose is halved while it is what the budget does not hold. None: there is nothing left to change.
    """
    model = ctx.policy.catalog.get(spec.model)
    first = task_room(ctx.policy.config.pointsman, task, spec.tier, spec.type, model)
    unusable = state.unusable_answers.count(spec.model)
    room = room_after(first, unusable, model, task.max_output_tokens)
    if room is None:
        return None
    fitting = spec
    if (spec.effort, spec.max_output_tokens) != (room.effort, room.cap):
        fitting = replace(spec, effort=room.effort, max_output_tokens=room.cap)
    while fitting.max_output_tokens > room.least_cap and _over_budget(ctx, fitting, model, view):
        fitting = replace(fitting, max_output_tokens=max(fitting.max_output_tokens // 2, room.least_cap))
    before = room_after(first, unusable - 1, model, task.max_output_tokens) if unusable else None
    unchanged = before and (before.effort, before.cap) == (fitting.effort, fitting.max_output_tokens)
    return None if unchanged else fitting


def _over_budget(ctx: Context, spec: CallSpec, model: Model, view: LedgerView) -> bool:
    """Return whether the call's worst case is more than a cap has left."""
    if ctx.policy.billing(model) is Billing.FREE:
        return False
    now = ctx.clock.now()
    charge = charge_of(ctx, spec, spec.worst_cost_nano(model, now), view, now)
    refusal = budget.check_budget(charge, view.counters, now, ctx.zone)
    return refusal is not None and refusal.outcome is Outcome.OVER_BUDGET
