"""Builds the template's functions and layers for one architecture, and deploys it to the emulator."""

import fcntl
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from devstack import processes, trim
from devstack.info import StackInfo
from devstack.toolchain import (
    BUILDS,
    ROOT,
    SAM,
    TEMPLATE,
    LocalStackError,
    build_environment,
    last_line,
    require_tools,
    sam_settings,
)

_CONFIG = "python/pointsman/openclaw.json"
"""In the layer that has it."""
_SOURCES = ("template.yaml", "dashboard.yaml", "samconfig.toml", "openclaw.json", "tools/sam.txt")
_SOURCE_FOLDERS = ("functions", "layers", "statemachines")


def build_template(
    architecture: str, target: Path, *, environ: Mapping[str, str], report: Callable[[str], None] = print
) -> Path:
    """Build into `target` unless it already holds a build of the same sources; return the built template.

    The layers are trimmed too, unless `environ` turns that off.

    Raises:
        LocalStackError: The tools are missing, or the build failed.
    """
    require_tools(SAM)
    BUILDS.mkdir(exist_ok=True)
    stamp = target.with_name(f"{target.name}.sources")
    with (BUILDS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        trimmed = trim.is_wanted(environ)
        sources = _fingerprint(architecture, "trimmed" if trimmed else "whole")
        if (target / TEMPLATE.name).exists() and stamp.exists() and stamp.read_text() == sources:
            return target / TEMPLATE.name
        stamp.unlink(missing_ok=True)
        report(f"Building functions and layers for {architecture}")
        _build(architecture, target, environ)
        if trimmed:
            trim.trim_layers(target)
        stamp.write_text(sources)
    return target / TEMPLATE.name


def with_config(template: Path, config: str, folder: Path) -> Path:
    """Return the template of a build, in `folder`, whose functions run this text of an `openclaw.json`.

    All other files are the build's own, under further names.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template.parent, folder, symlinks=True, copy_function=os.link)
    for file in folder.glob(f"*/{_CONFIG}"):
        file.unlink()  # the link, not the build's file
        file.write_text(config, encoding="utf-8")
    copy = folder / template.name
    copy.unlink()
    copy.write_text(_from_anywhere(template), encoding="utf-8")
    return copy


def _from_anywhere(template: Path) -> str:
    """Return a built template whose files beside the sources, named by its own place, can be told from any other."""
    sources = re.escape(os.path.relpath(ROOT, template.parent) + os.sep)
    text = template.read_text(encoding="utf-8")
    return re.sub(rf"(?<=: ){sources}(.+)$", lambda path: json.dumps(str(ROOT / path[1])), text, flags=re.MULTILINE)


def _build(architecture: str, target: Path, environ: Mapping[str, str]) -> None:
    log = target.with_name(f"{target.name}.log")
    command = ["build", "--template-file", str(TEMPLATE), "--build-dir", str(target)]
    command += ["--cached", "--cache-dir", str(BUILDS / f"cache-{architecture}"), "--parallel"]
    command += ["--parameter-overrides", f"Architecture={architecture}"]
    _run_sam(command, environment=build_environment(environ), token=f"build-{uuid.uuid4()}", log=log)


def _run_sam(command: list[str], *, environment: Mapping[str, str], token: str, log: Path) -> None:
    if not processes.run_process([str(SAM), *command], environment=environment, cwd=ROOT, token=token, log=log):
        raise LocalStackError(f"sam {command[0]} failed: {last_line(log)}", log)


def _fingerprint(*choices: str) -> str:
    """Return a digest of everything that a build depends on."""
    digest = hashlib.sha256(" ".join(choices).encode())
    digest.update(Path(trim.__file__).read_bytes())
    for path in _source_files():
        digest.update(f"\0{path.relative_to(ROOT)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def digest_of_build(template: Path, parameters: Mapping[str, str]) -> str:
    """Return a digest of what a deployment of a build depends on: its sources, its `openclaw.json`, the parameters."""
    configs = [file.read_text(encoding="utf-8") for file in sorted(template.parent.glob(f"*/{_CONFIG}"))]
    return _fingerprint(*configs, *(f"{name}={value}" for name, value in sorted(parameters.items())))


def _source_files() -> Iterator[Path]:
    yield from (ROOT / name for name in _SOURCES)
    for folder in _SOURCE_FOLDERS:
        files = (path for path in (ROOT / folder).rglob("*") if path.is_file())
        yield from sorted(path for path in files if "__pycache__" not in path.parts)


_BUCKET = "pointsman-artifacts"


def deploy_template(
    stack: StackInfo, template: Path, *, parameters: Mapping[str, str], environment: Mapping[str, str]
) -> StackInfo:
    """Deploy a built template and return the stack with its outputs.

    Raises:
        LocalStackError: The deployment failed.
    """
    if not stack.outputs:
        stack.client("s3").create_bucket(Bucket=_BUCKET)
    log = stack.state_dir / "deploy.log"
    command = ["deploy", "--config-file", str(ROOT / "samconfig.toml"), "--config-env", "local"]
    command += ["--template-file", str(template), "--stack-name", stack.stack_name]
    command += ["--s3-bucket", _BUCKET, "--region", stack.region, "--parameter-overrides"]
    command += [f'{name}="{value}"' for name, value in parameters.items() if value]
    environment = {**environment, **sam_settings(), **stack.environment}
    _run_sam(command, environment=environment, token=stack.token, log=log)
    return stack.with_outputs()


def put_keys(stack: StackInfo, keys: Mapping[str, str]) -> None:
    """Store the provider keys, by parameter name, in Parameter Store, where the functions read them."""
    client = stack.client("ssm")
    for name, key in keys.items():
        client.put_parameter(Name=name, Value=key, Type="SecureString", Overwrite=True)
