"""The ledger's days in the bucket: gzip CSV that Athena reads with its types, a file per shard, a manifest per day.

A line is an attempt, outcome merged in, or a share. A field that a row does not have is empty; lists and maps are JSON;
comma, backslash and line breaks are escaped with a backslash, since Athena's reader of delimited text knows no quotes.
"""

import gzip
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from itertools import chain
from typing import Any

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import AwsClient, code_of
from pointsman.adapters.ledger_reader import DynamoLedgerReader
from pointsman.adapters.shards import Row, in_shards
from pointsman.execution.ledger_keys import RowKey
from pointsman.values.errors import ArchiveError
from pointsman.values.times import to_text, utc_days

ARCHIVE_FOLDER = "archive"
COLUMNS: dict[str, type] = {
    "kind": str, "day_shard": str, "row": str, "at": str, "task_id": str, "turn": str, "purpose": str, "tier": str,
    "type": str, "function": str, "model": str, "billing": str, "hop": int, "after": str, "came_from": str,
    "parent_id": str, "metadata": dict, "reserved_nano": int, "month": str, "counters": list, "outcome": str,
    "ended_at": str, "milliseconds": int, "cost_nano": int, "cost_known": bool, "billed_model": str, "request_id": str,
    "detail": str, "retry_after_ms": int, "until": str, "input": int, "cache_read": int, "cache_write_5m": int,
    "cache_write_1h": int, "output": int, "thinking": int, "failed_check": str, "effort": str,
    "output_cap": int, "account": str, "unrecognized": bool, "sender": str, "counters_due": bool,
    "batch_entry": str, "regional": bool, "comparison": str, "better": str,
}  # fmt: skip
"""In the order of the file; a new one is added at the end, as Athena needs it."""
DROPPED = frozenset({"expires_at", "sharers", "parts"})
"""DynamoDB's own business, what the shares' rows say, and what was reserved beside the stack's own counters."""

_ESCAPES = {"\\": "\\\\", ",": "\\,", "\n": "\\n", "\r": "\\r"}
_PLAIN = {escaped[1]: plain for plain, escaped in _ESCAPES.items()}
_SPECIAL, _ESCAPED = re.compile(r"[\\,\n\r]"), re.compile(r"\\(.)")
type _Column = tuple[int, tuple[str, Callable[[str], Any]]]
"""Where it is in a line, its name, and what reads it."""
_FIELD = re.compile(r"((?:[^,\\]|\\.)*)(?:,|$)")


class BucketArchive:
    """`Archive` on one bucket; keys begin with `archive/day=`."""

    def __init__(self, client: AwsClient, bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def write(self, day: date, shard: int, rows: Iterable[Row]) -> None:
        """Put the shard's file, the same bytes for the same rows; none for no rows.

        Raises:
            ArchiveError: a row has an attribute without a column.
        """
        lines, packed = map(_line, rows), io.BytesIO()
        if (first := next(lines, None)) is None:
            return
        with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
            file.writelines(line.encode() for line in chain([",".join(COLUMNS) + "\n", first], lines))
        self._put(f"{_folder(day)}/shard-{shard}.csv.gz", packed.getvalue(), "application/gzip")

    def read(self, day: date, shard: int, attributes: tuple[str, ...] = ()) -> Iterator[Row]:
        """Yield the rows of the shard's file, with all attributes unless some are named."""
        columns = [column for column in enumerate(_READ.items()) if not attributes or column[1][0] in attributes]
        packed = self._get(f"{_folder(day)}/shard-{shard}.csv.gz")
        if packed is None:
            raise ArchiveError(f"{_folder(day)}/shard-{shard}.csv.gz is missing")
        with gzip.open(io.BytesIO(packed), "rt", encoding="utf-8", newline="\n") as lines:
            if (header := next(lines).rstrip("\n").split(",")) != [*COLUMNS][: len(header)]:
                raise ArchiveError(f"{_folder(day)}/shard-{shard}.csv.gz has other columns")
            yield from (_row(line.removesuffix("\n"), columns) for line in lines)

    def finish(self, day: date, manifest: dict[str, Any]) -> None:
        """Put the day's manifest: from now on the day is read from here. Athena overlooks a name that begins with _."""
        text = json.dumps(manifest, indent=1) + "\n"
        self._put(f"{_folder(day)}/_manifest.json", text.encode(), "application/json")

    def manifest(self, day: date) -> dict[str, Any] | None:
        """Get the day's manifest; None when the day is not archived."""
        text = self._get(f"{_folder(day)}/_manifest.json")
        return json.loads(text) if text else None

    def _put(self, key: str, body: bytes, content_type: str) -> None:
        self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type)

    def _get(self, key: str) -> bytes | None:
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if code_of(error) not in ("NoSuchKey", "404"):
                raise
            return None
        return bytes(answer["Body"].read())


class ArchivedLedger:
    """`LedgerReader` of two sources: an archived day is read from its archive, another one from DynamoDB."""

    def __init__(self, reader: DynamoLedgerReader, archive: BucketArchive) -> None:
        self._reader, self._archive = reader, archive

    def shards(self, since: datetime, until: datetime, attributes: tuple[str, ...] = ()) -> Iterator[Iterator[Row]]:
        """Yield each shard's rows in the order of their intents, with all attributes unless some are named."""
        days = utc_days(since, until)
        manifests = {day: self._archive.manifest(day) for day in days}

        def rows_of(day: date, shard: int) -> Iterator[Row]:
            if manifest := manifests[day]:
                return self._archived(manifest, day, shard, to_text(since), to_text(until), attributes)
            return self._reader.partition(day, shard, since, until, attributes)

        return in_shards(rows_of, days)

    def counters(self, month: str, through: int = 0) -> dict[str, int]:
        """Return the counters, which DynamoDB keeps."""
        return self._reader.counters(month, through)

    def open_intents(self, since: datetime, until: datetime) -> Iterable[RowKey]:
        """Return the table's intents of that time which have no outcome: no archived day has one."""
        return self._reader.open_intents(since, until)

    def _archived(
        self, manifest: dict[str, Any], day: date, shard: int, since: str, until: str, attributes: tuple[str, ...]
    ) -> Iterator[Row]:
        expected, count = manifest["shards"].get(str(shard), {}).get("rows", 0), 0
        for row in self._archive.read(day, shard, attributes) if expected else ():
            count += 1
            if since <= row["row"] < until:
                yield row
        if count != expected:
            raise ArchiveError(f"{_folder(day)}: shard {shard} has {count} rows, its manifest says {expected}")


def _folder(day: date) -> str:
    return f"{ARCHIVE_FOLDER}/day={day}"


def _line(row: Row) -> str:
    if unknown := row.keys() - COLUMNS.keys() - DROPPED:
        raise ArchiveError(f"no column for {', '.join(sorted(unknown))}")
    return ",".join(_written(row.get(name)) for name in COLUMNS) + "\n"


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = json.dumps(value, separators=(",", ":")) if isinstance(value, (dict, list)) else str(value)
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], text) if _SPECIAL.search(text) else text


def _row(line: str, columns: list[_Column]) -> Row:
    """Return the row of a line; one that was written before a column was added is shorter."""
    fields = line.split(",") if "\\" not in line else [_plain(field[1]) for field in _FIELD.finditer(line)]
    width = len(fields)
    return {name: read(fields[place]) for place, (name, read) in columns if place < width and fields[place]}


def _plain(field: str) -> str:
    return _ESCAPED.sub(lambda found: _PLAIN[found[1]], field) if "\\" in field else field


_READERS: dict[type, Callable[[str], Any]] = {
    str: str, int: int, bool: lambda text: text == "true", dict: json.loads, list: json.loads
}  # fmt: skip
_READ = {name: _READERS[kind] for name, kind in COLUMNS.items()}
