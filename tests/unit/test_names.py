"""Names mean one thing in the whole tree, and the places outside Python that repeat one repeat it exactly."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from pointsman.values.log_events import LogEvent
from tests.support.cloudformation import load
from tests.support.paths import ROOT

PRODUCT = ("layers/core/pointsman", "pointsman_cli", "devstack", "demo")
IN_EACH_COMMAND = {"main", "HELP", "COMMANDS", "BARE"}
"""What each command's or `__main__` module has to be run by."""


def public_names(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        match node:
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                yield name
            case ast.Assign(targets=targets):
                yield from (name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.TypeAlias(name=ast.Name(id=name)):
                yield name


def test_public_name_is_defined_in_one_module() -> None:
    modules = defaultdict(set)
    for folder in PRODUCT:
        for path in (ROOT / folder).rglob("*.py"):
            for name in public_names(ast.parse(path.read_text())):
                if not name.startswith("_") and name not in IN_EACH_COMMAND:
                    modules[name].add(path.relative_to(ROOT).as_posix())
    assert {name: sorted(paths) for name, paths in modules.items() if len(paths) > 1} == {}


def filters() -> list[str]:
    resources = load()["Resources"].values()
    return [it["Properties"]["FilterPattern"] for it in resources if it["Type"] == "AWS::Logs::MetricFilter"]


@pytest.mark.parametrize("pattern", sorted(set(filters())))
def test_metric_filter_looks_for_a_log_event_that_exists(pattern: str) -> None:
    words = set(re.findall(r'"([a-z_]+)"', pattern))
    assert words == {LogEvent.COST_ABOVE_RESERVATION}
