"""How fast answers came, and where the time went."""

import hashlib
import math
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from heapq import nsmallest

from pointsman.report.figures.ledger_entries import LedgerEntry
from pointsman.values.taxonomy import Tier
from pointsman.values.times import parse_time

MOST_LOOKED_UP = 1_000
"""Tasks whose own records are read for the time before and after their calls: at most ten requests of 100 items. Where
more were answered, those whose ids' hashes are the least."""
FIRST = "000001."
"""How the turns of a task's first generation begin; a replay was not sent by the queue."""


@dataclass(frozen=True, slots=True)
class Milestones:
    """What a task's record says of its way, as `times.to_text` writes it; None: not (yet) reached."""

    received_at: str
    """When the router took it from the queue."""
    ended_at: str | None
    delivered_at: str | None
    sent_at: str | None
    """When its message was sent, by the queue's word."""


@dataclass(frozen=True, slots=True)
class Phases:
    """Milliseconds that some answered tasks spent, added up."""

    tasks: int
    queue_ms: int
    """From being sent to the router's receipt; the two instants are by two clocks."""
    routing_ms: int
    """From the queue's hand to the first attempt: decision, start of the workflow, start of the function."""
    waiting_ms: int
    """Between first attempt and answer, but for the calls: retries, waits, the books."""
    model_ms: int
    delivery_ms: int
    """From the answer to its delivery."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Milliseconds of one tier; a percentile is the nearest rank, None of nothing."""

    answers: int
    call_p50_ms: int | None
    """Of the calls that gave an answer, each alone."""
    call_p95_ms: int | None
    task_p50_ms: int | None
    """From a task's first attempt to its answer: with retries and waits."""
    task_p95_ms: int | None
    phases: Phases


type LookUp = Callable[[list[str]], Mapping[str, Milestones]]
"""Returns what the records of these tasks say of their way; those that are not there any more are left out."""
type Way = list[LedgerEntry]
"""A generation's attempts in one tier, in the order of their time."""


class Stopwatch:
    """Times added up a shard at a time. Percentiles are exact: each answer leaves two numbers of eight bytes."""

    def __init__(self) -> None:
        self._calls: dict[Tier, array[int]] = {tier: array("q") for tier in Tier}
        self._spans: dict[Tier, array[int]] = {tier: array("q") for tier in Tier}
        self._sample: list[tuple[bytes, Tier, Way]] = []

    def add(self, attempts: Iterable[LedgerEntry]) -> None:
        """Add a shard's attempts for tasks, in the order of their time."""
        ways: dict[tuple[str, str, Tier], Way] = {}
        for entry in attempts:
            ways.setdefault((entry.task_id, entry.generation, entry.tier), []).append(entry)
        chosen = self._sample
        for (task_id, _, tier), way in ways.items():
            if way[-1].gave_answer and way[-1].ended_at:
                self._calls[tier].append(way[-1].milliseconds)
                self._spans[tier].append(_span(way))
                chosen.append((hashlib.sha256(task_id.encode()).digest(), tier, way))
        self._sample = nsmallest(MOST_LOOKED_UP, chosen, key=lambda each: each[0])

    def speeds(self, look_up: LookUp) -> dict[Tier, Speed]:
        """Return how fast each tier's tasks were answered."""
        milestones = look_up(sorted({way[0].task_id for _, _, way in self._sample}))
        return {
            tier: _speed(
                sorted(self._calls[tier]),
                sorted(self._spans[tier]),
                _phases([way for _, way_tier, way in self._sample if way_tier is tier], milestones),
            )
            for tier in Tier
        }


def _speed(calls: list[int], spans: list[int], phases: Phases) -> Speed:
    return Speed(
        answers=len(calls),
        call_p50_ms=percentile(calls, 50),
        call_p95_ms=percentile(calls, 95),
        task_p50_ms=percentile(spans, 50),
        task_p95_ms=percentile(spans, 95),
        phases=phases,
    )


def percentile(ascending: Sequence[int], percent: int) -> int | None:
    """Return the nearest-rank percentile of sorted values."""
    return ascending[math.ceil(len(ascending) * percent / 100) - 1] if ascending else None


def _phases(answered: list[list[LedgerEntry]], looked_up: Mapping[str, Milestones]) -> Phases:
    parts = [_way(way, known) for way in answered if (known := looked_up.get(way[0].task_id)) and _timed(known, way)]
    totals = [sum(column) for column in zip(*parts, strict=True)] or [0] * 5
    return Phases(len(parts), *totals)


def _timed(known: Milestones, way: list[LedgerEntry]) -> bool:
    """Return whether the record tells this way's times: it is of the first generation, and no later one took over."""
    first, complete = way[0].turn.startswith(FIRST), known.sent_at and known.delivered_at
    return bool(first and complete and known.ended_at == way[-1].ended_at)


def _way(way: list[LedgerEntry], known: Milestones) -> tuple[int, int, int, int, int]:
    model = sum(entry.milliseconds for entry in way)
    queue, delivery = _between(known.sent_at, known.received_at), _between(known.ended_at, known.delivered_at)
    return queue, _between(known.received_at, way[0].at), max(_span(way) - model, 0), model, delivery


def _span(way: list[LedgerEntry]) -> int:
    return _between(way[0].at, way[-1].ended_at)


def _between(since: str | None, until: str | None) -> int:
    assert since is not None
    assert until is not None
    return max((parse_time(until) - parse_time(since)) // timedelta(milliseconds=1), 0)
