"""What a deployment needs to know, how it is asked for, and what the deployed stack says about it.

The parsers take values from options or prompts, and raise BadInputError if they are not valid. Prompts go to stderr, so
that stdout holds the result alone.
"""

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from getpass import getpass
from typing import Any
from zoneinfo import ZoneInfo

import typer
from botocore.exceptions import ClientError, UnknownRegionError
from botocore.session import get_session

from pointsman.routing.catalog import Provider
from pointsman_cli import output
from pointsman_cli.errors import BadInputError

KEY_VARIABLES = {Provider.GEMINI: "GEMINI_API_KEY", Provider.ANTHROPIC: "ANTHROPIC_API_KEY"}
"""The environment variables that may hold the keys."""
_KEY_PARAMETERS = {Provider.GEMINI: "GeminiKeyParameter", Provider.ANTHROPIC: "AnthropicKeyParameter"}
"""The template's parameters that name the SecureStrings."""
_NOT_CREATED = frozenset({"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"})
"""States after a first deployment that failed, or a removal that did not finish."""


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """One deployment. Holds no key."""

    stack: str
    region: str
    profile: str | None
    email: str
    """Receives reports and alarms; empty for nobody."""
    zone: str
    """IANA time zone of the report's and the budget's days."""
    month_usd: Decimal | None
    """Monthly budget. None for no cap."""
    architecture: str
    key_names: Mapping[Provider, str]
    """Names of the SecureStrings."""
    webhook_key: str = ""
    """Name of the SecureString that signs webhooks; empty if the deployed stack allows no webhook hosts."""

    def overrides(self) -> dict[str, str]:
        """Return the template's parameters."""
        return {
            "Architecture": self.architecture,
            "AlarmEmail": self.email,
            "ReportTimeZone": self.zone,
            **{_KEY_PARAMETERS[provider]: name for provider, name in self.key_names.items()},
        }


def deployed_parameters(cloudformation: Any, stack: str) -> dict[str, str]:
    """Return the parameters of the deployed stack; empty if there is no such stack."""
    parameters = _describe(cloudformation, stack).get("Parameters", [])
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in parameters}


def step_before_deployment(cloudformation: Any, stack: str, options: str) -> str | None:
    """Return why the stack's state keeps it from being deployed, and what to do; None if it can be deployed.

    `options` are those of the AWS CLI that select the stack's account and region.
    """
    status = str(_describe(cloudformation, stack).get("StackStatus", ""))
    aws, named = "aws cloudformation", f"--stack-name {stack}{options}"
    if status in _NOT_CREATED:
        return (
            f"stack {stack} is in {status}, which CloudFormation can only delete; it holds no data: run "
            f"`{aws} delete-stack {named} && {aws} wait stack-delete-complete {named}`"
        )
    if status == "UPDATE_ROLLBACK_FAILED":
        return f"stack {stack} is in {status}: run `{aws} continue-update-rollback {named}`"
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":  # a change set that nobody executed
        return f"stack {stack} is in {status}: wait until CloudFormation has finished"
    return None


def _describe(cloudformation: Any, stack: str) -> dict[str, Any]:
    """Return what CloudFormation says about a stack; empty if there is no such stack."""
    try:
        return dict(cloudformation.describe_stacks(StackName=stack)["Stacks"][0])
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":  # CloudFormation's code for no such stack
            raise
        return {}


def key_names(stack: str, parameters: Mapping[str, str]) -> dict[Provider, str]:
    """Return the names of the keys' SecureStrings: as deployed, else under the stack's name."""
    return {
        provider: parameters.get(parameter) or f"/{stack}/{provider}-api-key"
        for provider, parameter in _KEY_PARAMETERS.items()
    }


def webhook_key_name(parameters: Mapping[str, str]) -> str:
    """Return the name of the signing secret's SecureString; empty if the deployed stack allows no webhook hosts."""
    return parameters["WebhookKeyParameter"] if parameters.get("WebhookHosts") else ""


LONGEST_STACK_NAME = 40
"""CloudFormation allows 128 characters, but schedules are named after the stack, and EventBridge Scheduler takes names
of 64."""
_STACK_NAME = re.compile(rf"[A-Za-z][A-Za-z0-9-]{{0,{LONGEST_STACK_NAME - 1}}}")


def parse_region(text: str) -> str:
    """Return an AWS region, of any partition that the SDK knows."""
    text = text.strip()
    try:
        get_session().get_partition_for_region(text)
    except UnknownRegionError:
        raise BadInputError(f"--region: {text!r} is not an AWS region such as eu-central-1") from None
    return text


def parse_stack_name(text: str) -> str:
    """Return a name for the CloudFormation stack."""
    if not _STACK_NAME.fullmatch(text):
        raise BadInputError(
            f"--stack: must start with a letter and have up to {LONGEST_STACK_NAME} letters, digits and hyphens"
        )
    return text


def parse_email(text: str) -> str:
    """Return an address; empty for none."""
    if text in ("", "-"):
        return ""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise BadInputError("--email: must be an address, or - for none")
    return text


def parse_time_zone(text: str) -> str:
    """Return an IANA time zone."""
    try:
        return ZoneInfo(text).key
    except (LookupError, ValueError, OSError):
        raise BadInputError(f"--time-zone: {text!r} is not an IANA time zone such as Europe/Berlin") from None


def parse_budget(text: str) -> Decimal | None:
    """Return an amount in USD; None for no cap."""
    if text == "none":
        return None
    try:
        amount = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        raise BadInputError("--budget: must be an amount in dollars, or none") from None
    if not 0 <= amount <= 1_000_000:
        raise BadInputError("--budget: must be from 0 to 1,000,000 dollars")
    return amount


def parse_architecture(text: str) -> str:
    """Return a Lambda architecture."""
    if text not in ("arm64", "x86_64"):
        raise BadInputError("--architecture: must be arm64 or x86_64")
    return text


@dataclass(frozen=True, slots=True)
class Prompter:
    """Prompts at a terminal, or takes the defaults."""

    interactive: bool

    def ask[T](self, question: str, default: str, parse: Callable[[str], T], option: str | None) -> T:
        """Return the option's value if there is one, else the parsed answer. `parse` raises BadInputError."""
        if option is not None or not self.interactive:
            return parse(default if option is None else option)
        while True:
            try:
                return parse(typer.prompt(question, default=default, show_default=bool(default), err=True).strip())
            except BadInputError as error:
                output.print_note(f"  {error}")

    def confirm(self, question: str, *, default: bool) -> bool:
        """Return the answer to a yes-or-no question; without prompts it is yes."""
        return not self.interactive or typer.confirm(question, default=default, err=True)

    def ask_secret(self, question: str) -> str:
        """Return what is typed, without showing it; empty without prompts."""
        return getpass(f"{question}: ", stream=sys.stderr).strip() if self.interactive else ""


def terminal_prompter(*, yes: bool) -> Prompter:
    """Return a prompter for this terminal.

    Raises:
        BadInputError: There is no terminal, and `--yes` is missing.
    """
    if not yes and not sys.stdin.isatty():
        raise BadInputError("init needs a terminal to ask questions: run it in one, or pass --yes and the options")
    return Prompter(interactive=not yes)
