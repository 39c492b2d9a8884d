"""`pointsman service`: the unit, its environment, and what systemd is asked to do."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pointsman_cli.commands import service
from pointsman_cli.errors import BadInputError
from pointsman_cli.main import main
from pointsman_cli.service_unit import ServiceFiles, environment_text, unit_text

AWKWARD = "a b\"c\\d$HOME%h'e`f"
KEY = "AIza-key-that-no-unit-holds"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose systemctl writes down what it is told, and answers as systemd does."""
    tools = tmp_path / "bin"
    tools.mkdir()
    script = tools / "systemctl"
    script.write_text(
        f"#!{shutil.which('sh')}\n"
        f"echo \"$*\" >> '{tmp_path}/asked'\n"
        f"case \"$2\" in show) cat '{tmp_path}/shown';; esac\n"
        f"[ ! -e '{tmp_path}/refuses' ] || {{ echo 'Failed to connect to bus: No medium found' >&2; exit 1; }}\n"
    )
    script.chmod(0o755)
    set_state(tmp_path, "active", "running", "4711")
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def set_state(home: Path, active: str, state: str, pid: str) -> None:
    fields = ("UnitFileState=enabled", "Result=success", f"MainPID={pid}")
    (home / "shown").write_text("\n".join([f"ActiveState={active}", f"SubState={state}", *fields]))


def asked(home: Path) -> list[str]:
    return [line for line in (home / "asked").read_text().splitlines() if "show" not in line]


def test_install_writes_the_unit_and_starts_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setenv("SOMETHING_ELSE", "x")
    assert main(["service", "install", "--json", "--", "--on-alarm", "notify-send 'on it'", "--stand-in"]) == 0
    document = json.loads(capsys.readouterr().out)
    unit, environment = Path(document["unit"]), Path(document["environment"])
    assert unit == home / ".config/systemd/user/pointsman.service"
    assert "GEMINI_API_KEY" in document["passed_on"]
    assert "SOMETHING_ELSE" not in document["passed_on"]
    text = unit.read_text()
    assert KEY not in text
    assert f'{KEY}"\n' in environment.read_text()
    assert (environment.stat().st_mode & 0o777, environment.parent.stat().st_mode & 0o002) == (0o600, 0)
    (start,) = [line for line in text.splitlines() if line.startswith("ExecStart=")]
    options = ["up", "--foreground", "--on-alarm", "notify-send 'on it'", "--stand-in"]
    assert shlex.split(start.removeprefix("ExecStart="))[-5:] == options
    assert f"WorkingDirectory={home}" in text
    actions = ["daemon-reload", "enable pointsman.service", "restart pointsman.service"]
    assert asked(home) == [f"--user {action}" for action in actions]


def test_key_that_is_gone_is_taken_back_at_the_next_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    environment = ServiceFiles.of(os.environ).environment
    assert main(["service", "install"]) == 0
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert KEY in environment.read_text()
    assert main(["service", "install"]) == 0
    assert KEY not in environment.read_text()


def test_status_says_what_systemd_says(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["service", "status"]) == 1
    assert "no service is installed" in capsys.readouterr().err
    assert main(["service", "install"]) == 0
    capsys.readouterr()
    assert main(["service", "status", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["active"], document["enabled"], document["pid"]) == (True, True, 4711)
    set_state(home, "failed", "failed", "0")
    assert main(["service", "status", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["state"], document["pid"]) == ("failed (failed)", None)


def test_remove_leaves_neither_unit_nor_keys(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    assert main(["service", "remove"]) == 1
    assert main(["service", "install"]) == 0
    capsys.readouterr()
    assert main(["service", "remove", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"removed": str(home / ".config/systemd/user/pointsman.service")}
    assert [path for path in (home / ".config").rglob("*") if path.is_file()] == []
    assert asked(home)[-2:] == ["--user disable --now pointsman.service", "--user daemon-reload"]


def test_option_that_up_does_not_take_is_refused_before_anything_is_written(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["service", "install", "--", "--on-alarms", "x"]) == 2
    assert "--on-alarm" in capsys.readouterr().err
    assert not (home / ".config").exists()


@pytest.mark.parametrize("command", ["install", "status"])
def test_machine_without_systemd_gets_one_clear_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    for break_it in (
        lambda: (home / "refuses").touch(),
        lambda: monkeypatch.setenv("PATH", str(home)),
        lambda: monkeypatch.setattr(sys, "platform", "darwin"),
    ):
        break_it()
        assert main(["service", command]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert line == f"pointsman: {service._NOT_HERE}"
    assert not (home / ".config").exists()


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    folder = tmp_path / "My Projects (ä) $HOME %h `x`"
    folder.mkdir()
    executable = folder / "pointsman"
    executable.write_text("#!/bin/sh\n")
    executable.chmod(0o755)
    unit = tmp_path / "pointsman.service"
    unit.write_text(unit_text([str(executable), "up", "--on-alarm", AWKWARD], folder, folder / "environment"))
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(run), "HOME": str(tmp_path)}

    def complaint() -> str:
        command = ["systemd-analyze", "--user", "verify", str(unit)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stderr

    if "Failed to initialize manager" in (said := complaint()):
        pytest.skip(f"systemd-analyze does not work here: {said.splitlines()[-1]}")
    assert said == ""
    unit.write_text(unit.read_text().replace("Restart=on-failure", "Restart=on-mondays"))
    assert "on-mondays" in complaint()


def test_environment_is_read_back_as_it_was(tmp_path: Path) -> None:
    variables = {"GEMINI_API_KEY": AWKWARD, "HTTPS_PROXY": "http://u:p%40@proxy:3128"}
    (tmp_path / "environment").write_text(environment_text(variables))
    for name, value in variables.items():  # a shell reads such quotes as systemd does
        script = f'. "$0"; printf %s "${name}"'
        done = subprocess.run(["sh", "-c", script, str(tmp_path / "environment")], capture_output=True, check=True)
        assert done.stdout.decode() == value


@pytest.mark.parametrize("text", ["a\nExecStartPost=/bin/evil", "a\rb", "a\0b"])
def test_text_of_more_than_one_line_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError):
        environment_text({"GEMINI_API_KEY": text})
    with pytest.raises(BadInputError):
        unit_text(["pointsman", text], tmp_path, tmp_path / "e")
    with pytest.raises(BadInputError):
        unit_text(["pointsman"], tmp_path / text, tmp_path / "e")


def test_program_that_systemd_would_not_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="quotes or backslashes"):
        unit_text([f"{tmp_path}/it's/pointsman", "up"], tmp_path, tmp_path / "e")
