"""`pointsman openclaw`: configuration and skill for OpenClaw."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pointsman_cli import openclaw, output, skill
from pointsman_cli.options import AsJson, Config, StackOptions

HELP = "Use Pointsman from OpenClaw: configuration and skill."
_TOOL_TIMEOUT_MS = 120_000
"""OpenClaw's timeout for a tool call. A wait takes 45 s, unless an agent asks for more."""

_Output = Annotated[
    Path | None,
    typer.Option("--output", metavar="FILE", help="Write to this file instead of stdout. Creates its folder."),
]


def export(
    stack: StackOptions,
    tools_only: Annotated[
        bool, typer.Option("--tools-only", help="Export only the MCP server and the skill, without agents and models.")
    ] = False,
    chat_api: Annotated[
        str | None,
        typer.Option(
            "--front-door", metavar="URL", help="Add the front door as a model provider (output FrontDoorUrl)."
        ),
    ] = None,
    into: _Output = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Write a configuration for OpenClaw.

    It has Pointsman as an MCP server. Agents and models come from openclaw.json: orchestration becomes `main`,
    implementation `work` and reasoning `personal`, each with its fallbacks. The output is always JSON.
    """
    from pointsman_cli import stacks

    del as_json  # the output is JSON anyway
    file = config or (openclaw.HERE if openclaw.HERE.is_file() else None)
    arguments = [*stack.arguments(), *(["--config", str(file.resolve())] if file else [])]
    server = {"command": _this_command(), "args": ["mcp", *arguments], "requestTimeoutMs": _TOOL_TIMEOUT_MS}
    if tools_only:
        exported = openclaw.tools_section(server)
    else:
        policy = stacks.offline_runtime(config).context.policy
        exported = openclaw.export_config(policy, datetime.now(UTC), server)
    if chat_api:
        exported |= openclaw.provider_section(chat_api)
    output.write(output.json_text(exported) + "\n", into, make_folder=True)


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="OpenClaw's configuration, as JSON (not JSON5).")],
    into: _Output = None,
    as_json: AsJson = False,
) -> None:
    """Write an openclaw.json from OpenClaw's configuration.

    Takes the agents' models and Pointsman's options only: no keys, tokens or channels. The output is always JSON.
    """
    from pointsman.routing.config import parse

    del as_json  # the output is JSON anyway
    parsed = parse(openclaw.read_config(file))
    document = output.json_text(parsed.model_dump(mode="json", exclude_unset=True))
    output.write(document + "\n", into, make_folder=True)


def export_skill(stack: StackOptions, into: _Output = None, as_json: AsJson = False) -> None:
    """Write a skill (SKILL.md) that delegates tasks.

    OpenClaw offers it to agents only if `pointsman` is on the PATH. Other agents can read it too.
    """
    text = skill.skill_text(stack.arguments())
    text = json.dumps({"name": "pointsman", "text": text}) if as_json else text
    output.write(text.rstrip("\n") + "\n", into, make_folder=True)
    return


COMMANDS = {"export": export, "import": import_, "skill": export_skill}


def _this_command() -> str:
    """Return the absolute path of `pointsman`: OpenClaw has a PATH of its own."""
    return str(Path(sys.executable).with_name("pointsman"))
