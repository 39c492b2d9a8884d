"""A provider's batches in memory and in a test's time, with the pitfalls of Claude's; a contract test compares it."""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pointsman.execution.batch import RESULTS_FOR, ProviderBatch
from pointsman.execution.calls import ModelRequest
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.values.errors import BatchError
from pointsman.values.usage import Usage

EXPIRES = timedelta(hours=24)


def answered_entry(request: ModelRequest) -> CallResult:
    """An answer with the usage that the request's length gives."""
    usage = Usage(input=100 + len(request.prompt), output=200)
    return CallResult(Outcome.ANSWERED, f"Done: {request.prompt}", usage, request.model, batch=True)


def not_processed(kind: str = "expired") -> CallResult:
    return CallResult(Outcome.NOT_SENT, detail=f"batch entry {kind}", ours=True, unbilled=True)


@dataclass
class TakenBatch:
    provider_id: str
    created_at: datetime
    requests: dict[str, ModelRequest]
    ends_at: datetime
    cancelled_at: datetime | None = None
    results: dict[str, CallResult] = field(default_factory=dict)
    """Of a batch that has ended, by custom id."""


@dataclass
class FakeBatches:
    """`BatchClient` of one workspace."""

    now: Callable[[], datetime]
    takes: Callable[[], timedelta] = lambda: timedelta(minutes=40)
    """How long a batch takes."""
    result_of: Callable[[ModelRequest], CallResult] = answered_entry
    on_call: Callable[[str], None] = lambda what: None
    """Called before and after each request; may raise."""
    create_results: list[str | CallResult] = field(default_factory=list)
    """What becomes of the next creations: `lost` is taken, and its answer is lost; a result refuses it."""
    broken: BaseException | None = None
    """Raised by every reading call."""
    batches: dict[str, TakenBatch] = field(default_factory=dict)
    creations: int = 0
    lost: int = 0
    """Creations that were taken, and whose answer was lost."""
    cancelled: list[str] = field(default_factory=list)

    def create(self, requests: Iterable[tuple[str, ModelRequest]], seconds: float) -> ProviderBatch | CallResult:
        assert seconds > 0
        self.on_call("create")
        self.creations += 1
        fate = self.create_results.pop(0) if self.create_results else ""
        if isinstance(fate, CallResult):
            return fate
        made = self.take(dict(requests))
        self.on_call("created")
        if fate == "lost":
            self.lost += 1
            return CallResult(Outcome.UNKNOWN, detail="APITimeoutError (ReadTimeout)")
        return self._said(made)

    def take(self, requests: dict[str, ModelRequest]) -> TakenBatch:
        """Take a batch, ours or somebody else's."""
        provider_id = f"msgbatch_{len(self.batches):04d}"
        made = TakenBatch(provider_id, self.now(), requests, self.now() + min(self.takes(), EXPIRES))
        self.batches[provider_id] = made
        return made

    def listed(self, since: datetime) -> list[ProviderBatch]:
        self._read("list")
        newest = reversed(self.batches.values())
        return [self._said(batch) for batch in newest if batch.created_at >= since]

    def retrieve(self, provider_id: str) -> ProviderBatch | None:
        self._read("retrieve")
        batch = self.batches.get(provider_id)
        return self._said(batch) if batch else None

    def results(self, provider_id: str) -> Iterator[tuple[str, CallResult]]:
        self._read("results")
        batch = self.batches[provider_id]
        assert self._said(batch).readable
        names = list(self._ended(batch).results)
        random.shuffle(names)
        yield from ((name, batch.results[name]) for name in names)

    def cancel(self, provider_id: str) -> None:
        self._read("cancel")
        batch = self.batches[provider_id]
        self.cancelled.append(provider_id)
        if batch.ends_at > self.now() and batch.cancelled_at is None:
            batch.cancelled_at = self.now()
            batch.ends_at = min(batch.ends_at, self.now() + timedelta(minutes=10))
        self.on_call("cancelled")

    def _read(self, what: str) -> None:
        self.on_call(what)
        if self.broken:
            raise self.broken

    def _said(self, batch: TakenBatch) -> ProviderBatch:
        ended = batch.ends_at <= self.now()
        archived = self.now() >= batch.created_at + RESULTS_FOR
        said = ProviderBatch(batch.provider_id, batch.created_at, len(batch.requests))
        return replace(said, ended=ended, readable=ended and not archived, archived=archived)

    def _ended(self, batch: TakenBatch) -> TakenBatch:
        """Process what was not cut off: each entry once."""
        if not batch.results:
            late = batch.cancelled_at is not None or batch.ends_at >= batch.created_at + EXPIRES
            kind = "canceled" if batch.cancelled_at else "expired"
            batch.results = {
                name: not_processed(kind) if late else self.result_of(request)
                for name, request in batch.requests.items()
            }
        return batch


def unreachable() -> BatchError:
    return BatchError("message batches, list: 503")
