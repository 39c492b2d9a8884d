"""The page about the fake providers: every example runs, every table is complete."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from devstack.fake_providers.actions import Action
from devstack.fake_providers.presets import PRESETS
from devstack.fake_providers.rules import Rule
from devstack.fake_providers.thinking import THINKING_TOKENS
from tests.support.fake_providers import FakeProviders
from tests.support.paths import ROOT

PAGE = (ROOT / "docs/fake-providers.md").read_text()
NAMES = {"Claude": "anthropic", "Gemini": "gemini"}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def first_cells(heading: str) -> set[str]:
    """Return the names in the first column of the table with this heading."""
    table = PAGE.split(f"\n| {heading} |", 1)[1].split("\n\n", 1)[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    return {name for cell in rows for name in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize("block", blocks("json"))
def test_rules_of_the_page_are_accepted(provider: FakeProviders, block: str) -> None:
    rules = json.loads(block)
    added = provider.control("POST", "faults", rules)["rules"]
    assert [rule["provider"] for rule in added] == [rule["provider"] for rule in rules]


def test_commands_of_the_page_run(tmp_path: Path) -> None:
    script = "\n".join(blocks("sh")).replace(".venv/bin/python", sys.executable)
    environment: dict[str, Any] = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "no_proxy": "127.0.0.1"}
    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert "Your credit balance is too low to access the Anthropic API." in run.stdout
    journal = json.loads(run.stdout[run.stdout.rindex('{"requests"') :])["requests"]
    assert [(entry["status"], entry["fault"]) for entry in journal] == [(400, "preset:credit_used_up"), (200, None)]
    assert journal[1]["asked"]["generationConfig"]["maxOutputTokens"] == 100
    assert (journal[1]["effort"], journal[1]["thinking_tokens"]) == ("low", THINKING_TOKENS["low"])
    assert list(tmp_path.iterdir()) == []


def test_page_lists_every_preset() -> None:
    table = PAGE.split("| preset | kind | of | situation |", 1)[1].split("\n\n", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    listed = {
        name.strip("`"): (kind, sorted(NAMES[one] for one in of.split(", ")), meaning)
        for name, kind, of, meaning in rows
    }
    assert listed == {name: (one.kind, sorted(one.actions), one.meaning) for name, one in PRESETS.items()}


def test_page_lists_every_action_and_field() -> None:
    assert set(Action.model_fields) == first_cells("action")
    assert set(Rule.model_fields) == first_cells("field | meaning")


def test_page_names_the_tokens_of_each_effort() -> None:
    sentence = re.search(r"by effort: (.*?)\.", PAGE)
    assert sentence is not None
    named = {name.lower(): int(count) for name, count in re.findall(r"(\w+) (\d+)", sentence[1])}
    assert named == {name: count for name, count in THINKING_TOKENS.items() if name != "none"}
