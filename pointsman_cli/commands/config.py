"""`pointsman config`: the openclaw.json here, and the one that the stack runs."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman_cli import output
from pointsman_cli.errors import Exit
from pointsman_cli.options import AsJson, Config, StackOptions

if TYPE_CHECKING:
    from pointsman.routing.policy import RoutingPolicy

HELP = "Check openclaw.json; compare it with the deployed one."


def check_config(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="Default: ./openclaw.json, else the built-in one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a configuration before it is deployed.

    Needs no stack. Prints each tier's models; warns of those that end. Exits with 2 if the stack could not run it.
    """
    from pointsman_cli.stacks import offline_runtime

    policy = offline_runtime(file).context.policy
    warnings = _warnings(policy)
    if as_json:
        output.print_document({"valid": True, **_summary(policy), "warnings": warnings})
        return
    _print_summary(policy)
    for warning in warnings:
        output.print_note(f"warning: {warning}")


def show_config(stack: StackOptions, as_json: AsJson = False) -> None:
    """Print the configuration that the stack runs, as it was deployed."""
    from pointsman_cli.deployed_config import deployed_config

    text = deployed_config(stack.connect())
    if as_json:
        output.print_document(json.loads(text))
    else:
        output.print_text(text.rstrip())


def diff_config(stack: StackOptions, as_json: AsJson = False, config: Config = None) -> int:
    """Show how the file here differs from the one that the stack runs.

    Exits with 5 if it does. Deploy it with `pointsman up` (local) or `pointsman init --update` (AWS).
    """
    from pointsman_cli.deployed_config import deployed_config, differences, setting_text

    connection = stack.connect(config)
    found = differences(connection.config_text, deployed_config(connection))
    step = connection.deploy_step
    if as_json:
        output.print_document(
            {"same": not found, "differences": [asdict(entry) for entry in found], "next": step if found else None}
        )
    elif found:
        rows = [(entry.path or "(all)", setting_text(entry.here), setting_text(entry.deployed)) for entry in found]
        output.print_table(("setting", "here", "deployed"), rows)
        output.print_note(f"Deploy the file here with `{step}`; tasks under way keep the plan that they have.")
    else:
        print(f"The file here is what {connection.name} runs")
    return Exit.TO_DO if found else Exit.OK


def _summary(policy: "RoutingPolicy") -> dict[str, Any]:
    from pointsman.values.money import nano
    from pointsman.values.taxonomy import Tier

    budget = policy.config.pointsman.budget
    return {
        "tiers": {str(tier): list(policy.chain(tier)) for tier in Tier},
        "baseline": policy.config.baseline,
        "month_usd": None if budget.month_usd is None else str(budget.month_usd),
        "month_nano_usd": None if budget.month_usd is None else nano(budget.month_usd),
        "when_exhausted": {str(tier): str(budget.when_exhausted_for(tier)) for tier in Tier},
    }


def _print_summary(policy: "RoutingPolicy") -> None:
    summary = _summary(policy)
    when = summary["when_exhausted"]
    output.print_pairs(
        [
            *(
                (tier, f"{', then '.join(chain)}; budget used up: {when[tier]}")
                for tier, chain in summary["tiers"].items()
            ),
            ("baseline", summary["baseline"]),
            ("month", "no cap" if summary["month_usd"] is None else f"${summary['month_usd']}"),
        ]
    )


def _warnings(policy: "RoutingPolicy") -> list[str]:
    from pointsman.report.figures.lifetimes import notices

    return [notice.text for notice in notices(policy, datetime.now(UTC).date(), set())]


COMMANDS = {"check": check_config, "show": show_config, "diff": diff_config}
