"""Reading ahead in threads, when whoever reads stops early."""

import threading
from collections.abc import Iterator
from datetime import date

from pointsman.adapters.shards import AHEAD, Row, in_shards

DAY = date(2026, 11, 22)


def test_shards_are_closed_in_a_thread_of_their_own_without_error() -> None:
    opened, ended = threading.Event(), threading.Event()
    errors: list[RuntimeError] = []

    def rows_of(_: date, shard: int) -> Iterator[Row]:
        if shard == 0:
            yield from ({"row": str(number)} for number in range(AHEAD))
            opened.wait(10)
            try:
                shards.close()
            except RuntimeError as error:
                errors.append(error)
            ended.set()

    shards = in_shards(rows_of, [DAY])
    assert next(next(shards)) == {"row": "0"}
    opened.set()
    assert ended.wait(10)
    assert errors == []
