"""What report, sweep and archive need beside `ports.py`: the ledger as a whole, and where their results are kept."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any, Protocol

from pointsman.execution.events import NoticeKey
from pointsman.execution.ledger_keys import LedgerWatermarks, RowKey


class ReportSink(Protocol):
    """Where reports go."""

    def store(self, key: str, content_type: str, text: str) -> None:
        """Store one file of a report."""

    def fetch(self, key: str) -> str | None:
        """Return a stored file; None when there is none."""

    def announce(self, subject: str, text: str) -> None:
        """Send the summary to the team."""


class LedgerReader(Protocol):
    """The ledger's rows as the report reads them."""

    def shards(
        self, since: datetime, until: datetime, attributes: tuple[str, ...] = ()
    ) -> Iterable[Iterator[dict[str, Any]]]:
        """Return the rows of attempts whose intent lies in that time, outcome merged into its intent, and shares; with
        all attributes, or at least those named.

        They come a shard at a time, which holds all rows of its tasks, and within it in the order of the intents. A
        shard is read while it is gone through: to the end, before the next one.
        """

    def open_intents(self, since: datetime, until: datetime) -> Iterable[RowKey]:
        """Return the keys of the intents of that time which have no outcome, or one whose counters are due."""

    def counters(self, month: str, through: int = 0) -> dict[str, int]:
        """Return a month's counters and those of its days up to that one, as they stood at one moment."""


class SweepStore(Protocol):
    """What the sweep keeps between its runs; the marks only move forward."""

    def watermarks(self) -> LedgerWatermarks | None:
        """Return how far the ledger is settled and archived; None before the first sweep."""

    def settled(self, since: datetime, until: datetime) -> None:
        """Keep that all is settled up to there; `since` is where the first one to say so began to look."""

    def archived(self, before: date) -> None:
        """Keep that every day before this one is in the archive."""

    def refusing_since(self, month: str) -> Mapping[str, str]:
        """Return when each cap first refused a call, by the cap's key, as `times.to_text` writes it."""

    def claim_notice(self, key: NoticeKey, at: datetime) -> bool:
        """Take it on oneself to notify the team of this occurrence; False: another did."""

    def release_notice(self, key: NoticeKey) -> None:
        """Take it back: nobody could be notified."""


class Archive(Protocol):
    """The ledger's closed days, by day of UTC and shard."""

    def write(self, day: date, shard: int, rows: Iterable[dict[str, Any]]) -> None:
        """Store a shard's rows, over an earlier try; the same bytes for the same rows."""

    def read(self, day: date, shard: int) -> Iterator[dict[str, Any]]:
        """Return a stored shard's rows."""

    def manifest(self, day: date) -> Mapping[str, Any] | None:
        """Return what `finish` declared; None of a day that is not archived."""

    def finish(self, day: date, manifest: dict[str, Any]) -> None:
        """Declare the day archived: `shards` says what each of its files holds."""
