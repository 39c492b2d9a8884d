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

SECONDS = {
    "size": 45,
    "cold_init": 155,
    "cold_to_done": 70,
    "warm_overhead": 40,
    "failover": 30,
    "orchestration_p95": 85,
    "model_check": 60,
    "router_batch": 20,
    "decision_p95": 20,
    "throughput": 30,
    "contention": 20,
    "scale": 25,
    "list": 5,
    "report": 105,
}
"""Modules of this package, each with `measure(bench)`, and about how long each takes on two processors that do nothing
else: the build counts to the first, the local stack's start to the first that needs it.
"""
LONG = {"idle_stack": 1700}
"""The same, but only where it is named: it waits for a stack to come to rest."""


def main() -> None:
    """Measure what is named, or all; what fails is named and does not end the others."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure each figure beside its peer.")
    names = f"of: {', '.join(SECONDS)} (these, when none is named), {', '.join(LONG)}"
    parser.add_argument("names", nargs="*", metavar="NAME", help=names)
    parser.add_argument("--runs", type=int, help="most runs of each side, for a quick look")
    parser.add_argument("--base", metavar="COMMIT", help=f"compare with that state: {', '.join(compare.NAMES)}")
    chosen = parser.parse_args()
    choices = {*compare.NAMES} if chosen.base else {*SECONDS, *LONG}
    if unknown := set(chosen.names) - choices:
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(sorted(choices))}")
    if chosen.base:
        sys.exit(compare.run(chosen.base, chosen.names or compare.NAMES, chosen.runs))
    bench, figures, failed, busy = Bench(chosen.runs), list[Figure](), list[str](), list[str]()
    with bench.ends:
        wanted = chosen.names or list(SECONDS)
        for number, name in enumerate(wanted):
            began = time.monotonic()
            print(f"# {name}: {number + 1} of {len(wanted)}, {time_left(wanted[number:])} left", flush=True)
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


def time_left(names: Iterable[str]) -> str:
    """Return about how long some benchmarks take together."""
    seconds = sum((SECONDS | LONG)[name] for name in names)
    return f"about {-(-seconds // 60)} min"


def _save(figures: Iterable[Figure], busy: list[str]) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    document = {figure.name: figure.as_dict() for figure in figures}
    RESULTS.write_text(json.dumps(document | {"busy": busy}, indent=2) + "\n")


if __name__ == "__main__":
    main()
