"""Discrete events: processes that wait for time, for a place, or for a gate to open."""

import heapq
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field


@dataclass
class Places:
    """A number of places, taken in the order of asking."""

    number: int
    taken: int = 0
    most: int = 0
    busy: float = 0.0
    """Place seconds."""
    waiting: "deque[Process]" = field(default_factory=deque)
    _since: float = 0.0

    def change(self, by: int, now: float) -> None:
        """Take places, or give them back, and add up how long they were taken."""
        self.busy += self.taken * (now - self._since)
        self.taken, self._since = self.taken + by, now
        self.most = max(self.most, self.taken)


@dataclass
class Gate:
    """Lets one process go on each time that it opens."""

    waiting: "deque[Process]" = field(default_factory=deque)


@dataclass
class Rate:
    """At most so many in any window of seconds."""

    most: float
    window: float
    used: int = 0
    _at: deque[float] = field(default_factory=deque)

    def free_in(self, now: float) -> float:
        """Return the seconds until one more fits."""
        while self._at and self._at[0] <= now - self.window:
            self._at.popleft()
        return 0.0 if len(self._at) < self.most else self._at[0] + self.window - now

    def take(self, now: float) -> None:
        """Count one."""
        self._at.append(now)
        self.used += 1


type Process = Generator[float | Places | Gate]
"""Yields the seconds that it waits, the places of which it wants one, or a gate."""


class Simulation:
    """Runs processes in the order of their times."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Process]] = []
        self._number = 0

    def spawn(self, process: Process, after: float = 0.0) -> None:
        """Start a process."""
        self._number += 1
        heapq.heappush(self._events, (self.now + after, self._number, process))

    def open(self, gate: Gate) -> None:
        """Let the process go on that has waited longest, if one waits."""
        if gate.waiting:
            self.spawn(gate.waiting.popleft())

    def take(self, places: Places) -> bool:
        """Take a place if there is one."""
        if places.taken >= places.number:
            return False
        places.change(1, self.now)
        return True

    def give_back(self, places: Places) -> None:
        """Give a place back; whoever has waited longest gets it."""
        places.change(-1, self.now)
        if places.waiting:
            places.change(1, self.now)
            self.spawn(places.waiting.popleft())

    def run(self) -> None:
        """Run until nothing is left to happen; processes at a gate are left there."""
        while self._events:
            self.now, _, process = heapq.heappop(self._events)
            self._go_on(process)

    def _go_on(self, process: Process) -> None:
        for step in process:
            if isinstance(step, Gate):
                step.waiting.append(process)
            elif not isinstance(step, Places):
                self.spawn(process, after=step)
            elif self.take(step):
                continue
            else:
                step.waiting.append(process)
            return
