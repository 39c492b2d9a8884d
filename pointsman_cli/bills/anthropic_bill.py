"""What Anthropic charged, from the two reports of its Admin API."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ValidationError

from pointsman.report.bill.charges import GLOBAL, STANDARD_TIER, BilledCharge, ChargeKey, MeteredTokens, ProviderBill
from pointsman.routing.catalog import Catalog, Provider, UnknownPriceError
from pointsman.values.money import NANO_PER_USD
from pointsman_cli.bills.admin_api import AdminApi
from pointsman_cli.errors import CommandError

_SETTLES_WITHIN = timedelta(hours=1)
"""After the end of a day; Anthropic says within 5 minutes."""
_NANO_PER_CENT = NANO_PER_USD // 100
_KINDS = {
    "uncached_input_tokens": "input",
    "cache_read_input_tokens": "cache_read",
    "cache_creation.ephemeral_5m_input_tokens": "cache_write_5m",
    "cache_creation.ephemeral_1h_input_tokens": "cache_write_1h",
    "output_tokens": "output",
}
_NO_GEOGRAPHY = ("not_available", "")


class _CostRow(BaseModel):
    amount: Decimal
    """Cents."""
    currency: str = "USD"
    cost_type: str | None = None
    description: str | None = None
    model: str | None = None
    service_tier: str | None = None
    token_type: str | None = None
    workspace_id: str | None = None
    inference_geo: str | None = None


class _CacheWrites(BaseModel):
    ephemeral_5m_input_tokens: int = 0
    ephemeral_1h_input_tokens: int = 0


class _UsageRow(BaseModel):
    model: str | None = None
    service_tier: str | None = None
    workspace_id: str | None = None
    api_key_id: str | None = None
    inference_geo: str | None = None
    uncached_input_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation: _CacheWrites = _CacheWrites()
    output_tokens: int = 0

    def tokens(self) -> dict[str, int]:
        """Return the tokens by the ledger's kinds."""
        return {
            "input": self.uncached_input_tokens,
            "cache_read": self.cache_read_input_tokens,
            "cache_write_5m": self.cache_creation.ephemeral_5m_input_tokens,
            "cache_write_1h": self.cache_creation.ephemeral_1h_input_tokens,
            "output": self.output_tokens,
        }


class _Bucket[Row: BaseModel](BaseModel):
    starting_at: datetime
    results: list[Row]

    @property
    def day(self) -> date:
        """The UTC day."""
        return self.starting_at.astimezone(UTC).date()


def read_anthropic_bill(api: AdminApi, days: tuple[date, ...], catalog: Catalog, now: datetime) -> ProviderBill:
    """Return the bill of the days.

    Raises:
        CommandError: The API does not answer, or not in its documented form.
    """
    metered_by = ("model", "workspace_id", "api_key_id", "service_tier", "inference_geo")
    usage = _buckets(_Bucket[_UsageRow], api.usage(days, metered_by), "usage report")
    costs = _buckets(_Bucket[_CostRow], api.costs(days, ("workspace_id", "description")), "cost report")
    charged, metered = {bucket.day for bucket in costs if bucket.results}, {bucket.day for bucket in usage}
    late = {
        day
        for day in days
        if now < datetime.combine(day + timedelta(days=1), time(), UTC) + _SETTLES_WITHIN
        or day not in metered
        or day not in {bucket.day for bucket in costs}
    }
    late |= {bucket.day for bucket in usage if bucket.results and bucket.day not in charged}
    rows = [row for bucket in costs for row in bucket.results]
    if foreign := {row.currency for row in rows} - {"USD"}:
        raise CommandError(f"Anthropic's cost report is in {', '.join(sorted(foreign))}: only USD can be compared")
    return ProviderBill(
        Provider.ANTHROPIC,
        days,
        tuple(_charge(bucket.day, row, catalog) for bucket in costs for row in bucket.results),
        tuple(found for bucket in usage for row in bucket.results for found in _metered(bucket.day, row, catalog)),
        frozenset(late),
        last_place([row.amount for row in rows]) * _NANO_PER_CENT,
    )


def last_place(amounts: Iterable[Decimal]) -> Decimal:
    """Return one unit of the last place that any of the amounts has."""
    exponents = [exponent for amount in amounts if isinstance(exponent := amount.as_tuple().exponent, int)]
    return Decimal(1).scaleb(min(exponents, default=0))


def _buckets[Bucket: BaseModel](kind: type[Bucket], found: Iterable[Any], report: str) -> list[Bucket]:
    try:
        return [kind.model_validate(bucket) for bucket in found]
    except ValidationError as error:
        fields = sorted({".".join(map(str, problem["loc"])) for problem in error.errors()})
        raise CommandError(f"Anthropic's {report} has another form than documented: {', '.join(fields[:3])}") from None


def _charge(day: date, row: _CostRow, catalog: Catalog) -> BilledCharge:
    kind = _KINDS.get(row.token_type or "", row.token_type or row.cost_type or row.description or "not stated")
    key = ChargeKey(day, _model_name(row.model, catalog), kind, row.service_tier or STANDARD_TIER)
    geography = _geography(row.inference_geo) if row.inference_geo else None
    return BilledCharge(key, int((row.amount * _NANO_PER_CENT).to_integral_value()), row.workspace_id, geography)


def _metered(day: date, row: _UsageRow, catalog: Catalog) -> Iterator[MeteredTokens]:
    for kind, tokens in row.tokens().items():
        if tokens:
            key = ChargeKey(day, _model_name(row.model, catalog), kind, row.service_tier or STANDARD_TIER)
            yield MeteredTokens(key, tokens, _geography(row.inference_geo), row.workspace_id, row.api_key_id)


def _geography(stated: str | None) -> str:
    return GLOBAL if stated is None or stated in _NO_GEOGRAPHY else stated


def _model_name(stated: str | None, catalog: Catalog) -> str:
    """Return the catalogue's id of a model, else the name that the report has."""
    try:
        return catalog.billed_as(stated or "").id
    except UnknownPriceError:
        return stated or "(no model)"
