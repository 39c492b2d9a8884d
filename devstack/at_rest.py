"""What MiniStack does while nothing is asked of it: less.

- It runs no schedule of EventBridge Scheduler. It would run them by UTC alone and forget what it missed; and none
  should run in the middle of a test. The supervisor runs them, where there is one.
- It ends a function's last worker too once it has been idle for some minutes, as Lambda does. MiniStack keeps one of
  each for ever, with all the modules that it has imported.

Like the emulator's script, this runs in MiniStack's own Python and imports nothing else of this project.
"""

import importlib
import time
from typing import Any

IDLE_SECONDS = 600.0
"""Twice the interval of the template's warm-up, which keeps workers."""


def rest_more() -> None:
    """Replace what starts the schedules and what ends the idle workers."""
    importlib.import_module("ministack.services.scheduler").start_scheduler = _start_nothing  # type: ignore[attr-defined]
    runtime = importlib.import_module("ministack.core.lambda_runtime")
    functions = importlib.import_module("ministack.services.lambda_svc")
    end_surplus = functions.reap_idle_workers
    functions.reap_idle_workers = lambda: end_surplus() + end_idle_workers(runtime, time.time())  # type: ignore[attr-defined]


def _start_nothing() -> None:
    """Start no ticker."""


def end_idle_workers(runtime: Any, now: float) -> int:
    """End the workers that have been idle for long, and return how many."""
    idle = []
    with runtime._lock:
        for key, workers in list(runtime._workers.items()):
            rested = [worker for worker in workers if not worker.in_use and now - worker.last_used >= IDLE_SECONDS]
            idle += rested
            remaining = [worker for worker in workers if worker not in rested]
            if remaining:
                runtime._workers[key] = remaining
            else:
                del runtime._workers[key]
    runtime.kill_workers(idle)
    return len(idle)
