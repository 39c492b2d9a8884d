"""The team's first estimate (98% saved, under $5 a month) computed again from its own traffic at today's prices.

Its table states tokens in and out together; `INPUT` says which part of them goes in.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from pointsman.routing import catalog
from pointsman.values.money import usd
from pointsman.values.taxonomy import Tier
from pointsman.values.usage import Usage

SEED_DAYS = 30
INPUT = Decimal("0.75")
"""An assumption: of code and documents some three quarters are read and one is written."""
AT = datetime(2026, 11, 22, tzinfo=UTC)
"""The day of the prices."""
TODAY = {
    Tier.ORCHESTRATION: "gemini-3.5-flash-lite",
    Tier.IMPLEMENTATION: "claude-haiku-5-5",
    Tier.REASONING: "claude-sonnet-5-5",
}
THEN = {
    Tier.ORCHESTRATION: "gemini-2.0-flash",
    Tier.IMPLEMENTATION: "claude-haiku-4-5",
    Tier.REASONING: "claude-sonnet-4-5",
}
"""The models that the estimate named; the first is gone."""


@dataclass(frozen=True, slots=True)
class SeedWork:
    """A line of the traffic table."""

    name: str
    tier: Tier
    tasks_per_day: Decimal
    tokens_per_day: Decimal


SEED_TRAFFIC = (
    SeedWork("orchestration", Tier.ORCHESTRATION, Decimal(10), Decimal(50_000)),
    SeedWork("code generation", Tier.IMPLEMENTATION, Decimal(5), Decimal(100_000)),
    SeedWork("testing, coordination only", Tier.ORCHESTRATION, Decimal(5), Decimal(50_000)),
    SeedWork("documentation", Tier.IMPLEMENTATION, Decimal(3), Decimal(50_000)),
    SeedWork("design review, once a week", Tier.REASONING, Decimal(1) / 7, Decimal(100_000) / 7),
)
DAILY_REVIEW = (*SEED_TRAFFIC[:-1], SeedWork("design review, every day", Tier.REASONING, Decimal(1), Decimal(100_000)))
"""The same with a review a day: only so do the table's tokens come to 350,000 a day."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a month of some traffic costs on some models."""

    name: str
    spent: Decimal
    """USD. The orchestration tier is free unless `paid`."""
    baseline: Decimal
    """The same tokens on the baseline model."""

    @property
    def saved(self) -> Decimal:
        """Percent of the baseline."""
        return 100 * (1 - self.spent / self.baseline)


def month(work: SeedWork, model: str, part: Decimal = INPUT) -> Decimal:
    """Return what the work's month costs on a model in USD, in calls of its average size."""
    size = work.tokens_per_day / work.tasks_per_day
    usage = Usage(input=round(size * part), output=round(size * (1 - part)))
    return usd(catalog.load_catalog().get(model).cost_nano(usage, AT)) * work.tasks_per_day * SEED_DAYS


def case(
    name: str,
    models: dict[Tier, str],
    baseline: str,
    traffic: Iterable[SeedWork] = SEED_TRAFFIC,
    *,
    part: Decimal = INPUT,
    fallen: bool = False,
) -> Case:
    """Return a case. `fallen`: the free tier is used up, and its work falls to the implementation tier's model."""
    every = list(traffic)
    spent = Decimal()
    for work in every:
        free = work.tier is Tier.ORCHESTRATION
        if not free or fallen:
            spent += month(work, models[Tier.IMPLEMENTATION if free else work.tier], part)
    return Case(name, spent, sum((month(work, baseline, part) for work in every), Decimal()))


def cases() -> list[Case]:
    """Return the estimate's traffic under today's prices, and what changes the result."""
    sonnet, old = TODAY[Tier.REASONING], THEN[Tier.REASONING]
    return [
        case("today's models, all on claude-sonnet-5-5 before", TODAY, sonnet),
        case("the same, half of the tokens written", TODAY, sonnet, part=Decimal("0.5")),
        case("the same, a tenth of the tokens written", TODAY, sonnet, part=Decimal("0.9")),
        case("the same, no design review", TODAY, sonnet, SEED_TRAFFIC[:-1]),
        case("the same, a design review every day (350k tokens)", TODAY, sonnet, DAILY_REVIEW),
        case("the same, the free tier used up all month", TODAY, sonnet, fallen=True),
        case("today's models, all on claude-sonnet-4-5 before", TODAY, old),
        case("the models named then, all on claude-sonnet-4-5 before", THEN, old),
    ]


def free_share_for(saved: Decimal, *, part: Decimal = INPUT) -> Decimal:
    """Return which part of all tokens must be free so that so many percent are saved without any reasoning work.

    The rest is on today's implementation model, the baseline is today's reasoning model.
    """
    work = SEED_TRAFFIC[1]
    ratio = month(work, TODAY[Tier.IMPLEMENTATION], part) / month(work, TODAY[Tier.REASONING], part)
    return 1 - (1 - saved / 100) / ratio
