from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.values.money import nano, shares, usd


@pytest.mark.parametrize(
    ("dollars", "stored"),
    [("0", 0), ("5", 5_000_000_000), ("0.000000001", 1), ("0.0000000005", 0), ("0.0000000015", 2), ("-0.01", -(10**7))],
)
def test_dollars_are_stored_as_nano_dollars(dollars: str, stored: int) -> None:
    assert nano(Decimal(dollars)) == stored


@given(st.integers(-(10**18), 10**18))
def test_nano_dollars_are_shown_exactly(stored: int) -> None:
    assert nano(usd(stored)) == stored


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**6), min_size=1, max_size=30))
def test_shares_add_up_and_are_fair(total: int, weights: list[int]) -> None:
    parts = shares(total, weights)

    assert sum(parts) == total
    assert len(parts) == len(weights)
    fair = weights if any(weights) else [1] * len(weights)
    for part, weight in zip(parts, fair, strict=True):
        assert abs(part * sum(fair) - total * weight) < sum(fair)


def test_cost_without_receivers_is_not_split() -> None:
    assert shares(0, []) == []
