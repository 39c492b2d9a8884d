"""What a benchmark says of the machine that it ran on."""

from itertools import chain, repeat

import pytest

from benchmarks import processor

BUSY, AT_REST = [50, 0, 0, 50, 0, 0, 0, 0], [1, 0, 0, 99, 0, 0, 0, 0]
"""Ticks of one look."""


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """What the looks see in turn; after them the machine is at rest."""
    spent: list[list[int]] = []
    total, each = [0] * 8, chain(spent, repeat(AT_REST))

    def counters() -> list[int]:
        total[:] = [before + ticks for before, ticks in zip(total, next(each), strict=True)]
        return list(total)

    monkeypatch.setattr(processor, "_counters", counters)
    return spent


def test_what_passes_is_waited_for(looks: list[list[int]]) -> None:
    looks += [AT_REST, BUSY, BUSY, AT_REST]
    with processor.watched(0.0) as load:
        assert load.before == pytest.approx(0.01)
    assert load.words == "1% in use before, 0% kept by the host"
    assert not load.busy


def test_what_stays_busy_is_told(looks: list[list[int]]) -> None:
    looks += [AT_REST, *[BUSY] * 10]
    with processor.watched(0.0) as load:
        pass
    assert load.before == pytest.approx(0.5)
    assert load.busy


def test_what_the_host_keeps_meanwhile_is_told(looks: list[list[int]]) -> None:
    looks += [AT_REST, AT_REST, [10, 0, 0, 50, 0, 0, 0, 40]]
    with processor.watched(0.0) as load:
        pass
    assert load.stolen == pytest.approx(0.4)
    assert load.busy
