"""An answer that hands out subtasks: what is asked of the model, and how what it says is stored with the answer."""

from dataclasses import replace

from pointsman.contracts.task import Task
from pointsman.execution import subtasks
from pointsman.execution.outcome import GOOD, CallResult, Outcome
from pointsman.execution.records import Payload, Purpose, Subtasks, TaskRecord
from pointsman.execution.subtasks import NotASplitError, Parent, Split
from pointsman.execution.workflow_state import WorkflowState
from pointsman.ports import PayloadStore
from pointsman.values import strict_json
from pointsman.values.taxonomy import Tier
from pointsman.values.times import to_text


def asked(run: WorkflowState, task: Task) -> bool:
    """Return whether the call that `run` stands at may hand out subtasks: in the orchestration tier, whoever serves."""
    first = run.purpose is Purpose.TASK and not run.kept
    return first and run.here.tier is Tier.ORCHESTRATION and subtasks.may_split(run.task_id, task)


def read(run: WorkflowState, record: TaskRecord, result: CallResult) -> tuple[CallResult, Split | None]:
    """Return the result with the answer proper as its text, and what it hands out; None when it hands out nothing."""
    if result.outcome not in GOOD:
        return result, None
    try:
        split = subtasks.read(result.text, Parent.of(record, to_text(run.deadline)))
    except NotASplitError as error:
        return replace(result, outcome=Outcome.MALFORMED, text="", detail=str(error)), None
    whole = replace(result, outcome=Outcome.ANSWERED, text=split.answer)
    return whole, split if split.drafts else None


def keep(payloads: PayloadStore, run: WorkflowState, split: Split, answer: Payload) -> Subtasks:
    """Store what is handed out, beside the answer that is kept already.

    Raises:
        NotKeptError: it could not be stored at all.
    """
    drafts = payloads.keep_answer(strict_json.dumps(split.drafts), f"{run.task_id}/subtasks.{run.turn}", answer)
    return Subtasks(split.expected, drafts, to_text(run.deadline))
