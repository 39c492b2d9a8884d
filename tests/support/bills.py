"""Bills of a provider for rows of the ledger, computed beside the product from the list prices that stand here."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pointsman.report.bill.booked_use import BookedUse
from pointsman.report.bill.charges import BilledCharge, ChargeKey, MeteredTokens, ProviderBill, StackAccount
from pointsman.report.bill.reconciliation import Reconciliation, reconcile_bill
from pointsman.routing.catalog import load_catalog
from tests.support.report_rows import row

HAIKU, SONNET, OPUS = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"
DAYS = tuple(date(2026, 11, 16) + timedelta(days=number) for number in range(4))
OWN, OTHER = "apikey_own", "apikey_other"
NANO_PER_TOKEN = {
    HAIKU: {"input": 100, "output": 500, "cache_read": 10, "cache_write_5m": 125, "cache_write_1h": 200},
    SONNET: {"input": 2_000, "output": 10_000, "cache_read": 100, "cache_write_5m": 2_500, "cache_write_1h": 4_000},
    OPUS: {"input": 4_000, "output": 20_000, "cache_read": 200, "cache_write_5m": 5_000, "cache_write_1h": 8_000},
}
"""Of prompts of up to 100,000 tokens."""
NANO_PER_LONG_HAIKU_TOKEN = {"input": 500, "output": 2_500}
CENT = Decimal(10_000_000)
"""In nano-dollars."""

WHOLE = StackAccount()


def call(number: int, at: datetime, model: str = SONNET, **tokens: Any) -> dict[str, Any]:
    """Return a ledger row of a call at its list price, with what else it should say."""
    others = {name: tokens.pop(name) for name in list(tokens) if name not in NANO_PER_TOKEN[model]}
    counts = tokens or {"input": 1_000, "output": 200}
    prices = dict(NANO_PER_TOKEN[model])
    if model == HAIKU and sum(count for kind, count in counts.items() if kind != "output") > 100_000:
        prices |= NANO_PER_LONG_HAIKU_TOKEN
    factor = Decimal("1.1") if others.get("regional") else Decimal(1)
    factor *= Decimal("0.5") if others.get("batch_entry") else 1
    cost = int(factor * sum(count * prices[kind] for kind, count in counts.items()))
    fields = {"input": None, "output": None, "cost_nano": cost, "ended_at": None, **counts}
    return row(f"t{number}", at, model=model, **(fields | others))


def metered_of(rows: Iterable[Mapping[str, Any]], **changes: Any) -> list[MeteredTokens]:
    """Return what the provider counted for them, each with the same changes."""
    metered = []
    for one in rows:
        lane = "batch" if one.get("batch_entry") else "standard"
        place = "us" if one.get("regional") else "global"
        for kind in NANO_PER_TOKEN[one["model"]]:
            if one.get(kind):
                key = ChargeKey(date.fromisoformat(one["at"][:10]), one["model"], kind, changes.get("lane", lane))
                tokens = MeteredTokens(key, one[kind], changes.get("geography", place), None, OWN)
                metered.append(replace(tokens, **{n: v for n, v in changes.items() if n in ("workspace", "api_key")}))
    return metered


def charges_of(
    metered: Iterable[MeteredTokens], factor: Decimal = Decimal(1), place: Decimal = CENT / 100_000
) -> list[BilledCharge]:
    """Return a charge for each kind of token of each workspace, rounded to a place, by neither key nor geography."""
    sums: defaultdict[tuple[ChargeKey, str | None], Decimal] = defaultdict(Decimal)
    for tokens in metered:
        price = Decimal(NANO_PER_TOKEN[tokens.key.model][tokens.key.kind]) * factor
        price *= Decimal("0.5") if tokens.key.lane == "batch" else 1
        price *= Decimal("1.1") if tokens.geography == "us" else 1
        sums[tokens.key, tokens.workspace] += tokens.tokens * price
    return [BilledCharge(key, int(round(nano / place) * place), workspace) for (key, workspace), nano in sums.items()]


def bill(
    charges: Iterable[BilledCharge], metered: Iterable[MeteredTokens], late: Iterable[date] = (), **changes: Any
) -> ProviderBill:
    """Return a bill of the days."""
    whole = ProviderBill("anthropic", DAYS, tuple(charges), tuple(metered), frozenset(late), CENT / 100_000)
    return replace(whole, **changes)


def list_bill(rows: Iterable[Mapping[str, Any]], **changes: Any) -> ProviderBill:
    """Return the bill on which a ledger stands as it is."""
    metered = metered_of(rows)
    return bill(charges_of(metered), metered, **changes)


def compared(rows: Iterable[Mapping[str, Any]], of: ProviderBill, account: StackAccount = WHOLE) -> Reconciliation:
    """Return the comparison."""
    booked = BookedUse(load_catalog(), of.provider)
    booked.add(rows)
    return reconcile_bill(booked, of, account)
