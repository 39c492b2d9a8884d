"""What the fault tests measure: long or short form, their figures, and how a run prints them, also a parallel one."""

import json
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.support.paths import ROOT

SOAK = os.environ.get("POINTSMAN_SOAK", "") == "1"
"""Whether the long form runs (`make soak`)."""
FIGURES = "figures"
"""The user property of a test report that carries them from the process of the test to the main one."""

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


def thinned[T](cases: list[T]) -> list[T]:
    """Return all cases in the long form, every third in the short one."""
    return cases if SOAK else cases[::3]


def write_figures(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the figures of every test that has some, in the order in which the tests ended."""
    reports = [
        report for group in terminalreporter.stats.values() for report in group if isinstance(report, pytest.TestReport)
    ]
    properties = [entry for report in reports for name, entry in report.user_properties if name == FIGURES]
    entries = list({entry["test"]: entry for entry in properties}.values())
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
