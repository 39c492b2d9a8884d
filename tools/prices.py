"""Write the price list that the functions carry, from genai-prices, for exactly the models of the catalogue.

genai-prices costs about half a second of import, so it is asked here and in the tests, not at a cold start. Run by
`make prices`; `--check` only says whether the file is what it would write.
"""

import json
import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from genai_prices import Usage, calc_price
from genai_prices.data import providers
from genai_prices.types import ConditionalPrice, ModelPrice, StartDateConstraint, TieredPrices

DATA = Path(__file__).parents[1] / "layers/core/pointsman/data"
PROVIDERS = {"gemini": "google", "anthropic": "anthropic"}
KINDS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write_5m": "cache_write_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
}


def price_list() -> dict[str, Any]:
    """Return `{model: [{"from": date|null, "bands": [{"above": prompt tokens, kind: USD per million, ...}]}]}`.

    A model that has no paid tier, by the catalogue and by genai-prices alike, costs 0.
    """
    models = json.loads((DATA / "models.json").read_text())["models"]
    prices = {name: _dated(name, PROVIDERS[model["provider"]]) for name, model in sorted(models.items())}
    for name, dated in prices.items():
        for band in (band for entry in dated for band in entry["bands"]):
            if ("input" not in band) is not models[name].get("free_only", False):
                raise SystemExit(f"{name}: free_only and its price contradict each other")
            band |= {"input": "0", "output": "0"} if "input" not in band else {}
    return prices


def _dated(name: str, provider_id: str) -> list[dict[str, Any]]:
    result = next(m for p in providers if p.id == provider_id for m in p.models if m.id == name)
    listed = result.prices if isinstance(result.prices, list) else [ConditionalPrice(prices=result.prices)]
    starts = [e.constraint.start_date for e in listed if isinstance(e.constraint, StartDateConstraint)]
    dated = []
    for entry in listed:
        constraint = entry.constraint
        if constraint is not None and not isinstance(constraint, StartDateConstraint):
            continue  # service tiers and hours of the day: not what a plain request pays
        start = constraint.start_date if constraint else None
        sample = start or min(starts, default=date(2027, 1, 1)) - timedelta(days=1)
        bands = _bands(entry.prices, name, provider_id, sample)
        dated.append({"from": start.isoformat() if start else None, "bands": bands})
    return dated


def _bands(price: ModelPrice, name: str, provider_id: str, day: date) -> list[dict[str, Any]]:
    edges = {0}
    for field in KINDS.values():
        value = getattr(price, field)
        if isinstance(value, TieredPrices):
            edges |= {tier.start for tier in value.tiers}
    return [_band(price, edge, name, provider_id, day) for edge in sorted(edges)]


def _band(price: ModelPrice, above: int, name: str, provider_id: str, day: date) -> dict[str, Any]:
    band: dict[str, Any] = {"above": above}
    for kind, field in KINDS.items():
        value = getattr(price, field)
        if isinstance(value, TieredPrices):
            reached = [tier.price for tier in value.tiers if tier.start <= above]
            value = reached[-1] if reached else value.base
        if value is not None:
            band[kind] = str(value)
    moment = datetime.combine(day, time(), UTC)
    tokens = above + 1
    usages = {
        "batch_input": Usage(input_tokens=tokens, output_tokens=0),
        "batch_output": Usage(input_tokens=tokens, output_tokens=1),
    }
    if "cache_read" in band:
        usages["batch_cache_read"] = Usage(input_tokens=tokens, cache_read_tokens=tokens, output_tokens=0)
    for kind, usage in usages.items():
        batch = calc_price(
            usage,
            model_ref=name,
            provider_id=provider_id,
            genai_request_timestamp=moment,
            price_context={"processing": "batch"},
        )
        cost = batch.output_price if kind == "batch_output" else batch.input_price / tokens
        band[kind] = str((Decimal(cost) * 1_000_000).normalize())
    return band


def main() -> int:
    """Write or check the file; return the exit code."""
    path, text = DATA / "prices.json", json.dumps(price_list(), indent=1, sort_keys=True) + "\n"
    if "--check" in sys.argv:
        same = path.exists() and path.read_text() == text
        print(f"{path.name}: {'up to date' if same else 'differs from genai-prices; run make prices'}")
        return 0 if same else 1
    path.write_text(text)
    print(f"wrote {path.name}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
