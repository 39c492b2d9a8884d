"""Answers that are checked: what the checks say of one, and where a task goes that has its answer and is not done."""

from pointsman.execution import answer_checks
from pointsman.execution.outcome import GOOD, CallResult, CheckResult, Outcome
from pointsman.execution.records import Purpose, TaskRecord
from pointsman.execution.workflow_state import WorkflowState
from pointsman.routing.config import Checks
from pointsman.services.context import Context
from pointsman.values.taxonomy import TaskType

FAILED_CHECK = "failed_check"
"""Leads one tier up; what follows it names the check."""


def declared(ctx: Context, record: TaskRecord) -> Checks | None:
    """Return the checks that `pointsman.verify` declares for the task's type."""
    kind = (record.decision or {}).get("type")
    return ctx.policy.config.pointsman.verify.get(TaskType(kind)) if kind else None


def verdict(ctx: Context, run: WorkflowState, record: TaskRecord, result: CallResult) -> CheckResult | None:
    """Return what the declared checks say of an answer; None when there is no answer or no check.

    It is pending where `onward` leads on. A second answer always has a verdict, in place of the first one's, and never
    a pending one.
    """
    wanted = declared(ctx, record)
    if result.outcome not in GOOD or (wanted is None and not run.kept):
        return None
    cut = result.outcome is Outcome.TRUNCATED
    failed = answer_checks.first_failed(wanted, result.text, truncated=cut) if wanted else None
    if run.kept:
        return CheckResult(failed, (record.verdict or {}).get("failed"))
    return CheckResult(failed, pending=onward(ctx, run, record, failed) is not None)


def onward(ctx: Context, run: WorkflowState, record: TaskRecord, failed: str | None) -> WorkflowState | None:
    """Return where a task goes whose first answer is stored: one tier up, or to the judge; None: it is done.

    A judge is free, and never shown a private task.
    """
    now = ctx.clock.now()
    if failed:
        hop = ctx.policy.above(run.here, now, private=run.private)
        return run.beyond(hop, Purpose.TASK, f"{FAILED_CHECK}:{failed}") if hop else None
    wanted = declared(ctx, record)
    if wanted is None or not wanted.judge or run.private:
        return None
    hop = ctx.policy.free_hop(now)
    return run.beyond(hop, Purpose.JUDGE, None) if hop else None
