"""Shows the progress of a phase: a bar on a terminal, otherwise a line every few seconds."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

_LINE_SECONDS = 5.0
type ProgressUpdate = Callable[[int, int], None]
"""Called with the number of settled messages and the number of sent ones."""


@contextmanager
def show_progress(console: Console, name: str, total: int) -> Iterator[ProgressUpdate]:
    """Show the progress of a phase of `total` messages."""
    began = time.monotonic()
    if console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as bar:
            task = bar.add_task(name, total=total)
            yield lambda done, _: bar.update(task, completed=done)
        return
    console.print(f"{name}: {total} to send", highlight=False)
    last_at, last_done = began, 0

    def print_line(done: int, sent: int) -> None:
        nonlocal last_at, last_done
        now = time.monotonic()
        if done == total or (now - last_at >= _LINE_SECONDS and done != last_done):
            line = f"  {done} of {total} done, {sent - done} in progress, {now - began:.1f} s"
            console.print(line, highlight=False)
            last_at, last_done = now, done

    yield print_line
