"""`pointsman config`: the file here, the one that the stack runs, and what `route` says of the difference."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from devstack import FakedProviders, StackInfo
from devstack.build import digest_of_build, with_config
from pointsman_cli import stacks
from pointsman_cli.deployed_config import Difference, NoConfigError, deployed_config, differences
from pointsman_cli.main import main
from pointsman_cli.stacks import Settings, StackConnection
from tests.support.schemas import check_document

HAIKU = "claude-haiku-5-5"
ROUTING = {"orchestration": "gemini-3.5-flash-lite", "implementation": HAIKU, "reasoning": "claude-sonnet-5-5"}
DEPLOYED = json.dumps({"routing": ROUTING})
CHANGED = json.dumps({"routing": ROUTING, "pointsman": {"budget": {"month_usd": 9}}})
ARN = "arn:aws:lambda:eu-west-1:123456789012:layer:CoreLayer:7"


class Clients:
    """Answers for the router's layer, and counts its downloads."""

    def __init__(self, archive: Path) -> None:
        self.archive, self.downloads = archive, 0

    def client(self, service: str, config: Any = None) -> Any:
        assert service == "lambda"
        return self

    def get_function_configuration(self, **_: Any) -> Any:
        return {"Layers": [{"Arn": ARN}]}

    def get_layer_version_by_arn(self, Arn: str) -> Any:
        assert Arn == ARN
        self.downloads += 1
        return {"Content": {"Location": self.archive.as_uri()}}


@pytest.fixture
def connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackConnection:
    """A deployed stack that runs DEPLOYED; the file here is CHANGED."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    archive = tmp_path / "layer.zip"
    with zipfile.ZipFile(archive, "w") as layer:
        layer.writestr("python/pointsman/openclaw.json", DEPLOYED)
    functions = {"RouterFunctionName": "router"}
    found = StackConnection("stack team", Clients(archive), Settings(), functions, CHANGED, "team")
    monkeypatch.setattr(stacks, "connect", lambda *_: found)
    return found


def test_layer_of_a_deployed_stack_is_downloaded_once(connection: StackConnection) -> None:
    assert deployed_config(connection) == deployed_config(connection) == DEPLOYED
    assert connection.clients.downloads == 1


def test_layer_of_a_local_stack_is_downloaded_once_for_each_deployment(
    connection: StackConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = connection.clients
    monkeypatch.setattr(StackInfo, "client", lambda _, service: archive.client(service))

    def read(deployed: str) -> str:
        fakes = FakedProviders(gemini=True, anthropic=True)
        info = StackInfo(state_dir=tmp_path, token="t", stand_in=fakes, deployed=deployed)
        return deployed_config(replace(connection, name="the local stack", clients=info))

    assert read("digest-1") == read("digest-1") == DEPLOYED
    assert archive.downloads == 1
    assert read("digest-2") == DEPLOYED
    assert archive.downloads == 2
    assert read("") == read("") == DEPLOYED
    assert archive.downloads == 4, "nothing tells its deployments apart"


def test_stack_without_the_file_is_one_clear_error(connection: StackConnection) -> None:
    with pytest.raises(NoConfigError, match="deploy it again"):
        deployed_config(replace(connection, functions={}))


def test_differences_name_the_settings() -> None:
    assert differences(DEPLOYED, f" {DEPLOYED}") == []
    assert differences(CHANGED, DEPLOYED) == [Difference("pointsman.budget.month_usd", 9, None)]
    assert differences(DEPLOYED, CHANGED) == [Difference("pointsman.budget.month_usd", None, 9)]
    assert differences('{"a": {}, "b": []}', '{"b": {"c": 1}}') == [
        Difference("a", {}, None),
        Difference("b", [], {"c": 1}),
    ]
    other = CHANGED.replace("9", "8").replace("haiku-5-5", "haiku-4-5")
    assert differences(CHANGED, other) == [
        Difference("pointsman.budget.month_usd", 9, 8),
        Difference("routing.implementation", "claude-haiku-5-5", "claude-haiku-4-5"),
    ]


def test_show_prints_what_the_stack_runs_and_diff_says_what_differs(
    connection: StackConnection, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["config", "show", "--stack", "team"]) == 0
    assert capsys.readouterr().out.strip() == DEPLOYED
    assert main(["config", "diff", "--stack", "team", "--json"]) == 5
    document = json.loads(capsys.readouterr().out)
    check_document("config-diff", document)
    assert document["differences"] == [{"path": "pointsman.budget.month_usd", "here": 9, "deployed": None}]
    assert (document["same"], document["next"]) == (False, "pointsman init --update --stack team")
    assert main(["config", "diff", "--stack", "team"]) == 5
    printed = capsys.readouterr()
    assert "pointsman init --update --stack team" in printed.err
    assert "pointsman.budget.month_usd  9     -" in printed.out
    monkeypatch.setattr(stacks, "connect", lambda *_: replace(connection, config_text=DEPLOYED))
    assert main(["config", "diff", "--stack", "team"]) == 0
    assert "The file here is what stack team runs" in capsys.readouterr().out


def test_check_needs_no_stack_and_refuses_what_cannot_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "new.json"
    file.write_text(CHANGED)
    assert main(["config", "check", str(file), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    check_document("config-check", document)
    assert (document["valid"], document["month_usd"]) == (True, "9")
    assert document["tiers"]["implementation"][0] == "claude-haiku-5-5"
    file.write_text(CHANGED.replace("month_usd", "month_us"))
    assert main(["config", "check", str(file)]) == 2
    assert "month_us" in capsys.readouterr().err


def test_route_says_that_the_stack_runs_another_file(
    connection: StackConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    stores = MagicMock(**{"model_health.states.return_value": {}})
    connection.__dict__["runtime"] = replace(stacks.offline_runtime(), stores=stores)
    assert main(["route", "Rename a variable", "--type", "code_generation"]) == 0
    assert "openclaw.json here is not what stack team runs (pointsman.budget.month_usd)" in capsys.readouterr().err


def test_build_with_another_configuration_leaves_the_build_alone(tmp_path: Path) -> None:
    built = tmp_path / "built"
    file = built / "CoreLayer/python/pointsman/openclaw.json"
    file.parent.mkdir(parents=True)
    file.write_text(DEPLOYED)
    (built / "template.yaml").write_text("Resources: {}")
    template = with_config(built / "template.yaml", CHANGED, tmp_path / "own")
    assert template == with_config(built / "template.yaml", CHANGED, tmp_path / "own")
    assert (template.parent / file.relative_to(built)).read_text() == CHANGED
    assert file.read_text() == DEPLOYED
    digests = [digest_of_build(path, {"A": "b"}) for path in (built / "template.yaml", template)]
    assert digests[0] != digests[1]
    assert digest_of_build(template, {"A": "c"}) != digests[1]
