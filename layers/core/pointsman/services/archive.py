"""The archive: a day of the ledger whose books are closed goes to the bucket, and is read back before it counts."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pointsman.report_ports import Archive, LedgerReader, SweepStore
from pointsman.services.context import Context
from pointsman.values.errors import ArchiveError
from pointsman.values.log_events import LogEvent

_NOT_LASTING = frozenset({"expires_at", "sharers", "parts"})
"""Of a row: when the table forgets it, and who shares its cost once it is known, which the shares' rows say then."""
_MANIFEST_VERSION = 1


@dataclass(slots=True)
class Sums:
    """What some rows add up to, exact; equal sums and digests are equal rows."""

    attempts: int = 0
    shares: int = 0
    cost_nano: int = 0
    """Of attempts."""
    share_nano: int = 0
    digest: Any = field(default_factory=hashlib.sha256, repr=False)

    def watch(self, rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Yield the rows and add them up, without what does not last.

        Raises:
            ArchiveError: an attempt has no outcome, so that its day is not closed.
        """
        for row in rows:
            lasting = {name: value for name, value in row.items() if name not in _NOT_LASTING}
            if lasting["kind"] == "share":
                self.shares += 1
                self.share_nano += lasting["cost_nano"]
            elif "outcome" not in lasting:
                raise ArchiveError(f"{lasting['row']} has no outcome")
            else:
                self.attempts += 1
                self.cost_nano += lasting["cost_nano"]
            self.digest.update(json.dumps(lasting, sort_keys=True, separators=(",", ":")).encode())
            yield lasting

    @classmethod
    def of(cls, rows: Iterable[dict[str, Any]]) -> "Sums":
        """Return the sums of all rows."""
        sums = cls()
        for _ in sums.watch(rows):
            pass
        return sums

    def as_dict(self) -> dict[str, int | str]:
        """Return them for a manifest."""
        return {
            "rows": self.attempts + self.shares,
            "attempts": self.attempts,
            "cost_nano": self.cost_nano,
            "share_nano": self.share_nano,
            "sha256": self.digest.hexdigest(),
        }


@dataclass(frozen=True, slots=True)
class Archiving:
    """A part of the sweep: every day that is closed and not archived yet, the oldest first."""

    ctx: Context
    ledger: LedgerReader
    """The table itself."""
    archive: Archive
    store: SweepStore

    def __call__(self) -> int:
        """Archive what can be; return the number of days. A day with a manifest stays as it is.

        Raises:
            ArchiveError: a day is not closed after all, or reads back otherwise than it was written.
        """
        watermarks = self.store.watermarks()
        if watermarks is None:
            return 0
        first = day = watermarks.archived_before or watermarks.begins.astimezone(UTC).date()
        while _midnight(day + timedelta(days=1)) <= watermarks.settled_before:
            if self.archive.manifest(day) is None:
                self._day(day)
            day += timedelta(days=1)
            self.store.archived(day)
        return (day - first).days

    def _day(self, day: date) -> None:
        shards: dict[str, dict[str, int | str]] = {}
        for shard, rows in enumerate(self.ledger.shards(_midnight(day), _midnight(day + timedelta(days=1)))):
            sums = self._shard(day, shard, rows)
            if sums["rows"]:
                shards[str(shard)] = sums
        totals = {name: sum(int(sums[name]) for sums in shards.values()) for name in ("rows", "attempts", "cost_nano")}
        self.archive.finish(day, {"version": _MANIFEST_VERSION, "day": day.isoformat(), **totals, "shards": shards})
        self.ctx.log(LogEvent.DAY_ARCHIVED, date=day.isoformat(), rows=totals["rows"], cost_nano=totals["cost_nano"])

    def _shard(self, day: date, shard: int, rows: Iterator[dict[str, Any]]) -> dict[str, int | str]:
        written = Sums()
        self.archive.write(day, shard, written.watch(rows))
        if not written.attempts + written.shares:
            return written.as_dict()
        read_back = Sums.of(self.archive.read(day, shard)).as_dict()
        if read_back != written.as_dict():
            raise ArchiveError(f"{day}, shard {shard}: the archive reads back otherwise than it was written")
        return read_back


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
