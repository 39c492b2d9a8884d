"""How long a day's report and its archive take, and how much memory, by the number of the ledger's rows in the day.

    .venv/bin/python -m benchmarks.report_scale                                 # 1k, 10k, 100k and 1M rows
    .venv/bin/python -m benchmarks.report_scale 1000000 --steps report
    .venv/bin/python -m benchmarks.report_scale 10000 --endpoint http://127.0.0.1:4566

Prints a line of JSON per size. `rows` are the ledger's items of the day; the day before has as many, and is read and
archived too. Each step runs in a process of its own: `report` from the table, `archive` of both days,
`report_of_archive`; page and JSON are drawn in it. `start_mb` and `peak_mb` are resident memory before the first row
and at most, the interpreter included.

Without an endpoint the stores are fakes: one answers a Query with pages of DynamoDB's JSON, which botocore parses as it
does on AWS, one is a folder for a bucket. They show what processor and memory do, not the network: there a page of 1 MB
takes some 10 to 30 ms more, eight of them at a time.
"""

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date, datetime, timedelta
from itertools import batched
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import boto3

from benchmarks.places import ROOT
from benchmarks.sample_ledger import DAY, PROJECTIONS, ZONE, Bucket, Pages, SampleLedger, policy, write_pages
from pointsman.adapters.archive import ArchivedLedger, BucketArchive
from pointsman.adapters.dynamo import Tables
from pointsman.adapters.ledger_reader import DynamoLedgerReader
from pointsman.entrypoints.cost_report import collect_rarely
from pointsman.execution.ledger_keys import LedgerWatermarks
from pointsman.report.figures.report import ReportScope, build_report
from pointsman.report.render.as_json import as_json
from pointsman.report.render.html import render_html
from pointsman.services.archive import Archiving
from pointsman.services.context import Context
from pointsman.services.report import shards_for_report
from pointsman.values.times import day_bounds

SIZES = (1_000, 10_000, 100_000, 1_000_000)
STEPS = ("report", "archive", "report_of_archive")
TABLE = "report-scale"
"""And bucket."""


class FixedWatermarks:
    """A horizon that is past the day."""

    def __init__(self, day: date) -> None:
        self._day = day

    def watermarks(self) -> LedgerWatermarks:
        since, _ = day_bounds(self._day, ZONE)
        return LedgerWatermarks(since, since + timedelta(days=2), self._day)

    def settled(self, since: datetime, until: datetime) -> None:
        pass

    def archived(self, before: date) -> None:
        pass


def peak() -> int:
    """Return the most memory that this process has had resident, in MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def step(name: str, folder: Path, endpoint: str | None) -> dict[str, Any]:
    """Do one step in this process and return its figures."""
    collect_rarely()
    rules, (since, until) = policy(), day_bounds(DAY, ZONE)
    dynamodb, bucket = aws(endpoint) if endpoint else (Pages(folder / "usage"), Bucket(folder / "bucket"))
    reader, archive = DynamoLedgerReader(dynamodb, Tables("", TABLE, "")), BucketArchive(bucket, TABLE)
    start, wall, cpu = peak(), time.perf_counter(), time.process_time()
    figures: dict[str, Any] = {}
    if name == "archive":
        ctx = Context(rules, reader, None, None, ZONE, lambda *_, **__: None, lambda *_: None)  # type: ignore[arg-type]
        for day in (DAY - timedelta(days=1), DAY):
            Archiving(ctx, reader, archive, FixedWatermarks(day))()
    else:
        ledger = ArchivedLedger(reader, archive) if name == "report_of_archive" else reader
        frame = ReportScope(DAY, ZONE, rules, stand_in=True, now=until + timedelta(hours=6))
        report = build_report(frame, shards_for_report(ledger, since, until), {})
        document = json.dumps(as_json(report))
        figures = {
            "attempts": report.total.attempts,
            "tasks": report.total.tasks,
            "sha256": hashlib.sha256(document.encode()).hexdigest(),
            "page_kb": len(render_html(report)) // 1000,
            "json_kb": len(document) // 1000,
        }
    figures["seconds"] = round(time.perf_counter() - wall, 2)
    figures["cpu_seconds"] = round(time.process_time() - cpu, 2)
    return figures | {"start_mb": start, "peak_mb": peak()}


def write_day(folder: Path, day: date, rows: int, all_steps: bool) -> None:
    """Write a day's pages: as the report asks for them, and for all steps the whole ones too."""
    projections = (PROJECTIONS[day], *([()] if all_steps else []))
    write_pages(folder, day, SampleLedger().items_of(day, rows), projections)


def prepare(folder: Path, rows: int, endpoint: str | None, *, all_steps: bool) -> None:
    """Write two days of the ledger."""
    ledger, days = SampleLedger(), tuple(PROJECTIONS)
    if not endpoint:
        with ProcessPoolExecutor(len(days), get_context("spawn")) as pool:
            list(pool.map(write_day, [folder / "usage"] * len(days), days, [rows] * len(days), [all_steps] * len(days)))
        return
    dynamodb, bucket = aws(endpoint)
    keys = [("day_shard", "HASH"), ("row", "RANGE")]
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
    )
    bucket.create_bucket(Bucket=TABLE)
    for some in batched((item for day in days for item in ledger.items_of(day, rows)), 25, strict=False):
        dynamodb.batch_write_item(RequestItems={TABLE: [{"PutRequest": {"Item": item}} for item in some]})


def aws(endpoint: str) -> tuple[Any, Any]:
    session = boto3.Session("local", "local", region_name="us-east-1")
    return session.client("dynamodb", endpoint_url=endpoint), session.client("s3", endpoint_url=endpoint)


def bench(rows: int, endpoint: str | None, steps_wanted: Sequence[str]) -> dict[str, Any]:
    """Return the figures of the steps, each done in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("usage", "bucket"):
            (folder / part).mkdir()
        run("prepare", folder, rows, endpoint, steps_wanted)
        steps = {part: json.loads(run(part, folder, rows, endpoint, steps_wanted)) for part in steps_wanted}
        size = sum(path.stat().st_size for path in folder.glob(f"bucket/archive/day={DAY}/*"))
    told = {figures.pop("sha256") for part, figures in steps.items() if part != "archive"}
    assert len(told) == 1, "the archive tells another day"
    figures = {"rows": rows, "store": "MiniStack" if endpoint else "fake"}
    return {**figures, **steps, **({"archive_mb": round(size / 1e6, 2)} if size else {})}


def run(part: str, folder: Path, rows: int, endpoint: str | None, steps_wanted: Sequence[str]) -> str:
    command = [sys.executable, "-m", "benchmarks.report_scale", str(rows), "--step", part, "--folder", str(folder)]
    command += ["--steps", *steps_wanted, *(["--endpoint", endpoint] if endpoint else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="*", default=SIZES)
    parser.add_argument("--endpoint", help="a DynamoDB and S3 of the local stack's kind, with neither table nor bucket")
    parser.add_argument(
        "--steps", nargs="+", choices=STEPS, default=STEPS, help="only these; the third needs the second"
    )
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step == "prepare":
        prepare(options.folder, options.rows[0], options.endpoint, all_steps="archive" in options.steps)
    elif options.step:
        print(json.dumps(step(options.step, options.folder, options.endpoint)))
    else:
        for rows in options.rows:
            print(json.dumps(bench(rows, options.endpoint, options.steps)), flush=True)


if __name__ == "__main__":
    main()
