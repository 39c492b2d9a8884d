"""The `openclaw.json` that a stack runs, and how another one differs from it."""

import hashlib
import io
import json
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from devstack import StackInfo
from pointsman.values import strict_json
from pointsman_cli import known_tasks
from pointsman_cli.errors import CommandError

if TYPE_CHECKING:
    from pointsman_cli.stacks import StackConnection

_FILE = "python/pointsman/openclaw.json"
_DOWNLOAD_SECONDS = 300
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """A setting that differs; None: it is not there."""

    path: str
    here: Any
    deployed: Any


class NoConfigError(CommandError):
    """The router has no layer that holds the file."""


def deployed_config(connection: "StackConnection", *, again: bool = False) -> str:
    """Return the text of the file in the router's layer.

    The layer of a deployment is downloaded once, unless it is to be read `again`.

    Raises:
        NoConfigError: The stack has no such file.
        CommandError: It cannot be read.
    """
    arn = _core_layer(connection)
    if arn is None:
        raise NoConfigError(f"{connection.name} has no layer with an openclaw.json: deploy it again")
    kept = _kept_at(connection, arn)
    if kept and kept.is_file() and not again:
        return kept.read_text(encoding="utf-8")
    try:
        text = _config_in_layer(connection, arn)
        json.loads(text)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        raise CommandError(f"cannot read the openclaw.json of {connection.name}: {type(error).__name__}") from None
    if kept:
        with suppress(OSError):
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(text, encoding="utf-8")
    return text


def _kept_at(connection: "StackConnection", arn: str) -> Path | None:
    """Return where the layer's file is kept; None where nothing tells the layer from others.

    On AWS a layer's version never changes. A local stack's versions begin anew with each start, so that the digest of
    what was deployed counts too.
    """
    clients, name = connection.clients, arn
    if isinstance(clients, StackInfo):
        if not clients.deployed:
            return None
        name = f"{arn} {clients.deployed}"
    return known_tasks.state_folder() / f"config-{hashlib.sha256(name.encode()).hexdigest()[:16]}.json"


def _core_layer(connection: "StackConnection") -> str | None:
    """Return the ARN of the router's layer that holds the file."""
    router = connection.functions.get("RouterFunctionName")
    if router is None:
        return None
    configuration = connection.clients.client("lambda").get_function_configuration(FunctionName=router)
    arns = (layer["Arn"] for layer in configuration.get("Layers", []))
    return next((arn for arn in arns if ":layer:CoreLayer" in arn), None)


def _config_in_layer(connection: "StackConnection", arn: str) -> str:
    """Return the text of the file in a layer, which is downloaded."""
    location = connection.clients.client("lambda").get_layer_version_by_arn(Arn=arn)["Content"]["Location"]
    with urllib.request.urlopen(location, timeout=_DOWNLOAD_SECONDS) as response:  # noqa: S310  (AWS's own, presigned)
        archive = zipfile.ZipFile(io.BytesIO(response.read()))
    return archive.read(_FILE).decode()


def differences(here: str, deployed: str) -> list[Difference]:
    """Return the settings in which two configurations differ, by their path."""
    return list(_differences("", json.loads(here), json.loads(deployed)))


def _differences(path: str, here: Any, deployed: Any) -> Iterator[Difference]:
    """Yield the differences; of a part that one side lacks, each setting in it."""
    parts = [{} if side is _ABSENT else side for side in (here, deployed)]
    if any(parts) and all(isinstance(part, dict) for part in parts):
        for name in sorted({*parts[0], *parts[1]}):
            sides = (part.get(name, _ABSENT) for part in parts)
            yield from _differences(f"{path}.{name}" if path else name, *sides)
    elif here != deployed:
        yield Difference(path, *(None if side is _ABSENT else side for side in (here, deployed)))


def setting_text(value: Any) -> str:
    """Return a setting as it stands in the file; an absent one as a dash."""
    return "-" if value is None else value if isinstance(value, str) else strict_json.dumps(value)
