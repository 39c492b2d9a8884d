"""`pointsman openclaw`: for those who run OpenClaw."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pointsman_cli import openclaw, output, skill
from pointsman_cli.errors import CommandError, Exit
from pointsman_cli.options import AsJson, Config, Profile, Region, Stack

EXPORT_EXAMPLES = """\b
Examples:
  pointsman openclaw export --output pointsman.json
  pointsman openclaw export --tools-only --stack pointsman --output patch.json
  pointsman openclaw export --tools-only --front-door https://….lambda-url.eu-central-1.on.aws/v1
  openclaw config patch --file patch.json     merges it into the configuration that OpenClaw has"""
IMPORT_EXAMPLES = """\b
Examples:
  pointsman openclaw import ~/.openclaw/openclaw.json
  pointsman openclaw import ~/.openclaw/openclaw.json --output openclaw.json"""
SKILL_EXAMPLES = """\b
Examples:
  pointsman openclaw skill
  pointsman openclaw skill --output ~/.openclaw/skills/pointsman/SKILL.md --stack pointsman"""
CALL_MILLISECONDS = 120_000
"""What OpenClaw gives a tool call; a wait is 45 s unless an agent asks for longer."""

Output = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Write there instead of to stdout; its folder is made.")
]


def export(
    tools_only: Annotated[
        bool, typer.Option("--tools-only", help="Only the MCP server and the skill: leave agents and models alone.")
    ] = False,
    chat_api: Annotated[
        str | None,
        typer.Option("--front-door", metavar="URL", help="Add it as a model provider: the output FrontDoorUrl."),
    ] = None,
    into: Output = None,
    as_json: AsJson = False,
    config: Config = None,
    stack: Stack = None,
    profile: Profile = None,
    region: Region = None,
) -> int:
    """Write a configuration that OpenClaw accepts, with Pointsman as its MCP server.

    Agents and models are those of openclaw.json: orchestration becomes `main`, implementation `work`, reasoning
    `personal`, each with its fallbacks. The result is JSON, with --json or without.
    """
    from pointsman_cli import openclaw_export, stacks

    del as_json  # it is JSON anyway
    file = config or (openclaw.HERE if openclaw.HERE.is_file() else None)
    arguments = [*_options(stack, profile, region), *(["--config", str(file.resolve())] if file else [])]
    server = {"command": _command(), "args": ["mcp", *arguments], "requestTimeoutMs": CALL_MILLISECONDS}
    if tools_only:
        exported = openclaw_export.tools(server)
    else:
        exported = openclaw_export.exported(stacks.offline_runtime(config).context.policy, datetime.now(UTC), server)
    if chat_api:
        exported |= openclaw_export.chat_api(chat_api)
    _put(output.dumped(exported), into)
    return Exit.OK


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="OpenClaw's configuration, as JSON.")],
    into: Output = None,
    as_json: AsJson = False,
) -> int:
    """Write an openclaw.json of Pointsman's own from OpenClaw's configuration.

    It has the agents' models and Pointsman's options, and nothing else: no key, no token, no channel. The result is
    JSON, with --json or without.
    """
    from pointsman.routing.config import parse

    del as_json  # it is JSON anyway
    parsed = parse(openclaw.read_config(file))
    _put(output.dumped(parsed.model_dump(mode="json", exclude_unset=True)), into)
    return Exit.OK


def show_skill(
    into: Output = None,
    as_json: AsJson = False,
    stack: Stack = None,
    profile: Profile = None,
    region: Region = None,
) -> int:
    """Write the skill that delegates tasks, as OpenClaw and others read it (SKILL.md).

    OpenClaw offers it to agents only where `pointsman` is on the PATH.
    """
    text = skill.skill_text(" ".join(_options(stack, profile, region)))
    _put(json.dumps({"name": "pointsman", "text": text}) if as_json else text, into)
    return Exit.OK


HELP = "For those who run OpenClaw: its configuration, and a skill."
_OPENCLAW_COMMANDS = (
    ("export", export, EXPORT_EXAMPLES),
    ("import", import_, IMPORT_EXAMPLES),
    ("skill", show_skill, SKILL_EXAMPLES),
)


def _command() -> str:
    """Return the path of this very command: OpenClaw starts it with a PATH of its own."""
    return str(Path(sys.executable).with_name("pointsman"))


def _options(stack: str | None, profile: str | None, region: str | None) -> list[str]:
    options = (("--stack", stack), ("--profile", profile), ("--region", region))
    return [part for name, value in options if value for part in (name, value)]


def _put(text: str, into: Path | None) -> None:
    if into is None:
        print(text.rstrip("\n"))
        return
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        into.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"--output: {error.strerror}: {into}") from None
    output.print_note(f"written to {into}")
