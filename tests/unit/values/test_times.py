from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.values.times import PACIFIC, day_bounds, month_key, next_midnight, next_month, parse_time, to_text

ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Apia", "America/Sao_Paulo"]
MOMENTS = st.integers(631_152_000_000_000, 4_102_444_800_000_000).map(
    lambda microseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)
"""Within 1990 and 2100."""
HOUR = timedelta(hours=1)


def test_text_is_utc_with_milliseconds() -> None:
    moment = datetime(2026, 11, 22, 13, 4, 5, 678_900, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert to_text(moment) == "2026-11-22T07:34:05.678Z"


@given(MOMENTS)
def test_text_is_read_back_to_the_millisecond(moment: datetime) -> None:
    assert timedelta(0) <= moment - parse_time(to_text(moment)) < timedelta(milliseconds=1)


@given(MOMENTS, MOMENTS)
def test_later_instants_are_greater_as_text(one: datetime, other: datetime) -> None:
    assert (to_text(one) <= to_text(other)) or one > other


@given(MOMENTS, st.sampled_from(ZONES))
def test_the_next_midnight(moment: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    midnight = next_midnight(moment, zone)

    assert timedelta(0) < midnight - moment <= 25 * HOUR
    assert midnight.astimezone(zone).date() > moment.astimezone(zone).date()
    assert (midnight - timedelta(seconds=1)).astimezone(zone).date() == moment.astimezone(zone).date()


@given(MOMENTS, st.sampled_from(ZONES))
def test_the_next_month(moment: datetime, name: str) -> None:
    zone = ZoneInfo(name)
    start = next_month(moment, zone)

    assert month_key(moment, zone) < month_key(start, zone)
    assert month_key(start - timedelta(seconds=1), zone) == month_key(moment, zone)


def test_days_of_every_zone_meet_without_gap_or_overlap() -> None:
    """Over changes of the clock on both hemispheres, a leap day and two new years."""
    firsts = [(2024, 2, 28), (2026, 3, 28), (2026, 4, 4), (2026, 9, 5), (2026, 10, 24), (2026, 12, 31)]
    for zone in map(ZoneInfo, sorted(available_timezones())):
        for first in firsts:
            bounds = [day_bounds(date(*first) + timedelta(days=number), zone) for number in range(3)]
            assert [end for _, end in bounds[:-1]] == [start for start, _ in bounds[1:]], zone
            assert all(22 * HOUR <= end - start <= 26 * HOUR for start, end in bounds), zone
            assert all(next_midnight(start, zone) == end for start, end in bounds), zone


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 11, 22), 24)])
def test_days_of_the_pacific(day: date, hours: int) -> None:
    start, end = day_bounds(day, PACIFIC)
    assert end - start == hours * HOUR
    assert start.tzinfo is UTC
    assert next_midnight(start, PACIFIC) == end
    assert next_midnight(end - timedelta(seconds=1), PACIFIC) == end
