"""Builds and deploys with the AWS SAM CLI, whose output goes to stderr as it comes."""

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
from pointsman_cli.first_deploy.options import OPTION_VARIABLES, DeployOptions
from pointsman_cli.tuning.edit import put

CONFIG = ROOT / "openclaw.json"
"""What goes into the functions' layer."""


def budget_in(text: str) -> Decimal | None:
    """Return the month's budget that `openclaw.json` states; None: there is no cap."""
    return config.parse(text).pointsman.budget.month_usd


def with_budget(text: str, month_usd: Decimal | None) -> str:
    """Return `openclaw.json` with another budget, the rest of its text as it was; the same when it is the same."""
    if budget_in(text) == month_usd:
        return text
    changed = put(text, ("pointsman", "budget", "month_usd"), _number(month_usd))
    config.parse(changed)
    return changed


def _number(usd: Decimal | None) -> int | float | None:
    if usd is None:
        return None
    return int(usd) if usd == int(usd) else float(usd)


def sam_deploy(wishes: DeployOptions) -> list[str]:
    """Return the command that deploys what was built; nothing in it is secret."""
    command = [str(SAM), "deploy", "--config-file", str(ROOT / "samconfig.toml"), "--no-confirm-changeset"]
    command += ["--template-file", str(BUILDS / "build/template.yaml")]
    command += ["--stack-name", wishes.stack, "--region", wishes.region]
    command += ["--profile", wishes.profile] if wishes.profile else []
    return [*command, "--parameter-overrides", *(f'{name}="{value}"' for name, value in wishes.overrides().items())]


def build_and_deploy(wishes: DeployOptions) -> None:
    """Build for AWS and deploy.

    Raises:
        CommandError: sam did not succeed; it has said why.
    """
    build_template(wishes.architecture, BUILDS / "build", environ=os.environ, report=output.print_note)
    output.print_note(f"Deploying stack {wishes.stack}: the first time it takes a few minutes")
    done = subprocess.run(sam_deploy(wishes), cwd=ROOT, env=_environment(os.environ), stdout=sys.stderr, check=False)
    if done.returncode:
        raise CommandError(
            "sam deploy failed: see above why, mend it, and run `pointsman init` again; it goes on from there"
        )


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of sam: its settings, and no model's key."""
    settings = {name: value for name, value in sam_settings().items() if name != "SAM_CLI_POLL_DELAY"}
    return {name: value for name, value in environ.items() if name not in OPTION_VARIABLES.values()} | settings


def plan_text(path: Path) -> str:
    """Return a path as a person in the checkout would write it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
