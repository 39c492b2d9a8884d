"""`make demo KEEP=1`: the stack of `pointsman up`, which stays, and only where there is none yet."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import devstack
from demo import __main__ as demo
from pointsman_cli.stacks import STATE_DIR


class Stub:
    """Stands for the run itself, which needs a stack."""

    page = ""

    def __init__(self, *_: Any) -> None: ...

    def run(self) -> dict[str, Any]:
        return {"tasks": [], "dead_letters": [], "report": {}, "report_text": "", "checks": {}, "stand_in": True}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, Path]]]:
    stacks: list[tuple[str, Path]] = []

    @contextmanager
    def local_stack(folder: Path, **_: Any) -> Iterator[SimpleNamespace]:
        stacks.append(("ends", folder))
        yield SimpleNamespace()

    def start_stack(folder: Path, **_: Any) -> SimpleNamespace:
        stacks.append(("stays", folder))
        return SimpleNamespace()

    monkeypatch.setattr(devstack, "local_stack", local_stack)
    monkeypatch.setattr(devstack, "start_stack", start_stack)
    monkeypatch.setattr(devstack.StackInfo, "load", classmethod(lambda *_: None))
    monkeypatch.setattr(demo, "_Demo", Stub)
    return stacks


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *options: str) -> int:
    monkeypatch.setattr("sys.argv", ["demo", "--folder", str(folder), *options])
    return demo.main()


def test_kept_stack_is_the_one_of_up_and_the_last_line_says_how_to_look_at_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, started: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path / "new", "--keep") == 0
    assert started == [("stays", STATE_DIR)]
    last = capsys.readouterr().out.splitlines()[-1]
    assert "pointsman ui" in last
    assert "pointsman down" in last


def test_demo_ends_with_its_own_stack_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, started: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path) == 0
    assert started == [("ends", tmp_path)]
    assert "pointsman ui" not in capsys.readouterr().out


def test_stack_that_is_there_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, started: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(devstack.StackInfo, "load", classmethod(lambda *_: SimpleNamespace()))
    assert run(monkeypatch, tmp_path, "--keep") == 1
    assert started == []
    assert "pointsman down" in capsys.readouterr().err
