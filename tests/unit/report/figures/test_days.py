"""Which day a call counts in: time zones, changed clocks, empty and unfinished days."""

from datetime import UTC, date, timedelta
from zoneinfo import ZoneInfo

import pytest

from pointsman.report.render.as_json import as_json
from pointsman.report.render.text import render_summary, render_text
from pointsman.values.taxonomy import Tier
from pointsman.values.times import day_bounds, to_text
from tests.support.report_rows import SINCE, UNTIL, report_of, row


def test_report_covers_the_day_of_its_time_zone() -> None:
    first, last = SINCE, UNTIL - timedelta(milliseconds=1)
    outside = [row("before", SINCE - timedelta(milliseconds=1)), row("after", UNTIL)]
    report = report_of(row("first", first), row("last", last), *outside)
    assert [task.task_id for task in report.tasks] == ["first", "last"]
    assert (to_text(report.since), to_text(report.until)) == ("2026-11-20T23:00:00.000Z", "2026-11-21T23:00:00.000Z")


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Los_Angeles", date(2026, 11, 1), 25),
        ("America/Santiago", date(2026, 9, 6), 23),  # its midnight does not exist
        ("Africa/Cairo", date(2026, 10, 30), 24),  # its midnight before comes twice
        ("Africa/Cairo", date(2026, 10, 29), 25),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Asia/Kathmandu", date(2026, 3, 29), 24),
        ("Pacific/Kiritimati", date(2026, 1, 1), 24),
    ],
)
def test_each_call_counts_in_exactly_one_day_when_the_clock_changes(zone: str, day: date, hours: float) -> None:
    where = ZoneInfo(zone)
    since, until = day_bounds(day, where)
    assert until - since == timedelta(hours=hours)
    begins = since - timedelta(hours=26)
    rows = [row(f"t{number}", begins + timedelta(minutes=15 * number), cost_nano=1) for number in range(4 * 78)]
    days = [day + timedelta(days=number) for number in (-2, -1, 0, 1, 2)]
    totals = [report_of(*rows, day=report_day, zone=where, now=until + timedelta(days=9)).total for report_day in days]
    assert sum(total.cost_nano for total in totals) == sum(total.tasks for total in totals) == len(rows)
    assert totals[2].tasks == 4 * hours


def test_empty_day_gives_a_report_of_zeros() -> None:
    report = report_of()
    document = as_json(report)
    assert document["totals"]["cost_nano"] == 0
    assert list(document["tiers"]) == list(Tier)
    assert document["baseline"]["percent"] is None
    assert "no task ran" in render_text(report)
    assert "Spent  $0.000000" in render_summary(report)


def test_unfinished_day_is_marked_in_text_and_json() -> None:
    report = report_of(row(), now=UNTIL - timedelta(seconds=1))
    assert as_json(report)["complete"] is False
    assert "the day so far" in render_text(report)
    assert render_summary(report).splitlines()[0].endswith(", so far")


def test_times_in_json_are_in_utc() -> None:
    assert as_json(report_of())["from"] == SINCE.astimezone(UTC).isoformat(timespec="milliseconds").replace(
        "+00:00", "Z"
    )
