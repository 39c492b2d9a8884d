"""Latency: how long calls and tasks took, and in which phase the time went."""

import hashlib
import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from heapq import nsmallest

from pointsman.report.figures.ledger_entries import LedgerEntry, grouped
from pointsman.values.taxonomy import Tier
from pointsman.values.times import parse_time

MAX_SAMPLED_TASKS = 1_000
"""Tasks whose records are read for the time before and after their calls: at most ten requests of 100 items. Where more
were answered, those whose ids have the smallest hashes."""
_FIRST_GENERATION = "000001."
"""What attempt ids of a task's first run begin with; a replay does not come from the queue."""


@dataclass(frozen=True, slots=True)
class Milestones:
    """When a task passed the stages of its life, as `times.to_text` writes it; None: not (yet)."""

    received_at: str
    """When the router received it from the queue."""
    ended_at: str | None
    delivered_at: str | None
    sent_at: str | None
    """When its message was sent, by the queue's clock."""


@dataclass(frozen=True, slots=True)
class Phases:
    """Milliseconds that some answered tasks spent in each phase, added up."""

    tasks: int
    queue_ms: int
    """From sending to the router's receipt; the two instants come from two clocks."""
    routing_ms: int
    """From the router's receipt to the first attempt: decision, start of the workflow, start of the function."""
    waiting_ms: int
    """Between the first attempt and the answer, calls excluded: waits before retries, and writes to the ledger."""
    model_ms: int
    delivery_ms: int
    """From the answer to its delivery."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Latency of one tier in milliseconds. Percentiles are by nearest rank; None without answers."""

    answers: int
    call_p50_ms: int | None
    """Of the calls that gave an answer."""
    call_p95_ms: int | None
    task_p50_ms: int | None
    """From a task's first attempt to its answer, retries and waits included."""
    task_p95_ms: int | None
    phases: Phases


type MilestoneLookup = Callable[[list[str]], Mapping[str, Milestones]]
"""Returns the milestones of these tasks by id; tasks whose record has expired are left out."""
type _Attempts = list[LedgerEntry]
"""The attempts of one run of a task in one tier, in the order of their time."""


class SpeedCollector:
    """Latencies, added one shard at a time. Percentiles are exact: two numbers of eight bytes are held per answer."""

    def __init__(self) -> None:
        self._calls: dict[Tier, array[int]] = {tier: array("q") for tier in Tier}
        self._spans: dict[Tier, array[int]] = {tier: array("q") for tier in Tier}
        self._sample: list[tuple[bytes, Tier, _Attempts]] = []

    def add(self, attempts: Iterable[LedgerEntry]) -> None:
        """Add a shard's attempts for tasks, in the order of their time."""
        runs = grouped(attempts, lambda entry: (entry.task_id, entry.generation, entry.tier))
        candidates = self._sample
        for (task_id, _, tier), run in runs.items():
            if run[-1].gave_answer and run[-1].ended_at:
                self._calls[tier].append(run[-1].milliseconds)
                self._spans[tier].append(_span(run))
                candidates.append((hashlib.sha256(task_id.encode()).digest(), tier, run))
        self._sample = nsmallest(MAX_SAMPLED_TASKS, candidates, key=lambda candidate: candidate[0])

    def speeds(self, find_milestones: MilestoneLookup) -> dict[Tier, Speed]:
        """Return the latency of each tier."""
        milestones = find_milestones(sorted({run[0].task_id for _, _, run in self._sample}))
        return {
            tier: Speed(
                len(self._calls[tier]),
                *_percentiles(self._calls[tier]),
                *_percentiles(self._spans[tier]),
                _phases([run for _, run_tier, run in self._sample if run_tier is tier], milestones),
            )
            for tier in Tier
        }


def _percentiles(values: Iterable[int]) -> tuple[int | None, int | None]:
    ascending = sorted(values)
    return percentile(ascending, 50), percentile(ascending, 95)


def percentile[Number: (int, float)](ascending: Sequence[Number], percent: int) -> Number | None:
    """Return the nearest-rank percentile of sorted values."""
    return ascending[math.ceil(len(ascending) * percent / 100) - 1] if ascending else None


def _phases(runs: list[_Attempts], milestones: Mapping[str, Milestones]) -> Phases:
    durations = [
        _phase_durations(run, record)
        for run in runs
        if (record := milestones.get(run[0].task_id)) and _belongs_to(record, run)
    ]
    totals = [sum(column) for column in zip(*durations, strict=True)] or [0] * 5
    return Phases(len(durations), *totals)


def _belongs_to(record: Milestones, run: _Attempts) -> bool:
    """Return whether the record's milestones are this run's: the task's first run, which no replay has overwritten."""
    is_first = run[0].attempt_id.startswith(_FIRST_GENERATION)
    is_complete = record.sent_at and record.delivered_at
    return bool(is_first and is_complete and record.ended_at == run[-1].ended_at)


def _phase_durations(run: _Attempts, record: Milestones) -> tuple[int, int, int, int, int]:
    """Return the milliseconds of queue, routing, waiting, model and delivery."""
    model = sum(entry.milliseconds for entry in run)
    return (
        _between(record.sent_at, record.received_at),
        _between(record.received_at, run[0].at),
        max(_span(run) - model, 0),
        model,
        _between(record.ended_at, record.delivered_at),
    )


def _span(run: _Attempts) -> int:
    return _between(run[0].at, run[-1].ended_at)


def _between(since: str | None, until: str | None) -> int:
    assert since is not None
    assert until is not None
    return max((parse_time(until) - parse_time(since)) // timedelta(milliseconds=1), 0)
