"""The chart of days."""

import pytest

from pointsman.report.render.chart import axis_top


@pytest.mark.parametrize("nano", [0, 1, 999, 1_000, 93_609_300, 4_000_000_001, 10**15])
def test_axis_covers_the_largest_amount(nano: int) -> None:
    assert nano <= axis_top(nano) <= max(nano * 3, 100_000)
