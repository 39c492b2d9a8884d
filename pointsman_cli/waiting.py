"""Waits for a task at a terminal and prints each change of its state on stderr."""

from typing import TYPE_CHECKING

from pointsman_cli import output
from pointsman_cli.errors import StillRunningError

if TYPE_CHECKING:
    from pointsman.client import Progress, Result, Sent
    from pointsman_cli.stacks import StackConnection


def wait_for_result(connection: "StackConnection", task: "Sent | str", seconds: float) -> "Result":
    """Return the result of a task, given as what was sent or as its id.

    Raises:
        StillRunningError: It has not ended in time.
    """
    from pointsman.client import NotEndedError

    task_id = task if isinstance(task, str) else task.task_id
    try:
        return next(connection.client.results([task], timeout=seconds, on_progress=_print_progress))
    except NotEndedError as error:
        raise StillRunningError(f"{error}: get its result later with `pointsman result {task_id}`") from None
    except KeyboardInterrupt:
        output.print_note(f"The task continues. Get its result later with `pointsman result {task_id}`.")
        raise


def _print_progress(progress: "Progress") -> None:
    route = f" ({progress.tier}, decided by {progress.decided_by})" if progress.tier else ""
    attempt = f", attempt {progress.attempts}" if progress.attempts > 1 else ""
    output.print_note(f"{progress.task_id}: {progress.state}{route}{attempt}")
