"""Dependencies point inward, and the environment is read in three places."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "layers/core/pointsman"
MODULES = sorted(CORE.rglob("*.py"))
SDKS = ("boto3", "botocore", "google", "anthropic", "httpx", "httpx2", "genai_prices", "aws_lambda_powertools")
READERS = {"bootstrap.py", "adapters/keys.py", "settings.py"}


def name_of(path: Path) -> str:
    return path.relative_to(CORE).as_posix()


def inside(folder: str) -> list[Path]:
    found = [path for path in MODULES if name_of(path).startswith(folder)]
    assert found
    return found


def imported(path: Path) -> Iterator[str]:
    """Yield every module that is imported, whether at the top or within a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("path", inside("domain/"), ids=name_of)
def test_the_domain_knows_no_sdk_and_nothing_around_it(path: Path) -> None:
    names = ("adapters", "services", "bootstrap", "handlers", "ports", "settings")
    outer = [f"pointsman.{name}" for name in names]
    assert [module for module in imported(path) if within(module, *SDKS, *outer)] == []


@pytest.mark.parametrize("path", inside("services/"), ids=name_of)
def test_use_cases_know_ports_and_no_adapter(path: Path) -> None:
    outer = ("pointsman.adapters", "pointsman.bootstrap", "pointsman.handlers", "pointsman.settings")
    assert [module for module in imported(path) if within(module, *SDKS, *outer)] == []


@pytest.mark.parametrize("path", [*inside("adapters/"), CORE / "ports.py"], ids=name_of)
def test_adapters_and_ports_know_no_use_case(path: Path) -> None:
    outer = ("pointsman.services", "pointsman.bootstrap", "pointsman.handlers")
    assert [module for module in imported(path) if within(module, *outer)] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_an_sdk_is_imported_by_its_adapter_alone(path: Path) -> None:
    own = {"adapters/gemini.py": ("google", "httpx2"), "adapters/claude.py": ("anthropic",)}.get(name_of(path), ())
    models = ("google", "anthropic", "httpx", "httpx2", "openai")
    assert [module for module in imported(path) if within(module, *models) and not within(module, *own)] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_environment_is_read_in_three_places(path: Path) -> None:
    reads = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"})
        or (isinstance(node, ast.Name) and node.id in {"environ", "getenv"})
    ]
    assert not reads or name_of(path) in READERS


FRESH = "import sys; sys.path[:0] = {paths!r}; import {module}; print(*sys.modules)"


@pytest.mark.parametrize("module", ["pointsman.handlers", "pointsman.bootstrap"])
def test_the_handlers_load_no_model_sdk(module: str) -> None:
    code = FRESH.format(paths=[str(CORE.parent)], module=module)
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert module in printed
    assert {"google.genai", "anthropic", "httpx2", "genai_prices"} & set(printed) == set()


@pytest.mark.parametrize("function", sorted(path.parent.name for path in CORE.parents[2].glob("functions/*/app.py")))
def test_a_function_is_wiring(function: str) -> None:
    path = CORE.parents[2] / f"functions/{function}/app.py"
    own = [module for module in imported(path) if within(module, "pointsman")]
    assert len(path.read_text().splitlines()) < 40
    assert not any(within(module, "pointsman.adapters", "pointsman.services", "boto3") for module in own)
