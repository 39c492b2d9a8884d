"""The audit: the baseline answers a sample of the tasks too, after their delivery; both answers are stored, and go to
the judges where there are any.
"""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from pointsman.execution.calls import CallSpec, Purpose
from pointsman.execution.ledger_view import LedgerView
from pointsman.execution.outcome import GOOD, CallResult
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.ports import PayloadStore
from pointsman.routing.catalog import Billing
from pointsman.services.call import Interpretation, make_call
from pointsman.services.comparison import is_comparable, with_comparison
from pointsman.services.context import Context
from pointsman.values.errors import safe_message
from pointsman.values.log_events import LogEvent
from pointsman.values.status import Status

_AUDIT_WITHIN = timedelta(hours=6)
"""The delivery that comes first may be tried for an hour."""


def with_audit(ctx: Context, state: WorkflowState) -> WorkflowState:
    """Return a state that is about to deliver, going on to its audit afterwards if it is one of the sample."""
    audit = ctx.policy.config.pointsman.audit
    after_delivery = state.purpose in (Purpose.AUDIT, Purpose.COMPARISON)
    if state.next is not Next.DELIVER or after_delivery or not is_sampled(state, audit.share):
        return state
    now = ctx.clock.now()
    model = ctx.policy.resolve(ctx.policy.config.audit_model, now)
    if state.private and ctx.policy.billing(model) is Billing.FREE:
        return state
    hop = ctx.policy.hop(model, state.plan[0].tier)
    deadline = now + _AUDIT_WITHIN
    return replace(state.beyond(hop, Purpose.AUDIT, None), next=Next.DELIVER_SAMPLED, deadline=deadline)


def is_sampled(state: WorkflowState, share: float) -> bool:
    """Return whether the task's generation is of the sample: the same answer whenever it is asked."""
    digest = hashlib.sha256(f"audit:{state.task_id}:{state.generation}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


def audit_answer(
    ctx: Context, payloads: PayloadStore, state: WorkflowState, view: LedgerView, task_call: CallSpec, until: datetime
) -> WorkflowState:
    """Ask the baseline once, if the budget allows, and return the state at its end; `task_call` is the task's own."""
    done, record = replace(state, next=Next.DELIVER, reason=None), view.task
    if record is None or record.status is not Status.COMPLETED or record.model == task_call.model:
        return done
    if record.audit:  # the invocation that asked did not report it
        return with_comparison(ctx, done, 1) if is_comparable(record) else done
    if record.subtasks:  # no answer of one model's
        return done

    def interpret(result: CallResult) -> Interpretation:
        if result.outcome not in GOOD:
            return Interpretation(result)
        try:
            answer = payloads.keep(result.text, f"{state.task_id}/audit.{state.generation}")
        except Exception as trouble:  # noqa: BLE001  (it is paid all the same, and no task waits for it)
            why = safe_message(trouble)
            ctx.log(LogEvent.AUDIT_ANSWER_NOT_STORED, level="warning", task_id=state.task_id, detail=why)
            return Interpretation(result)
        return Interpretation(result, answer)

    spec = replace(task_call, purpose=Purpose.AUDIT, previous_outcome=None, came_from=None)
    result = make_call(ctx, spec, until, interpret, view)
    outcome, detail = str(result.outcome), result.detail
    ctx.log(LogEvent.AUDIT_ENDED, task_id=state.task_id, model=spec.model, outcome=outcome, detail=detail)
    return with_comparison(ctx, done, 1) if result.outcome in GOOD else done
