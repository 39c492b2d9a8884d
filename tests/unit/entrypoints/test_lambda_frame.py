"""The frame of the functions' handlers."""

import ast
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pointsman.entrypoints import lambda_frame
from pointsman.entrypoints.lambda_context import KEEP_WARM
from pointsman.entrypoints.stores import LazyClient
from tests.support.paths import ROOT


@pytest.fixture(autouse=True)
def _thaw() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_the_collector_is_back_and_what_is_imported_is_frozen() -> None:
    gc.disable()
    lambda_frame.function()(lambda event, context: event)
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_a_call_that_keeps_warm_goes_no_further() -> None:
    seen: list[Any] = []
    whole = lambda_frame.function()(lambda event, context: seen.append(event))
    assert whole(KEEP_WARM, None) is None
    assert seen == []


@pytest.mark.parametrize(("variable", "built"), [("on-demand", 1), (None, 0)])
def test_parts_are_built_where_lambda_initialises(
    variable: str | None, built: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_LAMBDA_INITIALIZATION_TYPE", raising=False)
    if variable:
        monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", variable)
    monkeypatch.setattr("pointsman.entrypoints.runtime.function_runtime", lambda: "the runtime")
    seen: list[Any] = []
    lambda_frame.function(seen.append)(lambda event, context: event)
    assert seen == ["the runtime"] * built


def test_a_client_is_built_at_its_first_use_and_once() -> None:
    built: list[str] = []

    def build() -> str:
        built.append("client")
        return "client"

    client = LazyClient(build)
    assert not built
    assert client.upper() == "CLIENT"
    assert client.title() == "Client"
    assert built == ["client"]


@pytest.mark.parametrize("app", sorted((ROOT / "functions").glob("*/app.py")), ids=lambda app: app.parent.name)
def test_app_stops_the_collector_before_it_imports_anything_else_of_ours(app: Path) -> None:
    imports = [node.module for node in ast.parse(app.read_text()).body if isinstance(node, ast.ImportFrom)]
    ours = [module for module in imports if str(module).startswith("pointsman")]
    assert ours[0] == "pointsman.entrypoints.lambda_frame"
