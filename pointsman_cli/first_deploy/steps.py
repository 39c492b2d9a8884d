"""Sets the budget, builds and deploys with the AWS SAM CLI, whose output streams to stderr."""

import os
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from devstack.build import build_template
from devstack.toolchain import BUILDS, ROOT, SAM, sam_settings
from pointsman.routing import config
from pointsman_cli import output
from pointsman_cli.errors import CommandError
from pointsman_cli.first_deploy.options import KEY_VARIABLES, DeployOptions
from pointsman_cli.tuning.edit import put

CONFIG = ROOT / "openclaw.json"
"""The file that the build copies into the functions' layer."""


def budget_in(text: str) -> Decimal | None:
    """Return the monthly budget in `openclaw.json`. None if there is no cap."""
    return config.parse(text).pointsman.budget.month_usd


def with_budget(text: str, month_usd: Decimal | None) -> str:
    """Return `openclaw.json` with this monthly budget, and the rest of its text unchanged."""
    if budget_in(text) == month_usd:
        return text
    changed = put(text, ("pointsman", "budget", "month_usd"), _number(month_usd))
    config.parse(changed)
    return changed


def _number(usd: Decimal | None) -> int | float | None:
    if usd is None:
        return None
    return int(usd) if usd == int(usd) else float(usd)


def sam_deploy_command(options: DeployOptions) -> list[str]:
    """Return the command that deploys the build. It contains no secret."""
    command = [str(SAM), "deploy", "--config-file", str(ROOT / "samconfig.toml"), "--no-confirm-changeset"]
    command += ["--template-file", str(BUILDS / "build/template.yaml")]
    command += ["--stack-name", options.stack, "--region", options.region]
    command += ["--profile", options.profile] if options.profile else []
    return [*command, "--parameter-overrides", *(f'{name}="{value}"' for name, value in options.overrides().items())]


def build_and_deploy(options: DeployOptions) -> None:
    """Build for AWS and deploy.

    Raises:
        CommandError: sam failed, and has printed why.
    """
    build_template(options.architecture, BUILDS / "build", environ=os.environ, report=output.print_note)
    output.print_note(f"Deploying stack {options.stack}; the first deployment takes a few minutes")
    environment, command = sam_environment(os.environ), sam_deploy_command(options)
    if subprocess.run(command, cwd=ROOT, env=environment, stdout=sys.stderr, check=False).returncode:
        raise CommandError("sam deploy failed: fix the cause above")


def sam_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of sam: its settings, without the models' keys."""
    settings = {name: value for name, value in sam_settings().items() if name != "SAM_CLI_POLL_DELAY"}
    return {name: value for name, value in environ.items() if name not in KEY_VARIABLES.values()} | settings


def relative_to_checkout(path: Path) -> str:
    """Return a path as one would type it in the checkout."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
