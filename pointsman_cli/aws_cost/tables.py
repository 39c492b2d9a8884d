"""The cost tables, as text for the terminal and docs/cost.md and as JSON, with a way to cut the largest item."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pointsman.report.figures import aws_units as units
from pointsman.report.figures.aws_bill import Bill, price_document, prices
from pointsman.values.money import NANO_PER_USD
from pointsman.values.taxonomy import Tier
from pointsman_cli.aws_cost import first_estimate

_CENT = Decimal("0.01")


def cost_text(bills: Sequence[Bill]) -> str:
    """Return the tables as text."""
    costs = price_document()
    head = f"Monthly AWS bill in USD, without models. Region {costs['region']}, list prices of {costs['date']}."
    parts = [head, *(_bill(bill) for bill in bills), _express(), _first_estimate(), _sources()]
    return "\n\n".join(parts) + "\n"


def cost_document(bills: Sequence[Bill]) -> dict[str, Any]:
    """Return the tables as a JSON document. Amounts are whole nano-dollars, and (deprecated) decimal strings."""
    document: dict[str, Any] = _with_nano_usd(_document(bills))
    return document


def _with_nano_usd(value: Any) -> Any:
    """Return a document with each amount `usd` and `*_usd` also as `nano_usd` and `*_nano_usd`."""
    if isinstance(value, dict):
        named = {name: _with_nano_usd(entry) for name, entry in value.items()}
        amounts = {name: named[name] for name in named if name == "usd" or name.endswith("_usd")}
        return named | {
            f"{name[:-3]}nano_usd": round(Decimal(amount) * NANO_PER_USD) for name, amount in amounts.items()
        }
    return [_with_nano_usd(entry) for entry in value] if isinstance(value, list) else value


def _document(bills: Sequence[Bill]) -> dict[str, Any]:
    costs = price_document()
    return {
        "region": costs["region"],
        "date": costs["date"],
        "bills": [
            {
                "tasks_per_day": int(bill.day.tasks),
                "usd": f"{bill.usd:.6f}",
                "dearest": bill.most_expensive.key,
                "halved": _saving(bill),
                "express": _express_document(bill),
                "list": {"write_units": f"{_list_units(bill):.3f}", "usd": f"{_list_usd(bill):.6f}"},
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
            for case in first_estimate.cases()
        ],
    }


def _express_document(bill: Bill) -> dict[str, Any]:
    usd = _express_usd(bill)
    saved = _transitions_usd(bill) - usd
    return {"usd": f"{usd:.6f}", "saved_usd": f"{saved:.6f}", "weakens": list(EXPRESS_WEAKENS)}


def _saving(bill: Bill) -> dict[str, str] | None:
    saving = halve_top_item(bill)
    return {"how": saving.how, "usd": f"{saving.usd:.6f}"} if saving else None


def _bill(bill: Bill) -> str:
    paid = [item for item in bill.items if item.usd > 0]
    lines = [f"{bill.day.tasks:,} tasks a day: {_usd(bill.usd)} a month", ""]
    lines += [f"  {'billed':<46}{'units':>18}{'free units':>16}{'USD':>13}"]
    lines += [
        f"  {item.price.name:<46}{_units(item.units):>18}{_free(item.price.free):>16}{_usd(item.usd):>13}"
        for item in paid
    ]
    if free := [item.price.name for item in bill.items if not item.usd]:
        lines += ["", *_folded("  covered by free allowances: " + "; ".join(sorted(free)) + ".")]
    lines += ["", f"  most expensive: {bill.most_expensive.price.name}, {_usd(bill.most_expensive.usd)}."]
    if saving := halve_top_item(bill):
        lines += _folded(f"  can be cut to {_usd(saving.usd)} by {saving.how}.")
    lines += _folded(f"  {_express_words(bill)}")
    listed = f"  of the write units, {_units(_list_units(bill))} keep the index of `pointsman list`, one a task:"
    lines += _folded(f"{listed} {_usd(_list_usd(bill))}.")
    return "\n".join(lines)


def _express_words(bill: Bill) -> str:
    saved = _transitions_usd(bill) - _express_usd(bill)
    if saved < _CENT:
        return "an Express workflow would save nothing here."
    return f"an Express workflow would save {_usd(saved)}; the end of this page says what it would weaken."


def _express() -> str:
    lines = ["What an Express workflow on the plain path would weaken", ""]
    for words in EXPRESS_WEAKENS:
        lines += textwrap.wrap(words, 94, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False)
    return "\n".join(lines)


def _list_units(bill: Bill) -> Decimal:
    return bill.day.tasks * units.DAYS_OF_MONTH * units.LIST_WRITES


def _list_usd(bill: Bill) -> Decimal:
    """Return what the index of `pointsman list` costs: write units have no free allowance."""
    return prices()["dynamodb_writes"].of(_list_units(bill))


def _first_estimate() -> str:
    lines = ["The first estimate (98% saved, under $5 a month) recomputed: models only, 30 days", ""]
    lines += [f"  {'case':<58}{'USD':>10}{'baseline':>10}{'saved':>9}"]
    lines += [
        f"  {case.name:<58}{case.spent:>10.2f}{case.baseline:>10.2f}{case.saved:>8.1f}%"
        for case in first_estimate.cases()
    ]
    need = 100 * first_estimate.free_share_for(Decimal(98))
    lines += [
        "",
        *_folded(f"  To save 98%, {need:.0f}% of all tokens must be free, without any reasoning work."),
    ]
    return "\n".join(lines)


def _sources() -> str:
    costs = price_document()
    lines: list[str] = ["Price sources"]
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
    return f"${amount:,.2f}" if amount >= 10 else f"${amount:.4f}" if amount >= _CENT / 100 else "<$0.0001"


EXPRESS_WEAKENS = (
    "at least once: names of executions are not unique, so a task may run twice at the same time; the attempt that is "
    "taken by a condition would be all that keeps a second call from being made",
    "no status events: nobody is told of an execution that was cut off, and its task ends at its deadline",
    "no list and no history: `pointsman status`, `list` and the report cannot say what a task waits for, nor stop it",
    "five minutes at most: each wait moves the task to the Standard workflow, a second way to run one",
)
"""What the product promises today by properties of Standard executions."""
_EXPRESS_CHUNK_GB = Decimal("0.0625")
"""Step Functions bills an Express workflow's memory in chunks of 64 MB."""


@dataclass(frozen=True, slots=True)
class Saving:
    """A change that halves a line of the bill."""

    how: str
    usd: Decimal
    """What the line, or its replacement, then costs."""


def halve_top_item(bill: Bill) -> Saving | None:
    """Return the change that halves the most expensive line. None if none is known."""
    changes = {"transitions": _express_workflow, "lambda_gb_seconds": _half_memory}
    change = changes.get(bill.most_expensive.key)
    return change(bill) if change else None


def _transitions_usd(bill: Bill) -> Decimal:
    return next(item.usd for item in bill.items if item.key == "transitions")


def _express_usd(bill: Bill) -> Decimal:
    """Return what the workflow costs if tasks below the reasoning tier run in an Express one, and wait in a Standard
    one.
    """
    tasks, price_list = bill.day.tasks * units.DAYS_OF_MONTH, prices()
    short = [tier for tier in Tier if tier is not Tier.REASONING]
    seconds = sum((units.tier_share(tier) * (units.CALL_SECONDS[tier] + Decimal("0.5")) for tier in short), Decimal())
    moved = tasks * (1 - units.tier_share(Tier.REASONING))
    usd = price_list["express_requests"].of(moved)
    usd += price_list["express_gb_seconds"].of(tasks * seconds * _EXPRESS_CHUNK_GB)
    return usd + price_list["transitions"].of((tasks - moved) * units.TASK_TRANSITIONS)


def _express_workflow(bill: Bill) -> Saving:
    return Saving(
        "running tasks that end within five minutes in an Express workflow, and only the reasoning tier and tasks that "
        "wait in the Standard one",
        _express_usd(bill),
    )


def _half_memory(bill: Bill) -> Saving:
    return Saving(
        "giving functions 512 MB: they wait for a model, which memory does not speed up", bill.most_expensive.usd / 2
    )
