"""A task's call, whoever makes it: what is sent, and what becomes of the result before it is settled."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pointsman.contracts.task import Task, read_task
from pointsman.execution import model_schema, subtasks
from pointsman.execution.calls import CallSpec, Purpose
from pointsman.execution.outcome import GOOD, CallResult, Outcome
from pointsman.execution.output_room import task_room
from pointsman.execution.records import TaskRecord
from pointsman.execution.subtasks import Split
from pointsman.execution.workflow_state import WorkflowState
from pointsman.ports import PayloadStore
from pointsman.prompts import system_for
from pointsman.services.call import Interpretation
from pointsman.services.context import Context
from pointsman.services.sender_limits import spender_of, tier_bound
from pointsman.services.split_answers import may_split_here, parent_of, split_result, store_subtasks
from pointsman.services.verification import check_ahead
from pointsman.values import strict_json
from pointsman.values.errors import NotKeptError
from pointsman.values.log_events import LogEvent
from pointsman.values.taxonomy import Tier


@dataclass(frozen=True, slots=True)
class TaskCalls:
    """Calls for tasks: a tier function makes one at a time, the economy lane many in a batch."""

    ctx: Context
    payloads: PayloadStore

    def task(self, record: TaskRecord) -> Task:
        """Return the task of a record; its text's time in the store begins again where it is old."""
        return read_task(strict_json.loads(self.payloads.fetch(record.body, renew=True)))

    def spec(self, state: WorkflowState, record: TaskRecord, task: Task, function: str) -> CallSpec:
        """Return the first call for the task at `state`, which `function` makes."""
        model = self.ctx.policy.catalog.get(state.here.model)
        room = task_room(self.ctx.policy.config.pointsman, task, state.here.tier, record.type, model)
        tier, splits = state.here.tier, may_split_here(state, task)
        schema = subtasks.SPLIT_SCHEMA if splits else model_schema.grammar_of(task.output_schema or {})
        stated = model_schema.in_words(task.output_schema) if task.output_schema is not None and not schema else None
        *earlier, last = task.turns
        return CallSpec(
            purpose=Purpose.TASK,
            task_id=state.task_id,
            attempt_id=state.attempt_id,
            model=state.here.model,
            tier=tier,
            function=function,
            type=record.type,
            parent_id=task.parent_id or (state.task_id if splits else None),  # its subtasks' group in the report
            metadata=task.metadata,
            sender=record.sender,
            limited=record.limited,
            family=record.family,
            hop=state.hop,
            previous_outcome=state.reason,
            came_from=state.plan[state.hop - 1].model if state.hop else None,
            prompt=last.text,
            system=system_for(tier, task.system, splits=splits, stated_schema=stated),
            effort=room.effort,
            max_output_tokens=room.cap,
            schema=schema,
            json_only=stated is not None,
            stop=tuple(task.stop or ()),
            earlier=tuple(earlier),
        )

    def interpreter(
        self, state: WorkflowState, record: TaskRecord, task: Task
    ) -> Callable[[CallResult], Interpretation]:
        """Return what makes of a result the answer to store: its subtasks read, its checks announced."""
        splits = may_split_here(state, task)
        bound = tier_bound(self.ctx, spender_of(record), Tier.REASONING) if splits else None

        def interpret(result: CallResult) -> Interpretation:
            split = None
            if splits:
                parent = parent_of(state, record, self.ctx.clock.now())
                result, split = split_result(result, parent, bound and bound[0])
            if not split and (check := check_ahead(self.ctx, state, record, result, task.output_schema)):
                result = replace(result, check=check)
            return self._stored(state, result, split)

        return interpret

    def _stored(self, state: WorkflowState, result: CallResult, split: Split | None) -> Interpretation:
        """Store an answer; one that cannot be stored is paid all the same, and followed as one without text."""
        if result.outcome not in GOOD:
            return Interpretation(result)
        try:
            answer = self.payloads.keep_answer(result.text, f"{state.task_id}/answer.{state.attempt_id}")
            batch = store_subtasks(self.payloads, state, split, answer) if split else None
        except NotKeptError as trouble:
            self.ctx.log(
                LogEvent.ANSWER_NOT_STORED,
                level="error",
                task_id=state.task_id,
                turn=state.attempt_id,
                detail=str(trouble),
            )
            lost = replace(result, outcome=Outcome.EMPTY, ours=True, check=None)
            return Interpretation(replace(lost, detail=f"answer not stored: {trouble}"))
        return Interpretation(result, answer, batch)
