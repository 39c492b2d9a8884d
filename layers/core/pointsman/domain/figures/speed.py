"""How fast answers came, and where the time went."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from pointsman.domain.figures.booked import Booked
from pointsman.domain.times import parse_time

MOST_LOOKED_UP = 1_000
"""Tasks whose own records are read for the time before and after their calls: at most ten requests of 100 items."""


@dataclass(frozen=True, slots=True)
class Milestones:
    """What a task's record says of its way, as `times.to_text` writes it; None: not (yet) reached."""

    received_at: str
    """When the router took it from the queue."""
    ended_at: str | None
    delivered_at: str | None


@dataclass(frozen=True, slots=True)
class Phases:
    """Milliseconds that some answered tasks spent, added up."""

    tasks: int
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


def sample(attempts: Iterable[Booked]) -> list[str]:
    """Return ids of answered tasks, evenly chosen where there are many."""
    ids = sorted({each.task_id for each in attempts if each.gave_answer})
    return ids[:: math.ceil(len(ids) / MOST_LOOKED_UP)] if ids else []


def speed(attempts: Iterable[Booked], looked_up: Mapping[str, Milestones]) -> Speed:
    """Return how fast the attempts' tasks were answered; `attempts` are one tier's, in the order of their time."""
    tries: dict[tuple[str, str], list[Booked]] = {}
    for each in attempts:
        tries.setdefault((each.task_id, each.generation), []).append(each)
    answered = [way for way in tries.values() if way[-1].gave_answer and way[-1].ended_at]
    calls = sorted(way[-1].milliseconds for way in answered)
    spans = sorted(_span(way) for way in answered)
    return Speed(
        answers=len(answered),
        call_p50_ms=percentile(calls, 50),
        call_p95_ms=percentile(calls, 95),
        task_p50_ms=percentile(spans, 50),
        task_p95_ms=percentile(spans, 95),
        phases=_phases(answered, looked_up),
    )


def percentile(ascending: Sequence[int], percent: int) -> int | None:
    """Return the nearest-rank percentile of sorted values."""
    return ascending[math.ceil(len(ascending) * percent / 100) - 1] if ascending else None


def _phases(answered: list[list[Booked]], looked_up: Mapping[str, Milestones]) -> Phases:
    parts = [
        _way(way, known)
        for way in answered
        if (known := looked_up.get(way[0].task_id)) and known.delivered_at and known.ended_at == way[-1].ended_at
    ]
    totals = [sum(column) for column in zip(*parts, strict=True)] or [0, 0, 0, 0]
    return Phases(len(parts), *totals)


def _way(way: list[Booked], known: Milestones) -> tuple[int, int, int, int]:
    model = sum(each.milliseconds for each in way)
    delivery = _between(known.ended_at, known.delivered_at)
    return _between(known.received_at, way[0].at), max(_span(way) - model, 0), model, delivery


def _span(way: list[Booked]) -> int:
    return _between(way[0].at, way[-1].ended_at)


def _between(since: str | None, until: str | None) -> int:
    assert since is not None
    assert until is not None
    return max((parse_time(until) - parse_time(since)) // timedelta(milliseconds=1), 0)
