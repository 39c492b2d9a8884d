"""`pointsman up`: the first start, and again while the stack is up. Emulator, build and sam are replaced."""

import json
import os
import socket
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
from pointsman_cli import local_key, local_providers, restarting, stacks
from pointsman_cli.main import main

REAL_START = servers.start_emulator
CONFIG = (ROOT / "openclaw.json").read_text()


OUTPUTS = {
    "TaskQueueUrl": "http://127.0.0.1/queue",
    "LimitTableName": "limits",
    "FrontDoorUrl": "https://abc.lambda-url.us-east-1.on.aws/v1",
}
DOOR = "http://127.0.0.1:4776/_aws/lambda-url/abc/v1"


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
def emulators() -> list[dict[str, Any]]:
    """The options of each emulator that was started."""
    return []


@pytest.fixture
def deployed(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    keys: Keys,
    emulators: list[dict[str, Any]],
    restarted: list[str],
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
    record = ProcessRecord(name="MiniStack", pid=os.getpid(), started=0, log=tmp_path / "log")

    def deploy(info: StackInfo, template: Path, **options: Any) -> StackInfo:
        parameters.append(options["parameters"])
        deployments.append(((template.parent / "CoreLayer/python/pointsman/openclaw.json").read_text(), info))
        return info.model_copy(update={"outputs": OUTPUTS}).save()

    monkeypatch.setattr(stacks, "STATE_DIR", tmp_path / "state")
    monkeypatch.setattr(stack, "require_tools", lambda *_: None)
    monkeypatch.setattr(stack, "build_template", lambda *_, **__: build / "template.yaml")
    monkeypatch.setattr(stack, "deploy_template", deploy)
    monkeypatch.setattr(stack, "put_keys", lambda _, keys: provider_keys.append(keys))

    def start_emulator(*_: Any, **options: Any) -> tuple[ProcessRecord, str]:
        emulators.append(options)
        if kept_in := options["kept_in"]:
            kept_in.mkdir(exist_ok=True)
        return record, f"http://127.0.0.1:{options['port'] or 4567}"

    monkeypatch.setattr(servers, "start_emulator", start_emulator)
    monkeypatch.setattr(servers, "start_fake_providers", lambda *_, **__: record)
    monkeypatch.setattr(servers, "await_fake_providers", lambda *_: "http://127.0.0.1:4567")
    monkeypatch.setattr(servers, "await_emulator", lambda *_: None)
    monkeypatch.setattr(processes, "is_running", lambda _: True)
    monkeypatch.setattr(supervisor, "start_supervisor", lambda *_: True)
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


def test_up_says_where_to_look_when_the_supervisor_does_not_run(
    deployed: list[tuple[str, StackInfo]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up"]) == 0
    assert "supervisor" not in capsys.readouterr().err
    monkeypatch.setattr(supervisor, "start_supervisor", lambda *_: False)
    assert main(["up"]) == 0
    said = capsys.readouterr().err
    assert "no schedule and no alarm" in said
    assert str(stacks.STATE_DIR / "supervisor.log") in said


def test_up_in_the_foreground_becomes_the_supervisor(
    deployed: list[tuple[str, StackInfo]], monkeypatch: pytest.MonkeyPatch
) -> None:
    became: list[str] = []
    monkeypatch.setattr(supervisor, "start_supervisor", lambda *_: became.append("background") or True)
    monkeypatch.setattr(supervisor, "run_in_foreground", lambda info, _: became.append(info.endpoint))
    assert main(["up", "--foreground", "--json"]) == 2
    assert main(["up", "--foreground"]) == 0
    assert became == ["http://127.0.0.1:4776"]


def test_up_and_down_print_one_document(
    deployed: list[tuple[str, StackInfo]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["outputs"] == OUTPUTS
    assert document["front_door"]["url"] == DOOR
    assert document["environment"]["AWS_ENDPOINT_URL"] == document["endpoint"] == "http://127.0.0.1:4776"
    assert main(["down", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ended": True, "deleted": False}


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


@pytest.fixture
def restarted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where tasks were started again."""
    places: list[str] = []
    monkeypatch.setattr(restarting, "start_lost_executions", lambda info: places.append(info.endpoint))
    return places


def test_down_keeps_the_data_and_the_next_up_has_them_at_the_same_place(
    deployed: list[tuple[str, StackInfo]],
    emulators: list[dict[str, Any]],
    restarted: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = printed(capsys)
    assert main(["down"]) == 0
    assert restarted == []
    assert printed(capsys) == first
    assert restarted == ["http://127.0.0.1:4776"]
    assert {start["kept_in"] for start in emulators} == {stacks.STATE_DIR / "data"}
    assert len({start["access_key"] for start in emulators}) == 1
    assert printed(capsys) == first
    assert len(restarted) == 2  # it is up, but the `up` before may have been cut off
    assert len(emulators) == 2
    assert (stacks.STATE_DIR / "data/identity.json").stat().st_mode & 0o077 == 0


def test_deleted_data_are_asked_about_and_gone(
    deployed: list[tuple[str, StackInfo]],
    emulators: list[dict[str, Any]],
    restarted: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = stacks.STATE_DIR / "data"
    assert main(["up"]) == 0
    assert main(["down", "--delete"]) == 1
    assert "confirm it with --yes" in capsys.readouterr().err
    answers = iter((False, True))
    monkeypatch.setattr(local_providers, "has_terminal", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: next(answers))
    assert main(["down", "--delete"]) == 1
    assert data.is_dir()
    assert devstack.find_stack(stacks.STATE_DIR)
    assert main(["down", "--delete"]) == 0
    assert not data.exists()
    assert main(["up"]) == 0
    assert restarted == []
    assert len({start["access_key"] for start in emulators}) == 2
    capsys.readouterr()
    assert main(["down", "--json"]) == 0
    assert main(["down", "--delete", "--yes", "--json"]) == 0  # also while it is down
    assert [json.loads(line) for line in capsys.readouterr().out.replace("}\n{", "}\0{").split("\0")] == [
        {"ended": True, "deleted": False},
        {"ended": False, "deleted": True},
    ]
    assert not data.exists()


def test_stack_with_a_name_is_another_one_at_a_port_of_its_own(
    deployed: list[tuple[str, StackInfo]],
    emulators: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["up"]) == 0
    assert main(["up", "--name", "spare"]) == 0
    monkeypatch.setenv("POINTSMAN_LOCAL", "spare")
    capsys.readouterr()
    assert main(["up", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state_dir"] == str(stacks.STATE_DIR / "named/spare")
    assert [start["port"] for start in emulators] == [4776, None]
    assert stacks.local_state_dir() == stacks.STATE_DIR / "named/spare"
    assert main(["down"]) == 0
    monkeypatch.delenv("POINTSMAN_LOCAL")
    assert devstack.find_stack(stacks.STATE_DIR)
    assert main(["up", "--name", "../x"]) == 2
    assert "is no name" in capsys.readouterr().err


def test_port_is_the_stacks_from_then_on_and_a_running_one_is_not_moved(
    deployed: list[tuple[str, StackInfo]],
    emulators: list[dict[str, Any]],
    restarted: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["up", "--port", "5123"]) == 0
    assert main(["up", "--port", "5124"]) == 1
    assert "stop it first with `pointsman down`" in capsys.readouterr().err
    assert main(["down"]) == 0
    assert main(["up"]) == 0
    assert [start["port"] for start in emulators] == [5123, 5123]


def test_ephemeral_stack_keeps_nothing_and_leaves_what_is_kept(
    deployed: list[tuple[str, StackInfo]], emulators: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up"]) == 0
    assert main(["up", "--ephemeral"]) == 1
    assert "keeps its data: stop it first" in capsys.readouterr().err
    assert main(["down"]) == 0
    assert main(["up", "--ephemeral"]) == 0
    assert main(["up"]) == 0
    assert main(["down"]) == 0
    assert [start["kept_in"] for start in emulators] == [stacks.STATE_DIR / "data", None]
    assert (stacks.STATE_DIR / "data").is_dir()


def test_taken_port_is_named_with_the_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(devstack.LocalStackError, match=rf"Port {port} of .*pointsman up --port N"):
            REAL_START({}, region="us-east-1", access_key="k", token="t", state_dir=Path("/nowhere"), port=port)


def test_command_on_a_stack_that_has_stopped_says_why(
    deployed: list[tuple[str, StackInfo]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["up"]) == 0
    ((_, info),) = deployed
    info.processes[0].log.write_text("Ready\nIt cannot write its state: No space left on device\n")
    monkeypatch.setattr(processes, "is_running", lambda _: False)
    assert main(["list"]) == 1
    assert "MiniStack has ended by itself, and its log ends with: It cannot write" in capsys.readouterr().err


def test_process_of_an_earlier_boot_is_not_running(tmp_path: Path) -> None:
    stat = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    record = ProcessRecord(name="emulator", pid=os.getpid(), started=int(stat[19]), log=tmp_path / "log")
    assert processes.is_running(record)
    assert not processes.is_running(record.model_copy(update={"boot": "another"}))
