"""Answers that are checked: what the checks say of one, and where a task goes that has its answer and is not done."""

from pointsman.execution import answer_checks
from pointsman.execution.calls import Purpose
from pointsman.execution.outcome import GOOD, UNCHECKED, CallResult, CheckResult
from pointsman.execution.records import TaskRecord
from pointsman.execution.workflow_state import WorkflowState
from pointsman.routing.answer_rules import Checks
from pointsman.services.context import Context
from pointsman.services.sender_limits import spender_of, tier_bound
from pointsman.services.time_limit import time_limit
from pointsman.values.errors import StoreError
from pointsman.values.json_schema import Schema
from pointsman.values.log_events import LogEvent
from pointsman.values.taxonomy import Tier

CHECK_SECONDS = 3.0
"""How long an answer's checks may take together, of the time that a function keeps for settling."""
FAILED_CHECK = "failed_check"
"""Leads one tier up; what follows it names the check."""


def check_ahead(
    ctx: Context, state: WorkflowState, record: TaskRecord, result: CallResult, schema: Schema | None = None
) -> CheckResult | None:
    """Return what an answer is settled with: `UNCHECKED` and pending, if `check_answer` is to follow.

    `schema` is the task's own.

    None when there is no answer or no check. A second answer has a result in any case, in place of the first one's.
    """
    checks = _declared(ctx, record)
    if result.outcome not in GOOD or (checks is None and schema is None and not state.has_answer):
        return None
    before = record.checked.failed if state.has_answer and record.checked else None
    if schema is not None or (checks and answer_checks.declared(checks)):
        return CheckResult(UNCHECKED, before, pending=True)
    return CheckResult(None, before, pending=_goes_on(ctx, state, record, None))


def check_answer(
    ctx: Context, state: WorkflowState, record: TaskRecord, answer: str, schema: Schema | None = None
) -> CheckResult:
    """Return what the declared checks say of the record's answer, which is stored and paid.

    A check that raises or takes too long is not passed. The result is pending where `next_after_answer` leads on.
    """
    before = record.checked.escalated_after if record.checked else None
    checks = _declared(ctx, record)
    with time_limit(CHECK_SECONDS):
        failed = None if schema is None else answer_checks.failed_schema(schema, answer)
        if checks and not failed:
            failed = answer_checks.first_failed(checks, answer, truncated=record.truncated)
    return CheckResult(failed, before, pending=_goes_on(ctx, state, record, failed))


def _goes_on(ctx: Context, state: WorkflowState, record: TaskRecord, failed: str | None) -> bool:
    """Return whether the task goes on from this answer; it never does from a second one."""
    return not state.has_answer and next_after_answer(ctx, state, record, failed) is not None


def next_after_answer(
    ctx: Context, state: WorkflowState, record: TaskRecord, failed: str | None
) -> WorkflowState | None:
    """Return where a task goes whose first answer is stored: one tier up, or to the judge; None: it is done.

    `failed` is the check that the answer did not pass. A judge is free, and never shown a private task.
    """
    now = ctx.clock.now()
    if failed:
        hop = ctx.policy.above(state.here, now, private=state.private)
        if hop and _too_high(ctx, record, hop.tier):
            return None
        return state.beyond(hop, Purpose.TASK, f"{FAILED_CHECK}:{failed}") if hop else None
    checks = _declared(ctx, record)
    if checks is None or not checks.judge or state.private:
        return None
    hop = ctx.policy.free_hop(now)
    return state.beyond(hop, Purpose.JUDGE, None) if hop else None


def _too_high(ctx: Context, record: TaskRecord, tier: Tier) -> bool:
    """Return whether the tier is above the task's highest, or that cannot be read: no answer is lost for it."""
    try:
        return tier_bound(ctx, spender_of(record), tier) is not None
    except StoreError as trouble:
        ctx.log(LogEvent.STORE_UNAVAILABLE, level="warning", task_id=record.task_id, detail=str(trouble))
        return True


def _declared(ctx: Context, record: TaskRecord) -> Checks | None:
    """Return the checks that `pointsman.verify` declares for the task's type."""
    return ctx.policy.config.pointsman.verify.get(record.type) if record.type else None
