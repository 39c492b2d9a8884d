"""Answers that are checked: what the checks say of one, and where a task goes that has its answer and is not done."""

from pointsman.execution import answer_checks
from pointsman.execution.calls import Purpose
from pointsman.execution.outcome import GOOD, CallResult, CheckResult, Outcome
from pointsman.execution.records import TaskRecord
from pointsman.execution.workflow_state import WorkflowState
from pointsman.routing.config import Checks
from pointsman.services.context import Context

FAILED_CHECK = "failed_check"
"""Leads one tier up; what follows it names the check."""


def check_answer(ctx: Context, state: WorkflowState, record: TaskRecord, result: CallResult) -> CheckResult | None:
    """Return what the declared checks say of an answer; None when there is no answer or no check.

    It is pending where `next_after_answer` leads on. A second answer always has a result, in place of the first one's,
    and never a pending one.
    """
    checks = _declared(ctx, record)
    if result.outcome not in GOOD or (checks is None and not state.has_answer):
        return None
    truncated = result.outcome is Outcome.TRUNCATED
    failed = answer_checks.first_failed(checks, result.text, truncated=truncated) if checks else None
    if state.has_answer:
        return CheckResult(failed, record.checked.failed if record.checked else None)
    return CheckResult(failed, pending=next_after_answer(ctx, state, record, failed) is not None)


def next_after_answer(
    ctx: Context, state: WorkflowState, record: TaskRecord, failed: str | None
) -> WorkflowState | None:
    """Return where a task goes whose first answer is stored: one tier up, or to the judge; None: it is done.

    `failed` is the check that the answer did not pass. A judge is free, and never shown a private task.
    """
    now = ctx.clock.now()
    if failed:
        hop = ctx.policy.above(state.here, now, private=state.private)
        return state.beyond(hop, Purpose.TASK, f"{FAILED_CHECK}:{failed}") if hop else None
    checks = _declared(ctx, record)
    if checks is None or not checks.judge or state.private:
        return None
    hop = ctx.policy.free_hop(now)
    return state.beyond(hop, Purpose.JUDGE, None) if hop else None


def _declared(ctx: Context, record: TaskRecord) -> Checks | None:
    """Return the checks that `pointsman.verify` declares for the task's type."""
    return ctx.policy.config.pointsman.verify.get(record.type) if record.type else None
