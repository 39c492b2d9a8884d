"""An answer that hands out subtasks: what is asked of the model, and how its answer is stored."""

from dataclasses import replace
from datetime import datetime, timedelta

from pointsman.contracts.task import Task
from pointsman.execution import subtasks
from pointsman.execution.calls import Purpose
from pointsman.execution.outcome import GOOD, CallResult, Outcome
from pointsman.execution.records import Payload, SubtaskBatch, TaskRecord
from pointsman.execution.subtasks import NotASplitError, Parent, Split
from pointsman.execution.workflow_state import WorkflowState
from pointsman.ports import PayloadStore
from pointsman.values import strict_json
from pointsman.values.taxonomy import Tier
from pointsman.values.times import to_text

LONGEST_SUBTASK_TIME = timedelta(days=60)
"""How long subtasks may take from the answer that hands them out, whatever the deadline is: that answer is told once
they have ended, and the bucket drops it after 90 days (template.yaml)."""


def may_split_here(state: WorkflowState, task: Task) -> bool:
    """Return whether the call at `state` may hand out subtasks: in the orchestration tier, whoever serves."""
    first = state.purpose is Purpose.TASK and not state.has_answer
    return first and state.here.tier is Tier.ORCHESTRATION and subtasks.may_split(state.task_id, task)


def parent_of(state: WorkflowState, record: TaskRecord, now: datetime) -> Parent:
    """Return what subtasks that are handed out now have from the task."""
    return Parent.of(record, to_text(min(state.deadline, now + LONGEST_SUBTASK_TIME)))


def split_result(result: CallResult, parent: Parent, highest: Tier | None = None) -> tuple[CallResult, Split | None]:
    """Return the result with the answer proper as its text, and what it hands out; None when it hands out nothing.

    `highest` is the highest tier that the sender may use, where there is one.
    """
    if result.outcome not in GOOD:
        return result, None
    try:
        split = subtasks.read_split(result.text, parent, highest)
    except NotASplitError as error:
        return replace(result, outcome=Outcome.MALFORMED, text="", detail=str(error)), None
    whole = replace(result, outcome=Outcome.ANSWERED, text=split.answer)
    return whole, split if split.drafts else None


def store_subtasks(payloads: PayloadStore, state: WorkflowState, split: Split, answer: Payload) -> SubtaskBatch:
    """Store what is handed out, beside the answer that is stored already.

    Raises:
        NotKeptError: It could not be stored at all.
    """
    key = f"{state.task_id}/subtasks.{state.attempt_id}"
    drafts = payloads.keep_answer(strict_json.dumps(split.drafts), key, answer)
    return SubtaskBatch(split.expected, drafts, split.deadline)
