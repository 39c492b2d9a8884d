"""The month to date: budget counters, caps, projection."""

from datetime import date, timedelta

from pointsman.report.figures.month import project_month
from pointsman.report.render.text import render_summary, render_text
from pointsman.values.times import day_bounds
from tests.support.report_rows import BERLIN, SINCE, policy, report_of, row


def test_month_covers_its_first_day_to_the_reports_day() -> None:
    month_begins, _ = day_bounds(date(2026, 11, 1), BERLIN)
    rows = [
        row("old", month_begins - timedelta(milliseconds=1)),
        row("first", month_begins, cost_nano=1),
        row("t", cost_nano=2),
    ]
    counters = {"day_01": 1, "day_21": 102, "day_21_open": 100, "day_22": 50, "month": 153, "month_open": 100}
    month = report_of(*rows, row("open", outcome=None, reserved_nano=100), counters=counters).month
    assert (month.name, month.total.spent_nano, month.total.open_nano) == ("2026-11", 3, 100)
    assert (month.total.ledger_cost_nano, month.total.ledger_open_nano) == (3, 100)
    assert month.total.difference_nano == 0


def test_caps_show_their_use() -> None:
    capped = policy(budget={"month_usd": 2, "day_usd": "0.5", "tiers": {"reasoning": {"month_usd": 1, "day_usd": 0}}})
    counters = {"day_20": 300_000_000, "day_21": 200_000_000, "day_20_reasoning": 300_000_000}
    report = report_of(counters=counters, policy=capped)
    assert {cap.counter: (cap.spent_nano, cap.percent) for cap in report.month.caps} == {
        "day_21": (200_000_000, 40.0),
        "day_21_reasoning": (0, None),
        "month": (500_000_000, 25.0),
        "month_reasoning": (300_000_000, 30.0),
    }
    assert "Month   $0.500000 of $2.00 (25.0%), 2026-11 to date" in render_text(report)
    assert "Month  $0.5000 of $2.00, 25.0%" in render_summary(report)


def test_missing_cap_has_no_percentage() -> None:
    report = report_of(policy=policy(budget={"month_usd": None}))
    assert report.month.cap is None
    assert "no cap" in render_text(report)


def test_difference_of_counters_and_rows_is_warned_about_once_the_day_is_over() -> None:
    warning = "counters and the ledger's rows differ by $0.001000"
    assert warning in render_text(report_of(row(), counters={"day_21": 3_000_000}))
    assert warning not in render_text(report_of(row(), counters={"day_21": 3_000_000}, now=SINCE))
    assert "rows differ" not in render_text(report_of(row(), counters={"day_21": 2_000_000}))


def test_month_is_projected_at_its_pace() -> None:
    begins, _ = day_bounds(date(2026, 11, 1), BERLIN)
    assert project_month(10, begins, begins + timedelta(days=10), BERLIN) == 30
    assert project_month(10, begins, begins + timedelta(hours=22), BERLIN) is None
    march, _ = day_bounds(date(2026, 3, 1), BERLIN)
    assert project_month(743, march, march + timedelta(hours=743), BERLIN) == 743
