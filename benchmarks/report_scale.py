"""How long a day's report and its archive take, and how much memory, by the number of the ledger's rows in the day.

    .venv/bin/python benchmarks/report_scale.py                                 # 1k, 10k, 100k and 1M rows
    .venv/bin/python benchmarks/report_scale.py 10000 --endpoint http://127.0.0.1:4566

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
import io
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import batched, count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import boto3
from botocore.exceptions import ClientError
from botocore.parsers import create_parser

from pointsman.adapters.archive import ArchivedLedger, BucketArchive
from pointsman.adapters.dynamo import Tables, pack
from pointsman.adapters.ledger_reader import DynamoLedgerReader
from pointsman.adapters.ledger_rows import intent_item, outcome_item, share_item
from pointsman.execution.budget import charge
from pointsman.execution.calls import CallSpec, Intent, Purpose, Settled, Share
from pointsman.execution.ledger_keys import SHARDS, LedgerWatermarks, RowKey
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.report.figures.report import LOOKBACK, ReportScope, build_report
from pointsman.report.render.as_json import as_json
from pointsman.report.render.html import render_html
from pointsman.routing import catalog, config
from pointsman.routing.catalog import Billing
from pointsman.routing.policy import RoutingPolicy
from pointsman.services.archive import Archiving
from pointsman.services.context import Context
from pointsman.values.taxonomy import TYPES_OF, Tier
from pointsman.values.times import day_bounds
from pointsman.values.usage import Usage

SIZES = (1_000, 10_000, 100_000, 1_000_000)
STEPS = ("report", "archive", "report_of_archive")
DAY, ZONE = date(2026, 11, 21), ZoneInfo("UTC")
PAGE = 1_000_000
"""Bytes."""
TABLE = "report-scale"
"""And bucket."""
MODELS = {
    Tier.ORCHESTRATION: "gemini-3.5-flash-lite",
    Tier.IMPLEMENTATION: "claude-haiku-5-5",
    Tier.REASONING: "claude-sonnet-5-5",
}


type Item = dict[str, Any]


def policy() -> RoutingPolicy:
    routing = {str(tier): model for tier, model in MODELS.items()}
    return RoutingPolicy(config.parse(json.dumps({"routing": routing})), catalog.load_catalog())


class SampleLedger:
    """Two days of the ledger as the adapters would write them: a tenth of the tasks takes two calls, a tenth was
    classified by a model, ten by one request. About 2.32 items a task.
    """

    def __init__(self) -> None:
        self._policy, self._dice = policy(), random.Random(7)

    def items_of(self, day: date, rows: int) -> Iterator[Item]:
        """Yield about `rows` items in the order of their time."""
        dice, begins = self._dice, datetime(day.year, day.month, day.day, tzinfo=UTC)
        tasks, written, waiting = max(1, round(rows / 2.32)), 0, list[Share]()
        for number in count(1):
            if written >= rows:
                return
            items: list[Item] = []
            task_id = f"{day:%m%d}-{number:07d}-{dice.getrandbits(32):08x}"
            metadata = {"agent": dice.choice(["ci", "main", "work"]), "ticket": f"T-{dice.randint(1, tasks // 5 + 1)}"}
            at = begins + timedelta(seconds=86_000 * number / tasks % 86_399)
            if number % 10 == 0:
                waiting.append(Share(task_id, 0, Usage(), metadata, None))
            if len(waiting) == 10:
                about: Item = {"purpose": Purpose.CLASSIFICATION, "type": None, "metadata": {}}
                items += self._call(f"classify-{number}", 1, at, Tier.ORCHESTRATION, waiting, **about)
                waiting = []
            tier, tries = dice.choices(list(Tier), (62, 33, 5))[0], 2 if dice.random() < 0.1 else 1
            about = {"purpose": Purpose.TASK, "type": dice.choice(TYPES_OF[tier]), "metadata": metadata}
            for turn in range(1, tries + 1):
                again: Item = {"previous_outcome": "unavailable"} if turn > 1 else {}
                moment = at + timedelta(seconds=3 * turn)
                items += self._call(task_id, turn, moment, tier, failed=turn < tries, **about, **again)
            written += len(items)
            yield from items

    def _call(
        self,
        task_id: str,
        turn: int,
        at: datetime,
        tier: Tier,
        shares: Sequence[Share] = (),
        *,
        failed: bool = False,
        **about: Any,
    ) -> Iterator[Item]:
        dice, model, name = self._dice, self._policy.catalog.get(MODELS[tier]), f"000001.{turn:06d}"
        paid = tier is not Tier.ORCHESTRATION
        intent = Intent(
            CallSpec(task_id=task_id, attempt_id=name, model=model.id, function=str(tier), tier=tier, **about),
            RowKey.of(task_id, name, at),
            at,
            Billing.PAID if paid else Billing.FREE,
            charge(self._policy.config.pointsman.budget, tier, 5_000_000 if paid else 0, at, ZONE),
        )
        used = Usage() if failed else Usage(input=dice.randint(3_000, 14_000), output=dice.randint(200, 4_000))
        took, cost = dice.randint(300, 9_000), model.cost_nano(used, at) if paid else 0
        result = CallResult(Outcome.UNAVAILABLE if failed else Outcome.ANSWERED, request_id="req_011CQabcdefghij")
        settled = Settled(intent, result, cost, True, model.id, used, at + timedelta(milliseconds=took), took)
        parts = [share_item(intent, number, share) for number, share in enumerate(shares)]
        yield from map(pack, (intent_item(intent), outcome_item(settled), *parts))


def write_pages(folder: Path, day: date, items: Iterable[Item]) -> None:
    """Write a day's partitions as DynamoDB answers a Query: JSON of at most 1 MB of items."""
    held: dict[str, list[tuple[str, str]]] = {f"{day}#{shard}": [] for shard in range(SHARDS)}
    for item in items:
        held[item["day_shard"]["S"]].append((item["row"]["S"], json.dumps(item)))
    for place, some in held.items():
        texts = [text for _, text in sorted(some)]
        items_per_page = max(1, PAGE * len(texts) // max(1, sum(map(len, texts))))
        for number, page in enumerate(batched(texts, items_per_page, strict=False)):
            body = f'{{"Items": [{", ".join(page)}], "Count": {len(page)}}}'
            (folder / f"{place}.{number:05d}").write_text(body)


class Pages:
    """DynamoDB's side of Query: botocore parses the pages as it does on AWS."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        client = boto3.client("dynamodb", region_name="us-east-1")
        self.meta, self._shape = client.meta, client.meta.service_model.operation_model("Query").output_shape

    def get_paginator(self, _: str) -> "Pages":
        return self

    def paginate(self, **wanted: Any) -> Iterator[dict[str, Any]]:
        values = wanted["ExpressionAttributeValues"]
        low, high = values[":a"]["S"], values[":b"]["S"]
        for path in sorted(self._folder.glob(f"{values[':p']['S']}.*")):
            answer = {"status_code": 200, "headers": {}, "body": path.read_bytes()}
            page: dict[str, Any] = {}
            self.meta.events.emit("before-parse.dynamodb.Query", response_dict=answer, customized_response_dict=page)
            page = create_parser("json").parse(answer, self._shape) | page
            page["Items"] = [item for item in page["Items"] if low <= item["row"]["S"] <= high]
            yield page


class Bucket:
    """S3, as far as the archive asks it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_object(self, **stated: Any) -> None:
        path = self._folder / stated["Key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stated["Body"])

    def get_object(self, **stated: Any) -> dict[str, Any]:
        path = self._folder / stated["Key"]
        if not path.exists():
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(path.read_bytes())}


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
        report = build_report(frame, ledger.shards(since - LOOKBACK, until), {})
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


def prepare(folder: Path, rows: int, endpoint: str | None) -> None:
    """Write two days of the ledger."""
    ledger, days = SampleLedger(), (DAY - timedelta(days=1), DAY)
    if not endpoint:
        for day in days:
            write_pages(folder / "usage", day, ledger.items_of(day, rows))
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


def bench(rows: int, endpoint: str | None) -> dict[str, Any]:
    """Return the figures of all steps, each done in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("usage", "bucket"):
            (folder / part).mkdir()
        run("prepare", folder, rows, endpoint)
        steps = {part: json.loads(run(part, folder, rows, endpoint)) for part in STEPS}
        size = sum(path.stat().st_size for path in folder.glob(f"bucket/archive/day={DAY}/*"))
    assert steps["report"].pop("sha256") == steps["report_of_archive"].pop("sha256"), "the archive tells another day"
    figures = {"rows": rows, "store": "MiniStack" if endpoint else "fake"}
    return {**figures, **steps, **({} if endpoint else {"archive_mb": round(size / 1e6, 2)})}


def run(part: str, folder: Path, rows: int, endpoint: str | None) -> str:
    command = [sys.executable, __file__, str(rows), "--step", part, "--folder", str(folder)]
    done = subprocess.run(
        [*command, *(["--endpoint", endpoint] if endpoint else [])], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=int, nargs="*", default=SIZES)
    parser.add_argument("--endpoint", help="a DynamoDB and S3 of the local stack's kind, with neither table nor bucket")
    parser.add_argument("--step", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step == "prepare":
        prepare(options.folder, options.rows[0], options.endpoint)
    elif options.step:
        print(json.dumps(step(options.step, options.folder, options.endpoint)))
    else:
        for rows in options.rows:
            print(json.dumps(bench(rows, options.endpoint)), flush=True)


if __name__ == "__main__":
    main()
