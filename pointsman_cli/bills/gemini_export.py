"""What Google charged for the Gemini API, from a file of the Cloud Billing export: CSV, a JSON list, or JSON lines."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from pointsman.report.bill.charges import (
    BATCH_TIER,
    GLOBAL,
    STANDARD_TIER,
    BilledCharge,
    Cause,
    ChargeKey,
    MeteredTokens,
    ProviderBill,
)
from pointsman.routing.catalog import Catalog, Provider
from pointsman.values.money import NANO_PER_USD, nano
from pointsman_cli.bills.anthropic_bill import last_place
from pointsman_cli.errors import BadInputError
from pointsman_cli.reading import read_text

_SERVICE = "gemini api"
_LATEST_AFTER = timedelta(hours=24)
"""How long after a day's end its charges may still be exported."""
_REQUIRED = ("usage_start_time", "sku_description", "cost", "currency")
_TOKENS = re.compile(r"\b(cached )?(?:\w+ )?(?:cached )?(input|output) token count\b")
_TIERS = {"batch": BATCH_TIER, "flex": "flex", "priority": "priority"}
_BESIDE_MODEL = {
    *("short", "long", "text", "input", "output", "thinking", "non", "caching", "preview", "for"),
    *_TIERS,
}
"""Words of a SKU that name no other model."""


def read_gemini_export(file: Path, days: tuple[date, ...], catalog: Catalog) -> ProviderBill:
    """Return the bill of the days.

    Raises:
        BadInputError: The file cannot be read, or lacks a column; the message names it.
    """
    rows = [_Row(number, fields, file) for number, fields in enumerate(_records(read_text(file), file), 1)]
    if not rows:
        raise BadInputError(f"{file}: has no rows")
    rows = [row for row in rows if row.is_gemini]
    within = [row for row in rows if row.day in days]
    return ProviderBill(
        Provider.GEMINI,
        days,
        tuple(charge for row in within for charge in row.charges(catalog)),
        tuple(tokens for row in within if (tokens := row.metered(catalog))),
        frozenset(_late(rows, days)),
        last_place([row.cost for row in rows]) * NANO_PER_USD,
    )


def _late(rows: "list[_Row]", days: tuple[date, ...]) -> Iterator[date]:
    """Yield the days that the file may not have whole."""
    exported = max((row.exported for row in rows if row.exported), default=None)
    begun = max((row.day for row in rows), default=None)
    for day in days:
        if exported:
            complete = datetime.combine(day + timedelta(days=1), time(), UTC) + _LATEST_AFTER <= exported
        else:
            complete = begun is not None and day < begun
        if not complete:
            yield day


class _Row:
    """One row of the export."""

    def __init__(self, number: int, fields: Mapping[str, Any], file: Path) -> None:
        self._place, self._fields = f"{file}: row {number}", fields
        for name in _REQUIRED:
            if fields.get(name) in (None, ""):
                raise BadInputError(f"{self._place}: {name} is missing")
        self.day = self._time("usage_start_time").date()
        self.exported = self._time("export_time") if fields.get("export_time") else None
        self.cost = self._number("cost")
        self._sku = str(fields["sku_description"])
        self._workspace = str(fields["project_id"]) if fields.get("project_id") else None
        self._tokens = self._token_count()

    @property
    def is_gemini(self) -> bool:
        """Whether it is of the Gemini API, or does not say."""
        return str(self._fields.get("service_description") or _SERVICE).lower() == _SERVICE

    def charges(self, catalog: Catalog) -> Iterator[BilledCharge]:
        """Yield the row's cost, and its credits."""
        key, kind = self._key(catalog), str(self._fields.get("cost_type") or "regular").lower()
        cause = {"tax": Cause.TAX, "rounding_error": Cause.ROUNDING}.get(kind)
        if cause is None and kind != "regular":
            key = key._replace(kind=kind)
        yield BilledCharge(key, self._usd(self.cost), self._workspace, cause=cause)
        if credits_given := self._credits():
            yield BilledCharge(key, self._usd(credits_given), self._workspace, cause=Cause.CREDIT)

    def metered(self, catalog: Catalog) -> MeteredTokens | None:
        """Return the row's tokens; None: it counts none."""
        if not self._tokens:
            return None
        return MeteredTokens(self._key(catalog), self._tokens, GLOBAL, self._workspace)

    def _key(self, catalog: Catalog) -> ChargeKey:
        """Return what the SKU is for; one that is not understood stands under its own name."""
        words = " ".join(re.split(r"[^a-z0-9.]+", self._sku.lower())).strip()
        counted, model = _TOKENS.search(words), _model_in(words, catalog)
        if not counted or model is None:
            return ChargeKey(self.day, self._sku, "not tokens" if not counted else counted[2], STANDARD_TIER)
        kind = "cache_read" if counted[2] == "input" and re.search(r"\bcach(ed|ing)\b", words) else counted[2]
        lane = next((tier for word, tier in _TIERS.items() if re.search(rf"\b{word}\b", words)), STANDARD_TIER)
        return ChargeKey(self.day, model, kind, lane)

    def _token_count(self) -> int:
        unit = str(self._fields.get("usage_unit") or "").lower()
        is_regular = str(self._fields.get("cost_type") or "regular").lower() == "regular"
        if unit not in ("count", "tokens", "token") or not is_regular:
            return 0
        return int(self._number("usage_amount"))

    def _credits(self) -> Decimal:
        stated = self._fields.get("credits")
        if isinstance(stated, str) and stated.lstrip().startswith("["):
            stated = json.loads(stated, parse_float=Decimal)
        if isinstance(stated, list):
            return sum((Decimal(str(entry.get("amount") or 0)) for entry in stated), Decimal(0))
        return self._number("credits") if stated not in (None, "") else Decimal(0)

    def _usd(self, amount: Decimal) -> int:
        """Return an amount in nano-dollars: the export's rate says how many of its currency make a dollar."""
        currency = str(self._fields["currency"]).upper()
        if currency == "USD":
            return nano(amount)
        if not self._fields.get("currency_conversion_rate"):
            raise BadInputError(f"{self._place}: currency_conversion_rate is missing, and the currency is {currency}")
        return nano(amount / self._number("currency_conversion_rate"))

    def _number(self, name: str) -> Decimal:
        try:
            number = Decimal(str(self._fields.get(name)).replace(",", ""))
        except InvalidOperation:
            number = Decimal("nan")
        if not number.is_finite():
            raise BadInputError(f"{self._place}: {name} must be a number")
        return number

    def _time(self, name: str) -> datetime:
        text = str(self._fields[name]).strip().replace(" UTC", "+00:00")
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise BadInputError(f"{self._place}: {name} must be a time such as 2026-11-21 05:00:00 UTC") from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _model_in(words: str, catalog: Catalog) -> str | None:
    """Return the model that a SKU's words name; None: it names none of the catalogue, or another one of its family."""
    names = {model.id.replace("-", " "): model.id for model in catalog.models.values()}
    for name in sorted(names, key=len, reverse=True):
        if found := re.search(rf"\b{re.escape(name)}\b(?!\.)", words):
            after = words[found.end() :].split()
            return names[name] if all(word in _BESIDE_MODEL for word in after) else None
    return None


def _records(text: str, file: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the rows' fields, with nested names joined by underscores as in `sku_description`."""
    if not text.lstrip().startswith(("[", "{")):
        reader = csv.DictReader(io.StringIO(text))
        names = {name: _plain_name(name) for name in reader.fieldnames or ()}
        if missing := [name for name in _REQUIRED if name not in names.values()]:
            raise BadInputError(f"{file}: column {missing[0]} is missing")
        yield from ({names[name]: value for name, value in row.items() if name in names} for row in reader)
        return
    try:
        if text.lstrip().startswith("["):
            rows = json.loads(text, parse_float=Decimal)
        else:
            rows = [json.loads(line, parse_float=Decimal) for line in text.splitlines() if line.strip()]
    except ValueError:
        raise BadInputError(f"{file}: must be CSV, a JSON list of rows, or one JSON row per line") from None
    for row in rows:
        if not isinstance(row, dict):
            raise BadInputError(f"{file}: each row must be a JSON object")
        yield dict(_flat(row))


def _flat(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}_")
        else:
            yield _plain_name(prefix + name), value


def _plain_name(name: str) -> str:
    return name.strip().lower().replace(".", "_")
