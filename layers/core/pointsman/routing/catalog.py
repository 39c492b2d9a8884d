"""The models that exist, with their limits, dates and prices: an exact allowlist, carried as package data.

Prices are a snapshot of genai-prices (`make prices`); a model id that is not listed has no price and is never called.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from pointsman.values.effort import Effort, lowest, nearest
from pointsman.values.money import nano
from pointsman.values.usage import Usage


class Provider(StrEnum):
    """Who serves a model; it decides which function calls it."""

    GEMINI = "gemini"
    ANTHROPIC = "anthropic"


class Billing(StrEnum):
    """What a call to a model costs us: nothing, within a free tier's quota, or its list price."""

    FREE = "free"
    PAID = "paid"


class UnknownPriceError(LookupError):
    """The model has no price here. Raised before any call: the message names the model and the choices."""


@dataclass(frozen=True, slots=True)
class Quota:
    """A free tier's limits for one model. None: no limit of that kind is known."""

    rpm: int | None
    """Requests in any 60 seconds."""
    tpm: int | None
    """Input tokens in any 60 seconds."""
    rpd: int | None
    """Requests a day, which ends at midnight in America/Los_Angeles."""


@dataclass(frozen=True, slots=True)
class Band:
    """Prices in USD per million tokens for prompts of more than `above` tokens."""

    above: int
    input: Decimal
    output: Decimal
    cache_read: Decimal | None
    cache_write_5m: Decimal | None
    cache_write_1h: Decimal | None
    batch_input: Decimal
    batch_output: Decimal
    batch_cache_read: Decimal | None
    """Not always the same share of `cache_read` as the others are of theirs. Flex costs what batch does."""

    @property
    def most_expensive_input(self) -> Decimal:
        """The price of an input token that costs most: one that is written to a cache, where that has a price."""
        return max(price for price in (self.input, self.cache_write_5m, self.cache_write_1h) if price is not None)


@dataclass(frozen=True, slots=True)
class Thinking:
    """How a model that thinks is told how much."""

    default: Effort
    """What it does when nothing is sent."""
    levels: Mapping[Effort, str | int]
    """The efforts that it knows, each with the provider's own value: a level's name, or a budget in tokens."""
    can_be_off: bool
    """Whether `none` surely turns thinking off, so that it cannot use up the output cap."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model of the catalogue."""

    id: str
    provider: Provider
    context_window: int
    max_output: int
    ends: date | None
    successor: str | None
    free_tier: Quota | None
    thinking: Thinking | None
    """None: it does not think, and no effort is sent to it."""
    cache_minimum: int | None
    """Tokens from which the provider caches a prompt's beginning; None: it does not say, or does not cache."""
    free_only: bool
    """Whether it has no paid tier."""
    free_when_listed: bool
    """Whether its free tier, small and known from users alone, counts only where `pointsman.free_models` names it."""
    prices: tuple[tuple[date | None, tuple[Band, ...]], ...]
    """Price lists by the day they start, oldest first; None: from the beginning."""
    regional_factor: Decimal = Decimal(1)
    """On every kind of token of a call that is kept within a geography."""

    def effort(self, wanted: Effort | None) -> Effort | None:
        """Return the effort to send: the nearest that the model knows. None: nothing is sent."""
        if wanted is None or self.thinking is None:
            return None
        return nearest(wanted, self.thinking.levels)

    def least_effort(self) -> Effort | None:
        """Return the lowest effort that the model knows; None: it does not think."""
        return lowest(self.thinking.levels) if self.thinking else None

    @property
    def may_think_anyway(self) -> bool:
        """Whether it may think, and so use up the output cap, even at its lowest effort."""
        return self.thinking is not None and not self.thinking.can_be_off

    def has_ended(self, today: date) -> bool:
        """Return whether `today` (UTC) is past the last day that the provider serves the model."""
        return self.ends is not None and today >= self.ends

    def band(self, prompt_tokens: int, at: datetime) -> Band:
        """Return the prices for a prompt of that length at that time (UTC)."""
        return [band for band in self._current(at) if prompt_tokens > band.above or band.above == 0][-1]

    def cost_nano(self, usage: Usage, at: datetime, *, batch: bool = False, regional: bool = False) -> int:
        """Return the list price of `usage` in nano-dollars; a band holds for all tokens of its call."""
        prices = self.unit_prices(usage.prompt, at, batch=batch, regional=regional)
        return nano(sum(getattr(usage, kind) * price for kind, price in prices.items()) / Decimal(1_000_000))

    def unit_prices(
        self, prompt_tokens: int, at: datetime, *, batch: bool = False, regional: bool = False
    ) -> dict[str, Decimal]:
        """Return the list price of a million tokens by kind, in the names of `Usage`, for a prompt of that length."""
        band = self.band(prompt_tokens, at)
        return self._band_prices(band, batch=batch, regional=regional)

    def band_prices(self, at: datetime, *, batch: bool = False, regional: bool = False) -> list[dict[str, Decimal]]:
        """Return the list prices by kind of each band, that of short prompts first."""
        return [self._band_prices(band, batch=batch, regional=regional) for band in self._current(at)]

    def _band_prices(self, band: Band, *, batch: bool, regional: bool) -> dict[str, Decimal]:
        full, factor = _batch_share(band) if batch else Decimal(1), self.regional_factor if regional else Decimal(1)
        prices = {
            "input": band.batch_input if batch else band.input,
            "cache_read": _cache_read(band, batch=batch),
            "cache_write_5m": full * (band.cache_write_5m if band.cache_write_5m is not None else band.input),
            "cache_write_1h": full * (band.cache_write_1h if band.cache_write_1h is not None else band.input),
            "output": band.batch_output if batch else band.output,
        }
        return {kind: price * factor for kind, price in prices.items()}

    def _current(self, at: datetime) -> tuple[Band, ...]:
        """Return the bands of the price list that holds at that time."""
        return [bands for start, bands in self.prices if start is None or start <= at.date()][-1]

    def worst_cost_nano(
        self, prompt_tokens: int, output_tokens: int, at: datetime, *, cacheable: bool = True, batch: bool = False
    ) -> int:
        """Return the most that a call can cost, in any band up to that prompt length.

        A workspace may keep its calls within a geography, and a proxy may have `cacheable` input cached, without a word
        of ours.
        """
        reached = [band for band in self._current(at) if band.above <= prompt_tokens]
        factor = self.regional_factor / 1_000_000
        costs = [
            prompt_tokens
            * (band.most_expensive_input if cacheable else band.input)
            * (_batch_share(band) if batch else 1)
            + output_tokens * (band.batch_output if batch else band.output)
            for band in reached
        ]
        return max(nano(cost * factor) for cost in costs)


def _batch_share(band: Band) -> Decimal:
    """Return what a batch's input costs, as a share of the list price; what is written to a cache costs as much."""
    return band.batch_input / band.input if band.input else Decimal(1)


def _cache_read(band: Band, *, batch: bool) -> Decimal:
    """Return the price of a million tokens read from a cache."""
    price = band.batch_cache_read if batch else band.cache_read
    return price if price is not None else (band.batch_input if batch else band.input)


@dataclass(frozen=True, slots=True)
class Catalog:
    """All models by id."""

    models: dict[str, Model]

    def get(self, model_id: str) -> Model:
        """Return the model with exactly that id.

        Raises:
            UnknownPriceError: the id is not listed; a prefix or a dated variant does not match.
        """
        try:
            return self.models[model_id]
        except KeyError:
            choices = ", ".join(self.models)
            raise UnknownPriceError(f"model {model_id!r} has no price here; known models: {choices}") from None

    def billed_as(self, answered_by: str) -> Model:
        """Return the model to bill when a response names `answered_by`: itself, or the id that it is a dated build of.

        Raises:
            UnknownPriceError: neither is listed.
        """
        name = answered_by.removeprefix("models/")
        stem, _, build = name.rpartition("-")
        return self.get(stem if len(build) == 8 and build.isdigit() and name not in self.models else name)


@cache
def load_catalog() -> Catalog:
    """Return the catalogue that the package carries."""
    data = files("pointsman") / "data"
    listed = json.loads((data / "models.json").read_text())["models"]
    prices = json.loads((data / "prices.json").read_text())
    return Catalog({name: _model(name, fields, prices[name]) for name, fields in listed.items()})


def _model(name: str, fields: dict[str, Any], prices: list[dict[str, Any]]) -> Model:
    return Model(
        id=name,
        provider=Provider(fields["provider"]),
        context_window=fields["context_window"],
        max_output=fields["max_output"],
        ends=date.fromisoformat(fields["ends"]) if fields["ends"] else None,
        successor=fields["successor"],
        free_tier=Quota(**fields["free_tier"]) if fields["free_tier"] else None,
        regional_factor=Decimal(fields.get("regional_factor", "1")),
        thinking=_thinking(fields["thinking"]) if fields["thinking"] else None,
        cache_minimum=fields["cache_minimum"],
        free_only=fields.get("free_only", False),
        free_when_listed=fields.get("free_when_listed", False),
        prices=tuple((_day(entry["from"]), tuple(_band(band) for band in entry["bands"])) for entry in prices),
    )


def _thinking(fields: dict[str, Any]) -> Thinking:
    levels = {Effort(level): value for level, value in fields["levels"].items()}
    return Thinking(Effort(fields["default"]), levels, fields["can_be_off"])


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _band(fields: dict[str, Any]) -> Band:
    money = {kind: Decimal(price) for kind, price in fields.items() if kind != "above"}
    optional = dict.fromkeys(("cache_read", "cache_write_5m", "cache_write_1h", "batch_cache_read"))
    return Band(above=fields["above"], **{**optional, **money})  # type: ignore[arg-type]
