"""A local stack's description, in memory and in its state directory."""

import secrets
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import botocore.session
from boto3.session import Session
from botocore.config import Config
from pydantic import BaseModel, ConfigDict, Field

from devstack.request_guard import FUNCTION_URLS

_FILE_NAME = "stack.json"
_IDENTITY = "identity.json"
KEPT_DATA = "data"
"""The folder of the data in the state directory of a stack that keeps them."""


def new_access_key() -> str:
    """Return an access key for a local stack: 120 random bits, in the form of AWS's."""
    return f"LOCAL{secrets.token_hex(15).upper()}"


class ProcessRecord(BaseModel):
    """A started process; its start time tells it from a later process with the same id."""

    model_config = ConfigDict(frozen=True)

    name: str
    pid: int
    started: int
    """Clock ticks after boot, as /proc/PID/stat has it."""
    boot: str = ""
    """The boot's id: after another one, a process with this id and start is not this one. Empty: not recorded."""
    log: Path


class FakedProviders(BaseModel):
    """Which providers are fake."""

    model_config = ConfigDict(frozen=True)

    gemini: bool
    anthropic: bool

    @property
    def any(self) -> bool:
        """Whether any answer of this stack may come from a fake provider."""
        return self.gemini or self.anthropic

    @property
    def names(self) -> str:
        """The models of those providers, for people; empty for none."""
        return " and ".join(name for name, fake in (("Gemini", self.gemini), ("Claude", self.anthropic)) if fake)


class KeptIdentity(BaseModel):
    """What is the same of a stack with kept data whenever it is up. It stands with the data."""

    model_config = ConfigDict(frozen=True)

    access_key: str
    api_key: str
    port: int

    def save(self, folder: Path) -> None:
        """Write this to the folder of the data."""
        _write_private(folder / _IDENTITY, self.model_dump_json(indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """Return the identity of the data in a folder; `None` if there is none."""
        try:
            return cls.model_validate_json((folder / _IDENTITY).read_bytes())
        except FileNotFoundError:
            return None


class StackInfo(BaseModel):
    """A local stack: its processes, its address, and its outputs once it is deployed."""

    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    state_dir: Path
    token: str
    """In the environment of every process of this stack."""
    access_key: str = "test"
    """What the emulator asks for: id and secret of its root. Only the stack's own user can read it."""
    processes: tuple[ProcessRecord, ...] = ()
    endpoint: str = ""
    region: str = "us-east-1"
    stack_name: str = "pointsman"
    stand_in: FakedProviders
    fake_providers_url: str | None = Field(default=None, alias="standin_url")
    """Address of the fake providers and their control API; `None` if both providers are real."""
    outputs: dict[str, str] = {}
    """The stack's outputs by name; empty until it is deployed."""
    deployed: str = ""
    """The digest of what was deployed last: sources, `openclaw.json` and parameters."""
    api_key: str = ""
    """Opens the front door to the stack's own user; empty until one is made."""
    kept: bool = False
    """Whether its data stay when it is down."""

    @property
    def identity(self) -> KeptIdentity:
        """What stays the same of this stack."""
        port = urlsplit(self.endpoint).port or 0
        return KeptIdentity(access_key=self.access_key, api_key=self.api_key, port=port)

    @property
    def front_door_url(self) -> str | None:
        """The front door's base URL, which the emulator serves under its own address; `None` if there is no door."""
        url = self.outputs.get("FrontDoorUrl")
        return url and f"{self.endpoint}{FUNCTION_URLS}{urlsplit(url).netloc.partition('.')[0]}/v1"

    @property
    def environment(self) -> dict[str, str]:
        """The environment that points an AWS client in another process at this stack and nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.access_key,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def client_options(self) -> dict[str, Any]:
        """Options for each client of this stack: `info.session().client("sqs", **info.client_options)`.

        They override the environment, so no endpoint or proxy there leads elsewhere.
        """
        return {
            "endpoint_url": self.endpoint,
            "region_name": self.region,
            "aws_access_key_id": self.access_key,
            "aws_secret_access_key": self.access_key,
            "config": Config(proxies={}, retries={"mode": "standard"}),
        }

    def session(self) -> Session:
        """Return a new session that reads no profile: `AWS_PROFILE` may name one that does not exist."""
        nowhere: dict[str, Any] = {
            "profile": (None, None, None, None),
            "config_file": (None, None, "/dev/null", None),
            "credentials_file": (None, None, "/dev/null", None),
        }
        return Session(botocore_session=botocore.session.Session(session_vars=nowhere))

    def client(self, service: str, config: Config | None = None) -> Any:
        """Return a client for this stack, whatever the environment says."""
        options = self.client_options
        return self.session().client(
            service, **{**options, "config": config.merge(options["config"]) if config else options["config"]}
        )

    def with_outputs(self) -> Self:
        """Return this stack with the outputs of its deployment."""
        stack = self.client("cloudformation").describe_stacks(StackName=self.stack_name)["Stacks"][0]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        return self.model_copy(update={"outputs": outputs})

    def save(self) -> Self:
        """Write this stack to its state directory, atomically, and return it."""
        _write_private(self.state_dir / _FILE_NAME, self.model_dump_json(indent=2) + "\n")
        return self

    @classmethod
    def load(cls, state_dir: Path) -> Self | None:
        """Return the stack of a state directory; `None` if there is none."""
        try:
            return cls.model_validate_json((state_dir / _FILE_NAME).read_bytes())
        except FileNotFoundError:
            return None

    def forget(self) -> None:
        """Remove this stack from its state directory."""
        (self.state_dir / _FILE_NAME).unlink(missing_ok=True)


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, atomically."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.replace(path)
