"""`idle_stack.<what>`: what a local stack that is left on takes, its supervisor included, and how soon it answers.

Memory is proportional (PSS): what processes share is counted once. Processor time is that of all its processes, also of
those that ended meanwhile, over a quarter of an hour in which the sweep runs once. Both after the last task's functions
have ended.
"""

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figure import Figure
from devstack import StackInfo, local_stack, processes
from devstack.at_rest import IDLE_SECONDS
from devstack.supervisor import start_supervisor
from tests.support.local_stack import Stack

MINUTES = 15
MOST_MEGABYTES = 400.0
MOST_PERCENT = 1.0
MOST_SECONDS = 10.0
"""From sending the first task to its answer, with every function cold."""
_TICKS = os.sysconf("SC_CLK_TCK")


def measure(bench: Bench) -> Iterator[Figure]:
    """Start a stack, send a task, leave the stack alone, and measure."""
    minutes = bench.runs(MINUTES)
    keys = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "ANTHROPIC_API_KEY")
    environ = {name: text for name, text in os.environ.items() if name not in keys and name[:4] != "AWS_"}
    with tempfile.TemporaryDirectory(prefix="pointsman-idle-") as folder:
        _ = bench.built  # as any start but the first finds it
        began = time.monotonic()
        with local_stack(Path(folder), environ=environ) as info:
            start_supervisor(info, environ)
            yield _figure("up", time.monotonic() - began, "s", None)
            sent = time.monotonic()
            stack = Stack(info)
            stack.ended(stack.send(prompt="Is the nightly build green?", tier="orchestration"))
            yield _figure("first_answer", time.monotonic() - sent, "s", MOST_SECONDS)
            yield _figure("memory_after_a_task", _megabytes(info), "MB", None)
            time.sleep(IDLE_SECONDS + 60)  # the emulator looks for idle workers every 30 s
            before, since, memory = _processor_seconds(info), time.monotonic(), list[float]()
            while time.monotonic() - since < minutes * 60:
                time.sleep(15)
                memory.append(_megabytes(info))
            used = (_processor_seconds(info) - before) / (time.monotonic() - since)
            yield _figure("memory", max(memory), "MB", MOST_MEGABYTES)
            yield _figure("memory_at_rest", min(memory), "MB", None)
            yield _figure("processor", used * 100, "%", MOST_PERCENT)


def _figure(name: str, value: float, unit: str, target: float | None) -> Figure:
    peer = "its bound" if target else "no bound"
    return Figure(f"idle_stack.{name}", value, unit, peer, target or 0.0, 1, target=target, judged="value")


def _folders(info: StackInfo) -> Iterator[Path]:
    """Yield the folder in /proc of each process of a stack."""
    mark = f"{processes.MARK}={info.token}".encode()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and mark in (entry / "environ").read_bytes().split(b"\0"):
                yield entry
        except OSError:  # it has just ended, or is another user's
            continue


def _megabytes(info: StackInfo) -> float:
    total = 0
    for folder in _folders(info):
        try:
            lines = (folder / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def _processor_seconds(info: StackInfo) -> float:
    """Return what the living have used, with their children that have ended."""
    ticks = 0
    for folder in _folders(info):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime: fields 14 to 17
    return ticks / _TICKS
