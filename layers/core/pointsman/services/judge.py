"""A judge: one question to a free model, whether an answer may be handed over. Without a word from it, it may."""

from dataclasses import replace

from pointsman.execution.outcome import GOOD, CallResult, CheckResult
from pointsman.execution.records import Purpose
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.ports import PayloadStore, View
from pointsman.prompts import text
from pointsman.routing.catalog import Billing
from pointsman.services.call import CallSpec, Interpretation, book
from pointsman.services.context import Context
from pointsman.services.verification import onward
from pointsman.values import strict_json
from pointsman.values.status import Status

CHECK = "judge"
"""The name of the check."""
FAULTS = ("incomplete", "off_task", "wrong")
LONGEST = 60_000
"""Characters of task and answer together; longer ones are not judged: a part of an answer may look wanting."""
PATIENCE = 20.0
"""Seconds: the task waits for it."""
SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"type": "string", "enum": ["acceptable", *FAULTS]}},
    "required": ["verdict"],
    "additionalProperties": False,
}


def judge(ctx: Context, payloads: PayloadStore, run: WorkflowState, view: View, order: CallSpec) -> WorkflowState:
    """Return where the run goes after the judgement of the answer that is kept; `order` is the task's own.

    A turn that was taken before is not taken again: what it found stands with the answer, or nothing does.
    """
    passed, record = replace(run, next=Next.DELIVER, reason=None), view.task
    if record is None or record.status is not Status.STARTED or record.verdict is None:
        return passed
    before = replace(run, hop=run.hop - 1, purpose=Purpose.TASK)  # where the answer was given
    if failed := record.verdict["failed"]:
        return onward(ctx, before, record, failed) or passed
    if record.last_turn != record.verdict["turn"] or ctx.policy.billing(order.model) is not Billing.FREE:
        return passed
    answer = payloads.fetch(record.answer)
    if len(order.prompt) + len(answer) > LONGEST:
        return passed
    asked = replace(
        order,
        purpose=Purpose.JUDGE,
        prompt="Task and answer, as JSON data:\n" + strict_json.dumps({"task": order.prompt, "answer": answer}),
        system=text("judge"),
        schema=SCHEMA,
        max_output_tokens=200,
        timeout=min(order.timeout, PATIENCE),
    )
    result = book(ctx, asked, view, _read)
    failed = result.verdict.failed if result.verdict else None
    return (onward(ctx, before, record, failed) if failed else None) or passed


def _read(result: CallResult) -> Interpretation:
    found_wanting = result.outcome in GOOD and _said(result.text) in FAULTS
    return Interpretation(replace(result, verdict=CheckResult(CHECK)) if found_wanting else result)


def _said(answer: str) -> object:
    try:
        stated = strict_json.loads(answer)
    except strict_json.NotStrictJson:
        return None
    return stated.get("verdict") if isinstance(stated, dict) else None
