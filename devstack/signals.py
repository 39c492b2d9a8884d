"""Signals while processes are started and ended."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_TERMINATING = (signal.SIGTERM, signal.SIGHUP)


def _exit(number: int, _frame: FrameType | None) -> None:
    # 128 + n is how a shell tells that signal n ended a program.
    sys.exit(128 + number)


@contextmanager
def termination_as_exit() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block by `SystemExit`, so that what it has started is ended too, as for Ctrl-C.

    Only the main thread can catch signals; in any other the block just runs.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, _exit) for number in _TERMINATING}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C, SIGTERM and SIGHUP in the block: it is what ends the processes, and takes seconds at most."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, *_TERMINATING)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
