"""Starts and ends the supervisor's process, and says whether it runs."""

import contextlib
import fcntl
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from pydantic import BaseModel

from devstack import processes
from devstack.info import StackInfo
from devstack.project import IS_INSTALLED
from devstack.toolchain import ROOT, LocalStackError, visible_environment

LOCK = "supervisor.lock"
"""Held by the supervisor for as long as it runs, by whatever end."""
SUPERVISOR_LOG = "supervisor.log"
_SETTINGS = "supervisor-settings.json"
_START_SECONDS, _END_SECONDS = 20.0, 10.0


class SupervisorSettings(BaseModel):
    """What the user has chosen; it holds until another choice, also over `down` and `up`."""

    on_alarm: tuple[str, ...] = ()
    """A command and its arguments; empty for none."""

    @classmethod
    def parse(cls, on_alarm: str) -> "SupervisorSettings":
        """Return the settings with a command as a shell splits it; no shell runs it.

        Raises:
            LocalStackError: It cannot be split.
        """
        try:
            return cls(on_alarm=tuple(shlex.split(on_alarm)))
        except ValueError as error:
            raise LocalStackError(f"the command for alarms cannot be read: {error}") from error

    @classmethod
    def load(cls, state_dir: Path) -> "SupervisorSettings":
        """Return the settings of a state directory."""
        try:
            return cls.model_validate_json((state_dir / _SETTINGS).read_bytes())
        except (FileNotFoundError, ValueError):
            return cls()

    def save(self, state_dir: Path) -> None:
        """Store them; a supervisor that runs takes them up at once."""
        unfinished = state_dir / f"{_SETTINGS}.new"
        unfinished.write_text(self.model_dump_json())
        unfinished.replace(state_dir / _SETTINGS)


def start_supervisor(stack: StackInfo, environ: Mapping[str, str]) -> bool:
    """Start the supervisor of a stack, unless it runs; return False when it ended at once: its log says why."""
    if supervisor_is_running(stack.state_dir):
        return True
    process = processes.start_process(
        "The supervisor",
        _command(stack),
        environment=_environment(environ),
        token=stack.token,
        log=stack.state_dir / SUPERVISOR_LOG,
        cwd=_folder(),
    )
    processes.wait_until(
        lambda: supervisor_is_running(stack.state_dir) or not processes.is_running(process), _START_SECONDS
    )
    return supervisor_is_running(stack.state_dir)


def run_in_foreground(stack: StackInfo, environ: Mapping[str, str]) -> NoReturn:
    """Become the supervisor of a stack, in the place of this process; one that runs elsewhere is ended."""
    end_supervisor(stack.state_dir)
    os.chdir(_folder() or "/")
    sys.stdout.flush()
    sys.stderr.flush()
    command = [*_command(stack), "--foreground"]
    os.execve(command[0], command, _environment(environ))  # noqa: S606


def supervisor_is_running(state_dir: Path) -> bool:
    """Return whether a stack has a supervisor."""
    return _holder(state_dir) is not None


def end_supervisor(state_dir: Path) -> None:
    """End the supervisor of a stack, if it has one."""
    until = time.monotonic() + _END_SECONDS
    while (pid := _holder(state_dir)) is not None and time.monotonic() < until:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGUSR1)
        time.sleep(0.1)


def hold_lock(state_dir: Path) -> int | None:
    """Take the lock for as long as this process runs, and return its file; None: another one holds it."""
    lock = os.open(state_dir / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    os.truncate(lock, 0)
    os.pwrite(lock, json.dumps({"pid": os.getpid()}).encode(), 0)
    return lock


def _holder(state_dir: Path) -> int | None:
    """Return the process that holds the lock."""
    try:
        with (state_dir / LOCK).open("r+b") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                return int(json.loads(lock.read() or b'{"pid": 0}')["pid"]) or None
    except FileNotFoundError:
        pass
    return None


def _command(stack: StackInfo) -> list[str]:
    return [sys.executable, "-m", "devstack.supervisor", str(stack.state_dir)]


def _folder() -> Path | None:
    """Return where the package is found: an installed one is anywhere."""
    return None if IS_INSTALLED else ROOT


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the user's own, without keys: the command for alarms may need a display or a session bus."""
    return {**visible_environment(environ), "PYTHONUNBUFFERED": "1"}
