"""The wheel in an empty environment, away from the checkout: the command unpacks, builds and deploys by itself."""

import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack import servers
from tests.support.paths import ROOT
from tools.wheel import build_wheel

pytestmark = pytest.mark.stack
UV = ROOT / ".tools/uv/bin/uv"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(UV, tmp_path_factory.mktemp("dist"))


class Installed:
    """The command of an environment that has the wheel and nothing else, with a data directory of its own."""

    def __init__(self, wheel: Path, folder: Path) -> None:
        self.folder, self.command = folder, folder / "venv/bin/pointsman"
        hidden = ("AWS_", "GEMINI_", "ANTHROPIC_", "GOOGLE_", "PYTHON", "VIRTUAL_ENV", "MODEL_OVERRIDE_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        places = {"XDG_DATA_HOME": str(folder / "data"), "XDG_STATE_HOME": str(folder / "state")}
        self.environment = {**kept, **places, "AWS_EC2_METADATA_DISABLED": "true"}
        (folder / "elsewhere").mkdir()
        for arguments in (
            ["venv", "--no-project", "--python", str(UV.with_name("python")), str(folder / "venv")],
            ["pip", "install", "--python", str(folder / "venv/bin/python"), str(wheel)],
        ):
            subprocess.run([UV, "--quiet", "--no-config", *arguments], check=True, env=self.environment)

    def run(self, *arguments: str) -> str:
        """Run the command where nothing of the project is; return what it prints."""
        done = subprocess.run(
            [self.command, *arguments],
            cwd=self.folder / "elsewhere",
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=420,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    def document(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    command = Installed(wheel, tmp_path_factory.mktemp("installed"))
    yield command
    command.run("down")


def test_wheel_holds_what_is_built_and_no_cache_or_test(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {"devstack/packed/template.yaml", "devstack/packed/tools/sam.txt", "pointsman/openclaw.json"} <= set(names)
    assert not [name for name in names if "__pycache__" in name or name.startswith(("tests/", "demo/"))]


def test_installed_command_starts_a_stack_and_answers(installed: Installed) -> None:
    assert installed.run("--version").startswith("pointsman ")
    assert installed.document("route", "--offline", "Write a parser in Python")["tier"] == "implementation"
    stack = installed.document("up", "--port", str(servers.free_port()))
    data = installed.folder / "data/pointsman"
    assert Path(stack["state_dir"]).is_relative_to(data)
    answer = installed.document("submit", "Which suites cover the parser?", "--wait")
    assert "stand-in" in answer["answer"]
    assert installed.document("report")["tasks"]["completed"] == 1
    assert stack["endpoint"] in installed.run("up", "--env")


def test_installed_command_plans_a_deployment_of_the_users_own_file(installed: Installed) -> None:
    planned = installed.document("init", "--plan", "--region", "eu-central-1", "--budget", "9")
    assert "sam deploy" in json.dumps(planned)
    config = installed.folder / "data/pointsman/openclaw.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"pointsman": {"budget": {"month_usd": 7}}}))
    assert "from $7" in json.dumps(installed.document("init", "--plan", "--region", "eu-central-1", "--budget", "9"))
