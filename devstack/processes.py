"""Processes of the local stack: started in own sessions, found again after a crash, ended to the last child."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from devstack.info import ProcessRecord

MARK = "POINTSMAN_LOCAL_STACK"
"""Environment variable that all processes of a stack inherit, also those that leave their session."""

_GRACE_SECONDS = 5.0
_children: dict[int, subprocess.Popen[bytes]] = {}
"""What this process has started itself, so that it can reap what it ends."""


def start(
    name: str, command: list[str], *, environment: Mapping[str, str], token: str, log: Path, cwd: Path | None = None
) -> ProcessRecord:
    """Start a process in a session of its own, its output going to `log`, and return what identifies it."""
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            env={**environment, MARK: token},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[child.pid] = child
    return ProcessRecord(name=name, pid=child.pid, started=_started(child.pid) or 0, log=log)


def run(command: list[str], *, environment: Mapping[str, str], token: str, log: Path, cwd: Path) -> bool:
    """Run a command to its end, its output going to `log`, and return whether it succeeded.

    If this process is told to stop meanwhile, the command is ended first, with all that it has started.
    """
    command_process = start(command[0], command, environment=environment, token=token, log=log, cwd=cwd)
    child = _children.pop(command_process.pid)
    try:
        return child.wait() == 0
    finally:
        if child.returncode is None:
            _signal_group(child.pid, signal.SIGKILL)
            child.wait()


def is_running(process: ProcessRecord) -> bool:
    """Return whether this very process, and not a later one of its number, is alive."""
    return _started(process.pid) == process.started


def end(processes: Iterable[ProcessRecord], token: str) -> bool:
    """End processes with all that descends from them, politely first, and return whether any was alive.

    A record is only acted on if number and start time still match. What carries `token` in its environment is ended
    too, whatever session it is in and whether or not its parent is still there.
    """
    leaders = [process for process in processes if is_running(process)]
    if not leaders and not _marked(token):
        return False

    def all_gone() -> bool:
        return not any(map(is_running, leaders)) and not _marked(token)

    for number in (signal.SIGTERM, signal.SIGKILL):
        for leader in filter(is_running, leaders):
            _signal_group(leader.pid, number)
        for pid in _marked(token):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if _wait_until(all_gone, _GRACE_SECONDS):
            break
    for leader in leaders:
        if not is_running(leader) and (child := _children.pop(leader.pid, None)):
            child.wait()  # it has ended; its remains go
    return True


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def _wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


def _started(pid: int) -> int | None:
    """When a process started, in clock ticks after boot; `None` if there is none, or only its remains."""
    if (child := _children.get(pid)) and child.poll() is not None:
        del _children[pid]
    try:
        # The name, in parentheses, may hold anything. What follows it are state (field 3) to start time (22) and on.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else int(fields[19])


def _marked(token: str) -> list[int]:
    """Numbers of the living processes that have `token` in their environment."""
    mark = f"{MARK}={token}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        # Another user's process cannot be read, nor is it ours; one that has ended has an empty environment.
        with contextlib.suppress(OSError):
            if entry.name.isdecimal() and mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return [pid for pid in found if pid != os.getpid() and _started(pid) is not None]
