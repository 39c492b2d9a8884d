"""What the stand-in of Claude would have charged: its answered calls at list prices, and what tests plant."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt

from devstack.fake_providers.journal import JournalEntry

OWN_API_KEY = "apikey_stand_in"
"""Of all calls that the stand-in has answered; their workspace is the default one, which has no id."""
_STANDARD, _GLOBAL = "standard", "global"
_CENTS_PER_MILLION = Decimal(100) / 1_000_000
_LONG_PROMPT = 100_000
_SURCHARGE = {"us": Decimal("1.1")}
_UNBILLED_REFUSALS = (None, "cyber", "general_harms")
_KINDS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
# Dollars for a million tokens, in the order of _KINDS.
_PRICES: dict[str, tuple[str, ...]] = {
    "claude-haiku-4-5": ("1", "0.1", "1.25", "2", "5"),
    "claude-haiku-5-5": ("0.1", "0.01", "0.125", "0.2", "0.5"),
    "claude-sonnet-4-5": ("3", "0.3", "3.75", "6", "15"),
    "claude-sonnet-5-5": ("2", "0.1", "2.5", "4", "10"),
    "claude-opus-5-5": ("4", "0.2", "5", "8", "20"),
}
_PRICES_OF_LONG_PROMPTS: dict[str, tuple[str, ...]] = {"claude-haiku-5-5": ("0.5", "0.05", "0.625", "1", "2.5")}
_NO_PRICES = ("0",) * len(_KINDS)


class PlantedCharge(BaseModel):
    """A charge that no call of the stand-in has caused."""

    model_config = ConfigDict(extra="forbid")

    day: date
    model: str | None = None
    tokens: dict[str, NonNegativeInt] = {}
    """By kind, as in `input` or `cache_write_5m`."""
    cents: str | None = None
    """Instead of the list price, and the only amount of what is no tokens."""
    cost_type: str = "tokens"
    workspace_id: str | None = None
    api_key_id: str | None = OWN_API_KEY
    service_tier: str = _STANDARD
    inference_geo: str | None = None


class BillSettings(BaseModel):
    """How the reports look; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    planted: list[PlantedCharge] = []
    price_factor: Decimal = Decimal(1)
    """On the list price of all answered calls."""
    served_tier: str | None = None
    """The tier of all answered calls, instead of their own."""
    served_geo: str | None = None
    """Their geography, instead of their own."""
    late_usage: list[date] = []
    """Days that the usage report does not have yet."""
    late_costs: list[date] = []
    """Days that the cost report has no amounts of yet."""
    decimals: NonNegativeInt = 5
    """Of an amount in cents."""
    most_buckets: NonNegativeInt = Field(default=31, ge=1)
    """Of one page, whatever was asked for."""
    refuse_next: NonNegativeInt = 0
    """How many requests to answer with 429."""
    retry_after: NonNegativeInt = 1
    """What their `retry-after` says."""


class MeteredCall(NamedTuple):
    """What a row of the reports adds up."""

    day: date
    model: str | None
    workspace_id: str | None
    api_key_id: str | None
    service_tier: str
    inference_geo: str | None
    cost_type: str
    kind: str
    """Of tokens; empty for what is none."""


@dataclass
class Amount:
    """Tokens, and what they cost."""

    tokens: int = 0
    cents: Decimal = Decimal(0)

    def add(self, tokens: int, cents: Decimal) -> None:
        """Add more."""
        self.tokens, self.cents = self.tokens + tokens, self.cents + cents


def bill_of(
    entries: Iterable[JournalEntry], batches: Iterable[Mapping[str, Any]], settings: BillSettings
) -> dict[MeteredCall, Amount]:
    """Return the stand-in's bill."""
    bill: defaultdict[MeteredCall, Amount] = defaultdict(Amount)
    for day, message in (*_answers(entries), *_entries_of(batches)):
        for metered, tokens, cents in _charged(day, message, settings):
            bill[metered].add(tokens, cents)
    for planted in settings.planted:
        for metered, tokens, cents in _planted(planted):
            bill[metered].add(tokens, cents)
    return bill


def _answers(entries: Iterable[JournalEntry]) -> Iterator[tuple[date, Mapping[str, Any]]]:
    """Yield the calls that were answered, also if the answer never arrived."""
    for entry in entries:
        if entry.provider == "anthropic" and entry.status == 200 and entry.usage:
            day = datetime.fromtimestamp(entry.ended or entry.started, UTC).date()
            yield day, {"model": entry.served_model, "usage": entry.usage, "stop_details": entry.stop_details}


def _entries_of(batches: Iterable[Mapping[str, Any]]) -> Iterator[tuple[date, Mapping[str, Any]]]:
    for batch in batches:
        for entry in batch["results"]:
            if entry["result"]["type"] == "succeeded":
                yield datetime.fromisoformat(batch["ended_at"]).date(), entry["result"]["message"]


def _charged(
    day: date, message: Mapping[str, Any], settings: BillSettings
) -> Iterator[tuple[MeteredCall, int, Decimal]]:
    usage = message.get("usage") or {}
    writes = usage.get("cache_creation") or {}
    tokens = {
        "input": usage.get("input_tokens") or 0,
        "cache_read": usage.get("cache_read_input_tokens") or 0,
        "cache_write_5m": writes.get("ephemeral_5m_input_tokens") or 0,
        "cache_write_1h": writes.get("ephemeral_1h_input_tokens") or 0,
        "output": usage.get("output_tokens") or 0,
    }
    tier = settings.served_tier or usage.get("service_tier") or _STANDARD
    geo = settings.served_geo or usage.get("inference_geo") or _GLOBAL
    refusal = message.get("stop_details")
    is_free = refusal is not None and refusal.get("category") in _UNBILLED_REFUSALS and not tokens["output"]
    yield from _rows(
        MeteredCall(day, message["model"], None, OWN_API_KEY, tier, geo, "tokens", ""),
        tokens,
        Decimal(0) if is_free else settings.price_factor,
    )


def _planted(planted: PlantedCharge) -> Iterator[tuple[MeteredCall, int, Decimal]]:
    metered = MeteredCall(
        planted.day,
        planted.model,
        planted.workspace_id,
        planted.api_key_id,
        planted.service_tier,
        planted.inference_geo or _GLOBAL,
        planted.cost_type,
        "",
    )
    if planted.cents is None:
        yield from _rows(metered, planted.tokens, Decimal(1))
        return
    kinds = list(planted.tokens) or [""]
    for kind in kinds:
        yield metered._replace(kind=kind), planted.tokens.get(kind, 0), Decimal(planted.cents) / len(kinds)


def _rows(
    metered: MeteredCall, tokens: Mapping[str, int], factor: Decimal
) -> Iterator[tuple[MeteredCall, int, Decimal]]:
    """Yield a call's kinds of tokens with their price: what is longer than its model's band costs more as a whole."""
    name = metered.model or ""
    is_long = sum(count for kind, count in tokens.items() if kind != "output") > _LONG_PROMPT
    prices = _PRICES_OF_LONG_PROMPTS.get(name) if is_long else None
    usd = dict(zip(_KINDS, prices or _PRICES.get(name, _NO_PRICES), strict=True))
    factor *= _SURCHARGE.get(metered.inference_geo or "", Decimal(1))
    factor *= Decimal("0.5") if metered.service_tier == "batch" else Decimal(1)
    for kind, count in tokens.items():
        if count:
            yield metered._replace(kind=kind), count, count * Decimal(usd[kind]) * _CENTS_PER_MILLION * factor
