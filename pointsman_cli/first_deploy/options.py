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
    try:
        description = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if (
            error.response["Error"]["Code"] != "ValidationError"
        ):  # CloudFormation's code for a stack that does not exist
            raise
        return {}
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in description.get("Parameters", [])}


def key_names(stack: str, parameters: Mapping[str, str]) -> dict[Provider, str]:
    """Return the names of the keys' SecureStrings: as deployed, else under the stack's name."""
    return {
        provider: parameters.get(parameter) or f"/{stack}/{provider}-api-key"
        for provider, parameter in _KEY_PARAMETERS.items()
    }


def webhook_key_name(parameters: Mapping[str, str]) -> str:
    """Return the name of the signing secret's SecureString; empty if the deployed stack allows no webhook hosts."""
    return parameters["WebhookKeyParameter"] if parameters.get("WebhookHosts") else ""
