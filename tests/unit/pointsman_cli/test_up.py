"""`pointsman up`: the first start, and again while the stack is up. Emulator, build and sam are replaced."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import devstack
from devstack import processes, servers, stack, supervisor
from devstack.info import ProcessRecord, StackInfo
from devstack.toolchain import ROOT
from pointsman.contracts.api_key import ApiKey, digest_of
from pointsman.values.taxonomy import Tier
from pointsman.values.times import to_text
from pointsman_cli import local_key, local_providers, stacks
from pointsman_cli.main import main

CONFIG = (ROOT / "openclaw.json").read_text()


OUTPUTS = {
    "TaskQueueUrl": "http://127.0.0.1/queue",
    "LimitTableName": "limits",
    "FrontDoorUrl": "https://abc.lambda-url.us-east-1.on.aws/v1",
}
DOOR = "http://127.0.0.1:4566/_aws/lambda-url/abc/v1"


class Keys:
    """The API keys of a stack."""

    def __init__(self) -> None:
        self.keys: dict[str, ApiKey] = {}

    def read(self) -> list[ApiKey]:
        return list(self.keys.values())

    def create(self, key: ApiKey) -> bool:
        return self.keys.setdefault(key.name, key) is key


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Keys:
    stored = Keys()
    monkeypatch.setattr(local_key, "DynamoApiKeys", lambda *_: stored)
    return stored


@pytest.fixture
def parameters() -> list[dict[str, str]]:
    """Those of each deployment."""
    return []


@pytest.fixture
def provider_keys() -> list[dict[str, str]]:
    """Those of each deployment."""
    return []


@pytest.fixture
def deployed(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    keys: Keys,
    parameters: list[dict[str, str]],
    provider_keys: list[dict[str, str]],
) -> list[tuple[str, StackInfo]]:
    """What was deployed: the text of its openclaw.json, and the stack that it was deployed to."""
    deployments: list[tuple[str, StackInfo]] = []
    build = tmp_path / "build"
    layer = build / "CoreLayer/python/pointsman"
    layer.mkdir(parents=True)
    (build / "template.yaml").write_text("Resources: {}")
    (layer / "openclaw.json").write_text(CONFIG)
    record = ProcessRecord(name="emulator", pid=os.getpid(), started=0, log=tmp_path / "log")

    def deploy(info: StackInfo, template: Path, **options: Any) -> StackInfo:
        parameters.append(options["parameters"])
        deployments.append(((template.parent / "CoreLayer/python/pointsman/openclaw.json").read_text(), info))
        return info.model_copy(update={"outputs": OUTPUTS}).save()

    monkeypatch.setattr(stacks, "STATE_DIR", tmp_path / "state")
    monkeypatch.setattr(stack, "require_tools", lambda *_: None)
    monkeypatch.setattr(stack, "build_template", lambda *_, **__: build / "template.yaml")
    monkeypatch.setattr(stack, "deploy_template", deploy)
    monkeypatch.setattr(stack, "put_keys", lambda _, keys: provider_keys.append(keys))
    monkeypatch.setattr(servers, "start_emulator", lambda *_, **__: (record, "http://127.0.0.1:4566"))
    monkeypatch.setattr(servers, "start_fake_providers", lambda *_, **__: record)
    monkeypatch.setattr(servers, "await_fake_providers", lambda *_: "http://127.0.0.1:4567")
    monkeypatch.setattr(servers, "await_emulator", lambda *_: None)
    monkeypatch.setattr(processes, "is_running", lambda _: True)
    monkeypatch.setattr(supervisor, "start_supervisor", lambda *_: None)
    monkeypatch.setattr(processes, "end_processes", lambda *_, **__: True)
    for name in ("GEMINI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return deployments


def test_up_again_deploys_only_what_has_changed_to_the_same_stack(
    deployed: list[tuple[str, StackInfo]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up"]) == 0
    assert main(["up"]) == 0
    assert [config for config, _ in deployed] == [CONFIG]
    assert "nothing has changed" in capsys.readouterr().err
    changed = tmp_path / "own.json"
    changed.write_text(json.dumps(json.loads(CONFIG) | {"pointsman": {"budget": {"month_usd": 9}}}))
    assert main(["up", "--config", str(changed)]) == 0
    assert "its tasks and ledger stay" in capsys.readouterr().err
    (_, first), (config, second) = deployed
    assert (config, second.token, second.endpoint) == (changed.read_text(), first.token, first.endpoint)
    assert main(["up", "--config", str(changed)]) == 0
    assert main(["up"]) == 0
    assert [config for config, _ in deployed] == [CONFIG, changed.read_text(), CONFIG]
    running = devstack.find_stack(stacks.STATE_DIR)
    assert running
    assert (running.token, running.outputs) == (first.token, OUTPUTS)


def test_up_refuses_a_configuration_that_cannot_run_and_other_providers(
    deployed: list[tuple[str, StackInfo]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = tmp_path / "own.json"
    broken.write_text('{"routing": {"orchestration": "no-such-model"}}')
    assert main(["up", "--config", str(broken)]) == 2
    assert deployed == []
    assert main(["up"]) == 0
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a-key")
    assert main(["up"]) == 1
    assert "stop it first with `pointsman down`" in capsys.readouterr().err
    assert len(deployed) == 1


def test_up_keeps_the_command_for_alarms_until_another(deployed: list[tuple[str, StackInfo]]) -> None:
    assert main(["up", "--on-alarm", "notify-send 'x"]) == 1
    assert deployed == []
    assert main(["up", "--on-alarm", "notify-send '$(x) y'"]) == 0
    assert main(["up"]) == 0
    assert supervisor.SupervisorSettings.load(stacks.STATE_DIR).on_alarm == ("notify-send", "$(x) y")
    assert main(["up", "--on-alarm", ""]) == 0
    assert supervisor.SupervisorSettings.load(stacks.STATE_DIR).on_alarm == ()


def test_up_in_the_foreground_becomes_the_supervisor(
    deployed: list[tuple[str, StackInfo]], monkeypatch: pytest.MonkeyPatch
) -> None:
    became: list[str] = []
    monkeypatch.setattr(supervisor, "start_supervisor", lambda *_: became.append("background"))
    monkeypatch.setattr(supervisor, "run_in_foreground", lambda info, _: became.append(info.endpoint))
    assert main(["up", "--foreground", "--json"]) == 2
    assert main(["up", "--foreground"]) == 0
    assert became == ["http://127.0.0.1:4566"]


def test_up_and_down_print_one_document(
    deployed: list[tuple[str, StackInfo]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["outputs"] == OUTPUTS
    assert document["front_door"]["url"] == DOOR
    assert document["environment"]["AWS_ENDPOINT_URL"] == document["endpoint"] == "http://127.0.0.1:4566"
    assert main(["down", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ended": True}


def printed(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, str]:
    """Start the stack, and return what is printed."""
    assert main(["up", *options]) == 0
    lines: list[list[str]] = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    return dict(lines)


def test_up_prints_where_openai_s_clients_reach_it_and_one_key_that_lasts(
    deployed: list[tuple[str, StackInfo]], keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    first = printed(capsys)
    assert first["OPENAI_BASE_URL"] == DOOR
    (key,) = keys.read()
    assert (key.name, key.owner, key.digest) == ("local", "local", digest_of(first["OPENAI_API_KEY"]))
    assert printed(capsys) == first
    assert len(keys.read()) == 1
    exported = {line.removeprefix("export ") for line in env_lines(capsys)}
    assert {f"{name}={first[name]}" for name in ("OPENAI_BASE_URL", "OPENAI_API_KEY")} <= exported
    assert (stacks.STATE_DIR / "stack.json").stat().st_mode & 0o077 == 0


def env_lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["up", "--env"]) == 0
    return capsys.readouterr().out.splitlines()


def test_up_makes_a_new_key_once_the_first_is_revoked(
    deployed: list[tuple[str, StackInfo]], keys: Keys, capsys: pytest.CaptureFixture[str]
) -> None:
    first = printed(capsys)["OPENAI_API_KEY"]
    keys.keys["local"] = replace(keys.keys["local"], revoked_at=to_text(datetime.now(UTC)))
    second = printed(capsys)["OPENAI_API_KEY"]
    assert second != first
    assert [(key.name, key.owner) for key in keys.read()] == [("local", "local"), ("local-2", "local")]


def test_up_lets_the_pages_in_that_it_is_told(
    deployed: list[tuple[str, StackInfo]], parameters: list[dict[str, str]]
) -> None:
    assert main(["up", "--origin", "https://a.example", "--origin", "https://b.example"]) == 0
    assert main(["up"]) == 0
    assert [given["FrontDoorOrigins"] for given in parameters] == ["https://a.example,https://b.example", ""]
    assert {given["FrontDoor"] for given in parameters} == {"true"}


GEMINI_ONLY, CLAUDE_ONLY = {"/pointsman/gemini-api-key": "a-key"}, {"/pointsman/anthropic-api-key": "a-key"}


def test_one_key_serves_the_tiers_that_may_go_to_its_provider(
    deployed: list[tuple[str, StackInfo]],
    provider_keys: list[dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a-key")
    assert main(["up"]) == 0
    assert "GEMINI_API_KEY is not set: orchestration tasks go to claude-haiku-5-5" in capsys.readouterr().err
    assert provider_keys == [CLAUDE_ONLY]
    assert not deployed[0][1].stand_in.any


def test_tier_without_a_real_model_is_never_given_to_a_stand_in_unasked(
    deployed: list[tuple[str, StackInfo]],
    provider_keys: list[dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "a-key")
    assert main(["up"]) == 1
    said = capsys.readouterr().err
    assert "names no other provider's model for implementation and reasoning" in said
    assert "--stand-in" in said
    answers = iter(("n", "y"))
    monkeypatch.setattr(local_providers, "has_terminal", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: next(answers) == "y")
    assert main(["up"]) == 1
    assert deployed == []
    assert main(["up"]) == 0
    assert provider_keys == [GEMINI_ONLY]
    assert not deployed[0][1].stand_in.any


def test_stand_in_answers_beside_a_real_provider_when_told(
    deployed: list[tuple[str, StackInfo]],
    provider_keys: list[dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "a-key")
    assert main(["up", "--stand-in"]) == 0
    assert provider_keys == [{**GEMINI_ONLY, "/pointsman/anthropic-api-key": "stand-in"}]
    assert deployed[0][1].stand_in == devstack.FakedProviders(gemini=False, anthropic=True)
    assert main(["up"]) == 0  # as it is
    assert len(deployed) == 1


def test_chains_with_the_key_s_provider_need_no_other(
    deployed: list[tuple[str, StackInfo]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "a-key")
    gemini = "gemini-3.5-flash-lite"
    own = tmp_path / "own.json"
    own.write_text(json.dumps(json.loads(CONFIG) | {"routing": dict.fromkeys(Tier, gemini)}))
    assert main(["up", "--config", str(own)]) == 0
    assert len(deployed) == 1
