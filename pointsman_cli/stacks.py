"""Connects a command to its stack, local or deployed."""

import os
import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import boto3
from boto3.session import Session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

import devstack
from devstack.toolchain import ROOT
from pointsman.client import Client, Places
from pointsman.entrypoints.runtime import Runtime, build_runtime
from pointsman.entrypoints.settings import Settings
from pointsman.values.log_events import LogEvent
from pointsman_cli import aws_errors, openclaw, output
from pointsman_cli.errors import BadInputError, UnreachableError
from pointsman_cli.known_tasks import KnownTasks

STATE_DIR = ROOT / ".pointsman"
"""Where `pointsman up` keeps the local stack's state, and in a folder of their own that of stacks with a name."""
LOCAL_NAME = "POINTSMAN_LOCAL"
"""The environment variable with the name of the local stack that is meant."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}", re.ASCII)


class NoLocalStackError(UnreachableError):
    """No local stack is running, and no other is named. Raised by `connect`; `route` then decides without a stack."""


_LOCAL = "the local stack"
_NO_STACK = "check --profile and --region, or deploy it with `pointsman init`"
_SETTINGS = tomllib.loads((files(__package__) / "stack_settings.toml").read_text(encoding="utf-8"))
SETTINGS_BY_OUTPUT: dict[str, str] = _SETTINGS["outputs"]
SETTINGS_BY_PARAMETER: dict[str, str] = _SETTINGS["parameters"]


def operator_runtime(settings: Settings, config_text: str, session: Any) -> Runtime:
    """Return a runtime for an operator's machine, with warnings on stderr and without metrics."""
    return build_runtime(settings, config_text, session, log=_warn, count=_count_nothing)


def _warn(event: LogEvent, *, level: str = "info", **fields: object) -> None:
    if level != "info":
        details = ", ".join(f"{name}: {value}" for name, value in fields.items() if value is not None)
        output.print_note(f"{level}: {event.replace('_', ' ')}{f' ({details})' if details else ''}")


def _count_nothing(name: str, value: float = 1) -> None:
    """Count nothing: only the functions send metrics."""


@dataclass(frozen=True)
class StackConnection:
    """A stack that can be reached."""

    name: str
    """Its name in messages."""
    clients: Any
    """Creates AWS clients, like a boto3 session."""
    settings: Settings
    functions: dict[str, str]
    """Function names by output, such as `CostReportFunctionName`."""
    config_text: str
    stack_name: str = ""
    """Its name in CloudFormation; empty for none."""

    @cached_property
    def runtime(self) -> Runtime:
        """The use cases, on this stack."""
        return operator_runtime(self.settings, self.config_text, self.clients)

    @cached_property
    def client(self) -> Client:
        """A client that sends tasks to this stack and reads their results."""
        places = Places(self.settings.task_queue_url, self.settings.task_table, self.settings.bucket)
        return Client(places, self.clients)

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine."""
        return self.name == _LOCAL

    @property
    def deploy_step(self) -> str:
        """The command that deploys this version and the file here."""
        return "pointsman up" if self.is_local else f"pointsman init --update --stack {self.stack_name}"

    @property
    def stand_in(self) -> bool:
        """Whether a stand-in answers on this stack instead of a provider."""
        return self.settings.stand_in

    @cached_property
    def known_tasks(self) -> KnownTasks:
        """The ids that this machine has submitted to this stack or listed; a local stack's end with its data."""
        data = self.clients.access_key if isinstance(self.clients, devstack.StackInfo) else ""
        return KnownTasks.of_stack(self.stack_name or "stack", self.settings.task_queue_url + data)

    def task_id(self, text: str) -> str:
        """Return the task id that an argument stands for; see `KnownTasks.full_id`."""
        task_id = self.known_tasks.full_id(text, lambda task_id: self.client.read(task_id) is not None)
        if task_id != text:
            output.print_note(f"{text} is {task_id}")
        return task_id

    def say_stand_in(self) -> None:
        """Note on stderr that this stack's answers do not come from a model, if so."""
        if self.stand_in:
            output.print_note("Answers on this stack come from a stand-in, not from a model.")


class _NoClients:
    """Creates no clients, for use without AWS."""

    def client(self, service: str, config: Config | None = None) -> None:
        """Return no client."""


def connect(stack: str | None, profile: str | None, region: str | None, config: Path | None = None) -> StackConnection:
    """Return a connection to the stack that the options name.

    Raises:
        BadInputError: The options contradict each other.
        UnreachableError: The stack is not running, or AWS denies access to it.
    """
    if stack is None:
        if profile or region:
            raise BadInputError("--profile and --region need --stack: the local stack uses neither")
        return connect_to_local(_running_local_stack(), config)
    try:
        session = boto3.Session(profile_name=profile, region_name=region)
        return _connection(f"stack {stack}", session, stack, config)
    except (BotoCoreError, ClientError) as error:
        missing = "ValidationError"  # CloudFormation's code for a stack that does not exist
        if isinstance(error, ClientError) and error.response["Error"]["Code"] == missing:
            raise UnreachableError(f"no stack {stack} in this account and region", _NO_STACK) from None
        raise UnreachableError(f"stack {stack}: {aws_errors.aws_problem(error)}", aws_errors.next_step(error)) from None


def connect_to_local(info: devstack.StackInfo, config: Path | None = None) -> StackConnection:
    """Return a connection to a running local stack."""
    return _connection(_LOCAL, info, info.stack_name, config)


def local_state_dir(name: str | None = None) -> Path:
    """Return where the state of the local stack with this name is, by default of the one that the environment names.

    Raises:
        BadInputError: The name cannot be one.
    """
    name = name or os.environ.get(LOCAL_NAME)
    if not name:
        return STATE_DIR
    if not _NAME.fullmatch(name):
        raise BadInputError(f"--name or {LOCAL_NAME}: {name!r} is no name: use at most 31 of a-z, 0-9 and -")
    return STATE_DIR / "named" / name


def offline_runtime(config: Path | None = None) -> Runtime:
    """Return a runtime without a stack, for its routing rules and its local classifier."""
    settings = Settings.model_validate(_overrides())
    return operator_runtime(settings, openclaw.read_config(config), _NoClients())


def _running_local_stack() -> devstack.StackInfo:
    state_dir = local_state_dir()
    if info := devstack.find_stack(state_dir):
        return info
    if why := devstack.why_stopped(state_dir):
        raise NoLocalStackError(f"the local stack is not up: {why}", "start it again with `pointsman up`")
    raise NoLocalStackError(
        "no local stack is running", "start one with `pointsman up`, or name a deployed one with --stack"
    )


def _connection(name: str, clients: Session | devstack.StackInfo, stack: str, config: Path | None) -> StackConnection:
    description = clients.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {entry["OutputKey"]: entry["OutputValue"] for entry in description.get("Outputs", [])}
    parameters = {entry["ParameterKey"]: entry["ParameterValue"] for entry in description.get("Parameters", [])}
    if missing := sorted(SETTINGS_BY_OUTPUT.keys() - outputs.keys()):
        problem = f"{name} is not a Pointsman stack, or not fully deployed (output {missing[0]} is missing)"
        raise UnreachableError(problem, "name another one, or deploy it again")
    fields = {field: outputs[key] for key, field in SETTINGS_BY_OUTPUT.items()}
    fields |= {field: parameters[key] for key, field in SETTINGS_BY_PARAMETER.items() if parameters.get(key)}
    functions = {key: value for key, value in outputs.items() if key.endswith("FunctionName")}
    settings = Settings.model_validate(fields | {"stack_name": stack} | _overrides())
    return StackConnection(name, clients, settings, functions, openclaw.read_config(config), stack)


def _overrides() -> dict[str, str]:
    """Return the settings for MODEL_OVERRIDE_*, which replace the models of tiers."""
    names = ("orchestration", "implementation", "reasoning")
    models = {f"model_override_{name}": os.environ.get(f"MODEL_OVERRIDE_{name.upper()}", "") for name in names}
    return {field: model for field, model in models.items() if model}
