"""How far a task has come, in the words that are stored."""

from enum import StrEnum


class Status(StrEnum):
    """How far a task has come."""

    CLAIMED = "claimed"
    STARTED = "started"
    WAITING = "waiting"
    """Answered with subtasks, which lie in the queue or further; it ends when they have."""
    COMPLETED = "completed"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    """Ended by an operator, without an answer."""


ENDED = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
CANCEL_REASON = "cancelled"
"""The reason of a cancelled task."""
CANCELLING = "cancelling"
"""How a task is shown that is to end as cancelled as soon as its open call has."""
