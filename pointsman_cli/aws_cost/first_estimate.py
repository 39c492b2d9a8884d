"""The team's first estimate (98% saved, under $5 a month), recomputed from its own traffic at today's prices.

The estimate gives input and output tokens as one sum; `input_share` of first_estimate.toml splits it.
"""

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from typing import Any, Self

from pointsman.routing import catalog
from pointsman.values.money import usd
from pointsman.values.taxonomy import Tier
from pointsman.values.usage import Usage

DAYS_PER_MONTH = 30
DATA = tomllib.loads((files(__package__) / "first_estimate.toml").read_text(encoding="utf-8"), parse_float=Decimal)
_INPUT_SHARE: Decimal = DATA["input_share"]


@dataclass(frozen=True, slots=True)
class EstimatedWork:
    """A line of the estimate's traffic table."""

    tier: Tier
    tasks_per_day: Decimal
    tokens_per_day: Decimal
    may_wait: bool = False
    """Whether a day's wait harms nobody."""

    @classmethod
    def of(cls, line: dict[str, Any]) -> Self:
        """Return a line of the file."""
        tasks, tokens = Decimal(line["tasks_per_week"]) / 7, Decimal(line["tokens_per_week"]) / 7
        return cls(Tier(line["tier"]), tasks, tokens, line.get("may_wait", False))


ESTIMATED_TRAFFIC = tuple(map(EstimatedWork.of, DATA["traffic"]))
TRAFFIC_WITH_DAILY_REVIEW = (*ESTIMATED_TRAFFIC[:-1], EstimatedWork.of(DATA["daily_review"]))
_TRAFFIC = {"weekly": ESTIMATED_TRAFFIC, "daily": TRAFFIC_WITH_DAILY_REVIEW, "none": ESTIMATED_TRAFFIC[:-1]}
"""By how often designs are reviewed."""


@dataclass(frozen=True, slots=True)
class EstimateCase:
    """The cost of one month in one variant of the estimate."""

    name: str
    spent: Decimal
    """USD. The orchestration tier is free unless its free tier is used up."""
    baseline: Decimal
    """USD for the same tokens on the baseline model."""

    @property
    def saved(self) -> Decimal:
        """Percent of the baseline."""
        return 100 * (1 - self.spent / self.baseline)


def _month_usd(work: EstimatedWork, model: str, input_share: Decimal = _INPUT_SHARE) -> Decimal:
    """Return the cost in USD of a month of this work on a model, in calls of average size."""
    size = work.tokens_per_day / work.tasks_per_day
    usage = Usage(input=round(size * input_share), output=round(size * (1 - input_share)))
    cost_nano = catalog.load_catalog().get(model).cost_nano(usage, DATA["price_day"])
    return usd(cost_nano) * work.tasks_per_day * DAYS_PER_MONTH


def _case(
    name: str,
    models: str,
    baseline: str,
    review: str = "weekly",
    input_share: Decimal = _INPUT_SHARE,
    free_tier_used_up: bool = False,
) -> EstimateCase:
    """Return a variant. If the free tier is used up, the implementation tier's model does its work."""
    works, model_of = _TRAFFIC[review], DATA["models"][models]
    spent = Decimal()
    for work in works:
        free = work.tier is Tier.ORCHESTRATION
        if not free or free_tier_used_up:
            spent += _month_usd(work, model_of[Tier.IMPLEMENTATION if free else work.tier], input_share)
    return EstimateCase(name, spent, sum((_month_usd(work, baseline, input_share) for work in works), Decimal()))


def cases() -> list[EstimateCase]:
    """Return the estimate at today's prices, and its variants."""
    return [_case(**case) for case in DATA["cases"]]


def free_share_for(saved: Decimal, *, input_share: Decimal = _INPUT_SHARE) -> Decimal:
    """Return the share of tokens that must be free to save `saved` percent without any reasoning work.

    Today's implementation model does the rest. The baseline is today's reasoning model.
    """
    work, models = ESTIMATED_TRAFFIC[1], DATA["models"]["today"]
    paid = _month_usd(work, models[Tier.IMPLEMENTATION], input_share)
    return 1 - (1 - saved / 100) * _month_usd(work, models[Tier.REASONING], input_share) / paid
