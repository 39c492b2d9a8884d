"""What the tools return, as clients see it in their output schemas."""

from typing import TypedDict


class Submitted(TypedDict):
    """A task that lies in the queue."""

    task_id: str
    stand_in: bool
    """Whether answers on this stack come from a stand-in and from no model."""


class Subtask(TypedDict):
    """A subtask as it stood when the task that handed it out ended."""

    task_id: str
    status: str
    answer: str | None
    reason: str | None
    type: str | None
    model: str | None


class TaskState(TypedDict):
    """How far a task has come; `ended` once it is completed, failed or rejected."""

    task_id: str
    ended: bool
    status: str
    answer: str | None
    truncated: bool
    reason: str | None
    type: str | None
    tier: str | None
    model: str | None
    attempts: int
    cost_usd: str | None
    """Without its subtasks'."""
    partial: bool
    """Whether it completed without all of its subtasks."""
    subtasks: list[Subtask]
    """Of a split task that has ended."""
    stand_in: bool


class Estimate(TypedDict):
    """Who would do a task, and for how much; `model` is None where none may."""

    type: str
    tier: str
    model: str | None
    source: str
    confidence: float
    reason: str
    estimated_cost_usd: float | None


class CapState(TypedDict):
    """A cap of the budget. Money is in dollars, exactly."""

    name: str
    """`month`, `month_<tier>`, `day_21` or `day_21_<tier>`."""
    limit_usd: str
    spent_usd: str
    left_usd: str
    percent: float | None


class QuotaState(TypedDict):
    """What of a free tier's requests of the day is used; None: no limit is known."""

    model: str
    requests: int
    requests_a_day: int | None


class BudgetState(TypedDict):
    """The month up to now."""

    month: str
    spent_usd: str
    reserved_usd: str
    projected_usd: str | None
    caps: list[CapState]
    when_exhausted: dict[str, str]
    quotas: list[QuotaState]
    stand_in: bool
