"""Many callers in one virtual time, one of them at a time: a seed gives one interleaving, the same each time."""

import heapq
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


class Killed(BaseException):
    """The caller's process is gone; no `except Exception` sees it."""


@dataclass
class _Caller:
    work: Callable[[], Any]
    go: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    trouble: BaseException | None = None


class Interleaving:
    """Runs each caller in a thread of its own, and never two at once."""

    def __init__(self, seed: int) -> None:
        self.now = 0.0
        """Seconds."""
        self.dice = random.Random(seed)
        self._due: list[tuple[float, float, _Caller]] = []
        self._current: _Caller | None = None
        self._back = threading.Event()

    def spawn(self, work: Callable[[], Any], after: float = 0.0) -> None:
        """Have a caller begin so many seconds from now."""
        self._push(_Caller(work), after)

    def sleep(self, seconds: float) -> None:
        """Let others go on for so long; whoever wakes at the same time follows by the dice."""
        caller = self._current
        if caller is None:  # outside of `run`: nobody else is there
            self.now += seconds
            return
        self._push(caller, seconds)
        self._back.set()
        caller.go.wait()
        caller.go.clear()

    def run(self) -> None:
        """Go on until every caller has ended; raise what one of them raised, other than its death."""
        while self._due:
            self.now, _, caller = heapq.heappop(self._due)
            self._current = caller
            self._back.clear()
            if caller.thread is None:
                caller.thread = threading.Thread(target=self._live, args=(caller,), daemon=True)
                caller.thread.start()
            else:
                caller.go.set()
            self._back.wait()
            self._current = None
            if caller.trouble is not None and not isinstance(caller.trouble, Killed):
                raise caller.trouble

    def _push(self, caller: _Caller, seconds: float) -> None:
        heapq.heappush(self._due, (self.now + seconds, self.dice.random(), caller))

    def _live(self, caller: _Caller) -> None:
        try:
            caller.work()
        except BaseException as trouble:  # noqa: BLE001  (handed to whoever runs them)
            caller.trouble = trouble
        self._back.set()
