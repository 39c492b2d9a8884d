"""A tier function's work: one attempt at one task, and where it leads."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from pointsman.contracts.task import Task
from pointsman.execution.calls import Purpose
from pointsman.execution.outcome import UNCHECKED, CallResult, Outcome
from pointsman.execution.output_room import bounded_task
from pointsman.execution.records import TaskRecord
from pointsman.execution.waiting import Waiting, WaitingFor
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.ports import PayloadStore
from pointsman.services.audit import audit_answer, with_audit
from pointsman.services.call import close_open_intent, make_call
from pointsman.services.comparison import compare_answers
from pointsman.services.context import Context
from pointsman.services.judge import judge_answer
from pointsman.services.next_spec import next_spec
from pointsman.services.replan import follow
from pointsman.services.sender_limits import with_limits
from pointsman.services.settlement import SETTLING_SECONDS
from pointsman.services.task_call import TaskCalls
from pointsman.services.verification import check_answer, next_after_answer
from pointsman.values.errors import StoreError, safe_message
from pointsman.values.log_events import LogEvent
from pointsman.values.status import Status
from pointsman.values.taxonomy import Tier
from pointsman.values.times import local_day, parse_time

FUNCTION_SECONDS = {Tier.ORCHESTRATION: 90, Tier.IMPLEMENTATION: 300, Tier.REASONING: 600}
"""The functions' timeouts in template.yaml (a test compares)."""
_EXAMINATIONS = {
    Purpose.JUDGE: judge_answer,
    Purpose.AUDIT: audit_answer,
    Purpose.COMPARISON: compare_answers,
}
TELLING_TIME = timedelta(seconds=15)
"""A plain answer is told by the function that has it only with so much of its time left: a call of AWS that hangs takes
13 s (`AWS_CALLS`). Else it could end before the workflow knows that the task is answered.
"""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The use case of the three tier functions."""

    ctx: Context
    payloads: PayloadStore
    function: Tier
    tell_answer: Callable[[str, int], bool]
    """Delivers the answer of a task and generation if that is plain; returns whether it is delivered."""

    def __call__(self, state: WorkflowState, remaining: float) -> WorkflowState:
        """Make the attempt that `state` stands at; `remaining` is the function's time in seconds."""
        end = self.ctx.clock.now() + timedelta(seconds=remaining)
        until = min(end - timedelta(seconds=SETTLING_SECONDS), state.deadline)
        step = self._attempt_task if state.purpose is Purpose.TASK else self._examine_answer
        return self._tell(with_audit(self.ctx, step(state, until)), end)

    def _tell(self, state: WorkflowState, end: datetime) -> WorkflowState:
        """Deliver a plain answer here and now; whatever stands in the way is left to the delivery function."""
        if state.next is not Next.DELIVER or end - self.ctx.clock.now() < TELLING_TIME:
            return state
        try:
            return replace(state, delivered=self.tell_answer(state.task_id, state.generation))
        except Exception as trouble:  # noqa: BLE001  (the answer is settled, and the workflow delivers it)
            why = safe_message(trouble)
            self.ctx.log(LogEvent.DELIVERY_FAILED, level="warning", task_id=state.task_id, why=why)
            return state

    def _attempt_task(self, state: WorkflowState, until: datetime) -> WorkflowState:
        clock = self.ctx.clock
        if (ahead := state.not_before - clock.now().timestamp()) > 0:
            clock.sleep(min(ahead, 2.0))
        now = clock.now()
        if now >= state.deadline:
            return follow(self.ctx, state, CallResult(Outcome.DEADLINE))
        try:
            model = self.ctx.policy.catalog.models.get(state.here.model)
            view = self.ctx.ledger.look(state.task_id, state.here.model, self._today())
            if settled_before := self._without_call(state, view.task):
                return settled_before
            record = view.task
            assert record is not None
            if state.here.model in state.refused_by:  # the workflow came here after crashes
                return follow(self.ctx, state, CallResult(Outcome.INVALID, recognized=False))
            if state.here.model in state.too_long_for:
                return follow(self.ctx, state, CallResult(Outcome.TOO_LONG, detail="it said so before"))
            if model is None or model.has_ended(now.date()):
                return follow(self.ctx, state, CallResult(Outcome.RETIRED, detail="ended, or no longer listed"))
            task = bounded_task(self.ctx.policy.config.pointsman, self._calls.task(record), record, state.here.tier)
            first = self._calls.spec(state, record, task, str(self.function))
            view = with_limits(self.ctx, view, first)
            spec = next_spec(self.ctx, state, first, task, view)
        except StoreError as trouble:
            return self._store_unavailable(state, trouble)
        if spec is None:
            nothing = "no other effort or output cap is left to ask with"
            return follow(self.ctx, state, CallResult(Outcome.EMPTY, detail=nothing, ours=True))
        try:
            result = make_call(self.ctx, spec, until, self._calls.interpreter(state, record, task), view)
        except StoreError as trouble:
            return self._store_unavailable(state, trouble)
        if result.task_cancelled:
            return replace(state, next=Next.DELIVER, reason=None)
        if result.check and result.check.failed == UNCHECKED:
            return self._check(state, result.text, task)
        if result.check and result.check.pending:
            onward = next_after_answer(self.ctx, state, record, result.check.failed)
            return onward or follow(self.ctx, state, result)
        return follow(self.ctx, state, result)

    def _check(self, state: WorkflowState, answer: str, task: Task | None = None) -> WorkflowState:
        """Check the answer that is stored, and return where the task goes; no trouble here costs the answer."""
        deliver = replace(state, next=Next.DELIVER, reason=None)
        try:
            record = self.ctx.ledger.look(state.task_id, state.here.model, self._today()).task
            if record is None or record.generation != state.generation:
                return deliver
            schema = (task or self._calls.task(record)).output_schema
            check = check_answer(self.ctx, state, record, answer, schema)
            self.ctx.ledger.record_check(record, check, self.ctx.clock.now())
        except StoreError as trouble:
            self.ctx.log(LogEvent.STORE_UNAVAILABLE, level="warning", task_id=state.task_id, detail=str(trouble))
            return deliver
        return (next_after_answer(self.ctx, state, record, check.failed) if check.pending else None) or deliver

    @property
    def _calls(self) -> TaskCalls:
        return TaskCalls(self.ctx, self.payloads)

    def _today(self) -> date:
        return local_day(self.ctx.clock.now(), self.ctx.zone)

    def _examine_answer(self, state: WorkflowState, until: datetime) -> WorkflowState:
        """Judge, audit or compare the task's answer; whatever is in the way, the task goes on to its delivery."""
        deliver = replace(state, next=Next.DELIVER)
        try:
            view = self.ctx.ledger.look(state.task_id, state.here.model, self._today())
            known = state.here.model in self.ctx.policy.catalog.models
            if not known or view.task is None or view.task.generation != state.generation:
                return deliver
            examine = _EXAMINATIONS[state.purpose]
            spec = self._calls.spec(state, view.task, self._calls.task(view.task), str(self.function))
            return examine(self.ctx, self.payloads, state, view, spec, until)
        except StoreError as trouble:
            self.ctx.log(LogEvent.STORE_UNAVAILABLE, level="warning", task_id=state.task_id, detail=str(trouble))
            return deliver

    def _store_unavailable(self, state: WorkflowState, trouble: StoreError) -> WorkflowState:
        """Wait for a store of ours that is out of reach, on the same model: a call that was made is closed by the next
        attempt.
        """
        self.ctx.log(LogEvent.STORE_UNAVAILABLE, level="warning", task_id=state.task_id, detail=str(trouble))
        return follow(self.ctx, state, CallResult(Outcome.UNAVAILABLE, detail=str(trouble), ours=True))

    def _without_call(self, state: WorkflowState, record: TaskRecord | None) -> WorkflowState | None:
        """Return where the task goes without a call: it has ended, or this attempt was taken before."""
        if record is None or record.generation != state.generation:
            return replace(state, next=Next.FAIL, reason="superseded")
        if record.status is Status.FAILED:
            return replace(state, next=Next.FAIL, reason=record.reason)
        if record.status in (Status.COMPLETED, Status.CANCELLED) or record.subtasks:
            return replace(state, next=Next.DELIVER, reason=None)
        if record.has_answer and not state.has_answer:  # the invocation that stored it did not report it
            failed = record.checked.failed if record.checked else None
            if failed == UNCHECKED:
                return self._check(state, self.payloads.fetch(record.answer))
            onward = next_after_answer(self.ctx, state, record, failed)
            return onward or replace(state, next=Next.DELIVER, reason=None)
        if record.last_attempt == state.attempt_id:
            return self._repeat(state, record)
        close_open_intent(self.ctx, record)
        return replace(state, next=Next.DELIVER, reason=None) if record.cancel_asked_at else None

    def _repeat(self, state: WorkflowState, record: TaskRecord) -> WorkflowState:
        """Return what the attempt led to when it was taken, or wait until who took it must have ended."""
        key = record.rows[-1]
        if outcome := self.ctx.ledger.find_outcome(key):
            return follow(self.ctx, state, replace(outcome, made=True))
        must_have_ended = parse_time(key.began_at) + timedelta(seconds=FUNCTION_SECONDS[self.function] + 5)
        pause = max(int((must_have_ended - self.ctx.clock.now()).total_seconds()), 0)
        return replace(
            state,
            attempt=state.attempt + 1,
            next=Next.WAIT if pause else Next.RUN,
            wait_seconds=pause,
            waiting_for=Waiting(WaitingFor.ATTEMPT, must_have_ended, must_have_ended, state.here.model).as_state(),
            reason=str(Outcome.UNKNOWN),
        )
