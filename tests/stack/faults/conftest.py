"""Every fault test starts with healthy models and no faults, and its figures are kept."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.aws import OneAtATime, empty_account
from tests.support.fake_providers import FakeProviders, start, stop
from tests.support.figures import figures as figures
from tests.support.local_stack import Stack


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
