"""A batch of the economy lane: its entries, how far it is, and which of the provider's batches it can be."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from pointsman.execution.ledger_keys import RowKey
from pointsman.values.times import parse_time, to_text

POOLED_FOR = timedelta(minutes=5)
"""How long a task waits at most for others to share its batch."""
MOST_ENTRIES = 500
"""Of one batch, so that its item stays far below 400 KB, and its results fit into the function's memory."""
MOST_BATCH_BYTES = 32_000_000
"""UTF-8 bytes of all that one batch sends; the provider takes 256 MB, the function's memory does not."""
CREATE_SECONDS = 60.0
"""How long the answer to a creation is waited for."""
FOUND_WITHIN = timedelta(hours=1)
"""A creation without an answer that has left no batch by then has left none."""
RESULTS_FOR = timedelta(days=29)
"""How long the provider keeps results, from the creation (platform.claude.com, 2026-08-14)."""
_CLOCKS_DIFFER_BY = timedelta(minutes=2)
_CREATED_WITHIN = timedelta(seconds=CREATE_SECONDS) + timedelta(minutes=5)
"""A request that was taken shows its batch by then."""


class BatchStage(StrEnum):
    """How far a batch is."""

    FILLING = "filling"
    """Its entries are being reserved, or wait for the batch to be created: nothing that could have been taken was
    sent."""
    SENT = "sent"
    """Its creation was sent. Until it is answered, or found, no other batch is created."""
    CREATED = "created"
    """The provider has it, under one of `provider_ids`."""
    DONE = "done"
    """Every entry is settled, and its task goes on."""


@dataclass(frozen=True, slots=True)
class BatchEntry:
    """One task's call in a batch."""

    task_id: str
    key: RowKey | None = None
    """Its intent in the ledger; None: it is not reserved, or was left out."""

    @property
    def text(self) -> str:
        """The entry as the batch's item holds it."""
        return self.key.text if self.key else f"|#{self.task_id}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the entry that an item holds."""
        if text.startswith("|#"):
            return cls(text[2:])
        key = RowKey.from_text(text)
        return cls(key.row.split("#")[1], key)


@dataclass(frozen=True, slots=True)
class ProviderBatch:
    """What the provider says of a batch: nothing of its entries."""

    provider_id: str
    created_at: datetime
    requests: int
    ended: bool = False
    readable: bool = False
    """Whether its results can be read: it has ended, and they are still kept."""
    archived: bool = False
    """Whether they are gone."""


@dataclass(frozen=True, slots=True)
class LaneBatch:
    """A batch as it is stored."""

    batch_id: str
    model: str
    until: datetime
    """When the time of one of its tasks in the lane is over: then it is cancelled."""
    entries: tuple[BatchEntry, ...]
    stage: BatchStage = BatchStage.FILLING
    sent_at: datetime | None = None
    provider_ids: tuple[str, ...] = ()
    """Which batches of the provider it may be: one that its creation named, or all that fit."""
    proven: bool = False
    """Whether it is the provider's, by the answer to its creation or by its custom ids."""
    alone: bool = True
    """Whether nobody else's batch stood in the list where it was found."""
    refuted: tuple[str, ...] = ()
    """Batches that fitted by time and count, and had other custom ids."""
    cancelled_at: datetime | None = None
    version: int = 0
    """Raised by each write, which only who read the last one can make."""

    @property
    def reserved(self) -> int:
        """How many of its entries are sent."""
        return sum(entry.key is not None for entry in self.entries)

    def custom_id(self, number: int) -> str:
        """Return what the provider knows an entry by."""
        return f"{self.batch_id}-{number:04d}"

    def number_of(self, custom_id: str) -> int | None:
        """Return which entry a result is of; None: of none."""
        batch_id, _, number = custom_id.rpartition("-")
        if batch_id != self.batch_id or not number.isdecimal() or int(number) >= len(self.entries):
            return None
        return int(number)

    def may_cancel(self, now: datetime) -> bool:
        """Return whether its time is over and it is sure enough which of the provider's batches it is."""
        sure = self.proven or (self.alone and len(self.provider_ids) == 1)
        return self.stage is BatchStage.CREATED and self.cancelled_at is None and sure and now >= self.until

    def as_item(self) -> dict[str, Any]:
        """Return what is stored."""
        return {
            "model": self.model,
            "until": to_text(self.until),
            "entries": [entry.text for entry in self.entries],
            "stage": str(self.stage),
            "sent_at": to_text(self.sent_at) if self.sent_at else None,
            "provider_ids": list(self.provider_ids),
            "proven": self.proven,
            "alone": self.alone,
            "refuted": list(self.refuted),
            "cancelled_at": to_text(self.cancelled_at) if self.cancelled_at else None,
            "version": self.version,
        }

    @classmethod
    def from_item(cls, batch_id: str, item: Mapping[str, Any]) -> Self:
        """Return the batch that an item holds."""
        sent_at, cancelled_at = item.get("sent_at"), item.get("cancelled_at")
        return cls(
            batch_id,
            item["model"],
            parse_time(item["until"]),
            tuple(map(BatchEntry.from_text, item["entries"])),
            BatchStage(item["stage"]),
            parse_time(sent_at) if sent_at else None,
            tuple(item.get("provider_ids", ())),
            bool(item.get("proven")),
            bool(item.get("alone")),
            tuple(item.get("refuted", ())),
            parse_time(cancelled_at) if cancelled_at else None,
            item.get("version", 0),
        )


@dataclass(frozen=True, slots=True)
class OpenBatches:
    """What a run of the economy lane begins with."""

    batch_ids: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
    """The provider's names of batches of ours that are done, the latest ones."""


def looked_for_since(batch: LaneBatch) -> datetime:
    """Return since when a batch can have been created whose creation was not answered."""
    assert batch.sent_at is not None
    return batch.sent_at - _CLOCKS_DIFFER_BY


def found(batch: LaneBatch, listed: Iterable[ProviderBatch], known: Collection[str]) -> LaneBatch:
    """Return the batch with those of the provider's that it may be, by time and count; `known` ones are others of ours.

    Which it is only its custom ids prove, once it has ended.
    """
    assert batch.sent_at is not None
    since, until = looked_for_since(batch), batch.sent_at + _CREATED_WITHIN
    strangers = [it for it in listed if it.provider_id not in known and it.created_at >= since]
    fitting = [
        it
        for it in strangers
        if it.created_at <= until and it.requests == batch.reserved and it.provider_id not in batch.refuted
    ]
    if not fitting:
        return batch
    return replace(
        batch,
        stage=BatchStage.CREATED,
        provider_ids=tuple(it.provider_id for it in fitting),
        alone=len(strangers) == 1,
    )


def refuted(batch: LaneBatch, provider_id: str) -> LaneBatch:
    """Return the batch that is not this one of the provider's; with no other left, it is looked for again."""
    left = tuple(name for name in batch.provider_ids if name != provider_id)
    stage = batch.stage if left else BatchStage.SENT
    return replace(batch, stage=stage, provider_ids=left, refuted=(*batch.refuted, provider_id), alone=False)
