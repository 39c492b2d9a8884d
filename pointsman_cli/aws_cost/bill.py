"""The bill: units beyond what is free, times their prices."""

import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from pointsman.domain.taxonomy import Tier
from pointsman_cli.aws_cost import units
from pointsman_cli.aws_cost.units import Resources

EXPRESS_CHUNK_GB = Decimal("0.0625")
"""An Express workflow is billed by 64 MB of memory."""
EXPRESS_LIMIT = 300
"""Seconds that an Express workflow may take: the reasoning function's 600 do not fit."""


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
class Item:
    """A line of the bill, for a month of 30 days."""

    key: str
    price: Price
    units: Decimal
    usd: Decimal


@dataclass(frozen=True, slots=True)
class Bill:
    """A month of so many tasks a day."""

    tasks_per_day: int
    items: tuple[Item, ...]
    """Dearest first."""

    @property
    def usd(self) -> Decimal:
        """The whole bill."""
        return sum((item.usd for item in self.items), Decimal())

    @property
    def dearest(self) -> Item:
        """The line that costs most."""
        return self.items[0]


def prices() -> dict[str, Price]:
    """Return the prices by their keys."""
    return {
        key: Price(each["name"], Decimal(each["usd"]), each["per"], each["free"], each["source"])
        for key, each in document()["units"].items()
    }


@cache
def document() -> dict[str, Any]:
    """Return prices.json: region, date and prices."""
    stated: dict[str, Any] = json.loads((files("pointsman_cli") / "aws_cost/prices.json").read_text(encoding="utf-8"))
    return stated


def bill(tasks_per_day: int, deployed: Resources) -> Bill:
    """Return the bill of a month."""
    known = prices()
    used = units.units(tasks_per_day, deployed)
    items = [Item(key, known[key], amount, known[key].of(amount)) for key, amount in used.items()]
    return Bill(tasks_per_day, tuple(sorted(items, key=lambda item: (-item.usd, item.key))))


@dataclass(frozen=True, slots=True)
class Saving:
    """What would make a line at least half as dear."""

    how: str
    usd: Decimal
    """The line's cost, or of what stands in its place, then."""


def halved(made: Bill) -> Saving | None:
    """Return what would halve the dearest line, where a way is known."""
    way = {"transitions": _express, "lambda_gb_seconds": _half_memory}
    found = way.get(made.dearest.key)
    return found(made) if found else None


def _express(made: Bill) -> Saving:
    """Tasks below the reasoning tier in an Express workflow, a Standard one only for those that have to wait."""
    tasks, known = Decimal(made.tasks_per_day * units.DAYS), prices()
    short = [tier for tier in Tier if tier is not Tier.REASONING]
    seconds = sum((units.share(tier) * (units.CALL_SECONDS[tier] + Decimal("0.5")) for tier in short), Decimal())
    moved = tasks * (1 - units.share(Tier.REASONING))
    usd = known["express_requests"].of(moved) + known["express_gb_seconds"].of(tasks * seconds * EXPRESS_CHUNK_GB)
    usd += known["transitions"].of((tasks - moved) * units.TRANSITIONS)
    return Saving(
        "an Express workflow for what ends within its five minutes, with the Standard one for tasks that wait "
        "and for the reasoning tier",
        usd,
    )


def _half_memory(made: Bill) -> Saving:
    return Saving("512 MB: the time is a model's, which memory does not shorten", made.dearest.usd / 2)
