"""Amounts, percentages and lists in words."""

import pytest

from pointsman.report.render.formatting import fold_list, percent, rounded_dollars


def test_amount_above_zero_never_reads_as_zero() -> None:
    assert [rounded_dollars(nano) for nano in (0, 1, 1_000, -1, 1_234_567_891_000)] == [
        "$0.000000",
        "<$0.000001",
        "$0.000001",
        "-<$0.000001",
        "$1,234.57",
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.0, "0.0%"), (0.04, "0.04%"), (1.26, "1.3%"), (-1250, "-1,250.0%")]
)
def test_percentage_above_zero_never_reads_as_zero(value: float | None, text: str) -> None:
    assert percent(value) == text


def test_long_list_ends_with_the_number_of_omitted_entries() -> None:
    (line,) = fold_list("Seen  ", ["3 answered", "2 truncated", "1 unknown"], 34, 1)
    assert line == "Seen  3 answered, 2 more"
