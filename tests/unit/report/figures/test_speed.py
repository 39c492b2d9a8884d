"""Latency: percentiles and phases."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.report.figures import speed
from pointsman.report.figures.report import ReportScope, build_report
from pointsman.report.figures.speed import Phases, percentile
from pointsman.values.taxonomy import Tier
from pointsman.values.times import day_bounds, to_text
from tests.support import pages, report_rows
from tests.support.pages import DAY, HAIKU, ZONE


@given(st.lists(st.integers(0, 10_000), min_size=1), st.integers(1, 100))
def test_percentile_is_a_value_that_its_percentage_of_values_does_not_exceed(values: list[int], percent: int) -> None:
    result = percentile(sorted(values), percent)
    assert result in values
    assert sum(value <= result for value in values) >= len(values) * percent / 100
    assert percentile([], 50) is None


def test_task_time_is_split_into_phases() -> None:
    since = day_bounds(DAY, ZONE)[0] + timedelta(hours=9)
    rows = [
        pages.row("t", since, HAIKU, tier="implementation", outcome="unavailable", milliseconds=100),
        pages.row(
            "t", since + timedelta(seconds=5), HAIKU, turn="000001.000002", tier="implementation", milliseconds=2_000
        ),
    ]

    def look_up(ids: list[str]) -> Any:
        assert ids == ["t"]
        ended = datetime.fromisoformat(rows[1]["ended_at"])
        received, delivered = to_text(since - timedelta(seconds=1)), to_text(ended + timedelta(milliseconds=300))
        sent = to_text(since - timedelta(seconds=1, milliseconds=400))
        return {"t": pages.Milestones(received, to_text(ended), delivered, sent)}

    _, until = day_bounds(DAY, ZONE)
    scope = ReportScope(DAY, ZONE, pages.policy(), False, until)
    speed = build_report(scope, [rows], {}, (), look_up).speed[Tier.IMPLEMENTATION]
    assert (speed.call_p50_ms, speed.task_p95_ms) == (2_000, 7_090)
    assert speed.phases == Phases(
        tasks=1, queue_ms=400, routing_ms=1_000, waiting_ms=4_990, model_ms=2_100, delivery_ms=300
    )


def test_percentiles_are_exact_over_shards_and_the_sample_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "MAX_SAMPLED_TASKS", 5)
    looked_up: list[str] = []

    def look_up(ids: list[str]) -> dict[str, Any]:
        looked_up.extend(ids)
        return {}

    at = report_rows.SINCE + timedelta(hours=1)
    rows = [
        report_rows.row(f"t{n}", at, milliseconds=n, ended_at=to_text(at + timedelta(milliseconds=2 * n)))
        for n in range(1, 101)
    ]
    latency = build_report(report_rows.scope_of(), [rows[60:], rows[:60]], {}, (), look_up).speed[Tier.IMPLEMENTATION]
    assert (latency.answers, latency.call_p50_ms, latency.call_p95_ms, latency.task_p95_ms) == (100, 50, 95, 190)
    assert len(looked_up) == 5
