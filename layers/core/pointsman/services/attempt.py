"""A tier function's work: one attempt at one task, and where it leads."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pointsman.contracts.task import Task, read_task
from pointsman.execution import model_health, subtasks
from pointsman.execution.model_health import ModelState
from pointsman.execution.outcome import GOOD, CallResult, Outcome
from pointsman.execution.records import Intent, Payload, Purpose, RowKey, Subtasks, TaskRecord
from pointsman.execution.subtasks import Split
from pointsman.execution.workflow_state import Next, WorkflowState, next_state
from pointsman.ports import ModelClient, PayloadStore, View
from pointsman.prompts import system_for
from pointsman.routing.catalog import Billing, Model
from pointsman.routing.policy import Hop
from pointsman.services import split_answers
from pointsman.services.audit import audit, sampled
from pointsman.services.call import CallSpec, ask, close_open_intent, open_intent, price, report
from pointsman.services.context import Context
from pointsman.services.judge import judge
from pointsman.services.verification import onward, verdict
from pointsman.values import strict_json
from pointsman.values.errors import MissingKeyError, NotKeptError, StoreError
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import month_key, parse_time

FUNCTION_SECONDS = {Tier.ORCHESTRATION: 90, Tier.IMPLEMENTATION: 300, Tier.REASONING: 600}
"""The functions' timeouts in template.yaml (a test compares)."""
SETTLING = 8.0
"""Seconds of a function's time that are kept for writing the outcome."""
BYTES_PER_TOKEN_AT_MOST = 12
"""A text of more bytes than this times the context window cannot fit, in any language."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A call whose intent is written."""

    task: TaskRecord
    order: CallSpec
    intent: Intent
    client: ModelClient
    model: ModelState


@dataclass(frozen=True, slots=True)
class Attempt:
    """The use case of the three tier functions."""

    ctx: Context
    payloads: PayloadStore
    function: Tier

    def __call__(self, run: WorkflowState, remaining: float) -> WorkflowState:
        """Make the attempt that `run` stands at; `remaining` is the function's time in seconds."""
        until = self.ctx.clock.now() + timedelta(seconds=remaining - SETTLING)
        after = self._for_task(run, until) if run.purpose is Purpose.TASK else self._beside(run, until)
        return sampled(self.ctx, after)

    def _for_task(self, run: WorkflowState, until: datetime) -> WorkflowState:
        clock = self.ctx.clock
        if (ahead := run.not_before - clock.now().timestamp()) > 0:
            clock.sleep(min(ahead, 2.0))
        now = clock.now()
        if now >= run.deadline:
            return self._follow(run, CallResult(Outcome.DEADLINE), now)
        try:
            ready = self._ready(run, until)
        except StoreError as trouble:  # nothing was sent
            self.ctx.note("a store is out of reach", level="warning", task_id=run.task_id, detail=str(trouble))
            return self._follow(run, CallResult(Outcome.UNAVAILABLE, detail=str(trouble), ours=True), clock.now())
        return ready if isinstance(ready, WorkflowState) else self._call(run, ready, until)

    def _beside(self, run: WorkflowState, until: datetime) -> WorkflowState:
        """Judge or audit the task's answer; whatever is in the way, the run ends by delivering it."""
        try:
            view = self.ctx.books.look(run.task_id, run.here.model, month_key(self.ctx.clock.now(), self.ctx.zone))
            if view.task is None or view.task.generation != run.generation:
                return replace(run, next=Next.DELIVER)
            model = self.ctx.policy.catalogue.get(run.here.model)
            order = self._order(run, view.task, model, self._left(run, until))
            step = judge if run.purpose is Purpose.JUDGE else audit
            return step(self.ctx, self.payloads, run, view, order)
        except StoreError as trouble:
            self.ctx.note("a store is out of reach", level="warning", task_id=run.task_id, detail=str(trouble))
            return replace(run, next=Next.DELIVER)

    def _ready(self, run: WorkflowState, until: datetime) -> "WorkflowState | _Ready":
        """Reserve the call that `run` asks for; return where the run goes when there is none to make."""
        now = self.ctx.clock.now()
        model = self.ctx.policy.catalogue.get(run.here.model)
        view = self.ctx.books.look(run.task_id, model.id, month_key(now, self.ctx.zone))
        if done := self._already(run, view.task, now):
            return done
        assert view.task is not None
        if model.has_ended(now.date()):
            return self._follow(run, CallResult(Outcome.RETIRED, detail="past its last day"), now)
        return self._reserved(run, view.task, model, view, until)

    def _already(self, run: WorkflowState, task: TaskRecord | None, now: datetime) -> WorkflowState | None:
        """Return where the run goes without a call: the task has ended, or this turn was taken before."""
        if task is None or task.generation != run.generation:
            return replace(run, next=Next.FAIL, reason="superseded")
        if task.status is Status.COMPLETED:
            return replace(run, next=Next.DELIVER, reason=None)
        if task.status is Status.FAILED:
            return replace(run, next=Next.FAIL, reason=task.reason)
        if task.subtasks:
            return replace(run, next=Next.DELIVER, reason=None)
        if task.answer_is_kept and not run.kept:  # who stored it did not come to say so
            failed = (task.verdict or {}).get("failed")
            return onward(self.ctx, run, task, failed) or replace(run, next=Next.DELIVER, reason=None)
        if task.last_turn == run.turn:
            return self._replay(run, task, now)
        close_open_intent(self.ctx, task)
        return None

    def _replay(self, run: WorkflowState, task: TaskRecord, now: datetime) -> WorkflowState:
        """Return what the turn led to when it was taken, or wait until who took it must have ended."""
        key = RowKey(*task.rows[-1].split("|", 1))
        if outcome := self.ctx.books.find_outcome(key):
            return self._follow(run, outcome, now)
        pause = timedelta(seconds=FUNCTION_SECONDS[self.function] + 5) - (now - parse_time(key.row.split("#")[0]))
        return replace(
            run,
            attempt=run.attempt + 1,
            next=Next.WAIT if pause > timedelta(seconds=1) else Next.RUN,
            wait_seconds=max(int(pause.total_seconds()), 0),
            reason=str(Outcome.UNKNOWN),
        )

    def _reserved(
        self, run: WorkflowState, record: TaskRecord, model: Model, view: View, until: datetime
    ) -> "WorkflowState | _Ready":
        ctx, now = self.ctx, self.ctx.clock.now()
        order = self._order(run, record, model, self._left(run, until))
        if order.input_bytes > BYTES_PER_TOKEN_AT_MOST * model.context_window:
            return self._follow(run, CallResult(Outcome.TOO_LONG, detail="longer than the context window"), now)
        try:
            client = ctx.model(model.provider)
        except MissingKeyError as error:
            return self._follow(run, CallResult(Outcome.AUTH, detail=str(error)), now)
        intent = open_intent(ctx, order, view, client)
        if isinstance(intent, CallResult):
            ctx.note(
                "call not made", task_id=run.task_id, model=model.id, outcome=str(intent.outcome), detail=intent.detail
            )
            return self._follow(run, intent, ctx.clock.now())
        return _Ready(record, order, intent, client, view.model)

    def _call(self, run: WorkflowState, ready: "_Ready", until: datetime) -> WorkflowState:
        ctx = self.ctx
        order = replace(ready.order, timeout=self._left(run, until))  # reserving may have taken its time
        result, milliseconds = ask(ctx, order, ready.intent, ready.client)
        handed = None
        if order.schema:
            result, handed = split_answers.read(run, ready.task, result)
        if not handed and (found := verdict(ctx, run, ready.task, result)):
            result = replace(result, verdict=found)
        answer, waits_for, result = self._kept(run, result, handed)
        now = ctx.clock.now()
        settled = price(ctx, ready.intent, result, now, milliseconds)
        if not ctx.books.settle(settled, model_health.learn(ready.model, result, now), answer, subtasks=waits_for):
            ctx.note("outcome came too late", task_id=run.task_id, turn=run.turn)
            return self._follow(run, CallResult(Outcome.UNKNOWN, detail="closed by another"), now)
        report(ctx, settled)
        if result.verdict and result.verdict.pending:
            return onward(ctx, run, ready.task, result.verdict.failed) or self._follow(run, result, now)
        return self._follow(run, result, now)

    def _left(self, run: WorkflowState, until: datetime) -> float:
        """Return the seconds that a call may take now, so that it ends by then and by the deadline."""
        return max((min(until, run.deadline) - self.ctx.clock.now()).total_seconds(), 1.0)

    def _kept(
        self, run: WorkflowState, result: CallResult, handed: Split | None
    ) -> tuple[Payload | None, Subtasks | None, CallResult]:
        """Store an answer; one that cannot be kept is paid all the same, and followed as one without text."""
        if result.outcome not in GOOD:
            return None, None, result
        try:
            answer = self.payloads.keep_answer(result.text, f"{run.task_id}/answer.{run.turn}")
            return answer, split_answers.keep(self.payloads, run, handed, answer) if handed else None, result
        except NotKeptError as trouble:
            self.ctx.note("answer not kept", level="error", task_id=run.task_id, turn=run.turn, detail=str(trouble))
            lost = replace(result, outcome=Outcome.EMPTY, ours=True, verdict=None)
            return None, None, replace(lost, detail=f"answer not kept: {trouble}")

    def _order(self, run: WorkflowState, record: TaskRecord, model: Model, timeout: float) -> CallSpec:
        task = self._task(record)
        tier, splits = run.here.tier, split_answers.asked(run, task)
        decision = record.decision or {}
        return CallSpec(
            purpose=Purpose.TASK,
            task_id=run.task_id,
            turn=run.turn,
            model=model,
            tier=tier,
            function=str(self.function),
            prompt=task.prompt,
            system=system_for(tier, task.system, splits=splits),
            max_output_tokens=task.max_output_tokens,
            timeout=timeout,
            schema=subtasks.SCHEMA if splits else None,
            type=TaskType(decision["type"]) if decision else None,
            parent_id=task.parent_id or (run.task_id if splits else None),  # its subtasks' group in the report
            metadata=task.metadata,
            hop=run.hop,
            after=run.reason,
            came_from=run.plan[run.hop - 1].model if run.hop else run.came_from,
        )

    def _task(self, record: TaskRecord) -> Task:
        return read_task(strict_json.loads(self.payloads.fetch(record.body)))

    def _follow(self, run: WorkflowState, result: CallResult, now: datetime) -> WorkflowState:
        """Return where the result leads, the plan changed where a successor or a cheaper tier steps in."""
        policy = self.ctx.policy.config.pointsman.budget.when_exhausted_for(run.here.tier)
        if result.outcome is Outcome.RETIRED:
            run = replace(run, plan=self._with_successor(run, now))
        elif result.outcome is Outcome.OVER_BUDGET and policy == "degrade" and not run.kept:
            run = replace(run, plan=self._degraded(run, now))
        return next_state(run, result, now, hold=policy == "hold")

    def _with_successor(self, run: WorkflowState, now: datetime) -> tuple[Hop, ...]:
        policy, here = self.ctx.policy, run.here
        old = policy.catalogue.get(here.model)
        new = policy.resolve(here.model, now, {here.model})
        allowed = policy.may_follow(here.tier, policy.billing(old), policy.billing(new))
        allowed = allowed and not (run.private and policy.billing(new) is Billing.FREE)
        self.ctx.note("model is gone", level="warning", model=old.id, successor=new.id, allowed=allowed)
        if new.id == old.id or not allowed or any(hop.model == new.id for hop in run.plan[run.hop :]):
            return run.plan
        return (*run.plan[: run.hop + 1], policy.hop(new, here.tier), *run.plan[run.hop + 1 :])

    def _degraded(self, run: WorkflowState, now: datetime) -> tuple[Hop, ...]:
        """Return the plan with the next cheaper tier's chain in place of what follows; paid by that tier's budget."""
        order = list(Tier)
        place = order.index(run.here.tier)
        if place == 0:
            return run.plan[: run.hop + 1]
        cheaper = self.ctx.policy.plan(order[place - 1], now, private=run.private)
        return (*run.plan[: run.hop + 1], *cheaper)
