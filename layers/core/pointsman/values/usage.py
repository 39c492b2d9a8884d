"""The tokens of one call, split as providers bill them."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from operator import attrgetter


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one call. A kind never counts tokens of another, but `thinking` is a part of `output`."""

    input: int = 0
    """Prompt tokens that no cache served or stored."""
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    """Generated tokens, thinking included."""
    thinking: int = 0

    @property
    def prompt(self) -> int:
        """All prompt tokens: what decides the price band."""
        return self.input + self.cache_read + self.cache_write_5m + self.cache_write_1h

    @property
    def total(self) -> int:
        """All tokens, in and out."""
        return self.prompt + self.output

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @classmethod
    def sum(cls, usages: Iterable["Usage"]) -> "Usage":
        """Return the sum of many."""
        return cls(*map(sum, zip(*map(_COUNTS, usages), strict=True)))

    def as_dict(self) -> dict[str, int]:
        """Return the counts by kind, in the ledger's names."""
        return dict(zip(_KINDS, _COUNTS(self), strict=True))


_KINDS = tuple(Usage.__dataclass_fields__)
_COUNTS = attrgetter(*_KINDS)
