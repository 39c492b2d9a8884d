"""What all fault tests share: long or short form, and the figures that they print."""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.stack import Stack

SOAK = os.environ.get("POINTSMAN_SOAK", "") == "1"
"""Whether the long form runs (`make soak`)."""


def thinned[T](cases: list[T]) -> list[T]:
    """Return all cases in the long form, every third in the short one."""
    return cases if SOAK else cases[::3]


RESULTS = Path(__file__).parents[2] / "build/soak.json"
FIGURES = "figures"
"""Of a report's properties: they come from the process that ran the test to the one that shows them."""


class Figures(dict[str, Any]):
    """What a test measured, by name; shown at the end of the run, and kept in build/soak.json in the long form."""


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    found, began = Figures(), time.monotonic()
    yield found
    entry = {
        "test": request.node.name,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "form": "long" if SOAK else "short",
        "seconds": round(time.monotonic() - began, 1),
        "figures": dict(found),
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [each for kind in terminalreporter.stats.values() for each in kind if isinstance(each, pytest.TestReport)]
    told = [entry for each in reports for name, entry in each.user_properties if name == FIGURES]
    entries = list({entry["test"]: entry for entry in told}.values())
    if not entries:
        return
    terminalreporter.section("fault tests")
    for entry in sorted(entries, key=lambda entry: str(entry["at"])):
        terminalreporter.write_line(f"{entry['test']} ({entry['form']} form, {entry['seconds']} s)")
        for name, value in entry["figures"].items():
            terminalreporter.write_line(f"  {name:<44} {_shown(value)}")


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items()) or "none"
    return str(value)
