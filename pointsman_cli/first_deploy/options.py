"""What a deployment is to be, and the account that it goes to."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from pointsman.routing.catalog import Provider

PARAMETERS = {Provider.GEMINI: "GeminiKeyParameter", Provider.ANTHROPIC: "AnthropicKeyParameter"}
"""The template's parameters that name the SecureStrings."""
OPTION_VARIABLES = {Provider.GEMINI: "GEMINI_API_KEY", Provider.ANTHROPIC: "ANTHROPIC_API_KEY"}
"""Where a key may stand in the environment."""


@dataclass(frozen=True, slots=True)
class DeployOptions:
    """One deployment. No key stands here."""

    stack: str
    region: str
    profile: str | None
    email: str
    """Gets reports and alarms; empty: nobody."""
    zone: str
    """IANA name: the days of the report and of the budget."""
    month_usd: Decimal | None
    """None: no cap."""
    architecture: str
    key_names: Mapping[Provider, str]
    """Names of the SecureStrings."""
    webhook_key: str = ""
    """Name of the SecureString that signs webhooks; empty: the deployed stack names no host for them."""

    def overrides(self) -> dict[str, str]:
        """Return the template's parameters."""
        return {
            "Architecture": self.architecture,
            "AlarmEmail": self.email,
            "ReportTimeZone": self.zone,
            **{PARAMETERS[provider]: name for provider, name in self.key_names.items()},
        }


def deployed(cloudformation: Any, stack: str) -> dict[str, str]:
    """Return the parameters of a stack as it is deployed; empty when there is none."""
    try:
        description = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":  # so CloudFormation says that there is none
            raise
        return {}
    return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in description.get("Parameters", [])}


def key_names(stack: str, parameters: Mapping[str, str]) -> dict[Provider, str]:
    """Return where the keys stand: where the deployed stack has them, else under the stack's name."""
    return {provider: parameters.get(PARAMETERS[provider]) or f"/{stack}/{provider}-api-key" for provider in PARAMETERS}


def webhook_key_name(parameters: Mapping[str, str]) -> str:
    """Return where the deployed stack has the webhooks' signing secret; empty: it names no host for them."""
    return parameters["WebhookKeyParameter"] if parameters.get("WebhookHosts") else ""
