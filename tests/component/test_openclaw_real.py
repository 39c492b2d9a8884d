"""OpenClaw's own command line accepts what `pointsman openclaw` writes (`make openclaw` installs it)."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from devstack.toolchain import ROOT
from pointsman_cli.main import main

NODE = ROOT / ".tools/openclaw/node/bin/node"
OPENCLAW = ROOT / ".tools/openclaw/node_modules/openclaw/openclaw.mjs"

pytestmark = pytest.mark.skipif(
    not (ROOT / ".tools/openclaw/.stamp").is_file(), reason="OpenClaw is not installed: `make openclaw` does it"
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home; `pointsman` is on the PATH."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{ROOT / '.venv/bin'}:{os.environ['PATH']}")
    return tmp_path


def run(home: Path, config: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "HOME": str(home),
        "PATH": os.environ["PATH"],
        "OPENCLAW_CONFIG_PATH": str(config),
        "OPENCLAW_STATE_DIR": str(home / ".openclaw"),
    }
    return subprocess.run(
        [NODE, OPENCLAW, *command], env=environment, cwd=home, capture_output=True, text=True, timeout=120, check=False
    )


def test_openclaw_validates_the_export_without_a_warning(home: Path) -> None:
    config = home / "openclaw.json"
    options = {"budget": {"month_usd": 3}, "chains": {"reasoning": ["claude-sonnet-5-5", "claude-haiku-5-5"]}}
    bare = json.loads((ROOT / "tests/data/openclaw_bare.json").read_text())
    (home / "ours.json").write_text(json.dumps({**bare, "pointsman": options}))
    door = ["--front-door", "https://d.lambda-url.eu-central-1.on.aws/v1"]
    assert main(["openclaw", "export", *door, "--config", "ours.json", "--output", str(config)]) == 0
    checked = run(home, config, "config", "validate")
    assert (checked.returncode, checked.stdout.strip()) == (0, "Config valid: ~/openclaw.json")
    exported = json.loads(config.read_text())
    assert exported["skills"]["entries"]["pointsman"]["config"]["budget"] == {"month_usd": "3"}


def test_openclaw_offers_the_skill_to_its_agents(home: Path) -> None:
    skill, config = home / ".openclaw/skills/pointsman/SKILL.md", home / "openclaw.json"
    assert main(["openclaw", "skill", "--output", str(skill)]) == 0
    assert main(["openclaw", "export", "--tools-only", "--output", str(config)]) == 0
    completed = run(home, config, "skills", "info", "pointsman", "--json")
    assert completed.returncode == 0, completed.stderr
    seen = json.loads(completed.stdout)
    assert (seen["name"], seen["eligible"], seen["missing"]["bins"]) == ("pointsman", True, [])
    assert seen["filePath"] == str(skill)
