"""What is known about a local stack, in memory and in its state directory."""

from pathlib import Path
from typing import Any, Self

import botocore.session
from boto3.session import Session
from botocore.config import Config
from pydantic import BaseModel, ConfigDict

_FILE_NAME = "stack.json"


class ProcessRecord(BaseModel):
    """A process that was started, told from a later one of the same number by when it started."""

    model_config = ConfigDict(frozen=True)

    name: str
    pid: int
    started: int
    """Clock ticks after boot, as /proc/PID/stat has it."""
    log: Path


class StandIns(BaseModel):
    """For which providers the stand-in answers."""

    model_config = ConfigDict(frozen=True)

    gemini: bool
    anthropic: bool

    @property
    def any(self) -> bool:
        """Whether any output of this stack may come from the stand-in."""
        return self.gemini or self.anthropic


class StackInfo(BaseModel):
    """A local stack: its processes, where it listens, and its outputs once it is deployed."""

    model_config = ConfigDict(frozen=True)

    state_dir: Path
    token: str
    """Marks the environment of every process of this stack."""
    processes: tuple[ProcessRecord, ...] = ()
    endpoint: str = ""
    region: str = "us-east-1"
    stack_name: str = "pointsman"
    stand_in: StandIns
    standin_url: str | None = None
    """Address of the stand-in, control calls included; `None` if both providers are called themselves."""
    outputs: dict[str, str] = {}
    """The stack's outputs by name; empty until it is deployed."""

    @property
    def environment(self) -> dict[str, str]:
        """What an AWS client in another process needs in its environment to reach this stack and nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def client_options(self) -> dict[str, Any]:
        """Options for each client of this stack: `info.session().client("sqs", **info.client_options)`.

        They win over the environment, so that no endpoint or proxy leads elsewhere.
        """
        return {
            "endpoint_url": self.endpoint,
            "region_name": self.region,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
            "config": Config(proxies={}, retries={"mode": "standard"}),
        }

    def session(self) -> Session:
        """Return a new session that reads no profile, so that `AWS_PROFILE` may name one that is not there."""
        nowhere: dict[str, Any] = {
            "profile": (None, None, None, None),
            "config_file": (None, None, "/dev/null", None),
            "credentials_file": (None, None, "/dev/null", None),
        }
        return Session(botocore_session=botocore.session.Session(session_vars=nowhere))

    def with_outputs(self) -> Self:
        """Return it with the outputs that the deployed stack has."""
        client = self.session().client("cloudformation", **self.client_options)
        stack = client.describe_stacks(StackName=self.stack_name)["Stacks"][0]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        return self.model_copy(update={"outputs": outputs})

    def save(self) -> None:
        """Write it to its state directory, all or nothing."""
        unfinished = self.state_dir / f"{_FILE_NAME}.new"
        unfinished.write_text(self.model_dump_json(indent=2) + "\n")
        unfinished.replace(self.state_dir / _FILE_NAME)

    @classmethod
    def load(cls, state_dir: Path) -> Self | None:
        """Return what a state directory holds, `None` if there is no stack."""
        try:
            return cls.model_validate_json((state_dir / _FILE_NAME).read_bytes())
        except FileNotFoundError:
            return None

    def forget(self) -> None:
        """Remove it from its state directory."""
        (self.state_dir / _FILE_NAME).unlink(missing_ok=True)
