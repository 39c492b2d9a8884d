"""What fault tests measured, shown at the end of a run, also where other processes ran the tests."""

from typing import Any

import pytest

FIGURES = "figures"
"""Of a report's properties: they come from the process that ran the test to the one that shows them."""


def show(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the figures of all tests that had any, in the order in which they ended."""
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
