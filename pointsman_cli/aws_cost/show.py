"""The cost tables as text: as the command prints them and as docs/cost.md holds them."""

import textwrap
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from pointsman.report.figures.aws_bill import Bill, price_document
from pointsman_cli.aws_cost import seed
from pointsman_cli.aws_cost.saving import halved

CENT = Decimal("0.01")


def cost_text(bills: Sequence[Bill]) -> str:
    """Return everything that the command prints."""
    costs = price_document()
    head = f"What AWS charges a month, {costs['region']}, list prices of {costs['date']}, USD. Models are not in it."
    parts = [head, *(_bill(bill) for bill in bills), _seed(), _sources()]
    return "\n\n".join(parts) + "\n"


def cost_document(bills: Sequence[Bill]) -> dict[str, Any]:
    """Return the same for programs; amounts are decimal texts."""
    costs = price_document()
    return {
        "region": costs["region"],
        "date": costs["date"],
        "bills": [
            {
                "tasks_per_day": int(bill.day.tasks),
                "usd": f"{bill.usd:.6f}",
                "dearest": bill.most_expensive.key,
                "halved": {"how": way.how, "usd": f"{way.usd:.6f}"} if (way := halved(bill)) else None,
                "items": [
                    {"unit": item.key, "units": f"{item.units:.3f}", "free": item.price.free, "usd": f"{item.usd:.6f}"}
                    for item in bill.items
                ],
            }
            for bill in bills
        ],
        "seed": [
            {
                "case": case.name,
                "usd": f"{case.spent:.4f}",
                "baseline_usd": f"{case.baseline:.4f}",
                "saved_percent": f"{case.saved:.2f}",
            }
            for case in seed.cases()
        ],
    }


def _bill(made: Bill) -> str:
    paid = [item for item in made.items if item.usd > 0]
    lines = [f"{made.day.tasks:,} tasks a day: {_usd(made.usd)} a month", ""]
    lines += [f"  {'not free':<46}{'units':>18}{'free of them':>16}{'USD':>13}"]
    lines += [
        f"  {item.price.name:<46}{_units(item.units):>18}{_free(item.price.free):>16}{_usd(item.usd):>13}"
        for item in paid
    ]
    if free := [item.price.name for item in made.items if not item.usd]:
        lines += ["", *_folded("  within what is free: " + "; ".join(sorted(free)) + ".")]
    dearest = f"  dearest: {made.most_expensive.price.name}, {_usd(made.most_expensive.usd)}"
    lines += ["", dearest + "."]
    if way := halved(made):
        lines += _folded(f"  more than halved by {way.how}: {_usd(way.usd)}.")
    return "\n".join(lines)


def _seed() -> str:
    lines = ["The first estimate (98% saved, under $5 a month) computed again: models alone, a month of 30 days", ""]
    lines += [f"  {'case':<58}{'USD':>10}{'before':>10}{'saved':>9}"]
    lines += [f"  {case.name:<58}{case.spent:>10.2f}{case.baseline:>10.2f}{case.saved:>8.1f}%" for case in seed.cases()]
    need = 100 * seed.free_share_for(Decimal(98))
    lines += [
        "",
        *_folded(f"  98% would need {need:.0f}% of all tokens on the free tier and no reasoning work at all."),
    ]
    return "\n".join(lines)


def _sources() -> str:
    costs = price_document()
    lines: list[str] = ["Where the prices come from"]
    for key, meaning in costs["sources"].items():
        names = sorted(unit["name"] for unit in costs["units"].values() if unit["source"] == key)
        lines += ["", *_folded(f"  {meaning}: {'; '.join(names)}.")]
    return "\n".join(lines)


def _folded(words: str) -> list[str]:
    indent = " " * (len(words) - len(words.lstrip()))
    return textwrap.wrap(words.strip(), 96, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _free(amount: int) -> str:
    return f"{amount:,}" if amount else "-"


def _units(amount: Decimal) -> str:
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:,.3f}"


def _usd(amount: Decimal) -> str:
    return f"${amount:,.2f}" if amount >= 10 else f"${amount:.4f}" if amount >= CENT / 100 else "<$0.0001"
