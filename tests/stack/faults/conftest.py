"""Every fault test starts with healthy models and no faults, and its figures are kept."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.aws import OneAtATime, empty_account
from tests.support.fake_providers import FakeProviders, start, stop
from tests.support.figures import FIGURES, SOAK, Figures
from tests.support.local_stack import Stack
from tests.support.paths import ROOT

RESULTS = ROOT / "build/soak.json"


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    result, began = Figures(), time.monotonic()
    yield result
    entry = {
        "test": request.node.name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "form": "long" if SOAK else "short",
        "seconds": round(time.monotonic() - began, 1),
        "figures": dict(result),
    }
    request.node.user_properties.append((FIGURES, entry))
    if SOAK:
        RESULTS.parent.mkdir(exist_ok=True)
        earlier = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
        RESULTS.write_text(json.dumps([*earlier, entry], indent=1) + "\n")


@pytest.fixture(autouse=True)
def _reset(request: pytest.FixtureRequest) -> Iterator[None]:
    """On the deployed stack: start with healthy models and no faults, and leave it so."""
    if "stack" not in request.fixturenames:
        yield
        return
    stack: Stack = request.getfixturevalue("stack")
    _forget(stack)
    yield
    _forget(stack)


def _forget(stack: Stack) -> None:
    stack.delete_model_health()
    stack.control("DELETE", "faults")


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[FakeProviders]:
    """Fake providers with a journal of their own."""
    result = start(tmp_path)
    yield result
    stop(result)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[OneAtATime]:
    """A session of an account with the template's stores."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a-key")
    monkeypatch.setenv("GEMINI_API_KEY", "a-key")
    with empty_account():
        yield OneAtATime()
