"""Run the benchmarks: `python -m benchmarks [NAME…] [--runs N]`."""

import argparse
import importlib
import json
import sys
import time
import traceback
from collections.abc import Iterable

from benchmarks import page
from benchmarks.bench import Bench
from benchmarks.figure import Figure
from benchmarks.places import RESULTS

NAMES = (
    "size",
    "cold_init",
    "cold_to_done",
    "warm_overhead",
    "failover",
    "orchestration_p95",
    "router_batch",
    "throughput",
    "scale",
    "report",
)
"""Modules of this package; each has `measure(bench)`."""
LONG = ("report_million",)
"""The same, but only where it is named."""


def main() -> None:
    """Measure what is named, or all; what fails is named and does not end the others."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure each figure beside its peer.")
    names = f"{', '.join(NAMES)} (these, when none is named), {', '.join(LONG)}"
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {names}")
    parser.add_argument("--runs", type=int, help="most runs of each side, for a quick look")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - {*NAMES, *LONG}:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {names}")
    bench, figures, failed = Bench(chosen.runs), list[Figure](), list[str]()
    with bench.ends:
        for name in chosen.names or NAMES:
            began = time.monotonic()
            try:
                for figure in importlib.import_module(f"benchmarks.{name}").measure(bench):
                    figures.append(figure)
                    print(page.line(figure), flush=True)
            except Exception:  # noqa: BLE001  (the others are measured all the same)
                traceback.print_exc()
                failed.append(name)
            print(f"# {name}: {time.monotonic() - began:.0f} s", flush=True)
            _save(figures)
    if not chosen.names and chosen.runs is None:
        page.write(figures, failed)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _save(figures: Iterable[Figure]) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({figure.name: figure.as_dict() for figure in figures}, indent=2) + "\n")


if __name__ == "__main__":
    main()
