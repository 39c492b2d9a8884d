"""Who may import whom: a room imports only rooms above it, also through others, and the environment is read in few."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.support.paths import ROOT

CORE = ROOT / "layers/core/pointsman"
MODULES = sorted(CORE.rglob("*.py"))
ROOMS = (
    "values",
    "contracts",
    "routing",
    "execution",
    "report",
    "ports",
    "batch_ports",
    "report_ports",
    "prompts",
    "services",
    "adapters",
    "client",
    "chat_api",
    "entrypoints",
)
"""From the inside out: each may import those before it."""
PURE = ROOMS[:5]
PORTS = ("ports", "batch_ports", "report_ports")
NEVER = {"adapters": ("services",), "client": ("services",)}
"""Rooms that stand before another and are closed to it all the same."""
SDKS = ("boto3", "botocore", "google", "anthropic", "httpx", "httpx2", "genai_prices", "aws_lambda_powertools")
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "sleep"}
ENVIRONMENT_READERS = {
    "entrypoints/runtime.py",
    "adapters/secret_keys.py",
    "entrypoints/settings.py",
}


def name_of(path: Path) -> str:
    return path.relative_to(CORE).as_posix()


def room_of(module: str) -> str:
    """Return the room of a dotted module of the package; empty: the package itself."""
    return module.split(".")[1] if "." in module else ""


def dotted(path: Path) -> str:
    return "pointsman." + name_of(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


FILES = {dotted(path): path for path in MODULES if path != CORE / "__init__.py"}


TEST_FILES = {
    path.relative_to(ROOT).as_posix().removesuffix(".py").replace("/", "."): path
    for path in (ROOT / "tests").rglob("*.py")
}


@cache
def import_statements(path: Path) -> tuple[ast.Import | ast.ImportFrom, ...]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return tuple(node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))


def imports_of(path: Path, files: Mapping[str, Path] = FILES) -> Iterator[str]:
    """Yield every module that is imported: at the top, within a function or for types only."""
    for node in import_statements(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        else:
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            children = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (child if child in files else node.module for child in children)


@cache
def reached(module: str) -> frozenset[str]:
    """Return all that a module imports, also through modules of the package, itself left out."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        for imported in set(imports_of(FILES[waiting.pop()])) - seen:
            seen.add(imported)
            if imported in FILES:
                waiting.append(imported)
    return frozenset(seen - {module})


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def test_each_module_is_in_a_room() -> None:
    assert {room_of(module) for module in FILES} == set(ROOMS)


@pytest.mark.parametrize("module", sorted(FILES))
def test_module_reaches_no_room_further_out(module: str) -> None:
    room = room_of(module)
    further_out = {*ROOMS[ROOMS.index(room) + 1 :], *NEVER.get(room, ())}
    assert [name for name in sorted(reached(module)) if name in FILES and room_of(name) in further_out] == []


@pytest.mark.parametrize(
    "module",
    [name for name in sorted(FILES) if room_of(name) in (*PURE, "ports", "batch_ports", "report_ports", "prompts")],
)
def test_pure_module_reaches_no_sdk(module: str) -> None:
    assert [name for name in sorted(reached(module)) if within(name, *SDKS)] == []


@pytest.mark.parametrize("module", [name for name in sorted(FILES) if room_of(name) == "services"])
def test_service_reaches_no_sdk_and_no_adapter(module: str) -> None:
    assert [name for name in sorted(reached(module)) if within(name, *SDKS, "pointsman.adapters")] == []


@pytest.mark.parametrize("module", [name for name in sorted(FILES) if room_of(name) in PURE])
def test_pure_module_reads_no_clock(module: str) -> None:
    calls = [
        node.func.attr
        for node in ast.walk(ast.parse(FILES[module].read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"datetime", "date", "time"}
    ]
    assert set(calls) & CLOCKS == set()


def test_no_module_imports_itself_through_others() -> None:
    assert [
        module for module in sorted(FILES) if any(module in reached(name) for name in reached(module) & set(FILES))
    ] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_model_sdk_is_imported_by_its_adapter_alone(path: Path) -> None:
    of_module = {
        "adapters/gemini.py": ("google", "httpx2"),
        "adapters/claude.py": ("anthropic",),
        "adapters/claude_batches.py": ("anthropic", "httpx2"),
        "adapters/error_response.py": ("httpx2",),
        "adapters/models_tls.py": ("httpx2",),
    }
    allowed = of_module.get(name_of(path), ())
    models = ("google", "anthropic", "httpx", "httpx2", "openai")
    assert [name for name in imports_of(path) if within(name, *models) and not within(name, *allowed)] == []


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_environment_is_read_in_three_places(path: Path) -> None:
    reads = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"})
        or (isinstance(node, ast.Name) and node.id in {"environ", "getenv"})
    ]
    assert not reads or name_of(path) in ENVIRONMENT_READERS


FRESH = "import sys; sys.path[:0] = {paths!r}; import {module}; print(*sys.modules)"


@pytest.mark.parametrize("module", ["pointsman.entrypoints.tier", "pointsman.entrypoints.router"])
def test_handlers_load_no_model_sdk(module: str) -> None:
    code = FRESH.format(paths=[str(CORE.parent)], module=module)
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert module in printed
    assert {"google.genai", "anthropic", "httpx2", "genai_prices"} & set(printed) == set()


@pytest.mark.parametrize("name", ["lambda_frame", "tier", "router"])
def test_handlers_load_nothing_that_the_plain_path_does_not_use(name: str) -> None:
    code = FRESH.format(paths=[str(CORE.parent)], module=f"pointsman.entrypoints.{name}")
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    utilities = {module for module in printed if module.startswith("aws_lambda_powertools.utilities.")}
    assert {module.split(".")[2] for module in utilities} <= {"jmespath_utils"}  # of the logger
    unused = {"aws_xray_sdk", "wrapt", "boto3", "s3transfer", "fastjsonschema", "pointsman.adapters.webhook"}
    assert unused & set(printed) == set()


@pytest.mark.parametrize("function", sorted(path.parent.name for path in ROOT.glob("functions/*/app.py")))
def test_function_is_wiring(function: str) -> None:
    path = ROOT / f"functions/{function}/app.py"
    names = [name for name in imports_of(path) if within(name, "pointsman")]
    assert len(path.read_text().splitlines()) < 40
    assert not any(within(name, "pointsman.adapters", "pointsman.services", "boto3") for name in names)


@pytest.mark.parametrize(
    ("package", "closed"),
    [
        ("devstack", ("pointsman_cli", "demo", "tests")),
        ("pointsman_cli", ("demo", "tests", "benchmarks")),
        ("demo", ("tests", "benchmarks")),
        ("layers", ("devstack", "pointsman_cli", "demo", "tests")),
        ("functions", ("devstack", "pointsman_cli", "demo", "tests")),
    ],
)
def test_package_imports_none_that_builds_on_it(package: str, closed: tuple[str, ...]) -> None:
    imported = {name for path in (ROOT / package).rglob("*.py") for name in imports_of(path)}
    assert sorted(name for name in imported if within(name, *closed)) == []


@pytest.mark.parametrize("package", ["tests", "benchmarks", "tools"])
def test_nothing_imports_a_test_module_or_a_conftest(package: str) -> None:
    imported = {name for path in (ROOT / package).rglob("*.py") for name in imports_of(path, TEST_FILES)}
    assert sorted(name for name in imported if within(name, "tests") and not within(name, "tests.support")) == []


@pytest.mark.parametrize("package", ["pointsman_cli", "devstack", "demo"])
def test_package_has_no_import_cycle(package: str) -> None:
    files = {
        path.relative_to(ROOT).as_posix().removesuffix(".py").removesuffix("/__init__").replace("/", "."): path
        for path in (ROOT / package).rglob("*.py")
    }
    graph = {module: {name for name in imports_of(path, files) if name in files} for module, path in files.items()}
    assert list(TopologicalSorter(graph).static_order())


MOST_LINES = 330
"""Of a module of the product or its tools; a longer one has more than one idea."""


def test_no_module_is_longer_than_one_idea() -> None:
    folders = ("layers", "functions", "pointsman_cli", "devstack", "demo", "benchmarks", "training", "tools")
    modules = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    assert len(modules) > 300
    lines = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in modules}
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}
