"""Rows of bytes added as whole numbers."""

from hypothesis import given
from hypothesis import strategies as st

from pointsman.routing.classifier.packed_rows import Lanes

WIDTH = 3
ROWS = st.lists(st.lists(st.integers(-128, 127), min_size=WIDTH, max_size=WIDTH), min_size=1, max_size=20)


@given(ROWS, st.lists(st.integers(-25, 25), min_size=20, max_size=20))
def test_sums_are_those_of_the_columns(rows: list[list[int]], factors: list[int]) -> None:
    lanes = Lanes(bytes(value % 256 for row in rows for value in row), WIDTH)
    weighted = list(zip(rows, factors, strict=False))
    total = sum(factor * lanes.sum([index]) for index, (_, factor) in enumerate(weighted))
    expected = [sum(factor * row[column] for row, factor in weighted) for column in range(WIDTH)]
    assert list(lanes.all(total)) == expected
    assert [lanes.one(total, column) for column in range(WIDTH)] == expected
    assert lanes.sum(range(len(rows))) == sum(lanes.sum([index]) for index in range(len(rows)))
    assert lanes.differences([total], 0, 2) == [expected[0] - expected[2]]
