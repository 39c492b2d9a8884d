"""`report`: seconds and memory of a day's report, by the ledger's rows of the day; report_scale.py measures them."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figure import Figure

ROWS = (1_000, 10_000, 100_000)
SECONDS, MEGABYTES = 900.0, 1024.0
"""The function's own limits in template.yaml (a test compares)."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure each size once; a million rows take minutes, and are `report_million`."""
    del bench
    yield from of(ROWS)


def of(sizes: Iterable[int]) -> Iterator[Figure]:
    """Measure days of so many rows."""
    script = Path(__file__).with_name("report_scale.py")
    done = subprocess.run(
        [sys.executable, str(script), *map(str, sizes)], stdout=subprocess.PIPE, text=True, check=True, timeout=1800
    )
    for line in done.stdout.splitlines():
        document = json.loads(line)
        rows, one, limit = document["rows"], document["report"], "the function's limit"
        yield Figure(f"report.{rows}", one["seconds"], "s", limit, SECONDS, 1, target=SECONDS, judged="value")
        yield Figure(
            f"report.{rows}.memory", one["peak_mb"], "MB", limit, MEGABYTES, 1, target=MEGABYTES, judged="value"
        )
