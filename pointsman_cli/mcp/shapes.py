"""The results of the tools. Clients get these types as output schemas."""

from typing import TypedDict


class Submitted(TypedDict):
    """A task in the queue."""

    task_id: str
    stand_in: bool
    """Whether a stand-in answers on this stack instead of a model."""


class Subtask(TypedDict):
    """A subtask at the time when its parent ended."""

    task_id: str
    status: str
    answer: str | None
    reason: str | None
    type: str | None
    model: str | None


class TaskState(TypedDict):
    """The state of a task. `ended` is true once it is completed, failed or rejected."""

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
    """The cost without its subtasks."""
    partial: bool
    """Whether it completed while some of its subtasks did not."""
    subtasks: list[Subtask]
    """The subtasks of a split task that has ended."""
    stand_in: bool


class Estimate(TypedDict):
    """Which model would run a task, and the cost. `model` is None if none may."""

    type: str
    tier: str
    model: str | None
    source: str
    confidence: float
    reason: str
    estimated_cost_usd: float | None


class CapState(TypedDict):
    """A cap of the budget. Amounts are exact, in dollars."""

    name: str
    """`month`, `month_<tier>`, `day_21` or `day_21_<tier>`."""
    limit_usd: str
    spent_usd: str
    left_usd: str
    percent: float | None


class QuotaState(TypedDict):
    """A free tier's requests today. `requests_a_day` is None if no limit is known."""

    model: str
    requests: int
    requests_a_day: int | None


class BudgetState(TypedDict):
    """The budget of the month so far."""

    month: str
    spent_usd: str
    reserved_usd: str
    projected_usd: str | None
    caps: list[CapState]
    when_exhausted: dict[str, str]
    quotas: list[QuotaState]
    stand_in: bool
