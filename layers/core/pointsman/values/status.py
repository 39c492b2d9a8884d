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


ENDED = frozenset({Status.COMPLETED, Status.FAILED})
