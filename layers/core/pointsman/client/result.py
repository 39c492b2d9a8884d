"""How a task ended, for its caller."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

from pointsman.execution import subtasks
from pointsman.execution.records import TaskRecord
from pointsman.execution.waiting import waited_for
from pointsman.values.errors import PointsmanError
from pointsman.values.money import usd
from pointsman.values.status import Status
from pointsman.values.usage import Usage


class NoAnswerError(PointsmanError):
    """A task ended without an answer; `result` has its reason and its cost. The root of those below."""

    def __init__(self, words: str, result: "Result") -> None:
        super().__init__(words)
        self.result = result


class TaskFailedError(NoAnswerError):
    """A task was tried and has no answer: refused, blocked, over budget, past its deadline, no model left."""


class TaskCancelledError(NoAnswerError):
    """A task was cancelled by an operator."""


class TaskRejectedError(NoAnswerError):
    """A message was not taken, as when its `task_id` belongs to a task with other content."""


@dataclass(frozen=True, slots=True)
class SubtaskResult:
    """A subtask as it stood when the task that handed it out ended."""

    task_id: str
    status: str
    """`completed`, `failed`, `cancelled`, `rejected`, or `unfinished`: it had not ended in time."""
    answer: str | None
    """Of a completed one only."""
    truncated: bool
    reason: str | None
    type: str | None
    tier: str | None
    model: str | None
    cost_nano_usd: int


@dataclass(frozen=True, slots=True)
class Result:
    """The end of a task: completed, failed, cancelled or rejected."""

    task_id: str
    status: Status
    reason: str | None
    """Why it failed or was rejected: a fixed word, or field and rule."""
    type: str | None
    tier: str | None
    """As decided; None for what was rejected."""
    model: str | None
    """The one that was billed last."""
    answer: str | None
    """Of a completed task only."""
    truncated: bool
    """Whether the answer was cut at its limit of tokens."""
    usage: Usage
    cost_nano_usd: int
    """Nano-dollars of the task's own calls, over all its attempts; its share of a classification is not in it."""
    cost_known: bool
    """False: an attempt's outcome is not known, and it counts at its worst case."""
    attempts: int
    generation: int
    """1, and one more for each replay."""
    parent_id: str | None
    metadata: dict[str, str]
    partial: bool = False
    """Whether the task completed without all of its subtasks."""
    waiting_for: dict[str, Any] | None = None
    """What a failed task waited for in vain: the cap that its cost does not fit under, or what lasted too long."""
    subtasks: tuple[SubtaskResult, ...] = ()
    """Of a task that was split, in the order in which its answer states them."""

    @classmethod
    def of(cls, record: TaskRecord, answer: str | None, answers: Mapping[str, str] | None = None) -> Self:
        """Return the end that a record tells of; `answers` are its subtasks', by id."""
        same = {name: getattr(record, name) for name in cls.__dataclass_fields__ if hasattr(record, name)}
        own = {
            "answer": answer,
            "usage": Usage(**record.usage),
            "cost_nano_usd": record.cost_nano,
            "waiting_for": waited_for(record),
            "partial": subtasks.is_partial(record),
            "subtasks": tuple(
                SubtaskResult(answer=(answers or {}).get(end.task_id), **end.as_item()) for end in record.results
            ),
        }
        return cls(**(same | own))

    @property
    def cost_usd(self) -> Decimal:
        """The cost in exact dollars."""
        return usd(self.cost_nano_usd)

    @property
    def cost_with_subtasks_usd(self) -> Decimal:
        """The cost of the task and its subtasks together, in exact dollars."""
        return usd(self.cost_nano_usd + sum(subtask.cost_nano_usd for subtask in self.subtasks))

    def raise_for_status(self) -> Self:
        """Return the result itself if the task completed.

        Raises:
            TaskFailedError: It failed.
            TaskCancelledError: It was cancelled.
            TaskRejectedError: Its message was rejected.
        """
        if self.status is Status.COMPLETED:
            return self
        raise _ERRORS[self.status](f"task {self.task_id} {self.status}: {self.reason}", self)


_ERRORS: dict[Status, type[NoAnswerError]] = {
    Status.FAILED: TaskFailedError,
    Status.CANCELLED: TaskCancelledError,
    Status.REJECTED: TaskRejectedError,
}
