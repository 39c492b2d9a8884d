"""What the economy lane needs beside `ports.py`: a provider's batches, and where ours are stored."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Protocol

from pointsman.execution.batch import LaneBatch, OpenBatches, ProviderBatch
from pointsman.execution.calls import ModelRequest
from pointsman.execution.outcome import CallResult


class BatchClient(Protocol):
    """A provider's batches. Each call is made once; what is no answer to it is a `BatchError`."""

    def create(self, requests: Iterable[tuple[str, ModelRequest]], seconds: float) -> ProviderBatch | CallResult:
        """Create a batch of requests by custom id; a `CallResult` says why there is none, `unknown` that one may be."""

    def listed(self, since: datetime) -> list[ProviderBatch]:
        """Return the batches of the workspace that were created since then, newest first."""

    def retrieve(self, provider_id: str) -> ProviderBatch | None:
        """Return what is known of a batch; None: there is no such batch."""

    def results(self, provider_id: str) -> Iterator[tuple[str, CallResult]]:
        """Yield how each entry ended, by custom id and in any order."""

    def cancel(self, provider_id: str) -> None:
        """Have a batch end early; what is not processed by then is not billed."""


class BatchStore(Protocol):
    """The economy lane's batches, of which one run at a time takes care."""

    def take(self, owner: str, until: datetime, now: datetime) -> OpenBatches | None:
        """Take the lane for one run, up to that time at most; None: another run has it."""

    def let_go(self, owner: str) -> None:
        """End the run."""

    def open(self, owner: str, batch: LaneBatch) -> LaneBatch:
        """Store a new batch."""

    def read(self, batch_id: str) -> LaneBatch | None:
        """Return a batch."""

    def save(self, batch: LaneBatch) -> LaneBatch:
        """Store a batch over the version that it was read as, and return it as it stands there."""

    def close(self, owner: str, batch: LaneBatch) -> None:
        """Store that a batch is done, and keep its name at the provider among those that are known."""
