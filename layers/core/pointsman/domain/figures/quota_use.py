"""How much of the free tiers' quotas a day's requests used, by the ledger."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pointsman.domain.catalogue import Billing
from pointsman.domain.chain import Points
from pointsman.domain.figures.booked import Booked
from pointsman.domain.figures.month import percent_of
from pointsman.domain.times import PACIFIC, parse_time

MINUTE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """One free model. Limits are None where none is known."""

    model: str
    pacific_day: date
    """Of the quota days that the report's day touches, the one with the most requests."""
    requests: int
    requests_a_day: int | None
    busiest_minute: int
    """The most requests in any 60 seconds of the report's day."""
    requests_a_minute: int | None

    @property
    def percent(self) -> float | None:
        """Of the day's requests; None without a limit."""
        return percent_of(self.requests, self.requests_a_day or 0)


def quota_use(attempts: Iterable[Booked], points: Points, since: datetime) -> tuple[QuotaUse, ...]:
    """Return the use by model. `attempts` begin a day before `since`, so that whole quota days are seen."""
    asked: dict[str, list[datetime]] = {}
    for each in attempts:
        if each.sent and each.billing == Billing.FREE:
            asked.setdefault(each.asked, []).append(parse_time(each.at))
    found = [_use(model, asked[model], points, since) for model in sorted(asked)]
    return tuple(use for use in found if use)


def _use(model_id: str, times: list[datetime], points: Points, since: datetime) -> QuotaUse | None:
    today = [moment for moment in times if moment >= since]
    if not today:
        return None
    touched = {moment.astimezone(PACIFIC).date() for moment in today}
    days = Counter(moment.astimezone(PACIFIC).date() for moment in times)
    fullest = max(sorted(touched), key=lambda day: days[day])
    model = points.catalogue.models.get(model_id)
    limits = points.quota(model) if model else None
    return QuotaUse(
        model=model_id,
        pacific_day=fullest,
        requests=days[fullest],
        requests_a_day=limits.rpd if limits else None,
        busiest_minute=_busiest(today),
        requests_a_minute=limits.rpm if limits else None,
    )


def _busiest(times: list[datetime]) -> int:
    most = first = 0
    ascending = sorted(times)
    for last, moment in enumerate(ascending):
        while moment - ascending[first] >= MINUTE:
            first += 1
        most = max(most, last - first + 1)
    return most
