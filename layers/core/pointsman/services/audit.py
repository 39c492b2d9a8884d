"""The audit: a sample of the tasks is answered by the baseline too, after their delivery; both answers are kept."""

import hashlib
from dataclasses import replace
from datetime import timedelta

from pointsman.execution.outcome import GOOD, CallResult
from pointsman.execution.records import Purpose
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.ports import PayloadStore, View
from pointsman.routing.catalog import Billing
from pointsman.services.call import CallSpec, Interpretation, book
from pointsman.services.context import Context
from pointsman.values.errors import safe_message
from pointsman.values.status import Status

WITHIN = timedelta(hours=6)
"""The delivery that comes first may be tried for an hour."""


def sampled(ctx: Context, run: WorkflowState) -> WorkflowState:
    """Return a run that is about to deliver, going on to its audit afterwards if it is one of the sample."""
    audit = ctx.policy.config.pointsman.audit
    if run.next is not Next.DELIVER or run.purpose is Purpose.AUDIT or not is_sampled(run, audit.share):
        return run
    now = ctx.clock.now()
    model = ctx.policy.resolve(ctx.policy.config.audit_model, now)
    if run.private and ctx.policy.billing(model) is Billing.FREE:
        return run
    hop = ctx.policy.hop(model, run.plan[0].tier)
    return replace(run.beyond(hop, Purpose.AUDIT, None), next=Next.DELIVER_SAMPLED, deadline=now + WITHIN)


def is_sampled(run: WorkflowState, share: float) -> bool:
    """Return whether the task's generation is of the sample: the same answer whenever it is asked."""
    digest = hashlib.sha256(f"audit:{run.task_id}:{run.generation}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


def audit(ctx: Context, payloads: PayloadStore, run: WorkflowState, view: View, order: CallSpec) -> WorkflowState:
    """Ask the baseline once, if the budget allows, and return the run at its end; `order` is the task's own."""
    done, record = replace(run, next=Next.DELIVER, reason=None), view.task
    if record is None or record.status is not Status.COMPLETED or record.audit or record.model == order.model.id:
        return done
    if record.subtasks:  # no answer of one model's
        return done

    def keep(result: CallResult) -> Interpretation:
        if result.outcome not in GOOD:
            return Interpretation(result)
        try:
            return Interpretation(result, payloads.keep(result.text, f"{run.task_id}/audit.{run.generation}"))
        except Exception as trouble:  # noqa: BLE001  (it is paid all the same, and no task waits for it)
            ctx.note("audit not kept", level="warning", task_id=run.task_id, detail=safe_message(trouble))
            return Interpretation(result)

    result = book(ctx, replace(order, purpose=Purpose.AUDIT, after=None, came_from=None), view, keep)
    ctx.note("audited", task_id=run.task_id, model=order.model.id, outcome=str(result.outcome), detail=result.detail)
    return done
