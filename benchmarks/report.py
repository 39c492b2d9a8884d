"""`report`: seconds and memory of a day's report, by the ledger's rows of the day; report_scale.py measures them."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator

from benchmarks.bench import Bench
from benchmarks.figure import Figure
from benchmarks.places import ROOT

ROWS = (1_000, 10_000, 1_000_000)
SECONDS, MEGABYTES = 60.0, 300.0
"""Accepted, of any of these days."""
LIMIT_SECONDS, LIMIT_MEGABYTES = 900.0, 1024.0
"""The function's own limits in template.yaml (a test compares)."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure each size once."""
    del bench
    yield from of(ROWS)


def of(sizes: Iterable[int]) -> Iterator[Figure]:
    """Measure days of so many rows."""
    command = [sys.executable, "-m", "benchmarks.report_scale", *map(str, sizes), "--steps", "report"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        for line in process.stdout:
            document = json.loads(line)
            rows, one = document["rows"], document["report"]
            figures = {"": ("s", one["cpu_seconds"], SECONDS, LIMIT_SECONDS, one["seconds"])}
            figures[".memory"] = ("MB", one["peak_mb"], MEGABYTES, LIMIT_MEGABYTES, None)
            for part, (unit, value, most, limit, wall) in figures.items():
                name, peer = f"report.{rows}{part}", "the function's limit"
                yield Figure(name, value, unit, peer, limit, 1, target=most, judged="value", wall=wall)
    if process.returncode:
        raise RuntimeError(f"report_scale ended with {process.returncode}")
