"""The README keeps its size, no link of the documentation leads nowhere, and its commands are those that exist."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from pointsman_cli.app import app
from tests.support.paths import ROOT

PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md"), *ROOT.glob("events/*.md")])


def test_readme_has_at_most_600_words_and_two_small_pictures() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.split()) <= 600
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert pictures == ["docs/pictures/report.png", "docs/pictures/terminal.svg"]
    assert all(0 < (ROOT / picture).stat().st_size < 150_000 for picture in pictures)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files_that_exist(page: object) -> None:
    path = ROOT / str(page)
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    local = [target for target in targets if target and "://" not in target and not target.startswith("mailto:")]
    assert [target for target in local if not (path.parent / target).exists()] == []


ELSEWHERE = {"reconcile": "statement.md", "service": "local.md", "statement": "statement.md"}
"""Commands that the day in transcripts.md cannot run (another month, a provider's bill, systemd), and their pages."""


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command of the parser by its words; a group too, where it does something by itself."""
    for name, command in group.commands.items():
        words = (*path, name)
        if hasattr(command, "commands"):
            yield from commands(command, words)
        if not hasattr(command, "commands") or command.invoke_without_command:
            yield words, command


COMMANDS = dict(commands(get_command(app)))


def calls(page: Path) -> list[tuple[tuple[str, ...], list[str]]]:
    """Return the commands of `pointsman` in a page's blocks, each with its options."""
    blocks = re.findall(r"^````?(?:console|sh|bash|text)?\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
    lines = "\n".join(blocks).replace("\\\n", " ").split("\n")
    found = []
    for line in lines:
        for part in re.split(r"[|;&<>()]|\$\(", line.split("  #")[0]):
            words = re.sub(r"'[^']*'|\"[^\"]*\"", "text", part).split()
            while words and (words[0] in ("$", "nice", "xargs", "claude") or "=" in words[0]):
                words = words[1:]
            if words[:1] not in (["pointsman"], [".venv/bin/pointsman"]):
                continue
            words = words[: words.index("--")] if "--" in words else words
            named = (path for path in COMMANDS if list(path) == words[1 : 1 + len(path)])
            command = max(named, default=None, key=len)
            options = [word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)]
            found.append((command or tuple(words[1:2]), options))
    return found


def test_every_command_has_a_transcript() -> None:
    shown = {command for command, _ in calls(ROOT / "docs/transcripts.md")}
    missing = [path for path in COMMANDS if path not in shown and path[0] not in ELSEWHERE]
    assert missing == []
    for path in COMMANDS:
        if path[0] in ELSEWHERE:
            words = (ROOT / "docs" / ELSEWHERE[path[0]]).read_text(encoding="utf-8")
            assert f"pointsman {' '.join(path)}" in words, path


def test_transcripts_are_of_the_day_in_the_tools() -> None:
    day = tomllib.loads((ROOT / "tools/transcripts.toml").read_text(encoding="utf-8"))
    page = (ROOT / "docs/transcripts.md").read_text(encoding="utf-8")
    ran = [line.removeprefix("$ ") for line in page.splitlines() if line.startswith("$ ")]
    assert ran == [command for section in day["section"] for command in section["commands"]]


@pytest.mark.parametrize("page", sorted(ROOT.glob("docs/**/*.md")), ids=lambda page: str(page.relative_to(ROOT)))
def test_documented_commands_and_their_options_exist(page: Path) -> None:
    for command, options in calls(page):
        if not command or command[0].startswith("-"):
            continue  # `pointsman --help`
        assert command in COMMANDS, command
        known = {flag for option in COMMANDS[command].params for flag in (*option.opts, *option.secondary_opts)}
        assert {*options} <= {*known, "--help"}, command
