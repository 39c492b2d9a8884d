"""Figures that add up: the shards of a day, the days of a month."""

from collections.abc import Mapping
from datetime import date
from operator import attrgetter
from typing import Any, ClassVar, Self


class Summable:
    """A dataclass whose sum is that of its fields, by key in mappings; text and dates are the first one's."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def __add__(self, other: Self, /) -> Self:
        """Return the sum of both."""
        values = attrgetter(*self.__dataclass_fields__)
        return type(self)(*map(_sum, values(self), values(other)))


def _sum(one: Any, other: Any) -> Any:
    if type(one) is int:
        return one + other
    if isinstance(one, Mapping):
        return {**one, **{key: _sum(one[key], value) if key in one else value for key, value in other.items()}}
    return one if isinstance(one, str | date) else one + other
