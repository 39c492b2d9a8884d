"""`orchestration_p95`: from the queue to Task Completed through the whole local stack, with a model that takes 500 ms.

The emulator's own share is measured beside it (`benchmarks.empty_path`).
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.cold_to_done import slow_models
from benchmarks.empty_path import EmptyPath
from benchmarks.figure import Figure, median, p95
from pointsman.values.times import parse_time
from tests.support.local_stack import Stack, worker_commands

TARGETS = {"warm": 620.0, "cold": 1600.0}
"""Milliseconds at p95, the emulator's share taken out."""
COLD = {"warm": (), "cold": ("Function", "-ping", "-run")}
"""Parts of the names of the functions that are cold, the empty ones beside ours."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure warm and cold, the emulator's share in turns with the whole."""
    stack = bench.stack
    empty = EmptyPath(stack)
    with slow_models(stack):
        for state, n in (("warm", bench.runs(15)), ("cold", bench.runs(9))):
            whole, share = list[float](), list[float]()
            _task(stack)
            empty.run()
            for _ in range(n):
                stack.delete_model_health()
                _chill(stack, *COLD[state])
                share.append(empty.run())
                whole.append(_task(stack))
            overhead = [seconds - median(share) for seconds in whole]
            name = f"orchestration_p95.{state}"
            yield Figure(f"{name}.whole", median(whole), "ms", "the emulator's share", median(share), n, p95(whole))
            yield Figure(
                name,
                p95(overhead),
                "ms at p95",
                "the model's 500 ms",
                500.0,
                n,
                target=TARGETS.get(state),
                judged="value",
            )


def _task(stack: Stack) -> float:
    """Return the milliseconds from sending one task to its delivery."""
    sent = time.time()
    record = stack.ended(stack.send(prompt="Which job goes first, backup or invoices?", type="orchestration"))
    assert record.delivered_at
    return (parse_time(record.delivered_at).timestamp() - sent) * 1000


def _chill(stack: Stack, *names: str) -> None:
    """End the processes of functions with such names, so that each is cold at its next invocation."""
    for pid, command in worker_commands(stack):
        if any(name in command for name in names):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
