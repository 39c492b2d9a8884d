"""What the model says of 25, 10,000 and 1,000,000 tasks a day: what is used most, how long a task takes, and the bill.

`python -m benchmarks.volumes` prints the tables of docs/scale.md; `--write` renews them and the pictures.
"""

import argparse

from benchmarks.figure import Figure, median, p95
from benchmarks.model import BURST, HourResult, Limits, System, burst, busy_hour
from benchmarks.pictures import bars
from benchmarks.places import ROOT
from pointsman.report.figures import aws_units as units
from pointsman.report.figures.aws_bill import monthly_bill
from pointsman.values.taxonomy import Tier

VOLUMES = (25, 10_000, 1_000_000)
_HOURS = {25: 40}
"""Hours to play of a volume whose busiest hour brings only some tasks; of others one."""
_PAID_A_MINUTE = {1_000_000: 4_000}
"""Where a provider's first tier is too small: what the account must have by then."""
CONCURRENCIES = (2, 5, 10)
WINDOWS = (0, 1, 5, 20)
_ROUTER_USD = 0.34 * 0.0000133334 + 0.0000002
"""Of one invocation: 0.25 s warm, a tenth of a cold start of 0.9 s, and the request, as `pointsman cost` has them."""
PAGE = ROOT / "docs/scale.md"


def play(tasks_a_day: int) -> HourResult:
    """Return what the busiest hours of a volume came to."""
    limits = Limits(paid_a_minute=_PAID_A_MINUTE.get(tasks_a_day, Limits.paid_a_minute))
    hours = range(_HOURS.get(tasks_a_day, 1))
    results = [System(limits, seed=hour).run(busy_hour(tasks_a_day, seed=hour)) for hour in hours]
    whole = results[0]
    for other in results[1:]:
        for tier in Tier:
            whole.seconds[tier] += other.seconds[tier]
        whole.started += other.started
        whole.used = {name: max(share, other.used[name]) for name, share in whole.used.items()}
        whole.batches, whole.cold = whole.batches + other.batches, whole.cold + other.cold
    return whole


def volume_lines(results: dict[int, HourResult]) -> list[str]:
    """Return the table of the volumes."""
    lines = [
        "| tasks a day | median | p95 | p95, orchestration | used most | cold starts a task | AWS a month |",
        "|---|---|---|---|---|---|---|",
    ]
    for tasks, result in results.items():
        seconds, first = result.all_seconds, max(result.used, key=lambda name: result.used[name])
        usd = monthly_bill(units.plain_day(tasks)).usd
        lines.append(
            f"| {tasks:,} | {median(seconds):.1f} s | {p95(seconds):.1f} s | "
            f"{p95(result.seconds[Tier.ORCHESTRATION]):.1f} s | {first}, {result.used[first]:.0%} | "
            f"{result.cold / len(seconds):.2f} | ${usd:,.2f} |"
        )
    return lines


def burst_lines() -> list[str]:
    """Return the table of `RouterConcurrency`, with a burst."""
    lines = [
        f"| `RouterConcurrency` | last of {BURST:,} started after | last told after | invocations of the router |",
        "|---|---|---|---|",
    ]
    for concurrency in CONCURRENCIES:
        result = System(Limits(router_concurrency=concurrency)).run(burst())
        lines.append(
            f"| {concurrency} | {max(result.started):.0f} s | {max(result.all_seconds):.0f} s | {result.batches:,} |"
        )
    return lines


def window_lines() -> list[str]:
    """Return the table of `RouterBatchSeconds`, at 10,000 tasks a day."""
    lines = [
        "| `RouterBatchSeconds` | messages a batch | median to the start | router's part of the bill a month |",
        "|---|---|---|---|",
    ]
    for seconds in WINDOWS:
        result = System(Limits(batch_seconds=seconds)).run(busy_hour(10_000))
        size = len(result.started) / result.batches
        usd = 10_000 * units.DAYS_OF_MONTH / size * _ROUTER_USD
        lines.append(f"| {seconds} | {size:.2f} | {median(result.started):.1f} s | ${usd:.2f} |")
    return lines


def with_table(page: str, name: str, lines: list[str]) -> str:
    """Return the page with one of its tables replaced."""
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    before, rest = page.split(begin)
    return f"{before}{begin}\n\n" + "\n".join(lines) + f"\n\n{end}{rest.split(end)[1]}"


def picture(tasks_a_day: int, result: HourResult) -> str:
    """Return a picture of what share of each limit the busiest hour uses."""
    shown = [
        Figure(name, share * 100, "%", "the limit", 100.0, 1)
        for name, share in sorted(result.used.items(), key=lambda entry: -entry[1])
    ]
    return bars(f"{tasks_a_day:,} tasks a day: share of each limit in the busiest hour", shown)


def main() -> None:
    """Print the tables, or write them and the pictures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.volumes", description="Play hours of the whole system.")
    parser.add_argument("--write", action="store_true", help="put tables and pictures into docs/scale.md")
    write = parser.parse_args().write
    results = {tasks: play(tasks) for tasks in VOLUMES}
    tables = {"volumes": volume_lines(results), "burst": burst_lines(), "window": window_lines()}
    text = PAGE.read_text()
    for name, lines in tables.items():
        print("\n".join(lines), end="\n\n")
        text = with_table(text, name, lines)
    if write:
        PAGE.write_text(text)
        for tasks, result in results.items():
            (PAGE.parent / f"pictures/scale-{tasks}.svg").write_text(picture(tasks, result))


if __name__ == "__main__":
    main()
