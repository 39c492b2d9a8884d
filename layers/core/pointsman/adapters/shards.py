"""Reading the ledger an eighth at a time: a shard has all rows of its tasks, so that it can be added up alone."""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import batched, chain
from typing import Any

from pointsman.execution.ledger_keys import SHARDS

type Row = dict[str, Any]

AHEAD = 500
"""Rows of each shard that are fetched before they are asked for: about 2 MB, for all shards 16."""


def in_shards(rows_of: Callable[[date, int], Iterator[Row]], days: list[date]) -> Generator[Iterator[Row]]:
    """Yield the rows of each shard in turn, its days one after the other.

    Each shard's next rows are fetched in a thread of its own while earlier ones are worked on; `rows_of` is called and
    read there. Whoever stops early waits for none of the threads: the garbage collector may close this in one of them.
    """
    pool = ThreadPoolExecutor(SHARDS)
    try:
        streams = [_Ahead(pool, chain.from_iterable(_each(rows_of, days, shard))) for shard in range(SHARDS)]
        yield from map(chain.from_iterable, streams)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _each(rows_of: Callable[[date, int], Iterator[Row]], days: list[date], shard: int) -> Iterator[Iterator[Row]]:
    return (rows_of(day, shard) for day in days)


class _Ahead:
    """Batches of an iterator, the next one always on its way."""

    def __init__(self, pool: ThreadPoolExecutor, rows: Iterator[Row]) -> None:
        self._pool, self._batches = pool, batched(rows, AHEAD, strict=False)
        self._coming = pool.submit(next, self._batches, ())

    def __iter__(self) -> Iterator[tuple[Row, ...]]:
        while batch := self._coming.result():
            self._coming = self._pool.submit(next, self._batches, ())
            yield batch
