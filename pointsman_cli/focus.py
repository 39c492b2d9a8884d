"""The ledger as FOCUS 1.2 rows (FinOps Open Cost and Usage Specification), for tools that allocate cloud costs.

A row is one kind of token of one call, for one task: a classification that served several tasks has rows for each. What
the rows bill adds up to the ledger exactly, by task too.
"""

import csv
import io
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple

from pointsman.report.figures.ledger_entries import ClassificationShare, LedgerEntry, read_entries
from pointsman.report.render.as_json import exact_usd
from pointsman.routing.catalog import Billing, Catalog, Model, Provider, UnknownPriceError
from pointsman.values.money import shares
from pointsman.values.times import parse_time

type LedgerRow = Mapping[str, Any]

TOKENS_PRICED = 1_000_000
"""Tokens that a unit price is for."""
_SOLD_BY = {Provider.ANTHROPIC: ("Anthropic", "Claude API"), Provider.GEMINI: ("Google", "Gemini API")}
"""Provider and service by the catalogue's name."""
_METERS = {
    "input": "Input Tokens",
    "cache_read": "Cache Read Tokens",
    "cache_write_5m": "Cache Write Tokens, 5 minutes",
    "cache_write_1h": "Cache Write Tokens, 1 hour",
    "output": "Output Tokens",
}
_WHOLE = 10**15
"""What makes whole numbers of the list prices of single tokens."""
_NO_METER = "Call without known tokens"
FOCUS_COLUMNS = (
    *("BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodStart", "BillingPeriodEnd"),
    *("ChargePeriodStart", "ChargePeriodEnd", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargeFrequency"),
    *("BilledCost", "EffectiveCost", "ContractedCost", "ListCost", "ContractedUnitPrice", "ListUnitPrice"),
    *("PricingCategory", "PricingCurrency", "PricingQuantity", "PricingUnit", "ConsumedQuantity", "ConsumedUnit"),
    *("InvoiceId", "InvoiceIssuerName", "ProviderName", "PublisherName"),
    *("ServiceCategory", "ServiceSubcategory", "ServiceName", "SkuId", "SkuMeter", "SkuPriceId", "SkuPriceDetails"),
    "Tags",
)


class Meter(NamedTuple):
    """One kind of a call's tokens."""

    kind: str
    tokens: int
    unit_price: Decimal
    """Dollars for `TOKENS_PRICED` tokens, by the list."""

    @property
    def list_usd(self) -> Decimal:
        """What the tokens cost by the list."""
        return self.unit_price * self.tokens / TOKENS_PRICED


@dataclass(frozen=True)
class Focus:
    """Writes the rows of one stack's ledger."""

    account: str
    """Whose bill it is in the rows: the stack, since the ledger does not know the providers' accounts."""
    catalog: Catalog
    stand_in: bool = False
    """Whether a stand-in answers there: nothing of it is on any bill."""

    def csv(self, read: Callable[[], Iterable[Iterable[LedgerRow]]]) -> str:
        """Return the rows of the ledger's shards, which are read twice, as a CSV file.

        The shares of a classification are in the shards of their tasks, not in its own.
        """
        shares_of = defaultdict[str, list[LedgerRow]](list)
        for row in chain.from_iterable(read()):
            if row["kind"] == "share":
                shares_of[str(row["row"]).rpartition("#share")[0]].append(row)
        text = io.StringIO()
        out = csv.DictWriter(text, FOCUS_COLUMNS, lineterminator="\n")
        out.writeheader()
        for row in chain.from_iterable(read()):
            if row["kind"] != "share":
                (entry,), parts = read_entries([row, *shares_of[row["row"]]])
                out.writerows(self._charges(entry, parts))
        return text.getvalue()

    def _charges(self, entry: LedgerEntry, parts: list[ClassificationShare]) -> Iterator[dict[str, str]]:
        """Yield the rows of one call, which are split among the tasks that it served."""
        model = self._model(entry)
        served: list[LedgerEntry | ClassificationShare] = [entry]
        if parts and sum(part.cost_nano for part in parts) == entry.cost_nano:
            served = [*parts]
        costs = [one.cost_nano for one in served]
        meters = _meters(entry, model)
        tokens = [shares(meter.tokens, costs) for meter in meters]
        for number, one in enumerate(served):
            own = [meter._replace(tokens=split[number]) for meter, split in zip(meters, tokens, strict=True)]
            weights = [int(meter.list_usd * _WHOLE) if model else meter.tokens for meter in own]
            for meter, nano in zip(own, shares(one.cost_nano, weights) if own else (), strict=True):
                yield self._row(entry, one, model, meter, nano)
            if not own and one.cost_nano:
                yield self._row(entry, one, model, None, one.cost_nano)

    def _row(
        self,
        entry: LedgerEntry,
        one: LedgerEntry | ClassificationShare,
        model: Model | None,
        meter: Meter | None,
        nano: int,
    ) -> dict[str, str]:
        """Return one row: what was billed of a meter, or of a call whose tokens are not known."""
        at = parse_time(entry.at)
        hour, month = at.replace(minute=0, second=0, microsecond=0), datetime(at.year, at.month, 1, tzinfo=UTC)
        name, service = _SOLD_BY[model.provider] if model else ("Unknown", "Unknown")
        sku = f"{name.lower()}/{entry.billed_model}/{meter.kind if meter else 'call'}"
        cost = exact_usd(nano)
        listed = meter.list_usd if meter and model else Decimal(cost)
        paid = entry.billing != Billing.FREE
        fields = {
            "BillingAccountId": self.account,
            "BillingAccountName": self.account,
            "BillingCurrency": "USD",
            "BillingPeriodStart": _time(month),
            "BillingPeriodEnd": _time((month + timedelta(days=32)).replace(day=1)),
            "ChargePeriodStart": _time(hour),
            "ChargePeriodEnd": _time(hour + timedelta(hours=1)),
            "ChargeCategory": "Usage",
            "ChargeDescription": _description(entry, meter),
            "ChargeFrequency": "Usage-Based",
            "BilledCost": cost,
            "EffectiveCost": cost,
            "ContractedCost": cost,
            "ListCost": _number(listed),
            "PricingCategory": "Standard",
            "PricingCurrency": "USD",
            "InvoiceIssuerName": name,
            "ProviderName": name,
            "PublisherName": name,
            "ServiceCategory": "AI and Machine Learning",
            "ServiceSubcategory": "Generative AI",
            "ServiceName": service,
            "SkuId": sku,
            "SkuMeter": _METERS[meter.kind] if meter else _NO_METER,
            "SkuPriceId": f"{sku}/{'list' if paid else 'free'}",
            "Tags": self._tags(entry, one),
        }
        if meter and model:
            fields |= {
                "ListUnitPrice": _number(meter.unit_price),
                "ContractedUnitPrice": _number(meter.unit_price if paid else Decimal(0)),
            }
        quantity = Decimal(meter.tokens if meter else 0)
        return fields | {
            "PricingQuantity": _number(quantity / TOKENS_PRICED),
            "PricingUnit": f"{TOKENS_PRICED} Tokens",
            "ConsumedQuantity": _number(quantity),
            "ConsumedUnit": "Tokens",
        }

    def _tags(self, entry: LedgerEntry, one: LedgerEntry | ClassificationShare) -> str:
        """Return what the cost may be grouped by; what is not known is left out."""
        tags = {
            "agent": one.metadata.get("agent"),
            "ticket": one.metadata.get("ticket"),
            "sender": one.sender,
            "task": one.task_id,
            "parent": one.parent_id,
            "purpose": str(entry.purpose),
            "tier": str(entry.tier),
            "type": entry.type,
            "stand_in": "true" if self.stand_in else None,
        }
        return json.dumps({name: value for name, value in tags.items() if value}, ensure_ascii=False)

    def _model(self, entry: LedgerEntry) -> Model | None:
        """Return the model that is billed; None: it has no price here."""
        try:
            return self.catalog.get(entry.billed_model)
        except UnknownPriceError:
            return None


def _meters(entry: LedgerEntry, model: Model | None) -> list[Meter]:
    """Return the kinds of tokens that a call used."""
    usage, prices = entry.usage, dict[str, Decimal | None]()
    if model:
        band = model.band(usage.prompt, parse_time(entry.at))
        prices = {kind: getattr(band, kind) for kind in _METERS}
        prices = {kind: band.input if price is None else price for kind, price in prices.items()}
    counts = {kind: getattr(usage, kind) for kind in _METERS}
    return [Meter(kind, count, prices.get(kind) or Decimal(0)) for kind, count in counts.items() if count]


def _description(entry: LedgerEntry, meter: Meter | None) -> str:
    what = f"{_METERS[meter.kind] if meter else _NO_METER}, {entry.billed_model}"
    if entry.is_open:
        return f"{what}: not ended, the amount is reserved"
    return what if entry.cost_known else f"{what}: cost not known, booked as reserved"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _number(value: Decimal) -> str:
    """Return a number with a decimal point, which the specification's validator wants."""
    text = f"{value.normalize():f}"
    return text if "." in text else f"{text}.0"
