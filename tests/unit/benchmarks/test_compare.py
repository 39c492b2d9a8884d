"""The comparison of two states, and the measures under it."""

import os
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from benchmarks import processor
from benchmarks.bench import swapped
from benchmarks.compare import Comparison, OwnTime, attempts_in_turns, builder_of, sign_test
from benchmarks.figure import Figure, compared
from benchmarks.processor import Load


def comparison(base: list[float], here: list[float]) -> Comparison:
    return Comparison("cold_init.router", "ms", tuple(base), tuple(here), is_start=True)


def test_sign_test_counts_pairs_and_leaves_ties_out() -> None:
    assert sign_test([1, 1, 1], [2, 2, 2]) == pytest.approx(1 / 8)
    assert sign_test([1, 1, 1, 5], [2, 2, 2, 5]) == pytest.approx(1 / 8)
    assert sign_test([1, 2], [1, 2]) == 1.0


@pytest.mark.parametrize(
    ("base", "here", "greater"),
    [
        ([100.0] * 9, [101.0] * 9, False),  # within what repeats differ by
        ([100.0] * 9, [110.0] * 9, True),
        ([100.0] * 9, [90.0] * 9, False),
        ([100.0, 120.0, 100.0, 120.0, 100.0], [120.0, 100.0, 120.0, 100.0, 120.0], False),  # chance explains it
        ([50.0], [50.9], False),
        ([50.0], [52.0], True),
    ],
)
def test_comparison_is_greater_beyond_repeats_and_chance(base: list[float], here: list[float], greater: bool) -> None:
    assert comparison(base, here).greater is greater


def test_ratio_is_of_pairs_so_that_what_both_meet_cancels_out() -> None:
    assert comparison([10.0, 40.0, 20.0], [11.0, 44.0, 10.0]).ratio == pytest.approx(1.1)
    assert comparison([0.0], [1.0]).ratio == 1.0


def test_comparison_document_has_both_sides_and_the_verdict() -> None:
    document = Comparison("a", "ms", (2.0,) * 9, (1.0,) * 9, (4.0,) * 9, (3.0,) * 9).as_dict()
    assert {name: document[name] for name in ("base", "here", "base_wall", "here_wall", "ratio", "greater", "n")} == {
        "base": 2.0,
        "here": 1.0,
        "base_wall": 4.0,
        "here_wall": 3.0,
        "ratio": 0.5,
        "greater": False,
        "n": 9,
    }


@pytest.mark.parametrize(
    ("folders", "builder"),
    [
        (["devstack"], "devstack"),
        (["pointsman_cli/local"], "pointsman_cli.local"),
        (["pointsman_cli/local", "devstack"], "devstack"),
    ],
)
def test_builder_is_found_in_either_layout(tmp_path: Path, folders: list[str], builder: str) -> None:
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "__main__.py").touch()
    assert builder_of(tmp_path) == builder


def test_state_without_a_builder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing that builds it"):
        builder_of(tmp_path)


@pytest.mark.parametrize(("before", "stolen", "busy"), [(0.02, 0.01, False), (0.4, 0.0, True), (0.0, 0.3, True)])
def test_machine_is_busy_when_others_take_a_tenth(before: float, stolen: float, busy: bool) -> None:
    assert Load(before, stolen).busy is busy


def test_processor_time_of_a_process_grows_with_its_work_and_not_with_its_sleep() -> None:
    began = processor.seconds_of(os.getpid())
    time.sleep(0.05)
    slept = processor.seconds_of(os.getpid()) - began
    while time.process_time() < began + 0.1:
        sum(range(1000))
    assert processor.seconds_of(os.getpid()) - began >= slept + 0.04


def test_wall_time_stands_beside_the_judged_processor_time() -> None:
    figure = compared("a", [1.0, 2.0, 3.0], "b", [4.0], wall=[9.0, 8.0, 7.0], peer_wall=[6.0])
    assert (figure.value, figure.wall, figure.peer_wall) == (2.0, 8.0, 6.0)
    assert Figure("a", 1.0, "ms", "b", 2.0, 3).wall is None


def test_side_that_goes_first_is_swapped_every_round() -> None:
    assert list(swapped(["base", "here"], 3)) == [["base", "here"], ["here", "base"], ["base", "here"]]


def test_attempts_alternate_and_warming_does_not_count() -> None:
    order = list[str]()

    def drive_of(side: str, own: float) -> Callable[[dict[str, Any]], dict[str, float]]:
        def drive(state: dict[str, Any]) -> dict[str, float]:
            order.append(side)
            processor = own + (100 if state["number"] < 4 else 0)
            aws = {"aws_processor_ms": 2.0, "aws_wall_ms": 20.0, "aws_calls": 3}
            return {"processor_ms": processor + 2, "wall_ms": processor + 21, **aws}

        return drive

    numbers = count()
    drivers = {"base": drive_of("base", 1.0), "here": drive_of("here", 1.5)}
    own = attempts_in_turns(drivers, lambda: {"number": next(numbers)}, warming=2, attempts=3)
    assert own == {"base": OwnTime(1.0, 2.0, 3), "here": OwnTime(1.5, 2.5, 3)}
    assert order == ["base", "here", "here", "base", "base", "here", "here", "base", "base", "here"]
