"""The team's first estimate (98% saved, under $5 a month), recomputed from its own traffic at today's prices.

The estimate gives input and output tokens as one sum; `_INPUT_SHARE` splits it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from pointsman.routing import catalog
from pointsman.values.money import usd
from pointsman.values.taxonomy import Tier
from pointsman.values.usage import Usage

_DAYS_PER_MONTH = 30
_INPUT_SHARE = Decimal("0.75")
"""An assumption: with code and documents, about three quarters of the tokens are input."""
_PRICE_DAY = datetime(2026, 11, 22, tzinfo=UTC)
_MODELS_TODAY = {
    Tier.ORCHESTRATION: "gemini-3.5-flash-lite",
    Tier.IMPLEMENTATION: "claude-haiku-5-5",
    Tier.REASONING: "claude-sonnet-5-5",
}
_MODELS_THEN = {
    Tier.ORCHESTRATION: "gemini-2.0-flash",
    Tier.IMPLEMENTATION: "claude-haiku-4-5",
    Tier.REASONING: "claude-sonnet-4-5",
}
"""The models of the estimate. The first is retired."""


@dataclass(frozen=True, slots=True)
class EstimatedWork:
    """A line of the estimate's traffic table."""

    name: str
    tier: Tier
    tasks_per_day: Decimal
    tokens_per_day: Decimal


ESTIMATED_TRAFFIC = (
    EstimatedWork("orchestration", Tier.ORCHESTRATION, Decimal(10), Decimal(50_000)),
    EstimatedWork("code generation", Tier.IMPLEMENTATION, Decimal(5), Decimal(100_000)),
    EstimatedWork("testing, coordination only", Tier.ORCHESTRATION, Decimal(5), Decimal(50_000)),
    EstimatedWork("documentation", Tier.IMPLEMENTATION, Decimal(3), Decimal(50_000)),
    EstimatedWork("design review, once a week", Tier.REASONING, Decimal(1) / 7, Decimal(100_000) / 7),
)
TRAFFIC_WITH_DAILY_REVIEW = (
    *ESTIMATED_TRAFFIC[:-1],
    EstimatedWork("design review, every day", Tier.REASONING, Decimal(1), Decimal(100_000)),
)
"""The same with a review every day, the only way to reach the estimate's sum of 350,000 tokens a day."""


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
    return usd(catalog.load_catalog().get(model).cost_nano(usage, _PRICE_DAY)) * work.tasks_per_day * _DAYS_PER_MONTH


def _case(
    name: str,
    models: dict[Tier, str],
    baseline: str,
    traffic: Iterable[EstimatedWork] = ESTIMATED_TRAFFIC,
    *,
    input_share: Decimal = _INPUT_SHARE,
    free_tier_used_up: bool = False,
) -> EstimateCase:
    """Return a variant. If the free tier is used up, the implementation tier's model does its work."""
    works = list(traffic)
    spent = Decimal()
    for work in works:
        free = work.tier is Tier.ORCHESTRATION
        if not free or free_tier_used_up:
            spent += _month_usd(work, models[Tier.IMPLEMENTATION if free else work.tier], input_share)
    return EstimateCase(name, spent, sum((_month_usd(work, baseline, input_share) for work in works), Decimal()))


def cases() -> list[EstimateCase]:
    """Return the estimate at today's prices, and its variants."""
    sonnet, old = _MODELS_TODAY[Tier.REASONING], _MODELS_THEN[Tier.REASONING]
    return [
        _case("today's models instead of claude-sonnet-5-5", _MODELS_TODAY, sonnet),
        _case("the same, half of the tokens are output", _MODELS_TODAY, sonnet, input_share=Decimal("0.5")),
        _case("the same, a tenth of the tokens is output", _MODELS_TODAY, sonnet, input_share=Decimal("0.9")),
        _case("the same, without design reviews", _MODELS_TODAY, sonnet, ESTIMATED_TRAFFIC[:-1]),
        _case("the same, with a daily design review (350k tokens)", _MODELS_TODAY, sonnet, TRAFFIC_WITH_DAILY_REVIEW),
        _case("the same, without a free tier", _MODELS_TODAY, sonnet, free_tier_used_up=True),
        _case("today's models instead of claude-sonnet-4-5", _MODELS_TODAY, old),
        _case("the models of the estimate instead of claude-sonnet-4-5", _MODELS_THEN, old),
    ]


def free_share_for(saved: Decimal, *, input_share: Decimal = _INPUT_SHARE) -> Decimal:
    """Return the share of tokens that must be free to save `saved` percent without any reasoning work.

    Today's implementation model does the rest. The baseline is today's reasoning model.
    """
    work = ESTIMATED_TRAFFIC[1]
    paid = _month_usd(work, _MODELS_TODAY[Tier.IMPLEMENTATION], input_share)
    baseline = _month_usd(work, _MODELS_TODAY[Tier.REASONING], input_share)
    return 1 - (1 - saved / 100) * baseline / paid
