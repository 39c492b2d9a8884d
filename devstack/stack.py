"""Starts and stops the local stack."""

import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from devstack import processes, servers
from devstack.build import build_template, deploy_template, put_keys
from devstack.info import StackInfo, new_access_key
from devstack.providers import Providers
from devstack.signals import termination_as_exit, uninterrupted
from devstack.toolchain import (
    BUILDS,
    MINISTACK,
    SAM,
    LocalStackError,
    host_architecture,
    require_tools,
    runtime_environment,
)

type _ReportStep = Callable[[str], None]


def start_stack(
    state_dir: Path,
    *,
    environ: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    report: _ReportStep = print,
) -> StackInfo:
    """Start, build and deploy a local stack, and return it; it outlives this process.

    Processes that a crashed run left behind are stopped first. If a step fails, or this process is told to stop
    (Ctrl-C, SIGTERM), everything that was started is stopped again.

    Args:
        state_dir: Where the stack's description, logs and temporary files are kept.
        environ: The environment with keys, base URLs and model overrides; by default this process's.
        parameters: Template parameters; they override those that follow from `environ`.
        report: Called with one line for each step.

    Raises:
        LocalStackError: A stack is already up in `state_dir`, or a step failed.
    """
    environ = os.environ if environ is None else environ
    began = time.monotonic()
    require_tools(SAM, MINISTACK)
    state_dir = state_dir.resolve()
    with termination_as_exit(), _locked(state_dir):
        if running := find_stack(state_dir):
            raise LocalStackError(
                f"A local stack is already up at {running.endpoint}: stop it first with `pointsman down`"
            )
        _stop_processes(state_dir)
        architecture = host_architecture()
        template = build_template(architecture, BUILDS / f"local-{architecture}", environ=environ, report=report)
        try:
            stack = _start(state_dir, environ, template, parameters or {}, report)
        except BaseException:
            with uninterrupted():
                _stop_processes(state_dir)
            raise
    report(f"The local stack is up at {stack.endpoint}, after {time.monotonic() - began:.0f} s")
    return stack


def stop_stack(state_dir: Path, *, report: _ReportStep = print) -> bool:
    """Stop every process of a state directory's stack, and return whether there was one.

    The logs stay; the data, which the emulator holds in memory, is lost.
    """
    state_dir = state_dir.resolve()
    if StackInfo.load(state_dir) is None:
        return False
    with uninterrupted(), _locked(state_dir):
        ended = _stop_processes(state_dir)
    report("The local stack is down" if ended else "The local stack was already down")
    return ended


def find_stack(state_dir: Path) -> StackInfo | None:
    """Return the running stack of a state directory; `None` if there is none or its deployment did not finish."""
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
    report: _ReportStep = print,
) -> Iterator[StackInfo]:
    """Run a local stack for a block, as `start_stack` makes it, and stop it however the block ends."""
    with termination_as_exit():
        stack = start_stack(state_dir, environ=environ, parameters=parameters, report=report)
        try:
            yield stack
        finally:
            stop_stack(state_dir, report=report)


def _start(
    state_dir: Path, environ: Mapping[str, str], template: Path, parameters: Mapping[str, str], report: _ReportStep
) -> StackInfo:
    providers = Providers.of(environ)
    environment = runtime_environment(environ, state_dir)
    # On disk before the first process runs: after a crash at any point, `stop_stack` finds every process by the token.
    stack = StackInfo(
        state_dir=state_dir, token=str(uuid.uuid4()), access_key=new_access_key(), stand_in=providers.stand_in
    ).save()
    emulator, endpoint = servers.start_emulator(
        environment, region=stack.region, access_key=stack.access_key, token=stack.token, state_dir=state_dir
    )
    stack = stack.model_copy(update={"processes": (emulator,), "endpoint": endpoint}).save()
    if stack.stand_in.any:
        fake_providers = servers.start_fake_providers(environment, token=stack.token, state_dir=state_dir)
        stack = stack.model_copy(update={"processes": (emulator, fake_providers)}).save()
        url = servers.await_fake_providers(fake_providers, state_dir)
        stack = stack.model_copy(update={"fake_providers_url": url})
        report(f"The stand-in for {stack.stand_in.names} listens at {url}")
    servers.await_emulator(emulator, endpoint)
    report(f"MiniStack listens at {endpoint}")
    put_keys(stack, providers.keys())
    report("Deploying the template")
    chosen = {"Architecture": host_architecture(), **providers.parameters(stack.fake_providers_url), **parameters}
    return deploy_template(stack, template, parameters=chosen, environment=environment).save()


def _stop_processes(state_dir: Path) -> bool:
    """Stop the processes of a state directory, and prepare it for the next start."""
    stack = StackInfo.load(state_dir)
    ended = processes.end_processes(stack.processes, stack.token) if stack else False
    for name in ("tmp", "home"):
        shutil.rmtree(state_dir / name, ignore_errors=True)
        (state_dir / name).mkdir()
    if stack:
        stack.forget()
    return ended


@contextmanager
def _locked(state_dir: Path) -> Iterator[None]:
    """Hold the state directory's lock: a second start or stop waits."""
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
