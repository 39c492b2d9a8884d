"""Starts and stops the local stack."""

import fcntl
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devstack import processes, servers
from devstack.build import build_template, deploy_template, digest_of_build, put_keys, with_config
from devstack.info import KEPT_DATA, KeptIdentity, StackInfo, new_access_key
from devstack.providers import Providers
from devstack.signals import termination_as_exit, uninterrupted
from devstack.toolchain import (
    BUILDS,
    MINISTACK,
    SAM,
    LocalStackError,
    host_architecture,
    last_line,
    require_tools,
    runtime_environment,
)

type _ReportStep = Callable[[str], None]


def start_stack(
    state_dir: Path,
    *,
    environ: Mapping[str, str] | None = None,
    parameters: Mapping[str, str] | None = None,
    config: str | None = None,
    stand_in: bool = False,
    keep: bool = False,
    port: int | None = None,
    first_port: int | None = None,
    report: _ReportStep = print,
) -> StackInfo:
    """Start, build and deploy a local stack, and return it; it outlives this process.

    If one is up in `state_dir` already, what has changed since is deployed to it: its tasks and its ledger stay, and
    tasks under way keep the plan that they have.

    Processes that a crashed run left behind are stopped first. If a step of the first deployment fails, or this process
    is told to stop meanwhile (Ctrl-C, SIGTERM), everything that was started is stopped again.

    Args:
        state_dir: Where the stack's description, logs and temporary files are kept.
        environ: The environment with keys, base URLs and model overrides; by default this process's.
        parameters: Template parameters; they override those that follow from `environ`.
        config: The text of the `openclaw.json` that the functions run; by default the checkout's.
        stand_in: Whether a stand-in plays a provider without a key beside a real one. Without any key, stand-ins play
            both.
        keep: Whether the data outlive the stack's processes, however those end. The stack then has the access key, the
            API key and the port that it had when it was up last.
        port: Where the stack listens.
        first_port: Where it listens if there are no data yet and `port` is not given; by default at a free port.
        report: Called with one line for each step.

    Raises:
        LocalStackError: A step failed, or a stack is up whose providers are real where these are fake, or vice versa.
    """
    environ = os.environ if environ is None else environ
    began = time.monotonic()
    require_tools(SAM, MINISTACK)
    state_dir = state_dir.resolve()
    with termination_as_exit(), _locked(state_dir):
        running = find_stack(state_dir)
        if running is None:
            _stop_processes(state_dir)
        template = _built(state_dir, environ, config, report)
        identity = KeptIdentity.load(state_dir / KEPT_DATA) if keep else None
        deployment = _Deployment(
            state_dir,
            environ,
            template,
            parameters or {},
            report,
            stand_in,
            keep,
            port or (identity.port if identity else first_port),
        )
        if running:
            return _update(deployment, running, port)
        try:
            stack = _start(deployment, identity)
        except BaseException:
            with uninterrupted():
                _stop_processes(state_dir)
            raise
    report(f"The local stack is up at {stack.endpoint}, after {time.monotonic() - began:.0f} s")
    return stack


def stop_stack(state_dir: Path, *, delete: bool = False, report: _ReportStep = print) -> bool:
    """Stop every process of a state directory's stack, and return whether there was one.

    The logs stay, and the data that the stack keeps unless they are to be deleted.
    """
    state_dir = state_dir.resolve()
    known = StackInfo.load(state_dir) is not None
    if not known and not (delete and has_data(state_dir)):
        return False
    with uninterrupted(), _locked(state_dir):
        ended = _stop_processes(state_dir)
        if delete:
            shutil.rmtree(state_dir / KEPT_DATA, ignore_errors=True)
    if known:
        report("The local stack is down" if ended else "The local stack was already down")
    return ended


def has_data(state_dir: Path) -> bool:
    """Return whether a state directory has data of a stack that keeps them."""
    return (state_dir / KEPT_DATA).is_dir()


def why_stopped(state_dir: Path) -> str | None:
    """Return which process of a state directory's stack has ended by itself, and its last words; `None` if none has."""
    stack = StackInfo.load(state_dir.resolve())
    for process in stack.processes if stack else ():
        if not processes.is_running(process):
            return f"{process.name} has ended by itself, and its log ends with: {last_line(process.log)}"
    return None


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
    stand_in: bool = False,
    report: _ReportStep = print,
) -> Iterator[StackInfo]:
    """Run a local stack for a block, as `start_stack` makes it, and stop it however the block ends."""
    with termination_as_exit():
        stack = start_stack(state_dir, environ=environ, parameters=parameters, stand_in=stand_in, report=report)
        try:
            yield stack
        finally:
            stop_stack(state_dir, report=report)


@dataclass(frozen=True, slots=True)
class _Deployment:
    """What to deploy, and how."""

    state_dir: Path
    environ: Mapping[str, str]
    template: Path
    own_parameters: Mapping[str, str]
    report: _ReportStep
    stand_in: bool
    keep: bool
    port: int | None

    @property
    def providers(self) -> Providers:
        return Providers.of(self.environ, stand_in=self.stand_in)

    def parameters(self, stack: StackInfo) -> dict[str, str]:
        derived = self.providers.parameters(stack.fake_providers_url)
        return {"Architecture": host_architecture(), **derived, **self.own_parameters}

    def digest(self, stack: StackInfo) -> str:
        """Return the digest of all that is deployed."""
        return digest_of_build(self.template, self.parameters(stack))

    def to(self, stack: StackInfo) -> StackInfo:
        """Put keys and template onto the stack, and return it as it is then."""
        put_keys(stack, self.providers.keys())
        environment = runtime_environment(self.environ, self.state_dir)
        done = deploy_template(stack, self.template, parameters=self.parameters(stack), environment=environment)
        return done.model_copy(update={"deployed": self.digest(stack)}).save()


def _built(state_dir: Path, environ: Mapping[str, str], config: str | None, report: _ReportStep) -> Path:
    architecture = host_architecture()
    template = build_template(architecture, BUILDS / f"local-{architecture}", environ=environ, report=report)
    return template if config is None else with_config(template, config, state_dir / "build")


def _update(deployment: _Deployment, stack: StackInfo, port: int | None) -> StackInfo:
    """Deploy what has changed to a running stack."""
    if port not in (None, stack.identity.port) or (stack.kept and not deployment.keep):
        other = f"at port {stack.identity.port}" if port else "and keeps its data"
        raise LocalStackError(f"A local stack is already up {other}: stop it first with `pointsman down`")
    if deployment.providers.stand_in != stack.stand_in:
        raise LocalStackError(
            f"A local stack is already up at {stack.endpoint}, whose stand-ins are others: stop it first with "
            "`pointsman down`"
        )
    if stack.deployed == deployment.digest(stack):
        deployment.report(f"The local stack is already up at {stack.endpoint}, and nothing has changed")
        return stack
    deployment.report(f"Deploying the changes to the local stack at {stack.endpoint}; its tasks and ledger stay")
    return deployment.to(stack)


def _start(deployment: _Deployment, identity: KeptIdentity | None) -> StackInfo:
    providers, state_dir, report = deployment.providers, deployment.state_dir, deployment.report
    environment = runtime_environment(deployment.environ, state_dir)
    # On disk before the first process runs: after a crash at any point, `stop_stack` finds every process by the token.
    stack = StackInfo(
        state_dir=state_dir,
        token=str(uuid.uuid4()),
        access_key=identity.access_key if identity else new_access_key(),
        api_key=identity.api_key if identity else "",
        stand_in=providers.stand_in,
        kept=deployment.keep,
    ).save()
    emulator, endpoint = servers.start_emulator(
        environment,
        region=stack.region,
        access_key=stack.access_key,
        token=stack.token,
        state_dir=state_dir,
        port=deployment.port,
        kept_in=state_dir / KEPT_DATA if deployment.keep else None,
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
    report("Deploying the template")
    return deployment.to(stack)


def _stop_processes(state_dir: Path) -> bool:
    """Stop the processes of a state directory, and prepare it for the next start."""
    stack = StackInfo.load(state_dir)
    ended = processes.end_processes(stack.processes, stack.token) if stack else False
    if stack and stack.kept and stack.endpoint and has_data(state_dir):
        stack.identity.save(state_dir / KEPT_DATA)
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
