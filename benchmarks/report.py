"""`report`: seconds and memory of a day's report, by the ledger's rows of the day; report_scale.py measures them."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator

from benchmarks.bench import Bench
from benchmarks.figure import Figure
from benchmarks.places import ROOT

ROWS = (1_000, 10_000, 100_000)
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
            rows, one, limit = document["rows"], document["report"], "the function's limit"
            seconds = one["cpu_seconds"]
            yield Figure(
                f"report.{rows}",
                seconds,
                "s",
                limit,
                LIMIT_SECONDS,
                1,
                target=SECONDS,
                judged="value",
                wall=one["seconds"],
            )
            yield Figure(
                f"report.{rows}.memory",
                one["peak_mb"],
                "MB",
                limit,
                LIMIT_MEGABYTES,
                1,
                target=MEGABYTES,
                judged="value",
            )
    if process.returncode:
        raise RuntimeError(f"report_scale ended with {process.returncode}")
