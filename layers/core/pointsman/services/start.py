"""How a claimed task gets its execution: its plan, its name, its start. Shared by router, replay and rerun."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from pointsman.contracts.task import Task
from pointsman.execution.model_health import ModelState
from pointsman.execution.outcome import Outcome
from pointsman.execution.records import TaskRecord
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.ports import TaskStore, Workflow
from pointsman.routing.lanes import ECONOMY_LIFETIME, StandardReason, choose_lane, rule_of
from pointsman.services.context import Context
from pointsman.values.errors import InputMismatchError
from pointsman.values.lane import Lane
from pointsman.values.log_events import LogEvent
from pointsman.values.taxonomy import Tier
from pointsman.values.times import parse_time, to_ms, to_text


def execution_name(task_id: str, generation: int) -> str:
    """Return the execution's unique name: the task's own, from the second generation on its hash and the number."""
    return task_id if generation == 1 else f"{hashlib.sha256(task_id.encode()).hexdigest()}.{generation}"


def task_of_execution(workflow: Workflow, execution: str) -> tuple[str, int]:
    """Return the task and generation that an execution's name stands for; only a later generation's must be asked."""
    return workflow.position(execution) if "." in execution else (execution, 1)


def first_state(ctx: Context, record: TaskRecord, tier: Tier, health: Mapping[str, ModelState]) -> WorkflowState:
    """Return where the workflow begins: at the first model whose quota of the day is not used up, if there is one.

    Those before it stay in the plan: the quota may renew while the others are in trouble.
    """
    now = ctx.clock.now()
    retired = {model for model, state in health.items() if state.is_retired(now)}
    hops = ctx.policy.plan(tier, now, private=record.private, gone=retired)
    exhausted = {model for model, state in health.items() if state.quota_exhausted_until > to_ms(now)}
    first = next((place for place, hop in enumerate(hops) if hop.model not in exhausted), 0)
    return WorkflowState(
        task_id=record.task_id,
        generation=record.generation,
        deadline=parse_time(record.deadline),
        plan=tuple(hops),
        private=record.private,
        hop=first,
        next=Next.RUN if hops else Next.FAIL,
        reason=(str(Outcome.QUOTA_EXHAUSTED) if first else None) if hops else "private",
    )


def in_lane(ctx: Context, record: TaskRecord, task: Task, state: WorkflowState, *, deployed: bool) -> WorkflowState:
    """Set the record's lane, and its deadline where an economy task states none; return the state with that."""
    rules = ctx.policy.config.pointsman.lanes
    if not rules and task.lane is None:
        return state
    rule, now = rule_of(rules, record.type, record.sender, task.lane), ctx.clock.now()
    if rule.lane is Lane.ECONOMY and task.deadline is None:
        record.deadline = to_text(now + ECONOMY_LIFETIME)
        state = replace(state, deadline=parse_time(record.deadline))
    obstacle = None
    if not deployed:
        obstacle = StandardReason.NOT_DEPLOYED
    elif not state.plan or not ctx.policy.has_batches(ctx.policy.catalog.get(state.here.model)):
        obstacle = StandardReason.NO_BATCHES
    record.lane = choose_lane(rule, state.deadline, now, obstacle)
    return state


def start_or_pool(ctx: Context, tasks: TaskStore, workflow: Workflow, record: TaskRecord) -> None:
    """Start the claimed task's execution; one in the economy lane is marked as started, and waits for a batch without
    an execution.

    Raises:
        InputMismatchError: Another execution has the name.
    """
    if record.lane is None or record.lane.lane is Lane.STANDARD:
        start_execution(ctx, workflow, record)
        return
    tasks.pool(record.task_id, ctx.clock.now())
    ctx.log(LogEvent.TASK_POOLED, task_id=record.task_id, tier=record.tier, until=record.lane.until)


def has_execution(workflow: Workflow, record: TaskRecord) -> bool:
    """Return whether the claimed task's execution exists: it counts as started then."""
    if record.execution_input is None:
        return False
    return workflow.input_of(execution_name(record.task_id, record.generation)) == record.execution_input


def start_again(ctx: Context, tasks: TaskStore, workflow: Workflow, record: TaskRecord) -> None:
    """Start what a person had started anew, and mark the task: what is claimed for one and not marked is unfinished.

    Raises:
        InputMismatchError: Another execution has the name.
    """
    start_execution(ctx, workflow, record)
    tasks.start(record.task_id, ctx.clock.now())


def start_execution(ctx: Context, workflow: Workflow, record: TaskRecord) -> None:
    """Start the claimed task's execution by its stored input, or find it started; its first call marks the task.

    Raises:
        InputMismatchError: Another execution has the name.
    """
    assert record.execution_input is not None
    execution = workflow.start(execution_name(record.task_id, record.generation), record.execution_input)
    if not execution.started and execution.input != record.execution_input:
        raise InputMismatchError(f"task {record.task_id}: an execution has its name and another input")
    source = record.decision.source if record.decision else None
    ctx.log(
        LogEvent.TASK_STARTED,
        task_id=record.task_id,
        generation=record.generation,
        tier=record.tier,
        source=source,
    )
