"""The archive: a closed day leaves the table row for row, is read back before it counts, and is read from then on."""

import csv
import gzip
import json
import re
import subprocess
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.archive import COLUMNS, BucketArchive
from pointsman.adapters.dynamo import pack
from pointsman.adapters.ledger_rows import intent_item, outcome_item, share_item
from pointsman.entrypoints.sweep import build_sweep
from pointsman.execution.calls import Purpose, Share
from pointsman.execution.comparison import AnswerComparison, BetterAnswer, ComparedPair, PairKind
from pointsman.execution.ledger_keys import shard_of
from pointsman.execution.outcome import AccountTrouble, CallResult, CheckResult, Outcome
from pointsman.report.render.as_json import as_json
from pointsman.services.archive import Archiving
from pointsman.services.sweep import SETTLED_AFTER, Sweep
from pointsman.values.effort import Effort
from pointsman.values.errors import ArchiveError, SweepError
from pointsman.values.taxonomy import Tier
from pointsman.values.times import to_text
from pointsman.values.usage import Usage
from tests.support import report_office
from tests.support.fakes import FakeWorkflow
from tests.support.ledger import intent, settled
from tests.support.paths import ROOT
from tests.support.report_office import DAY, HAIKU, SINCE, UNTIL, Office, answered, busy_day

office = report_office.office
UTC_DAYS = [date(2026, 11, 18), DAY, DAY + timedelta(days=1)]
"""Days of UTC that the busy day's rows lie in; the last ends 16 hours after it."""
HOSTILE = 'a,b\\c\nd\re"f\t\\n,'


@pytest.fixture
def sweep(office: Office) -> Sweep:
    own = office.runtime.part(build_sweep)
    return replace(own, ctx=office.ctx, workflow=FakeWorkflow(), archiving=replace(own.archiving, ctx=office.ctx))


COMPARED = ComparedPair("2026-11-22T12:00:00.000Z", "t-1", Tier.IMPLEMENTATION, None, "one", "other")


def close(office: Office, sweep: Sweep) -> None:
    """Sweep at the busy day's beginning, as a stack does that was there then, and once all its days are over."""
    office.clock.time = SINCE - timedelta(days=2)
    sweep()
    office.clock.time = UNTIL + timedelta(days=2)
    sweep()


def keys(office: Office) -> list[str]:
    found = office.aws.client("s3").list_objects_v2(Bucket=office.aws.bucket, Prefix="archive/")
    return [each["Key"] for each in found.get("Contents", [])]


def table(office: Office) -> list[dict[str, Any]]:
    rows = office.runtime.stores.ledger_reader.rows(SINCE - timedelta(days=9), UNTIL + timedelta(days=2))
    return sorted(({k: v for k, v in row.items() if k != "expires_at"} for row in rows), key=lambda row: row["row"])


def forget(office: Office) -> None:
    """Have every row of the ledger expire."""
    dynamodb = office.aws.client("dynamodb")
    for item in dynamodb.scan(TableName=office.aws.tables.usage)["Items"]:
        where = {name: item[name] for name in ("day_shard", "row")}
        dynamodb.delete_item(TableName=office.aws.tables.usage, Key=where)


def unmarked(office: Office) -> None:
    """Have it forgotten which days are archived."""
    update = {"UpdateExpression": "REMOVE archived_before", "Key": pack({"limit": "ledger"})}
    office.aws.client("dynamodb").update_item(TableName=office.aws.tables.limits, **update)


def test_a_closed_day_is_archived_row_for_row(office: Office, sweep: Sweep) -> None:
    spent = busy_day(office)
    close(office, sweep)
    archive = office.runtime.stores.archive
    stored = [
        row
        for day in UTC_DAYS
        for shard in (archive.manifest(day) or {})["shards"]
        for row in archive.read(day, int(shard))
    ]
    assert sorted(stored, key=lambda row: row["row"]) == table(office)
    held = [archive.manifest(day) or {} for day in UTC_DAYS]
    assert sum(each["cost_nano"] for each in held) == sum(row["cost_nano"] for row in table(office) if "outcome" in row)
    assert sum(each["cost_nano"] for each in held) > spent + 2_500_000
    assert sum(each["rows"] for each in held) == len(stored)
    reach = office.runtime.stores.sweep_store.watermarks()
    assert reach
    assert reach.archived_before == office.clock.now().date()


def test_a_report_of_archived_days_is_the_same_when_the_table_has_forgotten_them(office: Office, sweep: Sweep) -> None:
    busy_day(office)
    close(office, sweep)
    before = json.dumps(as_json(office.reporting.build(DAY)))
    forget(office)
    assert table(office) == []
    assert json.dumps(as_json(office.reporting.build(DAY))) == before
    assert '"cost_nano": 2500000' in json.dumps(as_json(office.reporting.build(date(2026, 11, 18))))


def test_doing_it_again_changes_nothing(office: Office, sweep: Sweep) -> None:
    busy_day(office)
    close(office, sweep)
    before = {key: office.stored(key) for key in keys(office)}
    assert sweep().archived == 0
    for key in (key for key in before if key.endswith("_manifest.json")):
        office.aws.client("s3").delete_object(Bucket=office.aws.bucket, Key=key)
    unmarked(office)
    assert sweep().archived == 8
    assert {key: office.stored(key) for key in keys(office)} == before


def test_a_day_that_is_archived_stays_as_it_is_when_the_table_has_forgotten_it(office: Office, sweep: Sweep) -> None:
    busy_day(office)
    close(office, sweep)
    before = {key: office.stored(key) for key in keys(office)}
    forget(office)
    unmarked(office)
    assert sweep().archived == 8
    assert {key: office.stored(key) for key in keys(office)} == before


def test_a_day_waits_for_its_last_call(office: Office, sweep: Sweep) -> None:
    """First it is open, then others that began before midnight might still be written, then the day is closed."""
    last = datetime(DAY.year, DAY.month, DAY.day, 23, 59, 58, tzinfo=UTC)
    office.clock.time = last - timedelta(hours=1)
    sweep()
    office.call(office.call_spec("late", HAIKU), last, None)
    told = []
    for seconds in (120, 600, SETTLED_AFTER.total_seconds(), SETTLED_AFTER.total_seconds() + 2):
        office.clock.time = last + timedelta(seconds=seconds)
        swept = sweep()
        told.append((swept.closed, swept.archived, office.runtime.stores.archive.manifest(DAY) is not None))
    assert told == [(0, 0, False), (1, 0, False), (0, 0, False), (0, 1, True)]
    assert (office.runtime.stores.archive.manifest(DAY) or {})["attempts"] == 1


def test_the_sweep_reads_on_from_where_all_was_settled(office: Office, sweep: Sweep) -> None:
    office.clock.time = SINCE
    sweep()
    asked = list[str]()
    office.runtime.stores.dynamodb.meta.events.register(
        "before-parameter-build.dynamodb.Query", lambda params, **_: asked.append(str(params))
    )
    office.clock.time = SINCE + timedelta(minutes=15)
    sweep()
    ranges = [each for each in asked if f"{SINCE.date()}#" in each]
    assert len(ranges) == 8
    assert all(to_text(SINCE - SETTLED_AFTER) in each for each in ranges)
    office.call(office.call_spec("old", HAIKU), SINCE + timedelta(minutes=16), None)
    office.clock.time = SINCE + timedelta(days=20)
    assert sweep().closed == 1


def test_weeks_without_the_bucket_lose_nothing(office: Office, sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep does its other work, fails for all to see, and catches up."""
    spent = busy_day(office)
    office.clock.time = SINCE - timedelta(days=2)
    sweep()
    with monkeypatch.context() as down:
        down.setattr(BucketArchive, "finish", lambda *_: (_ for _ in ()).throw(ArchiveError("the bucket is away")))
        for weeks in (1, 2, 3):
            office.clock.time = UNTIL + timedelta(weeks=weeks)
            with pytest.raises(SweepError, match=r"archive \(the bucket is away\)"):
                sweep()
    assert not list(office.runtime.stores.ledger_reader.open_intents(SINCE - timedelta(days=3), UNTIL))
    expiry = office.aws.client("dynamodb").scan(TableName=office.aws.tables.usage)["Items"]
    assert min(int(each["expires_at"]["N"]) for each in expiry) > (UNTIL + timedelta(weeks=12)).timestamp()
    assert sweep().archived == 24
    forget(office)
    assert as_json(office.reporting.build(DAY))["totals"]["cost_nano"] == spent


def test_a_file_that_reads_back_otherwise_is_no_archive(
    office: Office, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy_day(office)
    read = BucketArchive.read

    def wrong(own: BucketArchive, day: date, shard: int) -> Any:
        return ({**row, "cost_nano": row["cost_nano"] + 1} for row in read(own, day, shard))

    monkeypatch.setattr(BucketArchive, "read", wrong)
    with pytest.raises(SweepError, match="reads back otherwise"):
        close(office, sweep)
    assert office.runtime.stores.archive.manifest(date(2026, 11, 18)) is None


def test_an_open_call_is_not_archived(office: Office) -> None:
    office.call(office.call_spec("open", HAIKU), SINCE, None)
    own = office.runtime.part(build_sweep).archiving
    office.runtime.stores.sweep_store.settled(SINCE, UNTIL + timedelta(days=1))
    with pytest.raises(ArchiveError, match="has no outcome"):
        Archiving(office.ctx, own.ledger, own.archive, own.store)()


@pytest.mark.parametrize("harm", ["missing", "short", "other columns"])
def test_a_damaged_archive_makes_no_report(office: Office, sweep: Sweep, harm: str) -> None:
    busy_day(office)
    close(office, sweep)
    s3 = office.aws.client("s3")
    key = next(key for key in keys(office) if str(DAY) in key and key.endswith(".csv.gz"))
    if harm == "missing":
        s3.delete_object(Bucket=office.aws.bucket, Key=key)
    else:
        header, *lines = gzip.decompress(office.stored(key)).splitlines(keepends=True)
        first, second, rest = header.split(b",", 2)
        lines = [header, *lines[:-1]] if harm == "short" else [b",".join((second, first, rest)), *lines]
        s3.put_object(Bucket=office.aws.bucket, Key=key, Body=gzip.compress(b"".join(lines)))
    with pytest.raises(ArchiveError, match="shard" if harm == "short" else harm):
        office.reporting.build(DAY)


# ---------------------------------------------------------------- the file


def rows() -> list[dict[str, Any]]:
    metadata = {HOSTILE: HOSTILE, "ü": "é"}
    mine = intent(
        "t-1",
        parent_id="p-1",
        hop=1,
        previous_outcome="busy",
        came_from="x",
        metadata=metadata,
        effort=Effort.LOW,
        sender="key:ci",
        batch_entry="20261122T120000-abc-0001",
        comparison=AnswerComparison(1, "gemini", PairKind.PAIR, 1, COMPARED),
    )
    called = Usage(1, 2, 3, 4, 5, 6)
    result = CallResult(Outcome.UNKNOWN, detail=HOSTILE, request_id="r", retry_after=1.5, until=UNTIL)
    result = replace(result, account=AccountTrouble.KEY, recognized=False, check=CheckResult("json"), regional=True)
    result = replace(result, better=BetterAnswer.FIRST)
    done = replace(settled(mine), result=result, usage=called, billed_model=HOSTILE, cost_known=False)
    asked = intent("c-1", purpose=Purpose.CLASSIFICATION, type=None, metadata={})
    share = share_item(asked, 3, Share("t-1", 7, Usage(), {"agent": "ci"}, None))
    items = [{**intent_item(mine), **outcome_item(done, counters_due=True), "kind": "attempt"}, share]
    return [{k: v for k, v in each.items() if v not in (None, "", {}, []) and k != "expires_at"} for each in items]


def test_every_attribute_of_the_ledger_has_a_column() -> None:
    (attempt, share) = rows()
    assert {*attempt, *share} == set(COLUMNS)


def test_a_new_attribute_is_no_silent_loss(office: Office) -> None:
    with pytest.raises(ArchiveError, match="no column for new"):
        office.runtime.stores.archive.write(DAY, 0, [{**rows()[0], "new": 1}])


def athena(statement: str, text: str) -> list[dict[str, Any]]:
    """Return the rows that the statement's delimiters, columns and types make of a file."""
    body = re.search(r"usage \(\n(.+?)\n\)", statement, re.DOTALL)
    assert body
    columns = dict(re.findall(r"`(\w+)` (\w+)", body.group(1)))
    assert "FIELDS TERMINATED BY ','" in statement
    assert r"ESCAPED BY '\\'" in statement
    assert "'serialization.null.format' = ''" in statement
    assert "'skip.header.line.count' = '1'" in statement
    read = {"string": str, "bigint": int, "boolean": {"true": True, "false": False}.__getitem__}
    lines = csv.reader(text.split("\n")[1:-1], quoting=csv.QUOTE_NONE, escapechar="\\")
    return [
        {name: read[kind](field) for (name, kind), field in zip(columns.items(), line, strict=True) if field}
        for line in lines
    ]


def test_the_documents_statement_reads_the_file(office: Office) -> None:
    statement = (ROOT / "docs/report.md").read_text().split("```sql")[1].split("```")[0]
    assert re.findall(r"`(\w+)` \w+", statement.split("PARTITIONED BY")[0]) == list(COLUMNS)
    office.runtime.stores.archive.write(DAY, shard_of("t-1"), rows())
    packed = office.stored(f"archive/day={DAY}/shard-{shard_of('t-1')}.csv.gz")
    found = athena(statement, gzip.decompress(packed).decode())
    said = HOSTILE.replace("\n", "n").replace("\r", "r")  # a reader that knows no escaped line break says n and r
    (attempt, share) = rows()
    attempt |= {name: json.dumps(attempt[name], separators=(",", ":")) for name in ("metadata", "counters")}
    share |= {"metadata": json.dumps(share["metadata"], separators=(",", ":"))}
    assert found == [{**attempt, "detail": said, "billed_model": said}, share]
    assert list(office.runtime.stores.archive.read(DAY, shard_of("t-1"))) == rows()
    assert f"'projection.day.range' = '{'2026-11-01'},NOW'" in statement
    assert "archive/day=${day}/" in statement


DUCKDB = ROOT / ".tools/focus/bin/python"
"""An environment that has DuckDB."""
ASK_DUCKDB = """
import duckdb, json, sys
folder, columns, query = json.load(sys.stdin)
files = f"'{folder}/day=*/shard-*.csv.gz', columns={columns}, header=true, nullstr='', hive_partitioning=true"
dialect = "delim=',', quote='', escape='\\\\', strict_mode=false"
duckdb.sql(f"CREATE VIEW pointsman_usage AS SELECT * FROM read_csv({files}, {dialect})")
print(json.dumps(duckdb.sql(query).fetchall(), default=str))
"""


def ask_duckdb(folder: Path, query: str) -> list[list[Any]]:
    """Return what DuckDB answers over the archive's files, with the columns of the document's statement."""
    statement = (ROOT / "docs/report.md").read_text().split("```sql")[1].split("PARTITIONED BY")[0]
    types = {"string": "VARCHAR", "bigint": "BIGINT", "boolean": "BOOLEAN"}
    columns = {name: types[kind] for name, kind in re.findall(r"`(\w+)` (\w+)", statement)}
    asked = json.dumps([str(folder), columns, query])
    done = subprocess.run([DUCKDB, "-c", ASK_DUCKDB], input=asked, capture_output=True, text=True, check=True)
    answer: list[list[Any]] = json.loads(done.stdout)
    return answer


@pytest.mark.skipif(not DUCKDB.is_file(), reason="no DuckDB in .tools/focus; `make focus` installs it")
def test_duckdb_answers_the_documents_query_by_the_archive(office: Office, sweep: Sweep, tmp_path: Path) -> None:
    busy_day(office)
    close(office, sweep)
    calls, costs = Counter[tuple[str, str, str]](), Counter[tuple[str, str, str]]()
    for row in (row for row in table(office) if row["kind"] == "attempt"):
        key = (row["at"][:10], row["model"], row["outcome"])
        calls[key] += 1
        costs[key] += row["cost_nano"]
    for key in (key for key in keys(office) if key.endswith(".csv.gz")):
        (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / key).write_bytes(office.stored(key))
    (query,) = re.findall(r"```text\n(SELECT .+?)```", (ROOT / "docs/report.md").read_text(), re.DOTALL)
    answer = ask_duckdb(tmp_path / "archive", query)
    assert {(day, model, outcome): number for day, model, outcome, number, _ in answer} == calls
    assert {(day, model, outcome): usd for day, model, outcome, _, usd in answer} == pytest.approx(
        {key: cost / 1e9 for key, cost in costs.items()}
    )


@pytest.mark.skipif(not DUCKDB.is_file(), reason="no DuckDB in .tools/focus; `make focus` installs it")
def test_duckdb_reads_hostile_texts_from_the_archive(office: Office, tmp_path: Path) -> None:
    office.runtime.stores.archive.write(DAY, shard_of("t-1"), rows())
    file = tmp_path / f"day={DAY}" / "shard-1.csv.gz"
    file.parent.mkdir()
    file.write_bytes(office.stored(f"archive/day={DAY}/shard-{shard_of('t-1')}.csv.gz"))
    said = HOSTILE.replace("\n", "n").replace("\r", "r")
    query = "SELECT detail, day, metadata FROM pointsman_usage WHERE kind = 'attempt'"
    metadata = json.dumps(rows()[0]["metadata"], separators=(",", ":"))
    assert ask_duckdb(tmp_path, query) == [[said, str(DAY), metadata]]


def test_what_was_settled_is_not_read_again(office: Office) -> None:
    """A later report of the month takes a settled day from the manifest: its rows may be gone from everywhere."""
    busy_day(office)
    office.runtime.stores.sweep_store.settled(SINCE, UNTIL + timedelta(hours=1))
    office.clock.time = UNTIL + timedelta(hours=6)
    office.call(
        office.call_spec("next", HAIKU), UNTIL + timedelta(hours=1), answered(HAIKU, Usage(input=100, output=10))
    )
    office.clock.time = UNTIL + timedelta(days=3)
    later = DAY + timedelta(days=1)
    before = as_json(office.reporting.build(later))
    office.reporting.publish(DAY)
    (entry,) = office.reporting.published()
    assert entry.summary
    assert entry.summary.spend == entry.spend
    forget(office)
    after = as_json(office.reporting.build(later))
    assert after["days"][-2] == before["days"][-2]
    assert after["days"][-2]["cost_nano"] > 0
    assert after["days"][-1]["cost_nano"] == 0
    own = replace(entry.summary, zone="UTC")
    assert own.is_valid_for("UTC", own.comparison.model)
    assert not own.is_valid_for(str(office.ctx.zone), own.comparison.model)
    assert not own.is_valid_for("UTC", HAIKU)
    assert set(own.costs) == set(Tier)
