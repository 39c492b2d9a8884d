"""Which part of a provider's charges the stack's own key has caused, by the tokens that the provider metered."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from decimal import Decimal

from pointsman.report.bill.charges import (
    BATCH_TIER,
    GLOBAL,
    TOKEN_KINDS,
    US,
    ChargeKey,
    LineKey,
    MeteredTokens,
    ProviderBill,
    StackAccount,
)
from pointsman.routing.catalog import Catalog, Model
from pointsman.values.money import nano, shares

_WEIGHT = 1_000
"""What makes whole numbers of the surcharges."""


@dataclass(slots=True)
class OwnShare:
    """A line's charge, split into the stack's part and that of other API keys."""

    tokens: int = 0
    nano: int = 0
    others_nano: int = 0
    slack_nano: Decimal = Decimal(0)
    """How far rounding alone can put the amount off."""
    is_known: bool = True
    """False: other keys have tokens in it, and what theirs cost cannot be told; `nano` is then all of it."""
    is_joint: bool = False
    """Whether its amount is part of one for several geographies, split by their tokens."""
    is_charged: bool = True
    """False: the tokens are metered, and nothing is charged for them, not even $0."""


@dataclass(slots=True)
class _Amount:
    nano: int = 0
    rows: int = 0


type _ByGeography = Mapping[str, int]


def own_shares(catalog: Catalog, bill: ProviderBill, account: StackAccount) -> dict[LineKey, OwnShare]:
    """Return the charges and the metered tokens of the stack's workspaces by line, credits and taxes left out."""
    own, others = _tokens(bill.metered, account, own=True), _tokens(bill.metered, account, own=False)
    amounts: defaultdict[tuple[ChargeKey, str | None], _Amount] = defaultdict(_Amount)
    charges = [it for it in bill.charges if it.cause is None and account.has_workspace(it.workspace)]
    not_split = {charge.key for charge in charges if charge.geography is None}
    for charge in charges:
        amount = amounts[charge.key, None if charge.key in not_split else charge.geography]
        amount.nano, amount.rows = amount.nano + charge.nano, amount.rows + 1
    for key in own.keys() | others.keys():
        if (key, None) not in amounts:  # split by geography, or metered and not charged
            for place in own[key].keys() | others[key].keys():
                amounts[key, place] = amounts[key, place]
    shares_by_line: dict[LineKey, OwnShare] = {}
    for (key, geography), amount in amounts.items():
        places = [geography] if geography else sorted(own[key].keys() | others[key].keys()) or [GLOBAL]
        slack = amount.rows * (bill.last_place_nano / 2 + 1)
        of_own, of_others = ({place: tokens[key].get(place, 0) for place in places} for tokens in (own, others))
        parts = _split(catalog.models.get(key.model), key, amount.nano, of_own, of_others, slack)
        for place, share in parts.items():
            share.is_charged, share.is_joint = amount.rows > 0, len(parts) > 1
            shares_by_line[LineKey(*key, place)] = share
    return shares_by_line


def _tokens(
    metered: tuple[MeteredTokens, ...], account: StackAccount, *, own: bool
) -> defaultdict[ChargeKey, dict[str, int]]:
    tokens: defaultdict[ChargeKey, dict[str, int]] = defaultdict(dict)
    for row in metered:
        if account.has_workspace(row.workspace) and account.has_key(row.api_key) is own:
            of_key = tokens[row.key]
            of_key[row.geography] = of_key.get(row.geography, 0) + row.tokens
    return tokens


def _split(
    model: Model | None, key: ChargeKey, amount: int, own: _ByGeography, others: _ByGeography, slack: Decimal
) -> dict[str, OwnShare]:
    """Return a charge by geography, and each part by whose tokens it was for."""
    places = list(own)
    if not any(own.values()) and not any(others.values()):
        return {places[0]: OwnShare(0, amount, 0, slack)}
    factors = {place: model.regional_factor if model and place == US else Decimal(1) for place in places}
    if any(own.values()) and any(others.values()) and not _has_one_price(model, key, amount, own, others, slack):
        parts = shares(amount, [_weight(own[place] + others[place], factors[place]) for place in places])
        split = zip(places, parts, strict=True)
        return {place: OwnShare(own[place], part, 0, slack, is_known=False) for place, part in split}
    weights = [_weight(tokens[place], factors[place]) for place in places for tokens in (own, others)]
    parts = shares(amount, weights)
    return {
        place: OwnShare(own[place], parts[2 * number], parts[2 * number + 1], slack)
        for number, place in enumerate(places)
    }


def _weight(tokens: int, factor: Decimal) -> int:
    return int(tokens * factor * _WEIGHT)


def _has_one_price(
    model: Model | None, key: ChargeKey, amount: int, own: _ByGeography, others: _ByGeography, slack: Decimal
) -> bool:
    """Return whether all tokens of a charge cost the same, so that their number splits it.

    A model whose price depends on the prompt's length has one only where the amount is that of a single band.
    """
    if model is None or key.kind not in TOKEN_KINDS:
        return False
    at = datetime.combine(key.day, time(), UTC)
    bands = len(model.band_prices(at))
    if bands == 1:
        return True
    amounts = [
        sum(
            (own[place] + others[place])
            * model.band_prices(at, batch=key.lane == BATCH_TIER, regional=place == US)[band][key.kind]
            / 1_000_000
            for place in own
        )
        for band in range(bands)
    ]
    return any(abs(nano(Decimal(at_band)) - amount) <= slack for at_band in amounts)
