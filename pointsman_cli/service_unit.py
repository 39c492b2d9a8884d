"""The systemd user unit of the local stack: its text, its environment, and where both are."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pointsman_cli.errors import BadInputError

UNIT_NAME = "pointsman.service"
_PASSED_ON = re.compile(
    r"(GEMINI|ANTHROPIC)_API_KEY|GOOGLE_GEMINI_BASE_URL|ANTHROPIC_BASE_URL|MODEL_OVERRIDE_[A-Z]+"
    r"|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|XDG_DATA_HOME|POINTSMAN_LOCAL|(HTTPS?|ALL|NO)_PROXY|(https?|all|no)_proxy"
)
"""Of the environment: what `pointsman up` goes by, and systemd does not have."""


@dataclass(frozen=True, slots=True)
class ServiceFiles:
    """Where systemd looks for a user's units, and where their environment is."""

    unit: Path
    environment: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "ServiceFiles":
        """Return the files of the user that an environment is of."""
        stated = environ.get("XDG_CONFIG_HOME")
        config = Path(stated) if stated else Path(environ.get("HOME", "~")).expanduser() / ".config"
        return cls(config / "systemd/user" / UNIT_NAME, config / "pointsman/environment")

    def write(self, command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> list[str]:
        """Write both, and return the names of the variables that are passed on.

        Raises:
            BadInputError: A value cannot stand in such a file.
        """
        passed_on = {name: value for name, value in environ.items() if value and _PASSED_ON.fullmatch(name)}
        unit = unit_text(command, folder, self.environment)
        _write_private(self.environment, environment_text(passed_on))
        self.unit.parent.mkdir(parents=True, exist_ok=True)
        self.unit.write_text(unit, encoding="utf-8")
        return sorted(passed_on)

    def remove(self) -> None:
        """Remove both."""
        self.unit.unlink(missing_ok=True)
        self.environment.unlink(missing_ok=True)


def unit_text(command: Sequence[str], folder: Path, environment: Path) -> str:
    """Return a unit that runs a command in a folder. Nothing secret stands in it: anybody can read the units.

    The command stays in the foreground and ends the stack by itself, so systemd signals it alone and kills what is left
    after it. If the stack breaks down it fails, and is started again.
    """
    return f"""[Unit]
Description=Pointsman's local stack
StartLimitIntervalSec=600
StartLimitBurst=5

[Service]
Type=exec
ExecStart={" ".join([_executable_word(command[0]), *map(_word, command[1:])])}
WorkingDirectory={_path(folder)}
EnvironmentFile=-{_path(environment)}
Restart=on-failure
RestartSec=10
KillMode=mixed
TimeoutStopSec=60
UMask=0077

[Install]
WantedBy=default.target
"""


def environment_text(variables: Mapping[str, str]) -> str:
    """Return an EnvironmentFile."""
    quoted = {name: _quoted(_escaped(value, '"\\`$')) for name, value in variables.items()}
    return "".join(f"{name}={value}\n" for name, value in sorted(quoted.items()))


def _executable_word(path: str) -> str:
    """Return the first word of ExecStart, in which systemd replaces no variables and takes no quotes."""
    if any(character in path for character in "\"'\\"):
        raise BadInputError(f"systemd runs no program whose path has quotes or backslashes: {path}")
    return _quoted(path.replace("%", "%%"))


def _word(text: str) -> str:
    """Return a word of ExecStart, where `%` and `$` have a meaning of their own."""
    return _quoted(_escaped(text.replace("%", "%%").replace("$", "$$"), '"\\'))


def _path(path: Path) -> str:
    return _one_line(str(path)).replace("%", "%%")


def _quoted(text: str) -> str:
    return f'"{_one_line(text)}"'


def _escaped(text: str, special: str) -> str:
    return "".join(f"\\{character}" if character in special else character for character in text)


def _one_line(text: str) -> str:
    if any(character in text for character in "\n\r\0"):
        raise BadInputError("a service's paths, options and variables must be one line each")
    return text


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, at no moment anybody else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as output:
        output.write(text)
    unfinished.replace(path)
