"""What a build puts into the layers; skipped where nothing is built, since the stack tests build."""

import json
from pathlib import Path

import pytest

from pointsman_cli.local.toolchain import BUILDS, host_architecture
from tests.template.cloudformation import ROOT

UNZIPPED_LIMIT = 250 * 1024 * 1024
"""What Lambda allows for a function and all its layers."""


@pytest.fixture(scope="module")
def built() -> Path:
    path = BUILDS / f"local-{host_architecture()}"
    if not (path / "template.yaml").exists():
        pytest.skip(f"nothing is built in {path.relative_to(ROOT)}: `pointsman up` or the stack tests build")
    return path


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_largest_function_fits(built: Path) -> None:
    layers = sum(size(built / name) for name in ("CoreLayer", "GeminiLayer", "ClaudeLayer"))
    assert layers < UNZIPPED_LIMIT * 0.8


def test_each_layer_has_what_it_is_for(built: Path) -> None:
    assert (built / "CoreLayer/python/pointsman/__init__.py").exists()
    assert (built / "GeminiLayer/python/google/genai").is_dir()
    assert (built / "ClaudeLayer/python/anthropic").is_dir()
    assert not (built / "CoreLayer/python/anthropic").exists()
    assert not (built / "ClaudeLayer/python/google/genai").exists()


def test_the_configuration_is_a_file_and_no_link_out_of_the_layer(built: Path) -> None:
    shipped = built / "CoreLayer/python/pointsman/openclaw.json"
    assert not shipped.is_symlink()
    assert json.loads(shipped.read_text())["agents"]


@pytest.mark.parametrize("layer", ["CoreLayer", "GeminiLayer", "ClaudeLayer"])
def test_layers_are_compiled_and_leave_boto_to_the_runtime(built: Path, layer: str) -> None:
    assert list((built / layer / "python").rglob("*.cpython-313.pyc"))
    assert not (built / layer / "python/botocore").exists()
