"""Rows of signed bytes that are added as whole numbers: one addition of two integers adds all columns.

A row is one integer with a lane of 32 bits a column, so that sums of products with small whole numbers are exact. It is
what lets plain Python sum thousands of rows in a millisecond.
"""

import struct
from collections.abc import Collection, Iterable, Sequence

_BYTES = 4
_BITS = 8 * _BYTES
_HALF = 1 << (_BITS - 1)
_EXCESS = 128
_UNSIGNED = bytes((value + _EXCESS) % 256 for value in range(256))


class Lanes:
    """A table of rows, `width` signed bytes each. Sums must stay below 2**31 in every column."""

    def __init__(self, packed: bytes, width: int) -> None:
        spread = bytearray(_BYTES * len(packed))
        spread[::_BYTES] = packed.translate(_UNSIGNED)
        self._bytes = bytes(spread)
        self._row_bytes = _BYTES * width
        self._excess = sum(_EXCESS << (_BITS * column) for column in range(width))
        self._half = sum(_HALF << (_BITS * column) for column in range(width))
        self._unpack = struct.Struct(f"<{width}I").unpack

    def sum(self, indices: Collection[int]) -> int:
        """Return a sum of rows: an integer to add, to multiply by small whole numbers, and to hand to the others."""
        size, table = self._row_bytes, self._bytes
        rows = [int.from_bytes(table[index * size : index * size + size], "little") for index in indices]
        return sum(rows) - len(rows) * self._excess

    def one(self, total: int, column: int) -> int:
        """Return a column of a sum of rows."""
        return ((total + self._half) >> (_BITS * column) & (2 * _HALF - 1)) - _HALF

    def differences(self, totals: Iterable[int], one: int, other: int) -> list[int]:
        """Return for each of these sums of rows what a column has over another."""
        up, down, mask = _BITS * one, _BITS * other, 2 * _HALF - 1
        positive = [total + self._half for total in totals]
        return [(total >> up & mask) - (total >> down & mask) for total in positive]

    def all(self, total: int) -> Sequence[int]:
        """Return all columns of a sum of rows."""
        return [value - _HALF for value in self._unpack((total + self._half).to_bytes(self._row_bytes, "little"))]
