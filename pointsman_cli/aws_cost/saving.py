"""What would make the dearest line of the AWS bill at least half as dear."""

from dataclasses import dataclass
from decimal import Decimal

from pointsman.report.figures import aws_units as units
from pointsman.report.figures.aws_bill import Bill, prices
from pointsman.values.taxonomy import Tier

EXPRESS_CHUNK_GB = Decimal("0.0625")
"""An Express workflow is billed by 64 MB of memory."""


@dataclass(frozen=True, slots=True)
class Saving:
    """What would make a line at least half as dear."""

    how: str
    usd: Decimal
    """The line's cost, or of what stands in its place, then."""


def halved(made: Bill) -> Saving | None:
    """Return what would halve the dearest line, where a way is known."""
    way = {"transitions": _express, "lambda_gb_seconds": _half_memory}
    dimension = way.get(made.most_expensive.key)
    return dimension(made) if dimension else None


def _express(made: Bill) -> Saving:
    """Tasks below the reasoning tier in an Express workflow, a Standard one only for those that have to wait."""
    tasks, price_list = made.day.tasks * units.DAYS_OF_MONTH, prices()
    short = [tier for tier in Tier if tier is not Tier.REASONING]
    seconds = sum((units.tier_share(tier) * (units.CALL_SECONDS[tier] + Decimal("0.5")) for tier in short), Decimal())
    moved = tasks * (1 - units.tier_share(Tier.REASONING))
    usd = price_list["express_requests"].of(moved) + price_list["express_gb_seconds"].of(
        tasks * seconds * EXPRESS_CHUNK_GB
    )
    usd += price_list["transitions"].of((tasks - moved) * units.TASK_TRANSITIONS)
    return Saving(
        "an Express workflow for what ends within its five minutes, with the Standard one for tasks that wait "
        "and for the reasoning tier",
        usd,
    )


def _half_memory(made: Bill) -> Saving:
    return Saving("512 MB: the time is a model's, which memory does not shorten", made.most_expensive.usd / 2)
