"""What is logged beside an event has names that Python's logging does not refuse (`Attempt to overwrite …`)."""

import ast
import logging
from collections.abc import Iterator
from dataclasses import fields

import pytest

from pointsman.services.economy import LaneRun
from pointsman.services.sweep import SweepResult
from tests.support.paths import ROOT

RESERVED = {*logging.makeLogRecord({}).__dict__, "message", "asctime"}
SPREAD: tuple[type, ...] = (LaneRun, SweepResult)
"""Logged by `**asdict(…)`."""


def logged_names() -> Iterator[tuple[str, str]]:
    """Yield where something is logged, and each name that it is logged under."""
    for path in sorted((ROOT / "layers/core/pointsman").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "log":
                yield from ((f"{path.name}:{node.lineno}", keyword.arg) for keyword in node.keywords if keyword.arg)


def test_no_logged_name_is_one_of_logging_s_own() -> None:
    names = list(logged_names())
    assert len(names) > 50
    assert [(place, name) for place, name in names if name in RESERVED] == []


@pytest.mark.parametrize("kind", SPREAD)
def test_no_field_of_what_is_logged_whole_is_one_of_logging_s_own(kind: type) -> None:
    assert {field.name for field in fields(kind)} & RESERVED == set()
