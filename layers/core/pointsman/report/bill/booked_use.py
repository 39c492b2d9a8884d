"""The ledger by day, model, kind of token, lane and geography: what a bill is held against."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from pointsman.report.bill.charges import BATCH_TIER, CALL, GLOBAL, STANDARD_TIER, TOKEN_KINDS, US
from pointsman.report.figures.ledger_entries import LedgerEntry, read_entries
from pointsman.routing.catalog import Catalog, Model, UnknownPriceError
from pointsman.values.money import shares
from pointsman.values.times import parse_time

_WHOLE = 10**15
"""What makes whole numbers of the list prices of single tokens."""


class UseKey(NamedTuple):
    """Where calls are served, and when they began."""

    day: date
    """Of UTC."""
    model: str
    lane: str
    geography: str


class Crossing(NamedTuple):
    """Calls that began on a day and ended on a later one."""

    began: UseKey
    ended: date


@dataclass(slots=True)
class BookedTokens:
    """Tokens of one kind, and what was booked for them."""

    tokens: int = 0
    nano: int = 0
    calls: int = 0

    def add(self, other: "BookedTokens") -> None:
        """Add others of the same kind."""
        self.tokens += other.tokens
        self.nano += other.nano
        self.calls += other.calls

    def times(self, sign: int) -> "BookedTokens":
        """Return them to be added, or with -1 to be taken out."""
        return BookedTokens(sign * self.tokens, sign * self.nano, sign * self.calls)


@dataclass(slots=True)
class UnknownCalls:
    """Calls whose cost is not known, or not yet: booked as reserved."""

    calls: int = 0
    reserved_nano: int = 0


type ByKind = dict[str, BookedTokens]


@dataclass(slots=True)
class BookedUse:
    """What the ledger has booked on one provider's models."""

    catalog: Catalog
    provider: str
    by_key: defaultdict[UseKey, ByKind] = field(default_factory=lambda: defaultdict(dict))
    crossings: defaultdict[Crossing, ByKind] = field(default_factory=lambda: defaultdict(dict))
    """Part of `by_key`."""
    unknown: defaultdict[UseKey, UnknownCalls] = field(default_factory=lambda: defaultdict(UnknownCalls))

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add a shard's rows."""
        attempts, _ = read_entries(rows)
        for entry in attempts:
            self._add_entry(entry)

    def model(self, name: str) -> Model | None:
        """Return the catalogue's model; None: it has no price here."""
        try:
            return self.catalog.get(name)
        except UnknownPriceError:
            return None

    def _add_entry(self, entry: LedgerEntry) -> None:
        model = self.model(entry.billed_model)
        asked = model or self.model(entry.requested_model)
        if asked is None or asked.provider != self.provider:
            return
        began = parse_time(entry.at)
        lane, geography = BATCH_TIER if entry.in_batch else STANDARD_TIER, US if entry.regional else GLOBAL
        key = UseKey(began.date(), entry.billed_model, lane, geography)
        if entry.is_open or not entry.cost_known:
            unknown = self.unknown[key]
            unknown.calls, unknown.reserved_nano = unknown.calls + 1, unknown.reserved_nano + entry.cost_nano
            return
        booked = _by_kind(entry, model, began)
        _add_kinds(self.by_key[key], booked)
        if entry.ended_at and (ended := parse_time(entry.ended_at).date()) > key.day:
            _add_kinds(self.crossings[Crossing(key, ended)], booked)


def _by_kind(entry: LedgerEntry, model: Model | None, began: datetime) -> ByKind:
    """Return the tokens of a call, and its booked cost split among them by their list prices."""
    counts = {kind: count for kind in TOKEN_KINDS if (count := getattr(entry.usage, kind))}
    if not counts:
        return {CALL: BookedTokens(0, entry.cost_nano, 1)} if entry.cost_nano else {}
    prices = dict.fromkeys(TOKEN_KINDS, Decimal(1))
    if model:
        prices = model.unit_prices(entry.usage.prompt, began, batch=entry.in_batch, regional=entry.regional)
    weights = [int(count * prices[kind] * _WHOLE) for kind, count in counts.items()]
    costs = shares(entry.cost_nano, weights)
    return {kind: BookedTokens(count, nano, 1) for (kind, count), nano in zip(counts.items(), costs, strict=True)}


def _add_kinds(to: ByKind, added: ByKind) -> None:
    for kind, booked in added.items():
        to.setdefault(kind, BookedTokens()).add(booked)
