"""A pytest plugin for `make mutants`: records which tests run which lines, or keeps only some tests, the fastest first.

Environment: `MUTANTS_RECORD` is the file to write the record to; `MUTANTS_KEEP` is a file with the ids of the tests to
keep, one per line, in the order in which they run.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest

ROOT = str(Path.cwd() / "layers/core/pointsman") + os.sep
_MONITORING = sys.monitoring
_TOOL = _MONITORING.COVERAGE_ID
TEST_SECONDS = 30.0
"""Processor time of a test, five times what the longest one takes: a mutant that loops for ever is ended by SIGPROF."""


def pytest_configure(config: pytest.Config) -> None:
    """Register what the environment asks for."""
    if target := os.environ.get("MUTANTS_RECORD"):
        config.pluginmanager.register(Recorder(Path(target)))
    if os.environ.get("MUTANTS_KEEP"):
        config.pluginmanager.register(Limit())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that are named, in that order; those of one module stay together for its fixtures."""
    listed = os.environ.get("MUTANTS_KEEP")
    if not listed:
        return
    places = {name: place for place, name in enumerate(Path(listed).read_text().splitlines())}
    kept = [item for item in items if item.nodeid in places]
    config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in places])
    first: dict[str, int] = {}
    for item in kept:
        module = item.nodeid.partition("::")[0]
        first[module] = min(first.get(module, len(places)), places[item.nodeid])
    items[:] = sorted(kept, key=lambda item: (first[item.nodeid.partition("::")[0]], places[item.nodeid]))


class Limit:
    """Ends the process once a test has taken `TEST_SECONDS`."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Iterator[None]:
        """Set the limit of one test with its fixtures."""
        signal.setitimer(signal.ITIMER_PROF, TEST_SECONDS)
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)


class Recorder:
    """Writes `{"seconds": {test: seconds}, "lines": {file: {line: [tests]}}}`.

    Lines that run when a module is imported are recorded under no test.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._seconds: dict[str, float] = {}
        self._lines: dict[str, dict[int, list[str]]] = {}
        self._test: str | None = None

    def pytest_sessionstart(self) -> None:
        """Begin to watch."""
        _MONITORING.use_tool_id(_TOOL, "mutants")
        _MONITORING.register_callback(_TOOL, _MONITORING.events.LINE, self._line)
        _MONITORING.set_events(_TOOL, _MONITORING.events.LINE)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Record one test with its fixtures."""
        self._test, began = item.nodeid, time.monotonic()
        _MONITORING.restart_events()
        try:
            return (yield)
        finally:
            self._test = None
            self._seconds[item.nodeid] = round(time.monotonic() - began, 3)

    def pytest_sessionfinish(self) -> None:
        """Write the record."""
        _MONITORING.set_events(_TOOL, 0)
        _MONITORING.free_tool_id(_TOOL)
        self._target.write_text(json.dumps({"seconds": self._seconds, "lines": self._lines}))

    def _line(self, code: CodeType, line: int) -> object:
        if self._test and code.co_name != "<module>" and code.co_filename.startswith(ROOT):
            tests = self._lines.setdefault(code.co_filename.removeprefix(ROOT), {}).setdefault(line, [])
            if not tests or tests[-1] != self._test:
                tests.append(self._test)
        return _MONITORING.DISABLE
