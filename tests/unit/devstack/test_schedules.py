"""When a deployed schedule is due, by EventBridge Scheduler's rules."""

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from devstack.supervisor.schedules import Schedule, UnreadableScheduleError

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
ARN = "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s"


def schedule(expression: str, zone: str = "UTC", text: str = "", **fields: datetime) -> Schedule:
    return Schedule("s", ARN, expression, ZoneInfo(zone), CREATED, "arn:aws:lambda:r:1:function:f", text, **fields)


def due(expression: str, after: str, zone: str = "UTC") -> str | None:
    """Return the due time on the zone's clocks, after another one on them."""
    place = ZoneInfo(zone)
    moment = schedule(expression, zone).due_after(datetime.fromisoformat(after).replace(tzinfo=place))
    return f"{moment.astimezone(place):%Y-%m-%d %H:%M}" if moment else None


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("rate(15 minutes)", "2026-11-28 12:00", "2026-11-28 12:15"),
        ("rate(1 hour)", "2026-11-28 23:30", "2026-11-29 00:30"),
        ("rate(2 days)", "2026-11-28 12:00", "2026-11-30 12:00"),
        ("cron(0 6 * * ? *)", "2026-11-28 05:59", "2026-11-28 06:00"),
        ("cron(0 6 * * ? *)", "2026-11-28 06:00", "2026-11-29 06:00"),
        ("cron(0/15 * * * ? *)", "2026-11-28 12:07", "2026-11-28 12:15"),
        ("cron(30 8 ? * MON-FRI *)", "2026-11-28 12:00", "2026-11-30 08:30"),  # a Saturday
        ("cron(0 9 ? * 1 *)", "2026-11-28 12:00", "2026-11-29 09:00"),  # 1 is Sunday
        ("cron(0 9 L * ? *)", "2027-02-01 00:00", "2027-02-28 09:00"),
        ("cron(0 9 1W * ? *)", "2026-07-15 00:00", "2026-08-03 09:00"),  # the 1st is a Saturday
        ("cron(0 9 ? * 6L *)", "2026-11-01 00:00", "2026-11-27 09:00"),  # the last Friday
        ("cron(0 9 ? * 2#1 *)", "2026-11-28 00:00", "2026-12-07 09:00"),  # the first Monday
        ("cron(0 0 29 2 ? *)", "2026-03-01 00:00", "2028-02-29 00:00"),
        ("cron(0 0 1 1 ? 2030)", "2026-03-01 00:00", "2030-01-01 00:00"),
        ("cron(0 0 1 1 ? 2020)", "2026-03-01 00:00", None),
        ("at(2026-12-01T08:00:00)", "2026-11-28 12:00", "2026-12-01 08:00"),
        ("at(2026-12-01T08:00:00)", "2026-12-01 08:00", None),
    ],
)
def test_expression_is_due_as_aws_says(expression: str, after: str, expected: str | None) -> None:
    assert due(expression, after) == expected


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"])
def test_hour_is_that_of_the_zone(zone: str) -> None:
    assert due("cron(0 6 * * ? *)", "2026-07-01 12:00", zone) == "2026-07-02 06:00"
    assert due("at(2026-12-01T08:00:00)", "2026-11-28 12:00", zone) == "2026-12-01 08:00"


def test_time_that_clocks_leave_out_is_skipped() -> None:
    assert due("cron(30 2 * * ? *)", "2026-03-28 12:00", "Europe/Berlin") == "2026-03-30 02:30"
    assert due("cron(30 3 * * ? *)", "2026-03-28 12:00", "Europe/Berlin") == "2026-03-29 03:30"


def test_time_that_clocks_show_twice_runs_once() -> None:
    daily = schedule("cron(30 2 * * ? *)", "Europe/Berlin")
    first = daily.due_after(datetime(2026, 10, 24, 12, tzinfo=UTC))
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert daily.due_after(first) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)
    between = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 for the second time
    assert daily.due_after(between) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


def test_schedule_has_a_first_and_a_last_time() -> None:
    first, last = datetime(2026, 12, 1, 6, tzinfo=UTC), datetime(2026, 12, 2, tzinfo=UTC)
    bounded = schedule("cron(0 6 * * ? *)", first=first, last=last)
    assert bounded.due_after(CREATED) == first
    assert bounded.due_after(first) is None


@pytest.mark.parametrize("expression", ["rate(5 weeks)", "cron(0 6 * * * *)", "cron(a b c d e f)", "at(soon)", "", "6"])
def test_expression_that_nobody_can_read_is_refused(expression: str) -> None:
    with pytest.raises(UnreadableScheduleError):
        schedule(expression).due_after(CREATED)


def test_keywords_are_replaced() -> None:
    text = '{"id": "n-<aws.scheduler.execution-id>", "at": "<aws.scheduler.scheduled-time>", "x": "<aws.scheduler.x>"}'
    bodies = [json.loads(schedule("rate(1 hour)", text=text).body(CREATED)) for _ in range(2)]
    assert bodies[0]["id"] != bodies[1]["id"]
    assert bodies[0]["at"] == "2026-01-01T00:00:00Z"
    assert bodies[0]["x"] == "<aws.scheduler.x>"
    assert schedule("rate(1 hour)").body(CREATED) == "{}"
