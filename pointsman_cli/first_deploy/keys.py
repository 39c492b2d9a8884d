"""The providers' keys: from the environment or typed unseen, into Parameter Store, and nowhere else."""

import os
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import Any, Literal

from botocore.exceptions import ClientError

from pointsman.contracts.webhook import PREFIX_OF_SECRETS
from pointsman.routing.catalog import Provider
from pointsman_cli.errors import CommandError
from pointsman_cli.first_deploy.asking import Prompter
from pointsman_cli.first_deploy.options import OPTION_VARIABLES


@dataclass(frozen=True, slots=True)
class Key:
    """What becomes of one key."""

    whose: Provider | Literal["webhook"]
    name: str
    """Of the SecureString."""
    kept: bool
    """Whether one stands there and stays."""
    value: str = field(default="", repr=False)
    """What is to be stored; empty for nothing."""

    @property
    def words(self) -> str:
        """What is to be done, without the key."""
        if self.value:
            return f"store the {self.whose} key as SecureString {self.name}"
        return f"keep the {self.whose} key in {self.name}" if self.kept else f"store no {self.whose} key"


def wanted(ssm: Any, names: Mapping[Provider, str], asking: Prompter) -> list[Key]:
    """Return what becomes of each key, by what is stored, what the environment has and what is typed."""
    answer = ssm.get_parameters(Names=list(names.values()), WithDecryption=False)
    stored = {parameter["Name"] for parameter in answer["Parameters"]}
    return [_wanted(provider, name, name in stored, asking) for provider, name in names.items()]


def _wanted(provider: Provider, name: str, kept: bool, asking: Prompter) -> Key:
    variable = OPTION_VARIABLES[provider]
    value = os.environ.get(variable, "").strip()
    if value and asking.sure(f"Store the {provider} key that is in {variable}?", default=True):
        return Key(provider, name, kept, value)
    hint = "empty keeps the stored one" if kept else "empty for none; its models are then passed over"
    return Key(provider, name, kept, asking.secret(f"{provider} API key, not shown ({hint})"))


def for_webhooks(ssm: Any, name: str) -> list[Key]:
    """Return what becomes of the webhooks' signing secret: a new one is made where none is stored."""
    if not name:
        return []
    kept = bool(ssm.get_parameters(Names=[name], WithDecryption=False)["Parameters"])
    return [Key("webhook", name, kept, "" if kept else PREFIX_OF_SECRETS + b64encode(token_bytes(32)).decode())]


def store(ssm: Any, key: Key) -> None:
    """Put a key into Parameter Store.

    Raises:
        CommandError: AWS refuses; what it answers is not repeated, for it may quote what was sent.
    """
    try:
        ssm.put_parameter(Name=key.name, Value=key.value, Type="SecureString", Overwrite=True)
    except ClientError as error:
        code = error.response["Error"].get("Code")
        raise CommandError(
            f"{key.name}: AWS refuses PutParameter: {code}: is ssm:PutParameter allowed to you?"
        ) from None
