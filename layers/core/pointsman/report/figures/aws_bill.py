"""The AWS bill: units beyond the free allowances, times dated list prices."""

import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from pointsman.report.figures.aws_units import DAYS_OF_MONTH, DayLoad, monthly_units
from pointsman.values.money import nano


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one kind of unit."""

    name: str
    usd: Decimal
    per: int
    free: int
    source: str
    """A key of the document's `sources`."""

    def of(self, amount: Decimal) -> Decimal:
        """Return the cost of an amount in USD, the free allowance deducted."""
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
    """The bill of a month of 30 equal days."""

    day: DayLoad
    items: tuple[BillItem, ...]
    """Most expensive first."""

    @property
    def usd(self) -> Decimal:
        """The total."""
        return sum((item.usd for item in self.items), Decimal())

    @property
    def most_expensive(self) -> BillItem:
        """The most expensive line."""
        return self.items[0]


@cache
def prices() -> dict[str, Price]:
    """Return the prices by key."""
    return {
        key: Price(unit["name"], Decimal(unit["usd"]), unit["per"], unit["free"], unit["source"])
        for key, unit in price_document()["units"].items()
    }


@cache
def price_document() -> dict[str, Any]:
    """Return aws_prices.json: region, date and prices."""
    text = (files("pointsman") / "data/aws_prices.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def monthly_bill(day: DayLoad) -> Bill:
    """Return the bill of a month of such days."""
    price_list = prices()
    amounts = monthly_units(day)
    items = [BillItem(key, price_list[key], amount, price_list[key].of(amount)) for key, amount in amounts.items()]
    return Bill(day, tuple(sorted(items, key=lambda item: (-item.usd, item.key))))


def share_nano(day: DayLoad) -> int:
    """Return a day's share of the bill of a month of such days, in nano-dollars: an estimate."""
    return nano(monthly_bill(day).usd / DAYS_OF_MONTH)
