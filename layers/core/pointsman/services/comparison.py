"""The comparison: a judge says which of an audited task's two answers is better, and does not know whose they are."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

from pointsman.execution.calls import CallSpec, Purpose
from pointsman.execution.comparison import (
    AnswerComparison,
    BetterAnswer,
    PairKind,
    PlannedComparison,
    control_pair,
    planned_comparisons,
)
from pointsman.execution.ledger_view import LedgerView
from pointsman.execution.outcome import GOOD, CallResult, Outcome
from pointsman.execution.records import Payload, TaskRecord
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.ports import PayloadStore
from pointsman.routing.policy import Hop
from pointsman.services.call import Interpretation, make_call
from pointsman.services.context import Context
from pointsman.services.judge import LONGEST_JUDGED, judge_call
from pointsman.values import lenient_json
from pointsman.values.log_events import LogEvent
from pointsman.values.status import Status

_PATIENCE = timedelta(seconds=60)
_MOST_WAITS = 3
"""For one judge that is busy; the task has been delivered long since."""
_WAITED_FOR = {Outcome.BUSY, Outcome.RATE_LIMITED, Outcome.UNAVAILABLE, Outcome.NOT_SENT}
_PAUSE, _LONGEST_PAUSE = timedelta(seconds=30), timedelta(minutes=5)
_SCHEMA = {
    "type": "object",
    "properties": {"better": {"type": "string", "enum": [str(word) for word in BetterAnswer]}},
    "required": ["better"],
    "additionalProperties": False,
}


class _Shown(NamedTuple):
    """What a judge is shown."""

    kind: PairKind
    first: str
    second: str


def with_comparison(ctx: Context, state: WorkflowState, number: int) -> WorkflowState:
    """Return the state that goes on to the comparison of that number, or that is done."""
    done = replace(state, next=Next.DELIVER, reason=None, comparison=0)
    rules = ctx.policy.config.pointsman.quality
    if state.private or rules is None:
        return done
    planned = _planned(ctx, state)
    if number > len(planned):
        return done
    hop = _hop(ctx, state, planned[number - 1])
    return replace(state.beyond(hop, Purpose.COMPARISON, None), comparison=number)


def is_comparable(record: TaskRecord) -> bool:
    """Return whether a task has been answered and audited, and both texts are kept."""
    audit = record.audit
    answered = record.status is Status.COMPLETED and audit is not None and audit.outcome in GOOD
    return answered and audit is not None and audit.answer != Payload()


def compare_answers(
    ctx: Context, payloads: PayloadStore, state: WorkflowState, view: LedgerView, task_call: CallSpec, until: datetime
) -> WorkflowState:
    """Ask the judge once, if the budget allows, and return the state at the next comparison or its end.

    A judge that is busy is waited for a few times. `task_call` is the task's own call.
    """
    record, planned, number = view.task, _planned(ctx, state), state.comparison
    onward, question = with_comparison(ctx, state, number + 1), next(iter(planned[number - 1 :]), None)
    if record is None or question is None or not is_comparable(record):
        return replace(state, next=Next.DELIVER, reason=None)
    if record.audit and record.audit.compared >= number:  # the invocation that asked did not report it
        return onward
    if _hop(ctx, state, question).model != task_call.model:
        return with_comparison(ctx, state, number)  # openclaw.json was deployed anew
    shown = _shown(payloads, state, record, question)
    spec = _spec(ctx, task_call, record, question, number, shown)
    if len(spec.prompt) > LONGEST_JUDGED:
        return onward
    result = make_call(ctx, spec, min(until, ctx.clock.now() + _PATIENCE), _with_word, view)
    ctx.log(LogEvent.COMPARISON_ENDED, task_id=state.task_id, model=spec.model, outcome=str(result.outcome))
    if not result.made and result.outcome in _WAITED_FOR and state.tries < _MOST_WAITS:
        return _wait(state, result)
    return onward


def _planned(ctx: Context, state: WorkflowState) -> tuple[PlannedComparison, ...]:
    rules = ctx.policy.config.pointsman.quality
    if rules is None:
        return ()
    return planned_comparisons(tuple(rules.judges), _name(state), rules.controls)


def _name(state: WorkflowState) -> str:
    return f"{state.task_id}.{state.generation}"


def _hop(ctx: Context, state: WorkflowState, question: PlannedComparison) -> Hop:
    return ctx.policy.hop(ctx.policy.resolve(question.judge, ctx.clock.now()), state.plan[0].tier)


def _shown(payloads: PayloadStore, state: WorkflowState, record: TaskRecord, question: PlannedComparison) -> _Shown:
    assert record.audit is not None
    delivered = payloads.fetch(record.answer)
    if question.control:
        kind, one, other = control_pair(delivered, _name(state))
    else:
        kind, one, other = PairKind.PAIR, delivered, payloads.fetch(record.audit.answer)
    return _Shown(kind, one, other) if question.order == 1 else _Shown(kind, other, one)


def _spec(
    ctx: Context, task_call: CallSpec, record: TaskRecord, question: PlannedComparison, number: int, shown: _Shown
) -> CallSpec:
    """Return the call: nothing in it says whose the answers are."""
    model = ctx.policy.catalog.get(task_call.model)
    answers = {"first_answer": shown.first, "second_answer": shown.second}
    call = judge_call(ctx, task_call, Purpose.COMPARISON, "Task and answers", answers, _SCHEMA)
    comparison = AnswerComparison(number, str(model.provider), shown.kind, question.order, record.pair)
    return replace(call, comparison=comparison, previous_outcome=None, came_from=None)


def _with_word(result: CallResult) -> Interpretation:
    return Interpretation(replace(result, better=_word_in(result.text)) if result.outcome in GOOD else result)


def _word_in(answer: str) -> BetterAnswer | None:
    try:
        return BetterAnswer(lenient_json.read_object(answer, ("better",))["better"])
    except (lenient_json.UnreadableError, ValueError):
        return None


def _wait(state: WorkflowState, result: CallResult) -> WorkflowState:
    hint = timedelta(seconds=result.retry_after) if result.retry_after else _PAUSE
    seconds = int(min(max(hint, _PAUSE), _LONGEST_PAUSE).total_seconds())
    return replace(
        state, attempt=state.attempt + 1, tries=state.tries + 1, next=Next.WAIT, wait_seconds=seconds, waiting_for=None
    )
