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
from pointsman_cli.aws_cost import first_estimate, lanes

COST_WIDTH = 96
"""Columns where there is room for as many."""
_CENT = Decimal("0.01")


def cost_text(bills: Sequence[Bill], width: int = COST_WIDTH, ledger: lanes.LaneCase | None = None) -> str:
    """Return the tables as text of so many columns; of fewer than 60 as of 60."""
    costs, page = price_document(), _Page(max(width, 60))
    head = f"Monthly AWS bill in USD, without models. Region {costs['region']}, list prices of {costs['date']}."
    bill_texts = (_bill(bill, page) for bill in bills)
    own = (_express(page), _first_estimate(page), _lanes(page, ledger), _sources(page))
    parts = ["\n".join(page.folded(head)), *bill_texts, *own]
    return "\n\n".join(parts) + "\n"


@dataclass(frozen=True, slots=True)
class _Page:
    """Text of so many columns."""

    width: int

    def folded(self, words: str) -> list[str]:
        """Return the lines of a paragraph, indented as its beginning is."""
        indent = " " * (len(words) - len(words.lstrip()))
        return textwrap.wrap(
            words.strip(), self.width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
        )

    def table(self, rows: Sequence[Sequence[str]], widths: Sequence[int]) -> list[str]:
        """Return the lines of a table of names and numbers, in columns of those widths or of what there is room for."""
        first, *others = widths
        if 2 + sum(widths) > self.width:
            others = [max(map(len, column)) + 2 for column in list(zip(*rows, strict=True))[1:]]
            first = self.width - 2 - sum(others)
        lines = []
        for name, *numbers in rows:
            *above, last = textwrap.wrap(name, first, break_on_hyphens=False)
            cells = "".join(f"{number:>{size}}" for number, size in zip(numbers, others, strict=True))
            lines += [*(f"  {line}" for line in above), f"  {last:<{first}}{cells}"]
        return lines


def cost_document(bills: Sequence[Bill], ledger: lanes.LaneCase | None = None) -> dict[str, Any]:
    """Return the tables as a JSON document. Amounts are whole nano-dollars, and (deprecated) decimal strings."""
    document: dict[str, Any] = _with_nano_usd(_document(bills, ledger))
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


def _document(bills: Sequence[Bill], ledger: lanes.LaneCase | None) -> dict[str, Any]:
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
        "lanes": [
            {
                "case": case.name,
                "standard_usd": f"{case.standard:.4f}",
                "where_allowed_usd": f"{case.where_allowed:.4f}",
                "economy_usd": f"{case.economy:.4f}",
            }
            for case in _lane_cases(ledger)
        ],
    }


def _express_document(bill: Bill) -> dict[str, Any]:
    usd = _express_usd(bill)
    saved = _transitions_usd(bill) - usd
    return {"usd": f"{usd:.6f}", "saved_usd": f"{saved:.6f}", "weakens": list(EXPRESS_WEAKENS)}


def _lane_cases(ledger: lanes.LaneCase | None) -> list[lanes.LaneCase]:
    return [*lanes.expected_cases(), *([ledger] if ledger else [])]


def _saving(bill: Bill) -> dict[str, str] | None:
    saving = halve_top_item(bill)
    return {"how": saving.how, "usd": f"{saving.usd:.6f}"} if saving else None


def _bill(bill: Bill, page: _Page) -> str:
    paid = [item for item in bill.items if item.usd > 0]
    cells = [(item.price.name, _units(item.units), _free(item.price.free), _usd(item.usd)) for item in paid]
    lines = [f"{bill.day.tasks:,} tasks a day: {_usd(bill.usd)} a month", ""]
    lines += page.table([("billed", "units", "free units", "USD"), *cells], (46, 18, 16, 13))
    if free := [item.price.name for item in bill.items if not item.usd]:
        lines += ["", *page.folded("  covered by free allowances: " + "; ".join(sorted(free)) + ".")]
    top = bill.most_expensive
    lines += ["", *page.folded(f"  most expensive: {top.price.name}, {_usd(top.usd)}.")]
    if saving := halve_top_item(bill):
        lines += page.folded(f"  can be cut to {_usd(saving.usd)} by {saving.how}.")
    lines += page.folded(f"  {_express_words(bill)}")
    listed = f"  of the write units, {_units(_list_units(bill))} keep the index of `pointsman list`, one a task:"
    lines += page.folded(f"{listed} {_usd(_list_usd(bill))}.")
    return "\n".join(lines)


def _express_words(bill: Bill) -> str:
    saved = _transitions_usd(bill) - _express_usd(bill)
    if saved < _CENT:
        return "an Express workflow would save nothing here."
    return f"an Express workflow would save {_usd(saved)}; the end of this page says what it would weaken."


def _express(page: _Page) -> str:
    weakened = [line for words in EXPRESS_WEAKENS for line in page.folded(f"  {words}.")]
    return "\n".join(["What an Express workflow on the plain path would weaken", "", *weakened])


def _list_units(bill: Bill) -> Decimal:
    return bill.day.tasks * units.DAYS_OF_MONTH * units.LIST_WRITES


def _list_usd(bill: Bill) -> Decimal:
    """Return what the index of `pointsman list` costs: write units have no free allowance."""
    return prices()["dynamodb_writes"].of(_list_units(bill))


def _first_estimate(page: _Page) -> str:
    head = "The first estimate (98% saved, under $5 a month) recomputed: models only, 30 days"
    cases = [
        (case.name, f"{case.spent:.2f}", f"{case.baseline:.2f}", f"{case.saved:.1f}%")
        for case in first_estimate.cases()
    ]
    need = 100 * first_estimate.free_share_for(Decimal(98))
    lines = [
        *page.folded(head),
        "",
        *page.table([("case", "USD", "baseline", "saved"), *cases], (58, 10, 10, 9)),
        "",
        *page.folded(f"  To save 98%, {need:.0f}% of all tokens must be free, without any reasoning work."),
    ]
    return "\n".join(lines)


def _lanes(page: _Page, ledger: lanes.LaneCase | None) -> str:
    rows = [("case", "standard", "where it may wait", "all economy")]
    rows += [
        (case.name, f"{case.standard:.2f}", f"{case.where_allowed:.2f}", f"{case.economy:.2f}")
        for case in _lane_cases(ledger)
    ]
    return "\n".join(
        [
            *page.folded("The economy lane: a month of the models' expected work in USD, by what goes there"),
            "",
            *page.table(rows, (44, 12, 20, 14)),
            "",
            *page.folded("  Documentation and design reviews may wait a day. Free work costs nothing in either lane."),
        ]
    )


def _sources(page: _Page) -> str:
    costs = price_document()
    lines: list[str] = ["Price sources"]
    for key, meaning in costs["sources"].items():
        names = sorted(unit["name"] for unit in costs["units"].values() if unit["source"] == key)
        lines += ["", *page.folded(f"  {meaning}: {'; '.join(names)}.")]
    return "\n".join(lines)


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
