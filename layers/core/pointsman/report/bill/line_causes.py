"""Why lines of a bill differ from the ledger, where the numbers of tokens prove it."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import product
from typing import NamedTuple

from pointsman.report.bill.booked_use import BookedTokens, ByKind, Crossing
from pointsman.report.bill.charges import Cause, LineKey
from pointsman.report.bill.own_share import OwnShare
from pointsman.values.money import shares

_ROUNDED_PER_CALL = Decimal("1.5")
"""Nano-dollars that a call's own rounding and its split among kinds can put a line off."""


class Explained(NamedTuple):
    """What a cause explains of a line."""

    line: LineKey
    cause: Cause
    nano: int


@dataclass(slots=True)
class OpenLine:
    """What of a line is still to be explained, on both sides."""

    booked: BookedTokens = field(default_factory=BookedTokens)
    billed: OwnShare = field(default_factory=OwnShare)

    @property
    def more_tokens(self) -> int:
        """How many tokens the provider metered beyond those booked."""
        return self.billed.tokens - self.booked.tokens

    @property
    def difference_nano(self) -> int:
        """What is left of the difference."""
        return self.billed.nano - self.booked.nano

    @property
    def slack_nano(self) -> Decimal:
        """How far rounding can put the line off."""
        return self.billed.slack_nano + self.booked.calls * _ROUNDED_PER_CALL


class LineCauses:
    """Finds causes, and takes from the lines what they explain."""

    def __init__(self, lines: Mapping[LineKey, OpenLine], days: Collection[date], late: Collection[date]) -> None:
        self._lines = defaultdict(OpenLine, lines)
        self._days, self._late = days, late

    def explain(self, crossings: Mapping[Crossing, ByKind]) -> Iterator[Explained]:
        """Yield all that is proven, the surest first."""
        yield from self._late_charges()
        yield from self._across_midnight(crossings)
        yield from self._served_elsewhere()
        yield from self._other_prices()

    def _is_complete(self, day: date) -> bool:
        return day in self._days and day not in self._late

    def _late_charges(self) -> Iterator[Explained]:
        """Yield what is missing on days whose bill is not complete: lateness never explains a charge too many."""
        for key, line in self._lines.items():
            if key.day in self._late and line.difference_nano < 0:
                yield Explained(key, Cause.LATE, line.difference_nano)

    def _across_midnight(self, crossings: Mapping[Crossing, ByKind]) -> Iterator[Explained]:
        """Yield the calls that the provider counts on the day they ended.

        A day proves it whose tokens of all kinds agree once all such calls have moved, and did not before.
        """
        moved: defaultdict[LineKey, int] = defaultdict(int)
        for crossing, kinds in crossings.items():
            for kind, tokens in kinds.items():
                began, ended = _ends(crossing, kind)
                moved[began] -= tokens.tokens
                moved[ended] += tokens.tokens
        proving = {
            crossing: any(
                self._is_complete(day) and self._agrees_once_moved(crossing, day, moved)
                for day in (crossing.began.day, crossing.ended)
            )
            for crossing in crossings
        }
        for crossing in (crossing for crossing, proven in proving.items() if proven):
            for kind, tokens in crossings[crossing].items():
                for key, sign in zip(_ends(crossing, kind), (-1, 1), strict=True):
                    self._lines[key].booked.add(tokens.times(sign))
                    if self._is_complete(key.day):
                        yield Explained(key, Cause.MIDNIGHT, sign * tokens.nano)

    def _agrees_once_moved(self, crossing: Crossing, day: date, moved: Mapping[LineKey, int]) -> bool:
        use = crossing.began
        keys = [key for key in moved if key.day == day and (key.model, key.lane, key.geography) == use[1:]]
        changes = [(self._lines[key].more_tokens, moved[key]) for key in keys if moved[key]]
        return bool(changes) and all(more == change for more, change in changes)

    def _served_elsewhere(self) -> Iterator[Explained]:
        """Yield tokens that the provider metered in another geography or tier, where all of a kind agree in total."""
        groups: defaultdict[tuple[date, str, str], list[LineKey]] = defaultdict(list)
        for key, line in self._lines.items():
            if self._is_complete(key.day) and (line.billed.tokens or line.booked.tokens):
                groups[key.day, key.model, key.kind].append(key)
        for keys in groups.values():
            lines = [self._lines[key] for key in keys]
            if all(line.billed.is_known for line in lines) and not sum(line.more_tokens for line in lines):
                for same_lane in (True, False):
                    for too_many, too_few in product(keys, keys):
                        if (too_many.lane == too_few.lane) is same_lane:
                            cause = Cause.GEOGRAPHY if same_lane else Cause.SERVICE_TIER
                            yield from self._move(too_many, too_few, cause)

    def _move(self, booked_at: LineKey, billed_at: LineKey, cause: Cause) -> Iterator[Explained]:
        """Take what is booked on one line and billed on another from both."""
        source, target = self._lines[booked_at], self._lines[billed_at]
        tokens = min(-source.more_tokens, target.more_tokens)
        if tokens <= 0:
            return
        booked, billed = source.booked, target.billed
        booked_nano = shares(booked.nano, [tokens, booked.tokens - tokens])[0]
        billed_nano = shares(billed.nano, [tokens, billed.tokens - tokens])[0]
        booked.tokens, booked.nano = booked.tokens - tokens, booked.nano - booked_nano
        billed.tokens, billed.nano = billed.tokens - tokens, billed.nano - billed_nano
        yield Explained(booked_at, cause, -booked_nano)
        yield Explained(billed_at, cause, billed_nano)

    def _other_prices(self) -> Iterator[Explained]:
        """Yield the same tokens at another amount."""
        odd = {key[:4] for key, line in self._lines.items() if line.more_tokens}
        for key, line in self._lines.items():
            billed = line.billed
            same = billed.tokens > 0 and not line.more_tokens and not (billed.is_joint and key[:4] in odd)
            is_told = billed.is_known and billed.is_charged and self._is_complete(key.day)
            if same and is_told and (difference := line.difference_nano):
                rounded = abs(difference) <= line.slack_nano
                yield Explained(key, Cause.ROUNDING if rounded else Cause.PRICE, difference)


def _ends(crossing: Crossing, kind: str) -> tuple[LineKey, LineKey]:
    """Return the lines of the day on which the calls began, and of the one on which they ended."""
    began = crossing.began
    key = LineKey(began.day, began.model, kind, began.lane, began.geography)
    return key, key._replace(day=crossing.ended)
