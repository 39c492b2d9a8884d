"""How to cut the most expensive line of the AWS bill by half or more."""

from dataclasses import dataclass
from decimal import Decimal

from pointsman.report.figures import aws_units as units
from pointsman.report.figures.aws_bill import Bill, prices
from pointsman.values.taxonomy import Tier

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


def _express_workflow(bill: Bill) -> Saving:
    """Run the tasks below the reasoning tier in an Express workflow, and in a Standard one only if they must wait."""
    tasks, price_list = bill.day.tasks * units.DAYS_OF_MONTH, prices()
    short = [tier for tier in Tier if tier is not Tier.REASONING]
    seconds = sum((units.tier_share(tier) * (units.CALL_SECONDS[tier] + Decimal("0.5")) for tier in short), Decimal())
    moved = tasks * (1 - units.tier_share(Tier.REASONING))
    usd = price_list["express_requests"].of(moved)
    usd += price_list["express_gb_seconds"].of(tasks * seconds * _EXPRESS_CHUNK_GB)
    usd += price_list["transitions"].of((tasks - moved) * units.TASK_TRANSITIONS)
    return Saving(
        "running tasks that end within five minutes in an Express workflow, and only the reasoning tier and tasks that "
        "wait in the Standard one",
        usd,
    )


def _half_memory(bill: Bill) -> Saving:
    return Saving(
        "giving functions 512 MB: they wait for a model, which memory does not speed up", bill.most_expensive.usd / 2
    )
