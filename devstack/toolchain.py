"""Where the project's tools are, and the environments that they run in."""

import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path

from devstack.project import IS_INSTALLED, project_root, unpack_project

ROOT = project_root()
TEMPLATE = ROOT / "template.yaml"
SAM = ROOT / ".tools/sam/bin/sam"
MINISTACK = ROOT / ".tools/ministack/bin/ministack"
BUILDS = ROOT / ".aws-sam"
_SAM_HOME = ROOT / ".tools/sam-home"

_INHERITED = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_HIDDEN_FROM_PIP = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV", "PIP_NO_DEPS", "PIP_NO_BINARY")
_HIDDEN_FROM_BUILD = ("AWS_", "PYTHON", "VIRTUAL_ENV", "CONDA_", "GEMINI_", "GOOGLE_", "ANTHROPIC_")
_LOOPBACK = "127.0.0.1,localhost"


class LocalStackError(Exception):
    """The local stack cannot be built, started or deployed; the message is one line for the user.

    Raised anywhere in `devstack`, after every process that had been started was stopped.
    """

    def __init__(self, problem: str, log: Path | None = None) -> None:
        super().__init__(f"{problem} (log: {log})" if log else problem)


def require_tools(*tools: Path) -> None:
    """Check that this machine can run the local stack and that the tools are installed.

    A command that is installed without a checkout unpacks the project and installs the tools by itself.

    Raises:
        LocalStackError: It cannot, or a tool is missing.
    """
    if sys.platform != "linux":
        raise LocalStackError(
            "The local stack runs Linux binaries as they run on Lambda: use Linux, WSL or a container"
        )
    unpack_project(ROOT)
    for tool in tools:
        if IS_INSTALLED:
            _install(tool)
        elif not tool.exists():
            raise LocalStackError(f"{tool.relative_to(ROOT)} is missing: run `make setup` in {ROOT}")


def _install(tool: Path) -> None:
    """Install a tool by its locked requirements, as the Makefile does, unless that is done."""
    folder, uv = tool.parents[1], Path(sysconfig.get_path("scripts")) / "uv"
    requirements, stamp, log = ROOT / f"tools/{folder.name}.txt", folder / ".stamp", ROOT / f"{folder.name}.log"
    if stamp.exists() and stamp.read_bytes() == requirements.read_bytes():
        return
    print(f"Installing {folder.name} into {folder}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    interpreter = str(folder / "bin/python")
    commands = (
        ["venv", "--no-project", "--python", sys.executable, str(folder)],
        ["pip", "sync", "--require-hashes", "--compile-bytecode", "--python", interpreter, str(requirements)],
    )
    with log.open("wb") as output:
        for command in commands:
            if subprocess.run([uv, "--quiet", *command], stdout=output, stderr=output, check=False).returncode:
                raise LocalStackError(f"{folder.name} cannot be installed: {last_line(log)}", log)
    stamp.write_bytes(requirements.read_bytes())


def host_architecture() -> str:
    """Return this machine's architecture by Lambda's name for it."""
    machine = platform.machine().lower()
    return {"amd64": "x86_64", "aarch64": "arm64"}.get(machine, machine)


def runtime_environment(environ: Mapping[str, str], state_dir: Path) -> dict[str, str]:
    """Return the environment of the stack's processes, without keys, profiles or Python settings of the caller.

    Proxies and certificates are passed on, for calls to the real model providers.
    """
    inherited = {name: environ[name] for name in _INHERITED if name in environ}
    for name in (*_PROXIES, *(name.lower() for name in _PROXIES)):
        if name in environ:
            inherited[name] = environ[name]
    exempt = environ.get("NO_PROXY") or environ.get("no_proxy")
    no_proxy = f"{exempt},{_LOOPBACK}" if exempt else _LOOPBACK
    return {
        "PATH": os.defpath,
        **inherited,
        "NO_PROXY": no_proxy,
        "no_proxy": no_proxy,
        "HOME": str(state_dir / "home"),
        "TMPDIR": str(state_dir / "tmp"),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def build_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment for `sam build` and its pip: with package indexes, without keys."""
    return {
        **visible_environment(environ),
        **sam_settings(),
        "PATH": f"{SAM.parent}{os.pathsep}{environ.get('PATH', os.defpath)}",
    }


def visible_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the caller's environment without keys, profiles and Python settings."""
    return {
        name: value
        for name, value in environ.items()
        if not name.startswith(_HIDDEN_FROM_BUILD) and name not in _HIDDEN_FROM_PIP
    }


def sam_settings() -> dict[str, str]:
    """Return settings for sam: no telemetry, no version check, short pauses between polls."""
    _SAM_HOME.mkdir(parents=True, exist_ok=True)
    settings = {"telemetryEnabled": False, "lastVersionCheck": time.time()}
    (_SAM_HOME / "metadata.json").write_text(json.dumps(settings))
    return {"SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(_SAM_HOME), "SAM_CLI_POLL_DELAY": "0.2"}


def last_line(log: Path) -> str:
    """Return the last line of a tool's log, which usually says why it failed."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "no output")
