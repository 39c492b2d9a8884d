"""Starts the local stack's processes in their own sessions, finds them after a crash, stops them with all children."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

from devstack.info import ProcessRecord

MARK = "POINTSMAN_LOCAL_STACK"
"""Environment variable that every process of a stack inherits, also one that leaves its session."""

_GRACE_SECONDS = 5.0
_children: dict[int, subprocess.Popen[bytes]] = {}
"""Children of this process, which it has to reap."""


def start_process(
    name: str, command: list[str], *, environment: Mapping[str, str], token: str, log: Path, cwd: Path | None = None
) -> ProcessRecord:
    """Start a process in its own session, with its output in `log`, and return its record."""
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
    return ProcessRecord(name=name, pid=child.pid, started=_started(child.pid) or 0, boot=_boot(), log=log)


def run_process(command: list[str], *, environment: Mapping[str, str], token: str, log: Path, cwd: Path) -> bool:
    """Run a command to its end, with its output in `log`, and return whether it succeeded.

    If this process is told to stop meanwhile, it first kills the command and the command's children.
    """
    record = start_process(command[0], command, environment=environment, token=token, log=log, cwd=cwd)
    child = _children.pop(record.pid)
    try:
        return child.wait() == 0
    finally:
        if child.returncode is None:
            _signal_group(child.pid, signal.SIGKILL)
            child.wait()


def is_running(process: ProcessRecord) -> bool:
    """Return whether this process is alive; a later one with the same id does not count."""
    return process.boot in ("", _boot()) and _started(process.pid) == process.started


def end_processes(processes: Iterable[ProcessRecord], token: str) -> bool:
    """Stop processes and their descendants, SIGTERM first, and return whether any was alive.

    A record counts only if process id and start time still match. A process that carries `token` in its environment is
    stopped too, whatever its session and whether or not its parent is alive.
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
        if wait_until(all_gone, _GRACE_SECONDS):
            break
    for leader in leaders:
        if not is_running(leader) and (child := _children.pop(leader.pid, None)):
            child.wait()  # reap it
    return True


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until a condition holds, for so long at most; return whether it does."""
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


def _started(pid: int) -> int | None:
    """Return when a process started, in clock ticks after boot; `None` if there is none or only a zombie."""
    if (child := _children.get(pid)) and child.poll() is not None:
        del _children[pid]
    try:
        # The name, in parentheses, may hold anything. After it come the state (field 3), ... and the start time (22).
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else int(fields[19])


@cache
def _boot() -> str:
    """Return the id of this machine's current boot."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _marked(token: str) -> list[int]:
    """Return the ids of the living processes that have `token` in their environment."""
    mark = f"{MARK}={token}".encode()
    pids = []
    for entry in Path("/proc").iterdir():
        # Another user's process cannot be read and is not ours; one that has ended has an empty environment.
        with contextlib.suppress(OSError):
            if entry.name.isdecimal() and mark in (entry / "environ").read_bytes().split(b"\0"):
                pids.append(int(entry.name))
    return [pid for pid in pids if pid != os.getpid() and _started(pid) is not None]
