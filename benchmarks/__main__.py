"""Run the benchmarks: `python -m benchmarks [NAME…] [--runs N] [--base COMMIT]`."""

import argparse
import importlib
import json
import sys
import time
import traceback
from collections.abc import Iterable

from benchmarks import compare, page
from benchmarks.bench import Bench
from benchmarks.figure import Figure
from benchmarks.places import RESULTS
from benchmarks.processor import watched

NAMES = (
    "size",
    "cold_init",
    "cold_to_done",
    "warm_overhead",
    "failover",
    "orchestration_p95",
    "router_batch",
    "decision_p95",
    "throughput",
    "contention",
    "scale",
    "list",
    "report",
)
"""Modules of this package; each has `measure(bench)`."""
LONG = ("report_million", "idle_stack")
"""The same, but only where it is named."""


def main() -> None:
    """Measure what is named, or all; what fails is named and does not end the others."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure each figure beside its peer.")
    names = f"{', '.join(NAMES)} (these, when none is named), {', '.join(LONG)}"
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {names}")
    parser.add_argument("--runs", type=int, help="most runs of each side, for a quick look")
    parser.add_argument("--base", metavar="COMMIT", help=f"compare with that state: {', '.join(compare.NAMES)}")
    chosen = parser.parse_args()
    choices = {*compare.NAMES} if chosen.base else {*NAMES, *LONG}
    if unknown := set(chosen.names) - choices:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(sorted(choices))}")
    if chosen.base:
        sys.exit(compare.run(chosen.base, chosen.names or compare.NAMES, chosen.runs))
    bench, figures, failed, busy = Bench(chosen.runs), list[Figure](), list[str](), list[str]()
    with bench.ends:
        for name in chosen.names or NAMES:
            began = time.monotonic()
            with watched() as load:
                try:
                    for figure in importlib.import_module(f"benchmarks.{name}").measure(bench):
                        figures.append(figure)
                        print(page.line(figure), flush=True)
                except Exception:  # noqa: BLE001  (the others are measured all the same)
                    traceback.print_exc()
                    failed.append(name)
            print(f"# {name}: {time.monotonic() - began:.0f} s, processors {load.words}", flush=True)
            if load.busy:
                busy.append(f"{name}: {load.words}")
                print(f"# {name}: THE MACHINE WAS BUSY; its wall times are too high", flush=True)
            _save(figures, busy)
    if not chosen.names and chosen.runs is None:
        page.write(figures, failed, busy)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _save(figures: Iterable[Figure], busy: list[str]) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    document = {figure.name: figure.as_dict() for figure in figures}
    RESULTS.write_text(json.dumps(document | {"busy": busy}, indent=2) + "\n")


if __name__ == "__main__":
    main()
