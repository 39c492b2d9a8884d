"""The providers' keys: read from the environment or typed without echo, and stored in Parameter Store only."""

import os
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Any, Literal

from botocore.exceptions import ClientError

from pointsman.contracts.webhook import PREFIX_OF_SECRETS
from pointsman.routing.catalog import Provider
from pointsman.values.text import without_mark
from pointsman_cli.errors import CommandError
from pointsman_cli.first_deploy.options import KEY_VARIABLES, Prompter


@dataclass(frozen=True, slots=True)
class KeyPlan:
    """What `init` does with one key."""

    owner: Provider | Literal["webhook"]
    name: str
    """Name of the SecureString."""
    stored: bool
    """Whether the SecureString exists already."""
    value: str = field(default="", repr=False)
    """The key to store; empty for none."""

    @property
    def step(self) -> str:
        """The step in words, without the key."""
        if self.value:
            return f"store the {self.owner} key as SecureString {self.name}"
        return (
            f"keep the {self.owner} key in {self.name}" if self.stored else f"store no {self.owner} key: none was given"
        )


def plan_provider_keys(ssm: Any, names: Mapping[Provider, str], prompter: Prompter) -> list[KeyPlan]:
    """Return the plan for each provider's key: from Parameter Store, the environment or a prompt."""
    stored = _stored(ssm, names.values())
    return [_plan_key(provider, name, name in stored, prompter) for provider, name in names.items()]


def _stored(ssm: Any, names: Iterable[str]) -> set[str]:
    """Return which of the SecureStrings exist; none without a client."""
    parameters = ssm.get_parameters(Names=list(names), WithDecryption=False)["Parameters"] if ssm else []
    return {parameter["Name"] for parameter in parameters}


def _plan_key(provider: Provider, name: str, stored: bool, prompter: Prompter) -> KeyPlan:
    variable = KEY_VARIABLES[provider]
    value = without_mark(os.environ.get(variable, "")).strip()
    if value and prompter.confirm(f"Store the {provider} key from {variable}?", default=True):
        return KeyPlan(provider, name, stored, value)
    hint = "empty keeps the stored key" if stored else "empty for none: its models are skipped"
    return KeyPlan(provider, name, stored, prompter.ask_secret(f"{provider} API key, hidden ({hint})"))


def plan_webhook_key(ssm: Any, name: str) -> list[KeyPlan]:
    """Return the plan for the webhooks' signing secret: a new secret if none is stored. Empty without a name."""
    if not name:
        return []
    stored = bool(_stored(ssm, [name]))
    secret = "" if stored else PREFIX_OF_SECRETS + b64encode(token_bytes(32)).decode()
    return [KeyPlan("webhook", name, stored, secret)]


def store_key(ssm: Any, key: KeyPlan) -> None:
    """Put a key into Parameter Store.

    Raises:
        CommandError: AWS refuses. The error leaves out AWS's message, which may quote the key.
    """
    try:
        ssm.put_parameter(Name=key.name, Value=key.value, Type="SecureString", Overwrite=True)
    except ClientError as error:
        code = error.response["Error"].get("Code")
        raise CommandError(
            f"{key.name}: AWS refused PutParameter: {code}: check that your role allows ssm:PutParameter"
        ) from None
