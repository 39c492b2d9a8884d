"""Brings the local stack up and down."""

import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from devstack import processes, servers
from devstack.build import build
from devstack.deploy import deploy, put_keys
from devstack.errors import LocalStackError
from devstack.info import StackInfo
from devstack.providers import Providers
from devstack.signals import termination_as_exit, uninterrupted
from devstack.toolchain import BUILDS, MINISTACK, SAM, host_architecture, require, runtime_environment

Report = Callable[[str], None]


def up(
    state_dir: Path,
    *,
    environ: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    report: Report = print,
) -> StackInfo:
    """Start, build and deploy a local stack, and return it; it lives on when this process ends.

    What an earlier run has left over after a crash is ended first. If anything fails, or this process is told to stop
    (Ctrl-C, SIGTERM), what was started is ended again.

    Args:
        state_dir: Where the stack keeps what is known about it, its logs and its temporary files.
        environ: The environment that keys, base URLs and overrides of models are read from; this process's by default.
        parameters: Parameters of the template, over those that follow from `environ`.
        report: Is told of each step, in a line.

    Raises:
        LocalStackError: A stack is up in `state_dir` already, or a step failed.
    """
    environ = os.environ if environ is None else environ
    began = time.monotonic()
    require(SAM, MINISTACK)
    state_dir = state_dir.resolve()
    with termination_as_exit(), _locked(state_dir):
        if found := find(state_dir):
            raise LocalStackError(
                f"A local stack is up already at {found.endpoint}: end it first with `pointsman down`"
            )
        _end(state_dir)
        architecture = host_architecture()
        template = build(architecture, BUILDS / f"local-{architecture}", environ=environ, report=report)
        try:
            stack = _start(state_dir, environ, template, parameters or {}, report)
        except BaseException:
            with uninterrupted():
                _end(state_dir)
            raise
    report(f"The local stack is up at {stack.endpoint}, after {time.monotonic() - began:.0f} s")
    return stack


def down(state_dir: Path, *, report: Report = print) -> bool:
    """End the stack of a state directory to its last process, and return whether there was one.

    Its logs stay; its data, which the emulator holds in memory, are gone.
    """
    state_dir = state_dir.resolve()
    if StackInfo.load(state_dir) is None:
        return False
    with uninterrupted(), _locked(state_dir):
        ended = _end(state_dir)
    report("The local stack is down" if ended else "The local stack was down already")
    return ended


def find(state_dir: Path) -> StackInfo | None:
    """Return the stack that is up in a state directory; `None` if there is none, or it was not fully deployed."""
    stack = StackInfo.load(state_dir.resolve())
    if stack and stack.outputs and all(map(processes.is_running, stack.processes)):
        return stack
    return None


@contextmanager
def local_stack(
    state_dir: Path,
    *,
    environ: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    report: Report = print,
) -> Iterator[StackInfo]:
    """Have a local stack up for a block, as `up` makes it, and end it whatever ends the block."""
    with termination_as_exit():
        stack = up(state_dir, environ=environ, parameters=parameters, report=report)
        try:
            yield stack
        finally:
            down(state_dir, report=report)


def _start(
    state_dir: Path, environ: Mapping[str, str], template: Path, parameters: Mapping[str, str], report: Report
) -> StackInfo:
    providers = Providers.of(environ)
    environment = runtime_environment(environ, state_dir)
    stack = StackInfo(state_dir=state_dir, token=str(uuid.uuid4()), stand_in=providers.stand_in)
    # Known on disk before the first process runs: after a crash at any point, `down` finds them all by the token.
    stack.save()
    emulator, endpoint = servers.start_emulator(
        environment, region=stack.region, token=stack.token, state_dir=state_dir
    )
    stack = _saved(stack.model_copy(update={"processes": (emulator,), "endpoint": endpoint}))
    if stack.stand_in.any:
        standin = servers.start_standin(environment, token=stack.token, state_dir=state_dir)
        stack = _saved(stack.model_copy(update={"processes": (emulator, standin)}))
        url = servers.await_standin(standin, state_dir)
        stack = stack.model_copy(update={"standin_url": url})
        report(f"The stand-in for {_missing(stack)} listens at {url}")
    servers.await_emulator(emulator, endpoint)
    report(f"MiniStack listens at {endpoint}")
    put_keys(stack, providers.keys())
    report("Deploying the template")
    chosen = {"Architecture": host_architecture(), **providers.parameters(stack.standin_url), **parameters}
    return _saved(deploy(stack, template, parameters=chosen, environment=environment))


def _saved(stack: StackInfo) -> StackInfo:
    stack.save()
    return stack


def _missing(stack: StackInfo) -> str:
    stand_in = stack.stand_in
    return " and ".join(name for name, used in (("Gemini", stand_in.gemini), ("Claude", stand_in.anthropic)) if used)


def _end(state_dir: Path) -> bool:
    """End what the state directory knows of, and make it ready for the next start."""
    stack = StackInfo.load(state_dir)
    ended = processes.end(stack.processes, stack.token) if stack else False
    for name in ("tmp", "home"):
        shutil.rmtree(state_dir / name, ignore_errors=True)
        (state_dir / name).mkdir()
    if stack:
        stack.forget()
    return ended


@contextmanager
def _locked(state_dir: Path) -> Iterator[None]:
    """Keep a second `up` or `down` of the same state directory waiting."""
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
