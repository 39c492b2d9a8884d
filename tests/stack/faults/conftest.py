"""What all fault tests share: long or short form, and the figures that they print."""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.figures import FIGURES
from tests.support.local_stack import Stack
from tests.support.paths import ROOT

SOAK = os.environ.get("POINTSMAN_SOAK", "") == "1"
"""Whether the long form runs (`make soak`)."""


def thinned[T](cases: list[T]) -> list[T]:
    """Return all cases in the long form, every third in the short one."""
    return cases if SOAK else cases[::3]


RESULTS = ROOT / "build/soak.json"


class Figures(dict[str, Any]):
    """What a test measured, by name; shown at the end of the run, and kept in build/soak.json in the long form."""


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
def _untaught(request: pytest.FixtureRequest) -> Iterator[None]:
    """On the deployed stack: begin with guards that know nothing and a stand-in without faults, and leave it so."""
    if "stack" not in request.fixturenames:
        yield
        return
    stack: Stack = request.getfixturevalue("stack")
    _forget(stack)
    yield
    _forget(stack)


def _forget(stack: Stack) -> None:
    stack.forget_limits()
    stack.control("DELETE", "faults")
