"""Waiting for a task at a terminal: each change of its state is told, a line on stderr, until it has ended."""

from typing import TYPE_CHECKING

from pointsman_cli import output
from pointsman_cli.errors import StillRunningError

if TYPE_CHECKING:
    from pointsman.client import Progress, Result, Sent
    from pointsman_cli.stacks import StackConnection


def until_ended(found: "StackConnection", task: "Sent | str", seconds: float) -> "Result":
    """Return how the task ended; `task` is what was sent, or its id.

    Raises:
        NotEndedError: The time is over.
    """
    from pointsman.client import NotEndedError as TooLate

    task_id = task if isinstance(task, str) else task.task_id
    try:
        return next(found.client.results([task], timeout=seconds, on_progress=_tell))
    except TooLate as error:
        raise StillRunningError(f"{error}: ask later with `pointsman result {task_id}`") from None
    except KeyboardInterrupt:
        output.print_note(f"The task goes on: ask later with `pointsman result {task_id}`.")
        raise


def _tell(progress: "Progress") -> None:
    way = f" ({progress.tier}, decided by {progress.decided_by})" if progress.tier else ""
    tries = f", attempt {progress.attempts}" if progress.attempts > 1 else ""
    output.print_note(f"{progress.task_id}: {progress.state}{way}{tries}")
