"""A provider's bill as the comparison reads it: what it charged, and what it metered."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

STANDARD_TIER, BATCH_TIER = "standard", "batch"
"""Service tiers, in the providers' words."""
GLOBAL, US = "global", "us"
"""Geographies; `global` also where a provider knows none."""
TOKEN_KINDS = ("input", "cache_read", "cache_write_5m", "cache_write_1h", "output")
"""Kinds of tokens that have a price, in the ledger's names."""
CALL = "call"
"""In place of a kind: a call whose cost is not known."""


class Cause(StrEnum):
    """Why a provider charged something else than the ledger has booked. Each is claimed only where data proves it."""

    OTHER_WORKSPACE = "other_workspace"
    """Charged to another workspace or project."""
    OTHER_KEY = "other_key"
    """Metered for another API key of the workspace."""
    CREDIT = "credit"
    """A credit or discount, by the bill's own word."""
    TAX = "tax"
    """A tax, by the bill's own word."""
    LATE = "late"
    """Of a day whose bill is not complete yet."""
    MIDNIGHT = "midnight"
    """Of calls that began before midnight UTC and ended after it: the provider counts them on the other day."""
    SERVICE_TIER = "service_tier"
    """The same tokens, served in another tier."""
    GEOGRAPHY = "geography"
    """The same tokens, served in another geography."""
    PRICE = "price"
    """The same tokens at another price."""
    ROUNDING = "rounding"
    """The same tokens, within half of the last place of the bill's amounts."""
    UNKNOWN_CALLS = "unknown_calls"
    """Calls whose cost nobody knows, booked as reserved: charged with nothing up to that."""


class ChargeKey(NamedTuple):
    """What a charge is for."""

    day: date
    """Of UTC."""
    model: str
    kind: str
    """One of `TOKEN_KINDS`, or the bill's own word for what is no tokens."""
    lane: str
    """The service tier."""


class LineKey(NamedTuple):
    """What one line compares."""

    day: date
    model: str
    kind: str
    lane: str
    geography: str


@dataclass(frozen=True, slots=True)
class BilledCharge:
    """An amount of the bill."""

    key: ChargeKey
    nano: int
    workspace: str | None = None
    """The workspace or project; None: the default one, or not stated."""
    geography: str | None = None
    """None: the bill does not split its amounts by it."""
    cause: Cause | None = None
    """What it is by the bill's own word: a credit or a tax."""


@dataclass(frozen=True, slots=True)
class MeteredTokens:
    """Tokens that the provider counted."""

    key: ChargeKey
    tokens: int
    geography: str = GLOBAL
    workspace: str | None = None
    api_key: str | None = None
    """None: no key's, such as the Console's Workbench, or not stated."""


@dataclass(frozen=True, slots=True)
class ProviderBill:
    """What one provider charged and metered in a period."""

    provider: str
    days: tuple[date, ...]
    """All days that were asked for."""
    charges: tuple[BilledCharge, ...]
    metered: tuple[MeteredTokens, ...]
    late: frozenset[date]
    """Days whose charges are not complete, by the bill itself."""
    last_place_nano: Decimal
    """One unit of the last place of its amounts."""


@dataclass(frozen=True, slots=True)
class StackAccount:
    """Which part of a provider's bill the stack's own key causes; empty: all of it may."""

    workspaces: Collection[str | None] = ()
    api_keys: Collection[str] = ()

    def has_workspace(self, workspace: str | None) -> bool:
        """Return whether charges of the workspace are the stack's."""
        return not self.workspaces or workspace in self.workspaces

    def has_key(self, api_key: str | None) -> bool:
        """Return whether tokens of the API key are the stack's."""
        return not self.api_keys or api_key in self.api_keys
