"""Supervises a stack until it is gone: `python -m devstack.supervisor STATE_DIR [--foreground]`.

In the foreground, the end of this process stops the stack; otherwise the stack goes on without it.
"""

import argparse
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from devstack import processes
from devstack.info import StackInfo
from devstack.signals import termination_as_exit
from devstack.stack import stop_stack
from devstack.supervisor.control import SupervisorSettings, hold_lock
from devstack.supervisor.memory import Memory, memory_folder
from devstack.supervisor.watch import StackClients, StackWatch

_NAP_SECONDS = 2.0
"""So soon the end of the stack is noticed, and the end of the machine's sleep: clocks for naps stand still in it."""


def main() -> int:
    """Supervise; return 0 if the stack was stopped, 1 if it broke down."""
    parser = argparse.ArgumentParser(prog="python -m devstack.supervisor", description=__doc__)
    parser.add_argument("state_dir", type=Path)
    parser.add_argument("--foreground", action="store_true", help="stop the stack at the end")
    parser.add_argument("--every", type=float, default=60.0, metavar="SECONDS", help="look at the alarms so often")
    arguments = parser.parse_args()
    state_dir = arguments.state_dir.resolve()
    if (lock := hold_lock(state_dir)) is None:
        return 0  # another one is faster
    try:
        signal.signal(signal.SIGUSR1, _give_way)
        with termination_as_exit():
            return _supervise(state_dir, arguments.every)
    except KeyboardInterrupt:
        return _end(state_dir, foreground=arguments.foreground)
    except SystemExit as ending:
        if ending.code == _GAVE_WAY:
            return 0
        return _end(state_dir, foreground=arguments.foreground)
    finally:
        os.close(lock)


_GAVE_WAY = 75


def _give_way(*_: object) -> None:
    """End, and leave the stack to another supervisor."""
    sys.exit(_GAVE_WAY)


def _end(state_dir: Path, *, foreground: bool) -> int:
    if foreground:
        stop_stack(state_dir, report=_tell)
    return 0


def _supervise(state_dir: Path, every: float) -> int:
    stack = StackInfo.load(state_dir)
    if stack is None:
        return 0
    now = datetime.now(UTC)
    watch, problem, looked_at, next_at = (
        StackWatch(stack, StackClients(stack), Memory.load(memory_folder(stack), now), _tell),
        "",
        0.0,
        now,
    )
    _tell(f"supervising the stack at {stack.endpoint}")
    while True:
        if (current := StackInfo.load(state_dir)) is None or current.token != stack.token:
            return 0
        if not all(map(processes.is_running, current.processes)):
            _tell("the stack has broken down: start it again with `pointsman up`")
            return 1
        now = datetime.now(UTC)
        try:
            if now >= next_at or next_at.timestamp() - now.timestamp() > 60:
                watch.run_schedules(now)
                next_at = watch.next_run(now)
            if abs(time.time() - looked_at) >= every:
                looked_at = time.time()
                watch.look(now, SupervisorSettings.load(state_dir).on_alarm, os.environ)
                watch.save()
            problem = ""
        except (BotoCoreError, ClientError, OSError, ValueError, KeyError) as error:
            if str(error) != problem:  # once, not every few seconds
                problem = str(error)
                _tell(f"cannot look at the stack: {problem}")
        time.sleep(min(_NAP_SECONDS, every))


def _tell(line: str) -> None:
    print(f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
