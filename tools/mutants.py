"""Tests the tests: changes the core in small ways and says which changes no test notices.

A seeded sample of cosmic-ray's mutants is run in a copy of the working tree, so that nothing here is ever changed. One
record of all tests says which of them run a mutated line: those run first, the fastest in front. A mutant that
survives them meets the other tests that may notice it. Results are kept in build/mutants by the mutant and its file's
content, so that a run that was stopped goes on, and a change runs its own mutants again only.
"""

import argparse
import ast
import difflib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).parent.parent
WORK = ROOT / "build/mutants"
TREE = WORK / "tree"
CORE = Path("layers/core/pointsman")
ROOMS = ("values", "contracts", "routing", "execution", "services", "adapters")
TESTS = ("tests/component", "tests/contract")
"""Beside each room's own in tests/unit."""
EQUIVALENTS = ROOT / "tools/mutants.toml"
LEAST_KILLED = 0.95
_PASSED = 0
"""pytest's exit code."""
_SKIPPED_OPERATORS = ("core/VariableReplacer", "core/VariableInserter")
"""They need arguments."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file."""

    file: str
    """Below the package."""
    operator: str
    occurrence: int
    line: int
    last_line: int


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a mutant."""

    key: str
    mutant: Mutant
    outcome: str
    """`killed`, `survived`, `timeout`, which counts as killed, or `not applied`, which does not count."""
    seconds: float
    diff: str


@dataclass(frozen=True, slots=True)
class Record:
    """Which tests run which lines, and how long they take (tools/mutants_plugin.py writes it)."""

    seconds: dict[str, float]
    lines: dict[str, dict[str, list[str]]]
    """Tests by file and line; without the lines that run on import."""


def mutants_of(source: str, file: str) -> Iterator[list[Mutant]]:
    """Yield the mutants of each place in a file, annotations left out: they do nothing when the code runs."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.plugins import get_operator, operator_names

    without_effect = annotations(source)
    nodes = list(ast_nodes(get_ast(source)))
    places: dict[tuple[tuple[int, int], tuple[int, int]], list[Mutant]] = {}
    for name in operator_names():
        if name in _SKIPPED_OPERATORS:
            continue
        operator = get_operator(name)()
        positions = [position for node in nodes for position in operator.mutation_positions(node)]
        for occurrence, (start, end) in enumerate(positions):
            if not any(first <= start and end <= last for first, last in without_effect):
                places.setdefault((start, end), []).append(Mutant(file, name, occurrence, start[0], end[0]))
    yield from (places[place] for place in sorted(places))


def annotations(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return where annotations and type aliases stand, as (line, column) of begin and end."""
    nodes: list[ast.expr | ast.stmt | None] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            nodes.append(node.returns)
        elif isinstance(node, ast.arg | ast.AnnAssign):
            nodes.append(node.annotation)
        elif isinstance(node, ast.TypeAlias):
            nodes.append(node)
    return [
        ((node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)) for node in nodes if node
    ]


def sample(size: int, seed: int) -> list[Mutant]:
    """Return so many mutants at different places, the same for the same seed and code."""
    places: dict[str, list[Mutant]] = {}
    for room in ROOMS:
        for path in sorted((TREE / CORE / room).rglob("*.py")):
            source, file = path.read_text(encoding="utf-8"), str(path.relative_to(TREE / CORE))
            places |= ranked(seed, file, source, mutants_of(source, file))
    print(f"{len(places)} places, {sum(map(len, places.values()))} mutants; seed {seed}", flush=True)
    return [places[rank][int(rank, 16) % len(places[rank])] for rank in sorted(places)[:size]]


def ranked(seed: int, file: str, source: str, places: Iterable[list[Mutant]]) -> dict[str, list[Mutant]]:
    """Return the places by their rank in the sample: it stays, whatever else is changed in the file or beside it."""
    lines, alike = source.splitlines(), Counter[str]()
    by_rank: dict[str, list[Mutant]] = {}
    for mutants in places:
        text = lines[mutants[0].line - 1].strip()
        alike[text] += 1
        by_rank[hashlib.sha256(f"{seed} {file} {alike[text]} {text}".encode()).hexdigest()] = mutants
    return by_rank


def copy_tree() -> str:
    """Copy what git knows to the tree; return a digest of the code and its tests."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    shutil.rmtree(TREE, ignore_errors=True)
    digest = hashlib.sha256()
    for name in sorted(filter(None, listed.split("\0"))):
        if (source := ROOT / name).is_file():
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, TREE / name)
            if name.startswith(("layers/", "tests/")):
                digest.update(name.encode() + source.read_bytes())
    for name in (".venv", ".tools"):
        (TREE / name).symlink_to(ROOT / name)
    return digest.hexdigest()


def run_tests(tests: list[str], timeout: float, **environment: str) -> int | None:
    """Run tests in the tree; return pytest's exit code, or None when the time was up. Its output is in pytest.log."""
    search = os.pathsep.join(map(str, (TREE / CORE.parent, TREE)))
    names = [name for name in tests if (TREE / name).exists()]
    command = [str(ROOT / ".venv/bin/python"), "-B", "-m", "pytest", "-q", "-x", "-n0", "-p", "tools.mutants_plugin"]
    with (WORK / "pytest.log").open("w") as log:
        process = subprocess.Popen(
            [*command, *names],
            cwd=TREE,
            env={**os.environ, "PYTHONPATH": search, **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.wait()
        return None


def record(digest: str) -> Record:
    """Return which tests run which lines; recorded once for the code and tests as they are.

    Raises:
        SystemExit: A test fails without any mutant.
    """
    target = WORK / f"record-{digest[:16]}.json"
    if not target.exists():
        print("Recording which tests run which lines: some minutes", flush=True)
        everything = [*(f"tests/unit/{room}" for room in ROOMS), *TESTS]
        if code := run_tests(everything, 3_600, MUTANTS_RECORD=str(target)):
            target.unlink(missing_ok=True)
            sys.exit(f"the tests fail without a mutant (pytest's exit code {code})")
    return Record(**json.loads(target.read_text()))


def runs_on_import(source: str, first: int, last: int) -> bool:
    """Return whether one of the lines is outside every function's body: a constant, a default, a decorator."""
    bodies = [
        (node.body[0].lineno, node.end_lineno or 0)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return not any(begin <= first and last <= end for begin, end in bodies)


def rounds(mutant: Mutant, recorded: Record, *, on_import: bool) -> list[list[str]]:
    """Return the tests that run the mutant's lines, then the others that may notice it; the fastest first.

    What runs on import may be noticed by every test that runs any line of the file; where nothing else runs, as in a
    shape of the configuration, by the room's own tests and those that import it. Any other line is noticed by who runs
    it, or by who shares a fixture with one that does: a test of the same module.
    """
    lines = recorded.lines.get(mutant.file, {})
    near = {test for line in range(mutant.line, mutant.last_line + 1) for test in lines.get(str(line), ())}
    modules = {_module(test) for test in near}
    far = {test for test in chain.from_iterable(lines.values()) if on_import or _module(test) in modules} - near
    if on_import and not lines:
        far = _users_of(mutant.file, recorded)
    return [sorted(tests, key=lambda test: recorded.seconds[test]) for tests in (near, far) if tests]


def _users_of(file: str, recorded: Record) -> set[str]:
    """Return the tests of the file's room, and those of the modules that name it."""
    name, room = f"pointsman.{file.removesuffix('.py').replace('/', '.')}", f"tests/unit/{Path(file).parent}/"
    modules = {_module(test) for test in recorded.seconds}
    users = {module for module in modules if (ROOT / module).is_file() and name in (ROOT / module).read_text("utf-8")}
    return {test for test in recorded.seconds if test.startswith(room) or _module(test) in users}


def _module(test: str) -> str:
    return test.partition("::")[0]


def run_mutant(mutant: Mutant, key: str, recorded: Record) -> Result:
    """Apply a mutant, run its tests, and put the file back."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    path, began = TREE / CORE / mutant.file, time.monotonic()
    original = path.read_text(encoding="utf-8")
    try:
        mutated = mutate_code(original, get_operator(mutant.operator)(), mutant.occurrence)
        assert mutated is not None
        compile(mutated, mutant.file, "exec")
    except (AttributeError, SyntaxError):
        # cosmic-ray 8.7.0 cannot replace an exception that is named with its module, and takes `*,` for an operator
        return Result(key, mutant, "not applied", 0.0, "")
    lines = difflib.unified_diff(original.splitlines(), mutated.splitlines(), mutant.file, mutant.file, "", "", 1, "")
    diff = "\n".join(lines)
    if is_equivalent(diff):  # it would meet every test of its file
        return Result(key, mutant, "survived", 0.0, diff)
    path.write_text(mutated, encoding="utf-8")
    try:
        outcome = _outcome(
            rounds(mutant, recorded, on_import=runs_on_import(original, mutant.line, mutant.last_line)), recorded
        )
    finally:
        path.write_text(original, encoding="utf-8")
    return Result(key, mutant, outcome, round(time.monotonic() - began, 1), diff)


def _outcome(chosen: list[list[str]], recorded: Record) -> str:
    listed = WORK / "tests.txt"
    for tests in chosen:
        listed.write_text("\n".join(tests))
        modules = sorted({_module(test) for test in tests})
        timeout = 60 + 5 * sum(recorded.seconds[test] for test in tests)
        code = run_tests(modules, timeout, MUTANTS_KEEP=str(listed))
        if code != _PASSED:
            return "timeout" if code is None else "killed"
    return "survived"


def is_equivalent(diff: str) -> str | None:
    """Return why a mutant means the same as the code, if tools/mutants.toml says so."""
    changed = [line for line in diff.splitlines()[2:] if line[:1] in "+-"]
    removed, added = ([line[1:].strip() for line in changed if line[0] == sign] for sign in "-+")
    for entry in tomllib.loads(EQUIVALENTS.read_text(encoding="utf-8")).get("equivalent", []):
        concerned = "file" not in entry or diff.startswith(f"--- {entry['file']}")
        if concerned and (removed, added) == ([entry["code"]], [entry["mutant"]]):
            return str(entry["why"])
    return None


def run_sample(chosen: list[Mutant], recorded: Record, digest: str) -> Iterator[Result]:
    """Yield the results of the mutants, those that an earlier run has left included.

    A mutant that was killed stays so while its file is the same; one that survived is run again when code or tests
    have changed.
    """
    target = WORK / "results.jsonl"
    lines = target.read_text().splitlines() if target.exists() else []
    stored = {line["key"]: line for line in map(json.loads, lines)}
    for mutant in chosen:
        content = hashlib.sha256((TREE / CORE / mutant.file).read_bytes()).hexdigest()
        key = f"{mutant.file} {mutant.operator} {mutant.occurrence} {content}"
        line = stored.get(key)
        if line and (line["outcome"] != "survived" or line["digest"] == digest):
            yield Result(key, mutant, line["outcome"], line["seconds"], line["diff"])
            continue
        result = run_mutant(mutant, key, recorded)
        with target.open("a") as stream:
            print(json.dumps({**asdict(result), "digest": digest}), file=stream)
        yield result


def main() -> int:
    """Run the sample; return 1 if too many mutants survive."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=120, help="mutants in the sample")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    digest = copy_tree()
    chosen = sample(options.size, options.seed)
    survivors, equivalent, not_applied = list[str](), 0, 0
    for number, result in enumerate(run_sample(chosen, record(digest), digest), 1):
        outcome = result.outcome
        if outcome == "survived" and (why := is_equivalent(result.diff)):
            outcome, equivalent = f"equivalent: {why}", equivalent + 1
        elif outcome == "survived":
            survivors.append(result.diff)
        not_applied += outcome == "not applied"
        place = f"{result.mutant.file}:{result.mutant.line} {result.mutant.operator.removeprefix('core/')}"
        print(f"{number}/{len(chosen)} {place} ({result.seconds} s): {outcome}", flush=True)
    print("", *survivors, sep="\n\n")
    counted = len(chosen) - equivalent - not_applied
    share = (counted - len(survivors)) / counted if counted else 1.0
    print(f"\n{share:.1%} of {counted} killed, {len(survivors)} survived, {equivalent} are equivalent")
    return int(share < LEAST_KILLED)


if __name__ == "__main__":
    sys.exit(main())
