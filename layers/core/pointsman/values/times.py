"""Instants as text, and the days and months that budgets and quotas run by."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")
"""Where Gemini's quota day ends at midnight."""


def to_text(moment: datetime) -> str:
    """Return RFC 3339 in UTC with milliseconds: later instants compare greater as text."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """Return the instant that `to_text` wrote."""
    return datetime.fromisoformat(text)


def to_ms(moment: datetime) -> int:
    """Return Unix milliseconds."""
    return int(moment.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    """Return the instant of Unix milliseconds."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """Return the calendar day of the zone."""
    return moment.astimezone(zone).date()


def month_key(moment: datetime, zone: ZoneInfo) -> str:
    """Return the calendar month of the zone, as 2026-11."""
    return moment.astimezone(zone).strftime("%Y-%m")


def next_midnight(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return when the zone's day ends, also on a day of 23 or 25 hours."""
    return _start_of(moment.astimezone(zone).date() + timedelta(days=1), zone)


def next_month(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return when the zone's month ends."""
    today = moment.astimezone(zone).date()
    return _start_of((today.replace(day=1) + timedelta(days=32)).replace(day=1), zone)


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return the instants in UTC at which a day of the zone starts and ends."""
    return _start_of(day, zone), _start_of(day + timedelta(days=1), zone)


def utc_days(since: datetime, until: datetime) -> list[date]:
    """Return the days of UTC that the time from `since` until before `until` touches."""
    first, last = since.astimezone(UTC).date(), (until - timedelta(milliseconds=1)).astimezone(UTC).date()
    return days_between(first, last)


def days_between(first: date, last: date) -> list[date]:
    """Return the days from the first to the last one; none when the last comes first."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _start_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
