"""What the tools return: clients get these types with their docstrings."""

from typing import Any, TypedDict

from pointsman_cli.limits import CapState


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
    """The state of a task. `ended` is true once it is completed, failed, cancelled or rejected."""

    task_id: str
    ended: bool
    status: str
    answer: str | None
    truncated: bool
    waiting_for: dict[str, Any] | None
    """Of a task that waits, or that failed for it: `what`, `until`, and `do` for whoever does not want to wait."""
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
    """Deprecated: `estimated_cost_nano_usd` is exact."""
    estimated_cost_nano_usd: int | None


class BudgetCap(CapState):
    """A cap of the budget, as `pointsman budget` shows it. `name` and the amounts in dollars are deprecated."""

    name: str
    """Deprecated: `cap`."""
    limit_usd: str
    spent_usd: str
    left_usd: str


class QuotaState(TypedDict):
    """A free tier's requests today. `requests_a_day` is None if no limit is known."""

    model: str
    requests: int
    requests_a_day: int | None


class BudgetState(TypedDict):
    """The budget of the month so far."""

    month: str
    spent_nano_usd: int
    reserved_nano_usd: int
    projected_nano_usd: int | None
    spent_usd: str
    reserved_usd: str
    projected_usd: str | None
    caps: list[BudgetCap]
    when_exhausted: dict[str, str]
    quotas: list[QuotaState]
    stand_in: bool
