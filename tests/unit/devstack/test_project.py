"""The project of an installed command: what the wheel carries, unpacked beside what is its user's."""

from pathlib import Path

import pytest

from devstack import project

SHIPPED = (Path(project.__file__).parents[1] / "openclaw.json").read_text()


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the wheel carries."""
    folder = tmp_path / "packed"
    (folder / "functions/router").mkdir(parents=True)
    (folder / "functions/router/app.py").write_text("first")
    (folder / "template.yaml").write_text("first")
    monkeypatch.setattr(project, "PACKED", folder)
    monkeypatch.setattr(project, "IS_INSTALLED", True)
    return folder


def test_project_is_unpacked_as_a_checkout(packed: Path, tmp_path: Path) -> None:
    root = tmp_path / "data/pointsman"
    project.unpack_project(root)
    assert (root / "template.yaml").read_text() == "first"
    core = root / "layers/core/pointsman"
    assert (core / "data/classifier.bin").is_file()
    assert not list(root.rglob("__pycache__"))
    assert (root / "openclaw.json").read_text() == SHIPPED
    (root / "openclaw.json").write_text("the user's")
    assert (core / "openclaw.json").read_text() == "the user's"  # which is built into the functions
    before = (root / "template.yaml").stat().st_mtime_ns
    project.unpack_project(root)
    assert (root / "template.yaml").stat().st_mtime_ns == before


def test_newer_version_replaces_all_but_what_the_user_has_changed(packed: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    project.unpack_project(root)
    (root / "openclaw.json").write_text("the user's")
    (root / ".tools").mkdir()
    (packed / "template.yaml").write_text("second")
    (packed / "functions/router").rename(packed / "functions/renamed")
    project.unpack_project(root)
    assert (root / "template.yaml").read_text() == "second"
    assert [folder.name for folder in (root / "functions").iterdir()] == ["renamed"]
    assert (root / "openclaw.json").read_text() == "the user's"
    assert (root / ".tools").is_dir()


def test_checkout_is_its_own_project(tmp_path: Path) -> None:
    project.unpack_project(tmp_path / "data")
    assert not (tmp_path / "data").exists()
    assert (project.project_root() / "template.yaml").is_file()


@pytest.mark.parametrize(("stated", "expected"), [("/d", "/d/pointsman"), ("", "/h/.local/share/pointsman")])
def test_installed_project_is_in_the_data_directory(
    packed: Path, monkeypatch: pytest.MonkeyPatch, stated: str, expected: str
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", stated)
    monkeypatch.setenv("HOME", "/h")
    assert project.project_root() == Path(expected)
