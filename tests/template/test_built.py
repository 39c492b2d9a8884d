"""The built layers: size, contents, bytecode."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from devstack import trim
from devstack.build import build_template
from devstack.toolchain import BUILDS, MINISTACK, SAM, LocalStackError, build_environment, host_architecture
from tests.support.paths import ROOT

UNZIPPED_LIMIT = 250 * 1024 * 1024
"""Lambda's limit for a function with all its layers."""


@pytest.fixture(scope="module")
def built() -> Path:
    """The build that the local stack deploys; the first user makes it."""
    architecture = host_architecture()
    return build_template(architecture, BUILDS / f"local-{architecture}", environ=os.environ).parent


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_largest_function_fits_into_the_size_limit(built: Path) -> None:
    layers = sum(size(built / name) for name in ("CoreLayer", "GeminiLayer", "ClaudeLayer"))
    assert layers < UNZIPPED_LIMIT * 0.8


def test_each_layer_has_its_own_packages(built: Path) -> None:
    assert (built / "CoreLayer/python/pointsman/__init__.py").exists()
    assert (built / "GeminiLayer/python/google/genai").is_dir()
    assert (built / "ClaudeLayer/python/anthropic").is_dir()
    assert not (built / "CoreLayer/python/anthropic").exists()
    assert not (built / "ClaudeLayer/python/google/genai").exists()


def test_configuration_is_a_file_and_not_a_link(built: Path) -> None:
    shipped = built / "CoreLayer/python/pointsman/openclaw.json"
    assert not shipped.is_symlink()
    assert json.loads(shipped.read_text())["agents"]


@pytest.mark.parametrize("layer", ["CoreLayer", "GeminiLayer", "ClaudeLayer"])
def test_layer_is_compiled_and_has_no_botocore(built: Path, layer: str) -> None:
    assert list((built / layer / "python").rglob("*.cpython-313.pyc"))
    assert not (built / layer / "python/botocore").exists()


def test_no_layer_repeats_a_package_of_the_core_layer(built: Path) -> None:
    def names(layer: str) -> set[str]:
        return {path.name.split("-")[0] for path in (built / layer / "python").glob("*.dist-info")}

    assert "pydantic" in names("CoreLayer")
    assert not names("CoreLayer") & (names("GeminiLayer") | names("ClaudeLayer"))


def test_no_layer_ships_tests(built: Path) -> None:
    assert [str(path) for path in built.glob("*Layer/python/**/tests")] == []


@pytest.mark.parametrize(("layer", "adapter"), [("GeminiLayer", "gemini.Gemini"), ("ClaudeLayer", "claude.Claude")])
def test_adapter_makes_its_client_without_the_removed_packages(built: Path, layer: str, adapter: str) -> None:
    """In the environment that plays Lambda's runtime, an import of a removed package fails."""
    module, class_name = adapter.split(".")
    absent = sorted({part.replace("-", "_") for parts in trim.LEFT_OUT.values() for part in parts})
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({absent!r}))\n"  # an import of one of them raises
        f"from pointsman.adapters.{module} import {class_name}\n"
        "from pointsman.ports import ModelRequest\n"
        f"client = {class_name}('key', 'http://127.0.0.1:9')\n"
        "question = ModelRequest('m', 'p', 's', max_output_tokens=9, timeout=5.0, tag='t')\n"
        "print(client.ask(question).outcome)\n"
    )
    layers = os.pathsep.join(str(built / name / "python") for name in ("CoreLayer", layer))
    done = subprocess.run(
        [str(MINISTACK.with_name("python")), "-c", script],
        env={"PYTHONPATH": layers, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == "not_sent"


def test_setting_turns_trimming_off() -> None:
    assert trim.is_wanted({})
    assert not trim.is_wanted({trim.SETTING: "1"})


def test_outdated_bytecode_fails_the_check(tmp_path: Path) -> None:
    core = tmp_path / "CoreLayer/python/pointsman"
    core.mkdir(parents=True)
    (core / "one.py").write_text("ONE = 1\n")
    trim.trim_layers(tmp_path)
    (core / "one.py").write_text("ONE = 2\n")
    with pytest.raises(LocalStackError, match=r"one\.py has no bytecode"):
        trim.check_bytecode(core)


def test_edited_configuration_reaches_the_functions(tmp_path: Path) -> None:
    """The package links to the root's `openclaw.json`; `sam build` must ship its current content."""
    for name in ("template.yaml", "dashboard.yaml", "openclaw.json"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "layers", tmp_path / "layers", symlinks=True)
    shutil.copytree(ROOT / "functions", tmp_path / "functions")
    shutil.copytree(ROOT / "statemachines", tmp_path / "statemachines")
    edited = json.loads((tmp_path / "openclaw.json").read_text())
    edited["pointsman"] = {"budget": {"month_usd": 7}}
    (tmp_path / "openclaw.json").write_text(json.dumps(edited))
    command = [str(SAM), "build", "CoreLayer", "--build-dir", "built"]
    command += ["--parameter-overrides", f"Architecture={host_architecture()}"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=build_environment(os.environ),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    shipped = tmp_path / "built/CoreLayer/python/pointsman/openclaw.json"
    assert not shipped.is_symlink()
    assert json.loads(shipped.read_text()) == edited
