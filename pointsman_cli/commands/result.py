"""`pointsman result`: the answer to a task."""

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman_cli import output
from pointsman_cli.commands.status import waiting_summary
from pointsman_cli.errors import Exit, StillRunningError
from pointsman_cli.options import AsJson, StackOptions
from pointsman_cli.spinner import elapsed, spinner

if TYPE_CHECKING:
    from pointsman.client import Progress, Result, Sent
    from pointsman_cli.stacks import StackConnection


_FIRST_LOOK_SECONDS = 4.0
"""When that is asked first: by then a task has made its first call, or may not make it."""
_LOOK_SECONDS = 15.0
"""How often a task that is waited for is asked what it waits for itself."""


def result(
    stack: StackOptions,
    task_id: Annotated[str, typer.Argument(metavar="TASK_ID", help="The task's id.")],
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until the task ends, even if it has not arrived yet.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="Maximum wait with --wait. Exits with 4 afterwards.")
    ] = 900,
    as_json: AsJson = False,
) -> int:
    """Print a task's answer, followed by its subtasks' answers.

    Exits with 1 if the task failed or was rejected, and with 4 if it is still running.
    """
    from pointsman_cli import tasks

    connection = stack.connect()
    task_id = connection.task_id(task_id)
    ended = wait_for_result(connection, task_id, timeout) if wait else connection.client.result(task_id)
    if ended is None:
        record = tasks.read_sent_task(connection, task_id)
        waiting = tasks.read_waiting(connection.runtime, record)
        state = f"{waiting.view}: {waiting.words()}" if waiting else tasks.status_of(record)
        raise StillRunningError(f"task {task_id} has not ended: it is {state}; try again later, or add --wait")
    return print_result(tasks.result_document(ended, stand_in=connection.stand_in), connection, as_json=as_json)


def wait_for_result(connection: "StackConnection", task: "Sent | str", seconds: float) -> "Result":
    """Return the result of a task, given as what was sent or as its id.

    Raises:
        StillRunningError: It has not ended in time.
    """
    from pointsman.client import NotEndedError

    task_id = task if isinstance(task, str) else task.task_id
    began, until, pause = time.monotonic(), time.monotonic() + seconds, _FIRST_LOOK_SECONDS
    try:
        with spinner() as show:
            news = _News(connection, task_id, show if output.shows_progress() else output.print_note)
            while True:
                left = max(until - time.monotonic(), 0)
                try:
                    turn = connection.client.results([task], timeout=min(left, pause), on_progress=news.progress)
                    result = next(turn)
                    break
                except NotEndedError:
                    news.look()
                last, pause = left <= pause, _LOOK_SECONDS
                if last:
                    late = f"task {task_id} has not ended within {seconds:g} s: it is {news.state}"
                    raise StillRunningError(f"{late}; get its result later with `pointsman result {task_id}`")
        if output.shows_progress():
            seconds_taken = time.monotonic() - began
            took = elapsed(seconds_taken) if seconds_taken >= 1 else "under 1 s"
            output.print_note(f"{result.model or 'no call'}, {output.exact_dollars(result.cost_nano_usd)}, {took}")
        return result
    except KeyboardInterrupt:
        output.print_note(f"The task continues. Get its result later with `pointsman result {task_id}`.")
        raise


class _News:
    """Tells what changes of a task that is waited for."""

    def __init__(self, connection: "StackConnection", task_id: str, tell: Callable[[str], None]) -> None:
        self._connection, self._task_id, self._tell = connection, task_id, tell
        self._progress: Progress | None = None
        self.state = "queued"

    def progress(self, progress: "Progress") -> None:
        """Print how far the task has come."""
        if progress == self._progress:
            return
        route = f" ({progress.tier}, decided by {progress.decided_by})" if progress.tier else ""
        attempt = f", attempt {progress.attempts}" if progress.attempts > 1 else ""
        self._progress, self.state = progress, progress.state
        self._tell(f"{self._task_id}: {progress.state}{route}{attempt}{self._model(progress)}")

    def _model(self, progress: "Progress") -> str:
        """Return the model that the task is planned on, for the line of a terminal only: it takes one more read."""
        record = self._connection.client.read(self._task_id) if progress.tier and output.shows_progress() else None
        plan = json.loads(record.execution_input)["plan"] if record and record.execution_input else []
        return f", on {plan[0]['model']}" if plan else ""

    def look(self) -> None:
        """Print what the task waits for between two attempts."""
        from pointsman_cli import tasks

        record = self._connection.client.read(self._task_id)
        waiting = tasks.read_waiting(self._connection.runtime, record) if record else None
        state = f"{waiting.view}: {waiting.words()}" if waiting else self.state
        if waiting and state != self.state:
            self._tell(f"{self._task_id}: {state}")
        self.state = state


def print_result(result: dict[str, Any], connection: "StackConnection", *, as_json: bool) -> int:
    """Print how a task ended, and return the exit code."""
    completed = result["status"] == "completed"
    if as_json:
        output.print_document(result)
    elif completed:
        connection.say_stand_in()
        if result["truncated"]:
            output.print_note("The answer was cut off at the token limit.")
        output.print_text(result["answer"])
    else:
        waiting = result["waiting_for"]
        why = f", waited for {waiting_summary(waiting)}: {waiting['do']}" if waiting else ""
        output.print_note(f"pointsman: task {result['task_id']} {result['status']}: {result['reason']}{why}")
    if not as_json:
        _print_subtasks(result)
    return Exit.OK if completed else Exit.FAILED


def _print_subtasks(result: dict[str, Any]) -> None:
    if result["partial"]:
        output.print_note("Some subtasks did not complete.")
    for subtask in result["subtasks"]:
        outcome = subtask["status"] + (f": {subtask['reason']}" if subtask["reason"] else "")
        output.print_text(f"\n--- {subtask['task_id']} ({subtask['type'] or 'not classified'}), {outcome}")
        if subtask["answer"] is not None:
            output.print_text(subtask["answer"])
