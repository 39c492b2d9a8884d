"""The month up to the report's day: the budget's counters beside the ledger's totals."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pointsman.execution.budget import OPEN, charge
from pointsman.routing.config import Budget
from pointsman.values.taxonomy import Tier
from pointsman.values.times import day_bounds, month_key, next_month


@dataclass(frozen=True, slots=True)
class Spend:
    """Nano-dollars of one budget counter, and of the ledger rows that should add up to it."""

    spent_nano: int
    open_nano: int
    """Reserved by open calls."""
    ledger_cost_nano: int
    ledger_open_nano: int

    @property
    def difference_nano(self) -> int:
        """Counter minus ledger; 0 when they agree."""
        return self.spent_nano - self.ledger_cost_nano


@dataclass(frozen=True, slots=True)
class CapUse:
    """A budget cap and how much of it is used."""

    counter: str
    """`month`, `month_<tier>`, `day_21` or `day_21_<tier>`."""
    limit_nano: int
    spent_nano: int

    @property
    def percent(self) -> float | None:
        """None for a cap of 0."""
        return percent_of(self.spent_nano, self.limit_nano)


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month of the report's time zone, up to the end of the report's day."""

    name: str
    total: Spend
    tiers: dict[Tier, Spend]
    """Classification is part of the orchestration tier, whose budget pays it."""
    caps: tuple[CapUse, ...]
    projected_nano: int | None
    """The cost of the whole month at this pace; None during its first day, too short to project from."""

    @property
    def cap(self) -> CapUse | None:
        """The cap on the month's total, if there is one."""
        return next((cap for cap in self.caps if cap.counter == "month"), None)


def percent_of(part: int, whole: int) -> float | None:
    """Return the percentage to two decimals; None when the whole is 0."""
    return round(100 * part / whole, 2) if whole else None


def month_to_date(
    costs: Mapping[Tier, int],
    opens: Mapping[Tier, int],
    counters: Mapping[str, int],
    budget: Budget,
    since: datetime,
    zone: ZoneInfo,
    read_at: datetime,
) -> Month:
    """Return the month up to the day that starts at `since`.

    `costs` are the booked costs of the rows up to the end of that day, `opens` the reservations of open attempts.
    `read_at` is the end of the day, or the time of reading while the day is not over.

    The counters of single days are added up, so that a day's report does not change while its month goes on.
    """
    today = since.astimezone(zone).date()
    caps = {cap.counter: cap.limit for tier in Tier for cap in charge(budget, tier, 0, since, zone).caps}
    total = _spend("", sum(costs.values()), sum(opens.values()), counters, today)
    return Month(
        name=month_key(since, zone),
        total=total,
        tiers={tier: _spend(f"_{tier}", costs[tier], opens[tier], counters, today) for tier in Tier},
        caps=tuple(CapUse(name, limit, _spent(name, counters, today)) for name, limit in sorted(caps.items())),
        projected_nano=project_month(total.spent_nano, day_bounds(today.replace(day=1), zone)[0], read_at, zone),
    )


def project_month(spent_nano: int, begins: datetime, read_at: datetime, zone: ZoneInfo) -> int | None:
    """Return the cost of a month that starts at `begins` at the pace of what was spent by `read_at`."""
    elapsed, whole = read_at - begins, next_month(begins, zone) - begins
    if elapsed < timedelta(hours=23):  # the shortest day of any time zone
        return None
    return spent_nano * round(whole.total_seconds()) // round(elapsed.total_seconds())


def _spend(suffix: str, cost: int, reserved: int, counters: Mapping[str, int], today: date) -> Spend:
    return Spend(
        spent_nano=_spent(f"month{suffix}", counters, today),
        open_nano=sum(counters.get(f"{day}{suffix}{OPEN}", 0) for day in _days(today)),
        ledger_cost_nano=cost,
        ledger_open_nano=reserved,
    )


def _spent(counter: str, counters: Mapping[str, int], today: date) -> int:
    """Return a counter's amount without reservations; a month's is the sum of its days' counters."""
    names = [counter]
    if counter.startswith("month"):
        names = [day + counter.removeprefix("month") for day in _days(today)]
    return sum(counters.get(name, 0) - counters.get(name + OPEN, 0) for name in names)


def _days(today: date) -> list[str]:
    return [f"day_{number:02d}" for number in range(1, today.day + 1)]
