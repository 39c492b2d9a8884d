"""What a deployment needs to know, and what the deployed stack says about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from pointsman.routing.catalog import Provider

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
