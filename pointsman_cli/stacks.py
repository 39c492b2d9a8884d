"""The stack that a command works on: the local one, or a deployed one; and the runtime over it."""

import os
from dataclasses import dataclass
from functools import cached_property
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

STATE_DIR = ROOT / ".pointsman"
"""What `up` keeps of the local stack."""


class NoLocalStackError(UnreachableError):
    """No local stack is up, and no other was named. Raised by `find`; `route` then decides without a stack."""


_NO_STACK = "see that account and region are right (--profile, --region), or deploy it with `pointsman init`"
_OUTPUTS = {
    "TaskTableName": "task_table",
    "UsageTableName": "usage_table",
    "LimitTableName": "limit_table",
    "DataBucketName": "bucket",
    "EventBusName": "event_bus",
    "StateMachineArn": "state_machine_arn",
    "TaskQueueUrl": "task_queue_url",
    "DeadLetterQueueUrl": "dlq_url",
    "ReportTopicArn": "report_topic_arn",
}
_PARAMETERS = {
    "ReplyQueueArns": "reply_queue_arns",
    "WebhookHosts": "webhook_hosts",
    "WebhookKeyParameter": "webhook_key_parameter",
    "ReportTimeZone": "report_timezone",
    "GeminiKeyParameter": "gemini_key_parameter",
    "AnthropicKeyParameter": "anthropic_key_parameter",
    "GeminiBaseUrl": "google_gemini_base_url",
    "AnthropicBaseUrl": "anthropic_base_url",
    "ModelOverrideOrchestration": "model_override_orchestration",
    "ModelOverrideImplementation": "model_override_implementation",
    "ModelOverrideReasoning": "model_override_reasoning",
    "ModelCalls": "model_calls",
    "StandIn": "stand_in",
}
"""What the template hands to the functions' environment, in the settings' names."""


def operator_runtime(settings: Settings, config_text: str, session: Any) -> Runtime:
    """Return the runtime on an operator's machine: warnings go to stderr, and no metrics are sent."""
    return build_runtime(settings, config_text, session, log=_warn, count=_count_nothing)


def _warn(event: LogEvent, *, level: str = "info", **fields: object) -> None:
    if level != "info":
        details = ", ".join(f"{name}: {value}" for name, value in fields.items() if value is not None)
        output.print_note(f"{level}: {event.replace('_', ' ')}{f' ({details})' if details else ''}")


def _count_nothing(name: str, value: float = 1) -> None:
    """Send no metric: metrics are those of the functions."""


@dataclass(frozen=True)
class StackConnection:
    """A stack."""

    name: str
    """For people."""
    clients: Any
    """Makes AWS clients, as a boto3 session does."""
    settings: Settings
    functions: dict[str, str]
    """The functions' names by output, as `CostReportFunctionName`."""
    config_text: str
    stack_name: str = ""
    """As CloudFormation knows it; empty where there is no such stack."""

    @cached_property
    def runtime(self) -> Runtime:
        """The runtime over this stack."""
        return operator_runtime(self.settings, self.config_text, self.clients)

    @cached_property
    def client(self) -> Client:
        """What hands tasks to this stack and reads their results."""
        places = Places(self.settings.task_queue_url, self.settings.task_table, self.settings.bucket)
        return Client(places, self.clients)

    @property
    def stand_in(self) -> bool:
        """Whether a stand-in answers on this stack in place of a provider."""
        return self.settings.stand_in

    def say_stand_in(self) -> None:
        """Tell on stderr when answers of this stack are not a provider's."""
        if self.stand_in:
            output.print_note("Answers on this stack come from a stand-in, not from a model.")


class LocalClients:
    """Makes clients that reach the local stack and nothing else, whatever the environment says."""

    def __init__(self, info: devstack.StackInfo) -> None:
        self._session, self._options = info.session(), info.client_options

    def client(self, service: str, config: Config | None = None) -> Any:
        """Return a client."""
        local_config: Config = self._options["config"]
        return self._session.client(
            service, **{**self._options, "config": config.merge(local_config) if config else local_config}
        )


class NoClients:
    """Stands where AWS is not to be asked."""

    def client(self, service: str, config: Config | None = None) -> None:
        """Return no client."""


def connect(stack: str | None, profile: str | None, region: str | None, config: Path | None = None) -> StackConnection:
    """Return the stack that the options name.

    Raises:
        CommandError: It is not up, or cannot be reached.
    """
    if stack is None:
        if profile or region:
            raise BadInputError("--profile and --region go with --stack: the local stack needs neither")
        return of_local(_local(), config)
    try:
        session = boto3.Session(profile_name=profile, region_name=region)
        return _of(f"stack {stack}", session, stack, config)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # so CloudFormation says that there is none
            raise UnreachableError(f"there is no stack {stack} here", _NO_STACK) from None
        raise UnreachableError(f"stack {stack}: {aws_errors.problem(error)}", aws_errors.step(error)) from None
    except BotoCoreError as error:
        raise UnreachableError(f"stack {stack}: {aws_errors.problem(error)}", aws_errors.step(error)) from None


def of_local(info: devstack.StackInfo, config: Path | None = None) -> StackConnection:
    """Return a local stack that is up."""
    return _of("the local stack", LocalClients(info), info.stack_name, config)


def offline_runtime(config: Path | None = None) -> Runtime:
    """Return a runtime without any stack: only its rules and its local classifier can be asked."""
    settings = Settings.model_validate(_overrides())
    return operator_runtime(settings, openclaw.read_config(config), NoClients())


def _local() -> devstack.StackInfo:
    if info := devstack.find_stack(STATE_DIR):
        return info
    raise NoLocalStackError("no local stack is up", "start it with `pointsman up`, or name a deployed one with --stack")


def _of(name: str, clients: Session | LocalClients, stack: str, config: Path | None) -> StackConnection:
    described = clients.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {output_entry["OutputKey"]: output_entry["OutputValue"] for output_entry in described.get("Outputs", [])}
    parameters = {
        parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in described.get("Parameters", [])
    }
    if missing := sorted(_OUTPUTS.keys() - outputs.keys()):
        problem = f"{name} is no Pointsman stack, or not fully deployed (no output {missing[0]})"
        raise UnreachableError(problem, "name another, or deploy it again")
    settings = {field: outputs[key] for key, field in _OUTPUTS.items()}
    settings |= {field: parameters[key] for key, field in _PARAMETERS.items() if parameters.get(key)}
    functions = {key: value for key, value in outputs.items() if key.endswith("FunctionName")}
    all_settings = Settings.model_validate(settings | _overrides())
    return StackConnection(name, clients, all_settings, functions, openclaw.read_config(config), stack)


def _overrides() -> dict[str, str]:
    """The models that this environment puts in place of the tiers'."""
    names = ("orchestration", "implementation", "reasoning")
    models = {f"model_override_{name}": os.environ.get(f"MODEL_OVERRIDE_{name.upper()}", "") for name in names}
    return {field: model for field, model in models.items() if model}
