"""`make mutants`: what it leaves out, and which tests it runs first."""

from pathlib import Path

import pytest

from tools import mutants
from tools.mutants import Mutant, Record, annotations, is_equivalent, ranked, rounds, runs_on_import

SOURCE = """\
type Name = str | None


def first(names: list[str] | None, *, limit: int = 1) -> str | None:
    kept: int | None = limit | 2
    return names[kept] if names else None
"""


def test_annotations_are_no_places_for_mutants() -> None:
    lines = SOURCE.splitlines()
    texts = {lines[start[0] - 1][start[1] : end[1]] for start, end in annotations(SOURCE)}
    assert texts == {"type Name = str | None", "list[str] | None", "int", "str | None", "int | None"}


def test_tests_that_run_the_mutated_lines_come_first_and_the_fastest_of_them() -> None:
    lines = {"3": ["a.py::slow", "a.py::fast"], "4": ["a.py::fast", "b.py::middle"], "5": ["a.py::near", "c.py::other"]}
    seconds = {"a.py::slow": 9.0, "a.py::fast": 0.1, "b.py::middle": 1.0, "a.py::near": 2.0, "c.py::other": 0.0}
    recorded = Record(seconds, {"values/money.py": lines})
    two_lines, first = Mutant("values/money.py", "core/AddNot", 0, 3, 4), ["a.py::fast", "b.py::middle", "a.py::slow"]
    assert rounds(two_lines, recorded, on_import=False) == [first, ["a.py::near"]]
    assert rounds(two_lines, recorded, on_import=True) == [first, ["c.py::other", "a.py::near"]]
    constant = Mutant("values/money.py", "core/NumberReplacer", 0, 9, 9)
    assert rounds(constant, recorded, on_import=True) == [sorted(seconds, key=lambda test: seconds[test])]
    assert rounds(constant, recorded, on_import=False) == []
    assert rounds(Mutant("values/usage.py", "core/AddNot", 0, 3, 4), recorded, on_import=True) == []
    shapes = Record({"tests/unit/values/a.py::own": 1.0, "tests/unit/routing/b.py::other": 1.0}, {})
    assert rounds(constant, shapes, on_import=True) == [["tests/unit/values/a.py::own"]]
    user = "tests/component/test_delivery.py::a_test"
    imported = Mutant("execution/executions.py", "core/AddNot", 0, 8, 8)
    assert rounds(imported, Record({user: 1.0, "tests/component/test_aws_calls.py::b": 1.0}, {}), on_import=True) == [
        [user]
    ]


def test_place_keeps_its_rank_when_lines_are_added_before_it_or_changed_beside_it() -> None:
    def ranks(source: str, seed: int = 1) -> dict[str, str]:
        lines = source.splitlines()
        places = [[Mutant("values/money.py", "core/AddNot", 0, number, number)] for number, _ in enumerate(lines, 1)]
        by_rank = ranked(seed, "values/money.py", source, places)
        return {rank: lines[mutants[0].line - 1].strip() for rank, mutants in by_rank.items()}

    before, after = ranks("a = 1\nb = 2\nb = 2\n"), ranks("import x\na = 3\nif x:\n    b = 2\nb = 2\n")
    assert len(before) == 3
    assert {rank: text for rank, text in before.items() if text == "b = 2"}.items() <= after.items()
    assert not before.keys() & ranks("a = 1\nb = 2\nb = 2\n", seed=2).keys()


@pytest.mark.parametrize(("line", "expected"), [(1, True), (4, True), (5, False), (6, False)])
def test_lines_outside_of_bodies_run_on_import(line: int, expected: bool) -> None:
    assert runs_on_import(SOURCE, line, line) is expected


@pytest.mark.parametrize(
    ("mutated", "why"), [("    return a >= b", "never equal"), ("    return a < b", None), ("    return a > b", None)]
)
def test_mutant_is_equivalent_only_if_its_very_lines_are_named(
    mutated: str, why: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = tmp_path / "mutants.toml"
    entry = {"file": "values/money.py", "code": "return a > b", "mutant": "return a >= b", "why": "never equal"}
    listed.write_text("\n".join(["[[equivalent]]", *(f"{key} = {value!r}" for key, value in entry.items())]))
    monkeypatch.setattr(mutants, "EQUIVALENTS", listed)
    diff = f"--- values/money.py\n+++ values/money.py\n@@ -1 +1 @@\n def x():\n-    return a > b\n+{mutated}"
    assert is_equivalent(diff) == why
    assert is_equivalent(diff.replace("money", "usage")) is None
    listed.write_text(listed.read_text().replace("file = 'values/money.py'\n", ""))
    assert is_equivalent(diff.replace("money", "usage")) == why
