"""Use of free quotas."""

from datetime import timedelta

from pointsman.values.times import day_bounds
from tests.support import pages
from tests.support.pages import DAY, FLASH, ZONE, report_of_day


def test_quota_use_counts_by_the_providers_day() -> None:
    since, _ = day_bounds(DAY, ZONE)  # midnight in Berlin is 15:00 of the day before in California
    free = {"tier": "orchestration", "type": "status"}
    rows = [pages.row(f"b{n}", since - timedelta(hours=n + 1), FLASH, **free) for n in range(3)]
    rows += [pages.row(f"d{n}", since + timedelta(seconds=n * 20), FLASH, **free) for n in range(5)]
    rows += [pages.row("late", since + timedelta(hours=10), FLASH, **free)]
    (use,) = report_of_day(*rows).quotas
    assert (use.pacific_day, use.requests, use.busiest_minute) == (DAY - timedelta(days=1), 8, 3)
    assert (use.requests_a_day, use.percent) == (500, 1.6)
