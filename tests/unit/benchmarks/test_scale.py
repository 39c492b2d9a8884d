"""What an attempt and a sweep cost does not depend on how many tasks are stored."""

from benchmarks.scale import MOST_CALLS, Stored


def test_attempt_makes_as_many_calls_whatever_is_stored() -> None:
    few, many = Stored(10), Stored(20_000)
    assert few.attempt()[1] == many.attempt()[1] == MOST_CALLS


def test_sweep_makes_as_many_calls_and_reads_as_much_whatever_is_stored() -> None:
    few, many = Stored(10).sweep(), Stored(20_000).sweep()
    assert few == many
    calls, items = few
    assert 0 < calls < 20
    assert items == 0
