"""`report.1000000`: the same for a million rows, by name only: with it a run of all would pass ten minutes."""

from collections.abc import Iterator

from benchmarks import report
from benchmarks.bench import Bench
from benchmarks.figure import Figure


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure once."""
    del bench
    yield from report.of((1_000_000,))
