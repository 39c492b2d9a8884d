"""Two states of the project side by side: `make bench BASE=<commit>` measures that one and this one in turns.

The other state is checked out under build/ and built by its own code. Functions are driven as built, by their handlers,
so that nothing here depends on how a state is laid out inside. A time counts as greater when it is greater by more than
`REPEATS_WITHIN` at the median and in so many of the paired runs that chance would do it less than once in twenty times
(sign test). A start that is greater ends the run with 1.
"""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import comb
from pathlib import Path
from typing import IO, Any, NamedTuple

from benchmarks.bench import Bench, swapped
from benchmarks.cold_init import in_turns
from benchmarks.figure import median
from benchmarks.places import LAMBDA, LAYERS, ROOT, TIER_MODELS, WORK, Artifact, built_function, compiled, python_of
from benchmarks.processor import watched
from benchmarks.rie import SETTINGS
from benchmarks.rig import PROMPT, settings_of
from devstack.toolchain import host_architecture
from tests.support.local_stack import Stack

NAMES = ("cold_init", "warm_overhead", "size")
REPEATS_WITHIN = 1.02
"""Processor time of one state measured twice is the same within 2%."""
RESULTS = ROOT / "build/bench-base.json"
_ROUNDS = 11
"""Pairs of fresh processes that `warm_overhead` compares."""
_BUILDERS = ("devstack", "pointsman_cli/local")
"""Where a state has what builds it; the newest first."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of both states."""

    name: str
    unit: str
    base: tuple[float, ...]
    here: tuple[float, ...]
    base_wall: tuple[float, ...] = ()
    here_wall: tuple[float, ...] = ()
    is_start: bool = False

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios, here by there: what a pair meets together cancels out."""
        ratios = [here / base for base, here in zip(self.base, self.here, strict=True) if base]
        return median(ratios) if ratios else 1.0

    @property
    def greater(self) -> bool:
        """Whether it is greater here, by more than repeats differ and chance explains."""
        if len(self.base) == 1:
            return self.ratio > REPEATS_WITHIN
        return self.ratio > REPEATS_WITHIN and sign_test(self.base, self.here) < 0.05

    def as_dict(self) -> dict[str, Any]:
        """Return it as build/bench-base.json holds it."""
        walls = {name: median(side) if side else None for name, side in self._walls().items()}
        sides = {"base": median(self.base), "here": median(self.here)}
        judged = {"ratio": self.ratio, "greater": self.greater, "n": len(self.base)}
        return {**sides, **walls, **judged, "unit": self.unit}

    def _walls(self) -> dict[str, tuple[float, ...]]:
        return {"base_wall": self.base_wall, "here_wall": self.here_wall}


def sign_test(base: Sequence[float], here: Sequence[float]) -> float:
    """Return how likely chance alone makes `here` the greater one in at least so many of the pairs; 1 without pairs."""
    pairs = [after > before for before, after in zip(base, here, strict=True) if after != before]
    n, greater = len(pairs), sum(pairs)
    return sum(comb(n, k) for k in range(greater, n + 1)) / 2**n if n else 1.0


def run(commit: str, names: Sequence[str], at_most: int | None) -> int:
    """Measure both states, print them side by side, and return the exit code."""
    measures: dict[str, Callable[[Bench, Path], Iterator[Comparison]]] = {
        "cold_init": _starts,
        "warm_overhead": _attempts,
        "size": _sizes,
    }
    bench, comparisons = Bench(at_most), list[Comparison]()
    with bench.ends:
        base = built_base(commit)
        compiled(LAMBDA)
        with watched() as load:
            print(f"{'figure':<34}{'base':>10}{'here':>10}{'ratio':>8}{'n':>4}{'base wall':>11}{'here wall':>11}")
            for name in names:
                for comparison in measures[name](bench, base):
                    comparisons.append(comparison)
                    print(_line(comparison), flush=True)
    print(f"# processors: {load.words}{', BUSY: wall times are too high' if load.busy else ''}")
    document: dict[str, Any] = {one.name: one.as_dict() for one in comparisons}
    RESULTS.write_text(json.dumps(document | {"commit": commit, "load": load.words}, indent=2) + "\n")
    slower = [one.name for one in comparisons if one.is_start and one.greater]
    if slower:
        print(f"slower than at {commit}: {', '.join(slower)}")
    return 1 if slower else 0


def built_base(commit: str) -> Path:
    """Return the built artifacts of another state of the project."""
    name = _git(ROOT, "rev-parse", "--short", f"{commit}^{{commit}}")
    tree = WORK / f"base-{name}"
    if not tree.exists():
        tree.parent.mkdir(parents=True, exist_ok=True)
        _git(ROOT, "clone", "--quiet", "--shared", str(ROOT), str(tree))
        _git(tree, "checkout", "--quiet", name)
        (tree / ".tools").symlink_to(ROOT / ".tools")
    builder = builder_of(tree)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tree), str(tree / "layers/core")])}
    command = [sys.executable, "-P", "-m", builder, host_architecture()]
    subprocess.run(command, cwd=tree, env=environment, check=True)
    return tree / ".aws-sam/build"


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S607
    if done.returncode:
        raise SystemExit(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def builder_of(tree: Path) -> str:
    """Return the module of a state that builds it.

    Raises:
        FileNotFoundError: It has none that is known here.
    """
    for folder in _BUILDERS:
        if (tree / folder / "__main__.py").exists():
            return folder.replace("/", ".")
    raise FileNotFoundError(f"{tree} has nothing that builds it: {', '.join(_BUILDERS)}")


def _line(one: Comparison) -> str:
    walls = "".join(f"{median(side):>11.2f}" if side else f"{'':>11}" for side in (one.base_wall, one.here_wall))
    mark = "  GREATER" if one.greater else ""
    sides = f"{median(one.base):>10.2f}{median(one.here):>10.2f}{one.ratio:>8.3f}{len(one.base):>4}"
    return f"{f'{one.name}, {one.unit}':<34}{sides}{walls}{mark}"


def _starts(bench: Bench, base: Path) -> Iterator[Comparison]:
    for name in LAYERS:
        sides = {"base": built_function(base, name), "here": built_function(bench.built, name)}
        samples = in_turns(sides, bench.runs(11))
        (before, before_wall), (after, after_wall) = (zip(*samples[side], strict=True) for side in sides)
        yield Comparison(f"cold_init.{name}", "ms", before, after, before_wall, after_wall, is_start=True)


def _sizes(bench: Bench, base: Path) -> Iterator[Comparison]:
    for name in LAYERS:
        before, after = (built_function(build, name).bytes / 1e6 for build in (base, bench.built))
        yield Comparison(f"size.{name}", "MB", (before,), (after,))


def _attempts(bench: Bench, base: Path) -> Iterator[Comparison]:
    """Drive each tier function of both states on the same stack.

    Attempts of one process are no independent samples. So a sample is the median of a fresh process, and each round has
    a pair of them.
    """
    for tier in TIER_MODELS:
        sides = {"base": built_function(base, tier), "here": built_function(bench.built, tier)}
        samples: dict[str, list[OwnTime]] = {side: [] for side in sides}
        for order in swapped(list(sides), bench.runs(_ROUNDS)):
            for side, sample in _round({side: sides[side] for side in order}, bench.stack, tier).items():
                samples[side].append(sample)
        (before, before_wall, before_calls), (after, after_wall, after_calls) = (
            zip(*samples[side], strict=True) for side in sides
        )
        yield Comparison(f"warm_overhead.{tier}", "ms", before, after, before_wall, after_wall)
        yield Comparison(f"warm_overhead.{tier}.aws_calls", "calls", (max(before_calls),), (max(after_calls),))


class OwnTime(NamedTuple):
    """What attempts of one process took, AWS calls left out: medians in milliseconds, and the most AWS calls."""

    processor: float
    wall: float
    aws_calls: float

    @classmethod
    def of(cls, answers: Sequence[Mapping[str, float]]) -> "OwnTime":
        """Return it of what the driver answered."""
        processor, wall = (
            median([answer[f"{what}_ms"] - answer[f"aws_{what}_ms"] for answer in answers])
            for what in ("processor", "wall")
        )
        return cls(processor, wall, max(answer["aws_calls"] for answer in answers))


def _round(artifacts: Mapping[str, Artifact], stack: Stack, tier: str) -> dict[str, OwnTime]:
    """Start a process of each side, in the given order, and have both make the same number of attempts."""

    def state() -> dict[str, Any]:
        stack.delete_model_health()
        return waiting_task(stack, tier)

    with ExitStack() as running:
        drivers = {side: running.enter_context(driver(artifact, stack)) for side, artifact in artifacts.items()}
        return attempts_in_turns(drivers, state)


def attempts_in_turns(
    drivers: "Mapping[str, Drive]", state: Callable[[], dict[str, Any]], warming: int = 5, attempts: int = 21
) -> dict[str, OwnTime]:
    """Return each side's own time; the side that goes first changes with every attempt, and `warming` do not count."""
    answers: dict[str, list[dict[str, float]]] = {side: [] for side in drivers}
    for order in swapped(list(drivers), warming + attempts):
        for side in order:
            answers[side].append(drivers[side](state()))
    return {side: OwnTime.of(made[warming:]) for side, made in answers.items()}


type Drive = Callable[[dict[str, Any]], dict[str, float]]


@contextmanager
def driver(artifact: Artifact, stack: Stack) -> Iterator[Drive]:
    """Have a built function wait for attempts in a process of its own."""
    libraries = [str(artifact.code), *map(str, artifact.libraries)]
    environment = {"PATH": os.defpath, **SETTINGS, **settings_of(stack), "PYTHONPATH": os.pathsep.join(libraries)}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1", "POWERTOOLS_TRACE_DISABLED": "true"}
    script = Path(__file__).with_name("drive.py")
    with (WORK / "drive.log").open("w") as log:
        process = subprocess.Popen(
            [str(python_of(LAMBDA)), "-P", str(script)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdin
            assert process.stdout
            _answer(process.stdout)
            yield lambda state: _ask(process.stdin, process.stdout, state)
        finally:
            process.kill()
            process.wait()


def _ask(to: IO[str] | None, answers: IO[str] | None, state: dict[str, Any]) -> dict[str, float]:
    assert to
    assert answers
    to.write(json.dumps({"state": state}) + "\n")
    to.flush()
    answer: dict[str, Any] = json.loads(_answer(answers))
    if answer.pop("next") != "deliver":
        raise RuntimeError("an attempt was not answered")
    return answer


def _answer(answers: IO[str]) -> str:
    if line := answers.readline():
        return line
    raise RuntimeError(f"the function ended: see {WORK / 'drive.log'}")


def waiting_task(stack: Stack, tier: str) -> dict[str, Any]:
    """Put a task into the table as the router does, started; return the state object that its workflow begins with."""
    now = datetime.now(UTC)
    task_id, model = f"b-{uuid.uuid4().hex}", TIER_MODELS[tier]
    body = json.dumps({"prompt": PROMPT})
    texts = {"task_id": task_id, "status": "started", "fingerprint": "benchmark", "body": body}
    texts["received_at"] = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    item: dict[str, Any] = {name: {"S": text} for name, text in texts.items()} | {"generation": {"N": "1"}}
    stack.client("dynamodb").put_item(TableName=stack.info.outputs["TaskTableName"], Item=item)
    hop = {"model": model, "function": tier, "tier": tier}
    deadline = (now + timedelta(hours=1)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"task_id": task_id, "generation": 1, "deadline": deadline, "plan": [hop]}
