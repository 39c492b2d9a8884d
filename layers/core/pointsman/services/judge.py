"""A judge: one question to a free model, whether an answer is acceptable. If it cannot answer, the answer passes."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pointsman.execution.calls import CallSpec, Purpose
from pointsman.execution.ledger_view import LedgerView
from pointsman.execution.outcome import GOOD, CallResult, CheckResult
from pointsman.execution.output_room import brief_room
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.ports import PayloadStore
from pointsman.prompts import prompt_text
from pointsman.services.call import Interpretation, make_call
from pointsman.services.context import Context
from pointsman.services.verification import next_after_answer
from pointsman.values import lenient_json, strict_json
from pointsman.values.status import Status

JUDGE_CHECK = "judge"
"""The name of the check."""
FAULTS = ("incomplete", "off_task", "wrong")
LONGEST_JUDGED = 60_000
"""Characters of task and answer together; longer ones are not judged: a part of an answer may look wanting."""
_VERDICT_TOKENS = 200
_PATIENCE = timedelta(seconds=20)
"""The task waits for it."""
_SCHEMA = {
    "type": "object",
    "properties": {"verdict": {"type": "string", "enum": ["acceptable", *FAULTS]}},
    "required": ["verdict"],
    "additionalProperties": False,
}


def judge_answer(
    ctx: Context, payloads: PayloadStore, state: WorkflowState, view: LedgerView, task_call: CallSpec, until: datetime
) -> WorkflowState:
    """Return where the task goes after the judgement of its stored answer; `task_call` is the task's own call.

    An attempt that was taken before is not taken again: what it found stands with the answer, or nothing does.
    """
    passed, record = replace(state, next=Next.DELIVER, reason=None), view.task
    if record is None or record.status is not Status.STARTED or record.checked is None:
        return passed
    answered = replace(state, hop=state.hop - 1, purpose=Purpose.TASK)  # where the answer was given
    if record.checked.failed:
        return next_after_answer(ctx, answered, record, record.checked.failed) or passed
    if record.last_attempt != record.checked.attempt_id or not ctx.policy.is_free(task_call.model):
        return passed
    answer = payloads.fetch(record.answer)
    if sum(len(turn.text) for turn in task_call.earlier) + len(task_call.prompt) + len(answer) > LONGEST_JUDGED:
        return passed
    spec = judge_call(ctx, task_call, Purpose.JUDGE, "Task and answer", {"answer": answer}, _SCHEMA)
    result = make_call(ctx, spec, min(until, ctx.clock.now() + _PATIENCE), _interpret, view)
    failed = result.check.failed if result.check else None
    return (next_after_answer(ctx, answered, record, failed) if failed else None) or passed


def judge_call(
    ctx: Context, task_call: CallSpec, purpose: Purpose, title: str, answers: Mapping[str, str], schema: dict[str, Any]
) -> CallSpec:
    """Return a judge's call about answers to a task's own call, which are shown as data, not as instructions."""
    earlier = [{"role": turn.role, "content": turn.text} for turn in task_call.earlier]
    data = {**({"earlier": earlier} if earlier else {}), "task": task_call.prompt, **answers}
    room = brief_room(ctx.policy.catalog.get(task_call.model), _VERDICT_TOKENS)
    return replace(
        task_call,
        purpose=purpose,
        prompt=f"{title}, as JSON data:\n{strict_json.dumps(data)}",
        system=prompt_text(purpose),
        schema=schema,
        json_only=False,
        stop=(),
        earlier=(),
        effort=room.effort,
        max_output_tokens=room.cap,
    )


def _interpret(result: CallResult) -> Interpretation:
    wanting = result.outcome in GOOD and _verdict_in(result.text) in FAULTS
    return Interpretation(replace(result, check=CheckResult(JUDGE_CHECK)) if wanting else result)


def _verdict_in(answer: str) -> object:
    try:
        return lenient_json.read_object(answer, ("verdict",))["verdict"]
    except lenient_json.UnreadableError:
        return None
