"""What the workflow service says of an execution: its start, its wait, its end."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class DeadExecution:
    """An execution that ended otherwise than by its own success."""

    name: str
    status: str
    """Step Functions' own word: `FAILED`, `TIMED_OUT` or `ABORTED`."""


@dataclass(frozen=True, slots=True)
class Execution:
    """What the workflow service says to a start."""

    started: bool
    input: str | None = None
    """Of the execution that has the name already."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A wait between two attempts."""

    since: datetime
    state: dict[str, Any]
    """The workflow's state object."""
