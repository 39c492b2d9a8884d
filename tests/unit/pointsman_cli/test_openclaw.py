"""`pointsman openclaw`: what it exports and imports."""

import json
import re
import subprocess
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


def test_export_starts_this_installation_for_the_named_stack(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openclaw", "export", "--stack", "s", "--profile", "team"]) == 0
    exported = printed(capsys)
    server = exported["mcp"]["servers"]["pointsman"]
    assert Path(server["command"]).is_file()
    assert server["args"] == ["mcp", "--stack", "s", "--profile", "team"]
    assert exported["agents"]["entries"]["work"]["model"]["primary"] == "anthropic/claude-haiku-5-5"
    assert config.parse(json.dumps(exported)).routing.implementation == "claude-haiku-5-5"


def test_export_names_its_configuration_file(tmp_path: Path) -> None:
    (tmp_path / "openclaw.json").write_text((ROOT / "tests/data/openclaw_bare.json").read_text())
    assert main(["openclaw", "export", "--tools-only", "--output", "deep/down/made.json"]) == 0
    exported = json.loads((tmp_path / "deep/down/made.json").read_text())
    assert exported.keys() == {"mcp", "skills"}
    assert exported["mcp"]["servers"]["pointsman"]["args"] == ["mcp", "--config", str(tmp_path / "openclaw.json")]


def test_export_adds_the_front_door_as_provider_without_its_key(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openclaw", "export", "--tools-only", "--front-door", "https://d.example/v1"]) == 0
    exported = printed(capsys)["models"]["providers"]["pointsman"]
    assert (exported["baseUrl"], exported["api"], exported["models"][0]["id"]) == (
        "https://d.example/v1",
        "openai-completions",
        "pointsman/auto",
    )
    assert exported["apiKey"] == {"source": "env", "provider": "default", "id": "POINTSMAN_API_KEY"}


def test_import_takes_models_and_options_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openclaw", "import", str(OWN)]) == 0
    text = capsys.readouterr().out
    assert "nobody-may-see-this" not in text
    assert json.loads(text).keys() == {"agents", "routing", "pointsman"}
    assert config.parse(text) == config.parse(OWN.read_text())


@pytest.mark.parametrize(
    "text",
    [
        "{agents: {}}",
        '// a comment\n{"agents": {}}',
        '{"agents": {"entries": {},},}',
        "{'agents': {}}",
        "/* a */ {}",
    ],
)
def test_import_of_json5_names_the_file_and_how_to_make_json_of_it(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "oc.json").write_text(text)
    assert main(["openclaw", "import", "oc.json"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("pointsman: oc.json: must be JSON: syntax error at line ")
    assert printed.endswith("convert it with `npx json5 oc.json`\n")


@pytest.mark.parametrize(
    "arguments", [["openclaw", "import", "oc.json"], ["route", "--offline", "--config", "oc.json", "Is it green?"]]
)
def test_error_in_a_configuration_names_the_given_file(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fields = json.loads(OWN.read_text())
    fields["skills"]["entries"]["pointsman"]["config"]["bugdet"] = {}
    (tmp_path / "oc.json").write_text(json.dumps(fields))
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(
        "pointsman: oc.json: unknown key 'skills.entries.pointsman.config.bugdet'"
    )


def test_import_ignores_a_byte_order_mark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "oc.json").write_text(OWN.read_text(), encoding="utf-8-sig")
    assert main(["openclaw", "import", "oc.json"]) == 0
    assert config.parse(capsys.readouterr().out) == config.parse("\ufeff" + OWN.read_text())


def test_skill_requires_pointsman_and_its_commands_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openclaw", "skill", "--stack", "s", "--json"]) == 0
    text = printed(capsys)["text"]
    _, front, body = text.split("---\n", 2)
    fields = dict(line.split(": ", 1) for line in front.splitlines())
    assert fields["name"] == "pointsman"
    assert json.loads(fields["metadata"]) == {"openclaw": {"requires": {"bins": ["pointsman"]}}}
    assert "{options}" not in body
    commands = [line.partition("#")[0].split() for line in body.splitlines() if line.startswith("pointsman ")]
    assert len(commands) == 4
    for _, command, *options in commands:
        assert main([command, "--help"]) == 0
        described = capsys.readouterr().out
        assert [option for option in options if option.startswith("--") and option not in described] == []
    assert "pointsman submit --wait --json --stack s " in body


def test_skill_s_commands_execute_nothing_of_a_prompt(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The commands, run by a shell as an agent would, with a prompt and a stack's name that try to run commands."""
    (tmp_path / "pointsman").write_text('#!/bin/sh\nprintf "%s\\n" "$@" >>arguments\ncat >>prompts\n')
    (tmp_path / "pointsman").chmod(0o755)
    prompt = "a `touch owned1` $(touch owned2) \"; touch owned3; ' ; touch owned4\nEND\nEOF\nPROMPT\ntouch owned5\\"
    assert main(["openclaw", "skill", "--stack", "s; touch owned6", "--profile", "$(touch owned7)"]) == 0
    first, again = capsys.readouterr().out, main(["openclaw", "skill"])
    assert re.findall("END_[0-9a-f]{12}", first)[0] not in (again, capsys.readouterr().out)
    script = first.split("```sh\n")[1].split("```")[0].replace("\nPROMPT\n", f"\n{prompt}\n")
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    subprocess.run(["/bin/sh", "-c", script], cwd=tmp_path, env=env, check=True, stdin=subprocess.DEVNULL)
    assert sorted(it.name for it in tmp_path.iterdir()) == ["arguments", "pointsman", "prompts"]
    assert (tmp_path / "prompts").read_text() == f"{prompt}\n" * 2
    assert "s; touch owned6" in (tmp_path / "arguments").read_text().splitlines()
