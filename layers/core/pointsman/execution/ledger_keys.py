"""Where an attempt's rows stand in the ledger."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self

from pointsman.values.times import to_text

SHARDS = 8
"""Partitions of one day of the ledger: a day is written in parallel, and read an eighth at a time."""


def shard_of(task_id: str) -> int:
    """Return the shard that holds all rows of a task, whatever their day."""
    return hashlib.sha256(task_id.encode()).digest()[0] % SHARDS


@dataclass(frozen=True, slots=True)
class RowKey:
    """A ledger row's place: the UTC day of its intent and a shard, then time and attempt."""

    day_shard: str
    row: str

    @classmethod
    def of(cls, task_id: str, attempt_id: str, at: datetime) -> Self:
        """Return the place of an attempt that begins at `at`."""
        return cls(f"{at.astimezone(UTC).date()}#{shard_of(task_id)}", f"{to_text(at)}#{task_id}#{attempt_id}")

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the key that a task's record holds as `day_shard|row`."""
        return cls(*text.split("|", 1))

    @property
    def text(self) -> str:
        """The key as a task's record holds it."""
        return f"{self.day_shard}|{self.row}"

    @property
    def began_at(self) -> str:
        """When the attempt began, as `times.to_text` writes it."""
        return self.row.split("#")[0]

    @property
    def attempt_id(self) -> str:
        """Which attempt of its task it is."""
        return self.row.rsplit("#", 1)[1]

    @property
    def intent(self) -> str:
        """The sort key of the row that says what is about to be sent."""
        return f"{self.row}#intent"

    @property
    def outcome(self) -> str:
        """The sort key of the row that says how the call ended."""
        return f"{self.row}#outcome"

    def share(self, number: int, task_id: str) -> tuple[str, str]:
        """Return partition and sort key of one task's part of a call made for several: in that task's own shard."""
        day, _, _ = self.day_shard.partition("#")
        return f"{day}#{shard_of(task_id)}", f"{self.row}#share.{number:02d}"


@dataclass(frozen=True, slots=True)
class LedgerWatermarks:
    """How far the ledger's books are closed."""

    begins: datetime
    """Where the first sweep began to look."""
    settled_before: datetime
    """No intent before it is open, and none will be written any more."""
    archived_before: date | None
    """The first day of UTC that is not in the archive; None: none is."""
