"""`pointsman openclaw`: what it writes for OpenClaw, and what it takes from it."""

import json
from pathlib import Path
from typing import Any

import pytest

from devstack.toolchain import ROOT
from pointsman.routing import config
from pointsman_cli.main import main

OWN = ROOT / "tests/data/openclaw_own.json"


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for tier in ("ORCHESTRATION", "IMPLEMENTATION", "REASONING"):
        monkeypatch.delenv(f"MODEL_OVERRIDE_{tier}", raising=False)


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_export_starts_this_installation_on_the_stack_that_was_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openclaw", "export", "--stack", "s", "--profile", "team"]) == 0
    built = printed(capsys)
    server = built["mcp"]["servers"]["pointsman"]
    assert Path(server["command"]).is_file()
    assert server["args"] == ["mcp", "--stack", "s", "--profile", "team"]
    assert built["agents"]["entries"]["work"]["model"]["primary"] == "anthropic/claude-haiku-5-5"
    assert config.parse(json.dumps(built)).routing.implementation == "claude-haiku-5-5"


def test_export_names_the_configuration_that_it_was_made_of(tmp_path: Path) -> None:
    (tmp_path / "openclaw.json").write_text((ROOT / "tests/data/openclaw_bare.json").read_text())
    assert main(["openclaw", "export", "--tools-only", "--output", "deep/down/made.json"]) == 0
    document = json.loads((tmp_path / "deep/down/made.json").read_text())
    assert document.keys() == {"mcp", "skills"}
    assert document["mcp"]["servers"]["pointsman"]["args"] == ["mcp", "--config", str(tmp_path / "openclaw.json")]


def test_export_makes_the_front_door_a_provider_without_its_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openclaw", "export", "--tools-only", "--front-door", "https://d.example/v1"]) == 0
    built = printed(capsys)["models"]["providers"]["pointsman"]
    assert (built["baseUrl"], built["api"], built["models"][0]["id"]) == (
        "https://d.example/v1",
        "openai-completions",
        "pointsman/auto",
    )
    assert built["apiKey"] == {"source": "env", "provider": "default", "id": "POINTSMAN_API_KEY"}


def test_import_takes_models_and_options_and_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openclaw", "import", str(OWN)]) == 0
    text = capsys.readouterr().out
    assert "nobody-may-see-this" not in text
    assert json.loads(text).keys() == {"agents", "routing", "pointsman"}
    assert config.parse(text) == config.parse(OWN.read_text())


def test_import_says_what_is_wrong_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "five.json").write_text("{agents: {}}  // JSON5")
    assert main(["openclaw", "import", "five.json"]) == 2
    assert capsys.readouterr().err.startswith("pointsman: openclaw.json: must be JSON: syntax error at line 1")


def test_the_skill_is_gated_and_its_commands_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openclaw", "skill", "--stack", "s", "--json"]) == 0
    text = printed(capsys)["text"]
    _, front, body = text.split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in front.splitlines())
    assert fields["name"] == "pointsman"
    assert json.loads(fields["metadata"]) == {"openclaw": {"requires": {"bins": ["pointsman"]}}}
    assert "{options}" not in body
    commands = [line.partition("#")[0].split() for line in body.splitlines() if line.startswith("pointsman ")]
    assert len(commands) == 5
    for _, command, *options in commands:
        assert main([command, "--help"]) == 0
        described = capsys.readouterr().out
        assert [option for option in options if option.startswith("--") and option not in described] == []
    assert "pointsman submit --wait --json --stack s " in body
