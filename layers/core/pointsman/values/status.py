"""How far a task has come, in the words that are stored."""

from enum import StrEnum


class Status(StrEnum):
    """How far a task has come."""

    CLAIMED = "claimed"
    STARTED = "started"
    """A model was called for it, or a person had it run anew."""
    WAITING = "waiting"
    """Answered with subtasks, which lie in the queue or further; it ends when they have."""
    COMPLETED = "completed"
    FAILED = "failed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    """Ended by an operator, without an answer."""


UNDER_WAY = frozenset({Status.CLAIMED, Status.STARTED})
"""A claimed task may have its execution already: its first call marks it as started."""
ENDED = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
CANCEL_REASON = "cancelled"
"""The reason of a cancelled task."""
CANCELLING = "cancelling"
"""How a task is shown that is to end as cancelled as soon as its open call has."""
