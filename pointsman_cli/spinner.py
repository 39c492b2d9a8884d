"""A line on stderr that says what is waited for, and for how long; on terminals only."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pointsman_cli import output

_FRAMES = "|/-\\"
_SECONDS = 0.2
"""Between two frames."""


@contextmanager
def spinner() -> Iterator[Callable[[str], None]]:
    """Yield a function that changes what the line says. The line is erased at the end."""
    text, began, over = "", time.monotonic(), threading.Event()

    def change(words: str) -> None:
        nonlocal text
        text = words

    def turn(show: Callable[[str], None]) -> None:
        frame = 0
        while not over.wait(_SECONDS):
            frame += 1
            show(f"{_FRAMES[frame % len(_FRAMES)]} {elapsed(time.monotonic() - began)}  {text}")

    with output.progress() as show:
        thread = threading.Thread(target=turn, args=(show,), daemon=True)
        if output.shows_progress():
            thread.start()
        try:
            yield change
        finally:
            over.set()
            if thread.is_alive():
                thread.join()


def elapsed(seconds: float) -> str:
    """Return a duration: `8 s`, `2 min 05 s`."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
