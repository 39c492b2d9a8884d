"""Processor time of processes, and whether the machine was busy with something else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BUSY_ABOVE = 0.1
"""Share of the processors that others may take before a figure is marked."""


def seconds_of(pid: int) -> float:
    """Return the processor time, user and system, that a running process and its threads have used, in seconds."""
    return time.clock_gettime(
        (~pid << 3) | 2
    )  # Linux: CPUCLOCK_SCHED of that process, as clock_getcpuclockid(3) has it


def child_of(pid: int) -> int:
    """Return the one child process of a process."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    if len(children) == 1:
        return int(children[0])
    (child,) = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal() and _parent_of(path) == pid)
    return child


def _parent_of(path: Path) -> int | None:
    try:
        return int((path / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


@dataclass
class Load:
    """What others took of the processors while something was measured."""

    before: float = 0.0
    """Share of all processors in use just before."""
    stolen: float = 0.0
    """Share that the machine's host kept meanwhile."""

    @property
    def busy(self) -> bool:
        """Whether figures of this time may be off."""
        return max(self.before, self.stolen) > BUSY_ABOVE

    @property
    def words(self) -> str:
        """Say it for people."""
        return f"{self.before:.0%} in use before, {self.stolen:.0%} kept by the host"


@contextmanager
def watched(seconds: float = 1.0, looks: int = 10) -> Iterator[Load]:
    """Look at the machine for some seconds, again until it has come to rest or so many times, then yield what it did at
    last; `stolen` is known when the block ends.
    """
    load, begin = Load(before=1.0), _counters()
    for _ in range(looks):
        first = begin
        time.sleep(seconds)
        begin = _counters()
        load.before = 1 - _share(first, begin, (3, 4))
        if not load.busy:
            break
    yield load
    load.stolen = _share(begin, _counters(), (7,))


def _counters() -> list[int]:
    """Return user, nice, system, idle, iowait, irq, softirq, steal of all processors together, in ticks (proc(5))."""
    return [int(ticks) for ticks in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]


def _share(begin: list[int], end: list[int], columns: tuple[int, ...]) -> float:
    spent = [after - before for before, after in zip(begin, end, strict=True)]
    return sum(spent[column] for column in columns) / max(sum(spent), 1)
