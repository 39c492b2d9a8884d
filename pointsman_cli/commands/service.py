"""`pointsman service`: the local stack as a systemd user service."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Annotated

import typer

from pointsman_cli import output
from pointsman_cli.errors import CommandError, Exit
from pointsman_cli.options import AsJson
from pointsman_cli.service_unit import UNIT_NAME, ServiceFiles

HELP = "Run the local stack as a systemd user service."

_NOT_HERE = "a service needs systemd and its user manager, which do not answer here: use `pointsman up`"
_NOT_INSTALLED = "no service is installed: install it with `pointsman service install`"


def install_service(
    up_options: Annotated[
        list[str] | None, typer.Argument(metavar="[-- OPTIONS]", help="Options of `pointsman up`, after --.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the unit, enable it and start it; again, to change its options or keys.

    It runs `pointsman up --foreground` in this directory, from each login on, and starts again what breaks down.
    Provider keys, base URLs, model overrides and proxies of this environment go into a file that only you can read.
    """
    options = list(up_options or ())
    _check_options(options)
    _require_systemd()
    files = ServiceFiles.of(os.environ)
    command = [*_executable(), "up", "--foreground", *options]
    passed_on = files.write(command, Path.cwd(), os.environ)
    _systemctl("daemon-reload")
    _systemctl("enable", UNIT_NAME)
    _systemctl("restart", UNIT_NAME)
    if as_json:
        output.print_document({"unit": str(files.unit), "environment": str(files.environment), "passed_on": passed_on})
        return
    output.print_pairs(
        [
            ("unit", files.unit),
            ("environment", files.environment),
            ("passed on", ", ".join(passed_on) or "nothing"),
            ("log", f"journalctl --user -u {UNIT_NAME} -f"),
        ]
    )
    output.print_note("It starts at your login; `loginctl enable-linger` starts it with the machine")


def show_service(as_json: AsJson = False) -> int:
    """Show whether the service is installed, enabled and running. Exits with 1 if it does not run."""
    _require_systemd()
    files = ServiceFiles.of(os.environ)
    if not files.unit.exists():
        raise CommandError(_NOT_INSTALLED)
    names = ("ActiveState", "SubState", "UnitFileState", "Result", "MainPID")
    shown = _systemctl("show", UNIT_NAME, "--property", ",".join(names)).splitlines()
    fields = dict(line.split("=", 1) for line in shown)
    active = fields["ActiveState"] == "active"
    if as_json:
        output.print_document(
            {
                "unit": str(files.unit),
                "active": active,
                "state": f"{fields['ActiveState']} ({fields['SubState']})",
                "enabled": fields["UnitFileState"] == "enabled",
                "result": fields["Result"],
                "pid": int(fields["MainPID"]) or None,
            }
        )
    else:
        output.print_pairs(
            [
                ("unit", files.unit),
                ("state", f"{fields['ActiveState']} ({fields['SubState']})"),
                ("enabled", "yes" if fields["UnitFileState"] == "enabled" else "no"),
                ("result", fields["Result"]),
            ]
        )
        if not active:
            output.print_note(f"See why: journalctl --user -u {UNIT_NAME} -n 50")
    return Exit.OK if active else Exit.FAILED


def remove_service(as_json: AsJson = False) -> None:
    """Stop the service and remove its unit and its environment, keys included. The stack's data stays."""
    files = ServiceFiles.of(os.environ)
    if not files.unit.exists():
        raise CommandError(_NOT_INSTALLED)
    _require_systemd()
    _systemctl("disable", "--now", UNIT_NAME)
    files.remove()
    _systemctl("daemon-reload")
    if as_json:
        output.print_document({"removed": str(files.unit)})
    else:
        output.print_note(f"Removed {files.unit}")


COMMANDS = {"install": install_service, "status": show_service, "remove": remove_service}


def _check_options(options: list[str]) -> None:
    """Refuse what `pointsman up` does not take, before systemd tries it again and again."""
    from typer.main import get_command

    from pointsman_cli.app import app

    root = get_command(app)
    up = root.commands["up"]  # type: ignore[attr-defined]
    up.make_context("pointsman up", list(options)).close()


def _executable() -> list[str]:
    script = Path(sysconfig.get_path("scripts")) / "pointsman"
    return [str(script)] if script.exists() else [sys.executable, "-m", "pointsman_cli.main"]


def _require_systemd() -> None:
    if sys.platform != "linux" or not shutil.which("systemctl"):
        raise CommandError(_NOT_HERE)
    answer = subprocess.run(["systemctl", "--user", "show-environment"], capture_output=True, check=False)
    if answer.returncode:
        raise CommandError(_NOT_HERE)


def _systemctl(*arguments: str) -> str:
    done = subprocess.run(["systemctl", "--user", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        problem = done.stderr.strip().rpartition("\n")[2] or f"exit code {done.returncode}"
        raise CommandError(f"systemctl --user {arguments[0]}: {problem}")
    return done.stdout
