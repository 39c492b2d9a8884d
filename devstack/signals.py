"""Handles signals while processes start and stop."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_TERMINATING = (signal.SIGTERM, signal.SIGHUP)


def _exit(number: int, _frame: FrameType | None) -> None:
    # A shell reports a program that signal n ended as 128 + n.
    sys.exit(128 + number)


@contextmanager
def termination_as_exit() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into `SystemExit` within the block, so that it cleans up as for Ctrl-C.

    Only the main thread can catch signals; in any other thread the block just runs.
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
    """Ignore Ctrl-C, SIGTERM and SIGHUP within the block, which stops processes and takes seconds at most."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, *_TERMINATING)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
