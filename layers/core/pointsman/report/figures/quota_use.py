"""How much of the free quotas a day's requests used, by the ledger."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pointsman.report.figures.ledger_entries import LedgerAttempt
from pointsman.report.figures.month import percent_of
from pointsman.routing.catalog import Billing
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.times import PACIFIC, day_bounds, days_between, parse_time

_MINUTE_MS = 60_000
"""Milliseconds, as all instants here are Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """How much of one model's free quota was used. Limits are None where unknown."""

    model: str
    pacific_day: date
    """The quota day with the most requests, of those that the report's day overlaps."""
    requests: int
    requests_a_day: int | None
    busiest_minute: int
    """The most requests in any 60 seconds of the report's day."""
    requests_a_minute: int | None

    @property
    def percent(self) -> float | None:
        """Of the daily limit; None without one."""
        return percent_of(self.requests, self.requests_a_day or 0)


class FreeRequests:
    """When requests to free models were made: eight bytes each."""

    def __init__(self) -> None:
        self._times: dict[str, array[int]] = {}

    def add(self, attempts: Iterable[LedgerAttempt]) -> None:
        """Add a shard's attempts."""
        for entry in attempts:
            if entry.sent and entry.billing == Billing.FREE:
                self._times.setdefault(entry.requested_model, array("q")).append(_ms(parse_time(entry.at)))

    def by_model(self) -> dict[str, list[int]]:
        """Return the times of each model's requests, in ascending order."""
        return {model: sorted(self._times[model]) for model in sorted(self._times)}


def quota_use(times_by_model: Mapping[str, list[int]], policy: RoutingPolicy, since: datetime) -> tuple[QuotaUse, ...]:
    """Return the use by model. `times_by_model` starts a day before `since`, to cover whole quota days."""
    uses = [_use(model, times, policy, since) for model, times in times_by_model.items()]
    return tuple(use for use in uses if use)


def _use(model_id: str, times: list[int], policy: RoutingPolicy, since: datetime) -> QuotaUse | None:
    today = times[bisect_left(times, _ms(since)) :]
    if not today:
        return None
    first, last = (datetime.fromtimestamp(ms / 1000, PACIFIC).date() for ms in (today[0], today[-1]))
    counts = {day: _within(times, day) for day in days_between(first, last) if _within(today, day)}
    fullest = max(counts, key=lambda day: counts[day])
    model = policy.catalog.models.get(model_id)
    limits = policy.quota(model) if model else None
    return QuotaUse(
        model=model_id,
        pacific_day=fullest,
        requests=counts[fullest],
        requests_a_day=limits.rpd if limits else None,
        busiest_minute=_busiest(today),
        requests_a_minute=limits.rpm if limits else None,
    )


def _within(times: list[int], day: date) -> int:
    begins, ends = day_bounds(day, PACIFIC)
    return bisect_left(times, _ms(ends)) - bisect_left(times, _ms(begins))


def _busiest(ascending: list[int]) -> int:
    most = first = 0
    for last, moment in enumerate(ascending):
        while moment - ascending[first] >= _MINUTE_MS:
            first += 1
        most = max(most, last - first + 1)
    return most


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
