"""Handles signals while processes start and stop."""

import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

_TERMINATING = (signal.SIGTERM, signal.SIGHUP)


def _exit(number: int, _frame: FrameType | None) -> None:
    # A shell reports a program that signal n ended as 128 + n.
    sys.exit(128 + number)


def termination_as_exit() -> AbstractContextManager[None]:
    """Turn SIGTERM and SIGHUP into `SystemExit` within the block, so that it cleans up as for Ctrl-C.

    Only the main thread can catch signals; in any other thread the block just runs.
    """
    return _handled(_TERMINATING, _exit)


def uninterrupted() -> AbstractContextManager[None]:
    """Ignore Ctrl-C, SIGTERM and SIGHUP within the block, which stops processes and takes seconds at most."""
    return _handled((signal.SIGINT, *_TERMINATING), signal.SIG_IGN)


@contextmanager
def _handled(
    numbers: Iterable[signal.Signals], handler: Callable[[int, FrameType | None], None] | signal.Handlers
) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in previous.items():
            signal.signal(number, earlier)
