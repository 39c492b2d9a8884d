"""`tune` by quality: a type whose answers became worse must go up, one as good on a cheaper tier may go down."""

import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from pointsman.execution.comparison import JudgedPair
from pointsman.report.figures.quality import Quality, QualityScope, quality_of
from pointsman.values.taxonomy import TaskType, Tier
from pointsman_cli.tuning.by_quality import tiers_by_quality
from pointsman_cli.tuning.rules import Rules
from tests.support.judged import BASELINE, simulated_pairs

SINCE, UNTIL = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 12, 25, tzinfo=UTC)
SCOPE = QualityScope(UNTIL, ZoneInfo("UTC"), BASELINE, 0.2, 5.0, 0.0)
SERVES = {BASELINE: Tier.REASONING}


def pairs(points: float, count: int, kind: TaskType, tier: Tier, people: float = 1.0) -> dict[Tier, Quality]:
    made: Iterable[JudgedPair] = simulated_pairs(
        random.Random(3), count, SINCE, UNTIL, points=points, kind=kind, people=people, ties=0.8
    )
    return {tier: quality_of([replace(it, pair=replace(it.pair, tier=tier)) for it in made], SCOPE)}


def test_type_that_has_dropped_must_go_up_to_the_baseline_s_tier() -> None:
    quality = pairs(-20, 400, TaskType.CODE_GENERATION, Tier.IMPLEMENTATION)
    found = tiers_by_quality(quality, Rules(None, {}), SERVES)
    assert {kind: there.tier for kind, there in found.items()} == {TaskType.CODE_GENERATION: Tier.REASONING}
    assert "beyond doubt" in found[TaskType.CODE_GENERATION].why
    assert tiers_by_quality(quality, Rules(None, {}), {BASELINE: Tier.IMPLEMENTATION}) == {}


def test_type_that_is_as_good_on_a_cheaper_tier_may_go_down() -> None:
    quality = pairs(2, 1_500, TaskType.ARCHITECTURE, Tier.IMPLEMENTATION)
    found = tiers_by_quality(quality, Rules(None, {}), SERVES)
    assert {kind: there.tier for kind, there in found.items()} == {TaskType.ARCHITECTURE: Tier.IMPLEMENTATION}


def test_few_pairs_or_a_worse_answer_move_nothing_down() -> None:
    few = pairs(2, 60, TaskType.ARCHITECTURE, Tier.IMPLEMENTATION)
    worse = pairs(-12, 1_500, TaskType.ARCHITECTURE, Tier.IMPLEMENTATION)
    for quality in (few, worse, {}):
        assert tiers_by_quality(quality, Rules(None, {}), SERVES) == {}
