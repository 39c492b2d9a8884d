"""How far a phase has come: a bar on a terminal, else a line now and then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

LINE_SECONDS = 5.0
type Tell = Callable[[int, int], None]
"""Is given how many messages are accounted for, and how many are sent."""


@contextmanager
def shown(console: Console, name: str, total: int) -> Iterator[Tell]:
    """Show the progress of a phase of `total` messages."""
    began = time.monotonic()
    if console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as bar:
            task = bar.add_task(name, total=total)
            yield lambda done, _: bar.update(task, completed=done)
        return
    console.print(f"{name}: {total} to send", highlight=False)
    told = [began, 0.0]

    def line(done: int, sent: int) -> None:
        now = time.monotonic()
        if done == total or (now - told[0] >= LINE_SECONDS and done != told[1]):
            words = f"  {done} of {total} accounted for, {sent - done} under way, {now - began:.1f} s"
            console.print(words, highlight=False)
            told[:] = now, done

    yield line
