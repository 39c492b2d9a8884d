"""Holds the ledger against a provider's bill, line by line.

A cause is claimed only where the data proves it, in this order: what belongs to others, what is not on the bill yet,
the same tokens elsewhere (day, geography, tier), the same tokens at another price. What remains is unexplained, and
nothing is ever assigned to make it less.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from pointsman.report.bill.booked_use import BookedUse
from pointsman.report.bill.charges import CALL, GLOBAL, Cause, LineKey, ProviderBill, StackAccount
from pointsman.report.bill.line_causes import LineCauses, OpenLine
from pointsman.report.bill.own_share import own_shares


@dataclass(slots=True)
class ReconciledLine:
    """What the ledger has booked and the provider charged for the same, and why they differ."""

    key: LineKey
    booked_tokens: int = 0
    booked_nano: int = 0
    billed_tokens: int = 0
    """The stack's, where the account says which those are."""
    billed_nano: int = 0
    """All that was charged, others' included."""
    causes: dict[Cause, int] = field(default_factory=dict)
    """Nano-dollars that each explains: positive where the provider charged more."""

    @property
    def difference_nano(self) -> int:
        """What the provider charged beyond what was booked."""
        return self.billed_nano - self.booked_nano

    @property
    def unexplained_nano(self) -> int:
        """What no cause explains."""
        return self.difference_nano - sum(self.causes.values())

    def explain(self, cause: Cause, nano: int) -> None:
        """Add to what a cause explains."""
        if nano:
            self.causes[cause] = self.causes.get(cause, 0) + nano


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """A period of one provider."""

    provider: str
    days: tuple[date, ...]
    late: frozenset[date]
    lines: tuple[ReconciledLine, ...]
    """In the order of their keys, without those that are nothing on both sides."""
    unknown_calls: int
    unknown_nano: int
    """What calls of unknown cost reserve: the provider may have charged up to that for them."""

    @property
    def until(self) -> date | None:
        """The last day up to which all days are complete; None: the first is not."""
        complete = None
        for day in self.days:
            if day in self.late:
                break
            complete = day
        return complete

    @property
    def booked_nano(self) -> int:
        """What the ledger has booked, calls of unknown cost as reserved."""
        return sum(line.booked_nano for line in self.lines)

    @property
    def billed_nano(self) -> int:
        """What the provider charged."""
        return sum(line.billed_nano for line in self.lines)

    @property
    def causes(self) -> dict[Cause, int]:
        """What each cause explains of the difference."""
        sums = {cause: sum(line.causes.get(cause, 0) for line in self.lines) for cause in Cause}
        claimed = {cause for line in self.lines for cause in line.causes}
        return {cause: nano for cause, nano in sums.items() if cause in claimed}

    @property
    def unexplained_nano(self) -> int:
        """What no cause explains, if calls of unknown cost were charged with nothing."""
        return sum(line.unexplained_nano for line in self.lines)

    @property
    def least_unexplained_nano(self) -> int:
        """What no cause explains, if they were charged with all that they reserved."""
        return self.unexplained_nano - self.unknown_nano

    @property
    def is_explained(self) -> bool:
        """Whether each line is, or may be a call of unknown cost: charges without a cause on one line never make up
        for missing ones on another.
        """
        more, room = defaultdict[tuple[date, str, str], int](int), defaultdict[tuple[date, str, str], int](int)
        for line in self.lines:
            where = (line.key.day, line.key.model, line.key.lane)
            if line.key.kind == CALL:
                room[where] -= line.causes.get(Cause.UNKNOWN_CALLS, 0)
            if line.unexplained_nano < 0:
                return False
            more[where] += line.unexplained_nano
        return all(nano <= room[where] for where, nano in more.items())


def reconcile_bill(booked: BookedUse, bill: ProviderBill, account: StackAccount) -> Reconciliation:
    """Return the comparison of all days of the bill; `booked` has those before it too."""
    late, lines = bill.late & set(bill.days), _Lines()
    opened: defaultdict[LineKey, OpenLine] = defaultdict(OpenLine)
    for charge in bill.charges:
        if charge.cause or not account.has_workspace(charge.workspace):
            line = lines[LineKey(*charge.key, charge.geography or GLOBAL)]
            line.billed_nano += charge.nano
            line.explain(charge.cause or Cause.OTHER_WORKSPACE, charge.nano)
    for key, share in own_shares(booked.catalog, bill, account).items():
        opened[key].billed, line = share, lines[key]
        line.billed_nano += share.nano + share.others_nano
        line.billed_tokens += share.tokens
        line.explain(Cause.OTHER_KEY, share.others_nano)
    for use, kinds in booked.by_key.items():
        for kind, tokens in kinds.items():
            key = LineKey(use.day, use.model, kind, use.lane, use.geography)
            opened[key].booked.add(tokens)
            if use.day in bill.days:
                line = lines[key]
                line.booked_tokens, line.booked_nano = tokens.tokens, tokens.nano
    for explained in LineCauses(opened, bill.days, late).explain(booked.crossings):
        lines[explained.line].explain(explained.cause, explained.nano)
    unknown = {use: calls for use, calls in booked.unknown.items() if use.day in bill.days}
    for use, calls in unknown.items():
        line = lines[LineKey(use.day, use.model, CALL, use.lane, use.geography)]
        line.booked_nano += calls.reserved_nano
        line.explain(Cause.UNKNOWN_CALLS, -calls.reserved_nano)
    return Reconciliation(
        bill.provider,
        bill.days,
        late,
        tuple(lines[key] for key in sorted(lines)),
        sum(calls.calls for calls in unknown.values()),
        sum(calls.reserved_nano for calls in unknown.values()),
    )


class _Lines(dict[LineKey, ReconciledLine]):
    """Lines by key, made when they are first looked at."""

    def __missing__(self, key: LineKey) -> ReconciledLine:
        self[key] = line = ReconciledLine(key)
        return line
