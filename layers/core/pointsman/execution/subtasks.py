"""One message, many tasks: what an answer may hand out as subtasks, what these inherit, and how they add up."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.contracts.task import Rejection, Task, read_task
from pointsman.execution.budget import Family
from pointsman.execution.records import SubtaskEnd, SubtaskRef, TaskRecord
from pointsman.values import lenient_json, strict_json
from pointsman.values.limits import LARGEST_BODY
from pointsman.values.status import ENDED, Status
from pointsman.values.taxonomy import TIER_OF, TaskType, Tier, higher

MOST_SUBTASKS = 20
"""Of one answer."""
_DRAFT_FIELDS = ("prompt", "type", "system", "max_output_tokens")
"""All that an answer says of a subtask; whatever else stands there is ignored."""
SPLIT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "answer": {"type": "string"},
        "subtasks": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "prompt": {"type": "string"},
                    "type": {"type": "string", "enum": [str(kind) for kind in TaskType]},
                    "system": {"type": "string"},
                    "max_output_tokens": {"type": "integer"},
                },
                "required": ["prompt"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["answer", "subtasks"],
    "additionalProperties": False,
}
"""Of the answer. Claude's structured output refuses `maxItems` and `minimum` (GitHub, agentjido/req_llm 707 and 302,
read 2026-11-24): these rules are ours to hold."""
NONE_COMPLETED = "subtasks_failed"
"""The reason of a task that failed because all its subtasks did."""
SUBTASK_UNFINISHED, SUBTASK_REJECTED = "unfinished", "rejected"
"""What a subtask is that did not end in time, or that the router did not take."""
_LONGEST_STEM = 64


class NotASplitError(ValueError):
    """An answer is not what the schema asks for. Raised by `read`: the call is booked, and followed like an empty one.

    The message names field and rule, never a value.
    """


@dataclass(frozen=True, slots=True)
class Parent:
    """What subtasks have from the task that they are parts of."""

    task_id: str
    generation: int
    deadline: str
    """As `times.to_text` writes it."""
    private: bool
    metadata: Mapping[str, str]

    @classmethod
    def of(cls, record: TaskRecord, deadline: str) -> "Parent":
        """Return what subtasks of the record have from it; time on hold moves the `deadline` that it was sent with."""
        return cls(record.task_id, record.generation, deadline, record.private, record.metadata)


@dataclass(frozen=True, slots=True)
class Split:
    """An answer that was asked for by the schema."""

    answer: str
    drafts: list[dict[str, Any]]
    """What it says of each subtask."""
    expected: tuple[SubtaskRef, ...]
    deadline: str
    """Theirs, which is part of each one's fingerprint."""


def may_split(task_id: str, task: Task) -> bool:
    """Return whether a task's answer may hand out subtasks: a subtask's may not."""
    return task.split and not is_subtask(task_id, task.parent_id)


def subtask_id(parent_id: str, number: int, generation: int) -> str:
    """Return the id of a parent's subtask, counted from 1: no other parent, number and generation gives the same."""
    long = len(parent_id) > _LONGEST_STEM
    stem = hashlib.sha256(f"subtasks of {parent_id}".encode()).hexdigest() if long else parent_id
    return f"{stem}-s{number:02d}" + (f"-g{generation}" if generation > 1 else "")


def is_subtask(task_id: str, parent_id: str | None) -> bool:
    """Return whether the id is one that this parent's subtasks get; only the parent's record says that it has them."""
    suffix = re.search(r"-s(\d\d)(?:-g(\d{1,9}))?$", task_id) if parent_id else None
    return bool(suffix and parent_id and subtask_id(parent_id, int(suffix[1]), int(suffix[2] or 1)) == task_id)


def family_of(parent: TaskRecord, split_nano: int) -> Family:
    """Return the family of a task's subtasks: that of its `max_cost_usd`, else one for each answer that splits it."""
    return parent.family or Family(f"{parent.task_id}.{parent.generation}", split_nano)


def read_split(text: str, parent: Parent, highest: Tier | None = None) -> Split:
    """Return what an answer says; a type above the `highest` tier that the sender may use goes to that tier.

    Raises:
        NotASplitError: it is cut off, or a subtask is none that the router would take, or there are too many.
    """
    try:
        document = lenient_json.read_object(text, ("answer", "subtasks"))
    except lenient_json.UnreadableError as error:
        raise NotASplitError(str(error)) from None
    answer, entries = document["answer"], document["subtasks"]
    if not isinstance(answer, str) or not isinstance(entries, list):
        raise NotASplitError("answer: must be a string, subtasks: must be a list")
    if len(entries) > MOST_SUBTASKS:
        raise NotASplitError(f"subtasks: must be at most {MOST_SUBTASKS}")
    if not entries and not answer.strip():
        raise NotASplitError("answer: must not be blank without subtasks")
    drafts = [_draft(number, entry, highest) for number, entry in enumerate(entries, 1)]
    messages = enumerate(subtask_messages(parent, drafts), 1)
    return Split(answer, drafts, tuple(_expected(number, message) for number, message in messages), parent.deadline)


def subtask_messages(parent: Parent, drafts: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the subtasks as messages for the queue: the same ones whenever they are made."""
    return [
        {
            **draft,
            "task_id": subtask_id(parent.task_id, number, parent.generation),
            "parent_id": parent.task_id,
            "deadline": parent.deadline,
            "private": parent.private,
            "metadata": dict(parent.metadata),
        }
        for number, draft in enumerate(drafts, 1)
    ]


def _draft(number: int, entry: strict_json.Json, highest: Tier | None) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise NotASplitError(f"subtasks[{number}]: must be an object")
    draft = {name: entry[name] for name in _DRAFT_FIELDS if entry.get(name) is not None}
    kind = draft.get("type")
    tier = TIER_OF.get(TaskType(kind)) if kind in list(TaskType) else None
    if highest and tier and higher(tier, highest) is not highest:
        draft["tier"] = str(highest)
    return draft


def _expected(number: int, message: dict[str, Any]) -> SubtaskRef:
    try:
        task = read_task(message)
    except Rejection as rejection:
        raise NotASplitError(f"subtasks[{number}].{rejection.reason}") from None
    if len(strict_json.portable(strict_json.dumps(message)).encode()) > LARGEST_BODY:
        raise NotASplitError(f"subtasks[{number}]: must be at most {LARGEST_BODY} bytes as a message")
    return SubtaskRef(message["task_id"], task.fingerprint())


def subtask_ends(
    expected: Iterable[SubtaskRef], records: Mapping[str, TaskRecord], *, late: bool
) -> list[SubtaskEnd] | None:
    """Return how the subtasks ended; None while one has not, unless it is too late to wait for it."""
    ends = [_end(ref, records.get(ref.task_id)) for ref in expected]
    return None if not late and any(end.status == SUBTASK_UNFINISHED for end in ends) else ends


def _end(ref: SubtaskRef, record: TaskRecord | None) -> SubtaskEnd:
    """Return what is known of one subtask. Its message is rejected where the id is another task's already."""
    if record is None or record.status is Status.REJECTED:
        return SubtaskEnd(ref.task_id, SUBTASK_UNFINISHED, None, None, None, 0, "deadline", truncated=False)
    if record.fingerprint != ref.fingerprint and not record.is_cancelled_ahead:
        return SubtaskEnd(ref.task_id, SUBTASK_REJECTED, None, None, None, 0, "task_id_conflict", truncated=False)
    ended = record.status in ENDED
    status, reason = (str(record.status), record.reason) if ended else (SUBTASK_UNFINISHED, "deadline")
    return SubtaskEnd(
        task_id=record.task_id,
        status=status,
        type=record.type,
        tier=record.tier,
        model=record.model,
        cost_nano_usd=record.cost_nano,
        reason=reason,
        truncated=record.truncated,
    )


def completed_ids(ends: Iterable[SubtaskEnd]) -> list[str]:
    """Return the ids of the subtasks that have an answer."""
    return [end.task_id for end in ends if end.status == Status.COMPLETED]


def status_counts(ends: Iterable[SubtaskEnd]) -> dict[str, int]:
    """Return how many subtasks ended in each status."""
    counts = Counter(end.status for end in ends)
    ended = (str(Status.COMPLETED), str(Status.FAILED), str(Status.CANCELLED))
    statuses = (*ended, SUBTASK_REJECTED, SUBTASK_UNFINISHED)
    return {status: counts[status] for status in statuses}


def is_partial(record: TaskRecord) -> bool:
    """Return whether a task completed without all of its subtasks."""
    return record.status is Status.COMPLETED and len(completed_ids(record.results)) < len(record.results)
