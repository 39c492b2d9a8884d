"""What AWS charges: units beyond what is free, times dated list prices."""

import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from pointsman.report.figures.aws_units import DAYS_OF_MONTH, Day, units
from pointsman.values.money import nano


@dataclass(frozen=True, slots=True)
class Price:
    """What one kind of unit costs."""

    name: str
    usd: Decimal
    per: int
    free: int
    source: str
    """A key of the document's `sources`."""

    def of(self, amount: Decimal) -> Decimal:
        """Return what an amount costs in USD, the free part left out."""
        return max(amount - self.free, Decimal()) * self.usd / self.per


@dataclass(frozen=True, slots=True)
class BillItem:
    """A line of the bill, for a month of 30 days."""

    key: str
    price: Price
    units: Decimal
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Bill:
    """A month of days that are all alike."""

    day: Day
    items: tuple[BillItem, ...]
    """Dearest first."""

    @property
    def usd(self) -> Decimal:
        """The whole bill."""
        return sum((item.usd for item in self.items), Decimal())

    @property
    def dearest(self) -> BillItem:
        """The line that costs most."""
        return self.items[0]


@cache
def prices() -> dict[str, Price]:
    """Return the prices by their keys."""
    return {
        key: Price(unit["name"], Decimal(unit["usd"]), unit["per"], unit["free"], unit["source"])
        for key, unit in price_document()["units"].items()
    }


@cache
def price_document() -> dict[str, Any]:
    """Return aws_prices.json: region, date and prices."""
    prices_document: dict[str, Any] = json.loads(
        (files("pointsman") / "data/aws_prices.json").read_text(encoding="utf-8")
    )
    return prices_document


def bill(day: Day) -> Bill:
    """Return the bill of a month of such days."""
    price_list = prices()
    items = [BillItem(key, price_list[key], amount, price_list[key].of(amount)) for key, amount in units(day).items()]
    return Bill(day, tuple(sorted(items, key=lambda item: (-item.usd, item.key))))


def share_nano(day: Day) -> int:
    """Return a day's part of the bill of a month of such days, in nano-dollars: an estimate."""
    return nano(bill(day).usd / DAYS_OF_MONTH)
