"""Quality as a number: what counts of a pair, the interval by tier and type, and the test for a drop by simulation."""

import math
import os
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pointsman.execution.comparison import (
    BetterAnswer,
    JudgedPair,
    JudgeWord,
    PairKind,
    Preferred,
)
from pointsman.report.figures.quality import GroupKind, QualityScope, quality_of, score_of
from pointsman.values.statistics import drop_evidence
from pointsman.values.taxonomy import TaskType, Tier
from tests.support.judged import BASELINE, JUDGES, SimulatedJudge, simulated_pairs

SOAK = bool(os.environ.get("POINTSMAN_SOAK"))
QUARTER, UNTIL = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 12, 25, tzinfo=UTC)
SCOPE = QualityScope(UNTIL, ZoneInfo("UTC"), BASELINE, 0.2, 5.0, 0.0)
BOTH = frozenset({"anthropic", "gemini"})
FIRST, SECOND, SAME = BetterAnswer


def judged(*words: tuple[str, int, BetterAnswer], person: Preferred | None = None) -> JudgedPair:
    (made,) = simulated_pairs(random.Random(1), 1, QUARTER, UNTIL, judges=())
    return replace(made, words=tuple(JudgeWord(PairKind.PAIR, *word) for word in words), person=person)


@pytest.mark.parametrize(
    ("words", "score"),
    [
        ([("anthropic", 1, FIRST), ("anthropic", 2, SECOND)], 1.0),
        ([("anthropic", 1, SECOND), ("anthropic", 2, FIRST)], -1.0),
        ([("anthropic", 1, FIRST), ("anthropic", 2, FIRST)], 0.0),  # it prefers the place
        ([("anthropic", 1, FIRST), ("anthropic", 2, SAME)], 0.5),
        ([("anthropic", 1, FIRST)], None),  # one order alone says nothing
        ([("anthropic", 1, FIRST), ("anthropic", 2, SECOND), ("gemini", 1, SAME), ("gemini", 2, SAME)], 0.5),
        ([("anthropic", 1, FIRST), ("anthropic", 2, SECOND), ("gemini", 1, SAME)], 1.0),
        ([], None),
    ],
)
def test_score_is_the_mean_over_orders_and_judges(
    words: list[tuple[str, int, BetterAnswer]], score: float | None
) -> None:
    assert score_of(judged(*words), BOTH) == score


def test_person_s_word_counts_above_the_judges() -> None:
    words = [("anthropic", 1, FIRST), ("anthropic", 2, SECOND)]
    assert score_of(judged(*words, person=Preferred.BASELINE), BOTH) == -1.0
    assert score_of(judged(person=Preferred.SAME), BOTH) == 0.0


def test_groups_are_all_pairs_then_tiers_then_types() -> None:
    dice = random.Random(3)
    pairs = [
        *simulated_pairs(dice, 200, QUARTER, UNTIL, points=-20, controls=0.3, people=0.1),
        *simulated_pairs(dice, 100, QUARTER, UNTIL, points=10, kind=TaskType.SUMMARY),
    ]
    quality = quality_of(pairs, SCOPE)
    assert [(group.kind, group.name) for group in quality.groups] == [
        (GroupKind.ALL, "all"),
        (GroupKind.TIER, "orchestration"),
        (GroupKind.TIER, "implementation"),
        (GroupKind.TYPE, "summary"),
        (GroupKind.TYPE, "code_generation"),
    ]
    whole, summary = quality.groups[0], quality.groups[3]
    assert quality.total is whole
    assert whole.pairs == sum(group.pairs for group in quality.groups if group.kind is GroupKind.TIER)
    assert whole.low < whole.points < whole.high
    assert summary.low <= 10 <= summary.high + 5  # the judges' errors draw the points towards 0
    assert whole.by_people == sum(pair.person is not None for pair in pairs if pair.pair.at >= "2026-09-26")
    assert whole.agreement.percent is not None
    assert 50 < whole.agreement.percent < 95
    assert quality.people.percent is not None
    assert quality.people.percent > 50


def test_pairs_of_another_baseline_or_of_later_days_do_not_count() -> None:
    pairs = list(simulated_pairs(random.Random(3), 50, QUARTER, UNTIL))
    assert quality_of(pairs, replace(SCOPE, baseline="claude-sonnet-5-5")).groups == ()
    half = quality_of(pairs, replace(SCOPE, until=QUARTER + (UNTIL - QUARTER) / 2))
    assert half.total is not None
    assert half.total.pairs == 25


def test_quarter_begins_in_the_report_s_zone_and_the_months_cover_both_spans() -> None:
    assert SCOPE.quarter == date(2026, 10, 1)
    assert SCOPE.months == ("2026-09", "2026-10", "2026-11", "2026-12")
    new_year = replace(SCOPE, until=datetime(2027, 1, 1, 5, tzinfo=UTC), zone=ZoneInfo("America/New_York"))
    assert new_year.quarter == date(2026, 10, 1)  # the last day that counts is the old year's
    later = replace(SCOPE, until=datetime(2027, 1, 2, 5, tzinfo=UTC), zone=ZoneInfo("America/New_York"))
    assert (later.quarter, later.months[-1]) == (date(2027, 1, 1), "2027-01")


def test_wide_interval_says_which_share_would_do() -> None:
    pairs = list(simulated_pairs(random.Random(4), 90, UNTIL - timedelta(days=45), UNTIL))  # 2 a day of 10
    whole = quality_of(pairs, SCOPE).total
    assert whole is not None
    assert whole.enough is not None
    assert whole.enough.by == date(2027, 3, 25)
    assert whole.enough.share is not None
    assert whole.enough.share == pytest.approx(whole.enough.pairs / 900, abs=0.011)
    seldom = quality_of(pairs, replace(SCOPE, audit_share=1.0)).total  # 2 a day is all there is
    assert seldom is not None
    assert seldom.enough is not None
    assert seldom.enough.share is None
    many = quality_of(list(simulated_pairs(random.Random(4), 2_000, QUARTER, UNTIL)), SCOPE).total
    assert many is not None
    assert many.enough is None
    assert many.high - many.low <= 10


def test_controls_measure_error_and_place() -> None:
    judges = (SimulatedJudge("anthropic", error=0.0, first=0.0), SimulatedJudge("gemini", error=0.3, first=0.4))
    pairs = list(simulated_pairs(random.Random(5), 600, QUARTER, UNTIL, judges=judges, controls=0.5))
    exact, erring = quality_of(pairs, SCOPE).judges
    assert (exact.family, exact.first_points, exact.steady.percent) == ("anthropic", 0.0, 100.0)
    assert exact.error is not None
    assert exact.error[0] == 0.0
    assert erring.error is not None
    assert erring.error[1] < 0.3 * 2 / 3 * 100 + 10
    assert erring.first_points is not None
    assert erring.first_points > 10
    assert exact.counts
    assert erring.counts
    assert {kind: part.of > 50 for kind, part in erring.controls.items()} == dict.fromkeys(erring.controls, True)


def test_judge_that_sees_no_difference_is_not_counted() -> None:
    """One that always says the same would make any answer look as good as any other."""
    blind = SimulatedJudge("gemini", error=0.0)

    def asleep(pair: JudgedPair) -> JudgedPair:
        words = (word._replace(better=SAME) if word.family == "gemini" else word for word in pair.words)
        return replace(pair, words=tuple(words))

    judges = (SimulatedJudge("anthropic", error=0.0, first=0.0), blind)
    pairs = simulated_pairs(random.Random(6), 300, QUARTER, UNTIL, points=-20, judges=judges, controls=0.3)
    quality = quality_of([asleep(pair) for pair in pairs], SCOPE)
    assert [(judge.family, judge.counts) for judge in quality.judges] == [("anthropic", True), ("gemini", False)]
    assert quality.total is not None
    assert quality.total.points == pytest.approx(-20, abs=7)
    assert quality.total.agreement.of == 0


FOUND = [(20, 300, 0.95), (10, 1_000, 0.9), (5, 4_000, 0.9)]
"""Points of a tier's drop, pairs of a quarter, and the share of runs in which it is found: docs/statement.md has it."""


@pytest.mark.parametrize(("points", "pairs", "share"), FOUND)
def test_drop_of_a_tier_is_found_in_the_stated_share_of_runs(points: int, pairs: int, share: float) -> None:
    runs, dice, least = (1_000 if SOAK else 120), random.Random(points), GroupKind.TIER.least_evidence
    worse, better = (0.4 + points / 100) / 2, (0.4 - points / 100) / 2
    found = 0
    for _ in range(runs):
        counts: Counter[float] = Counter()
        for _ in range(0, pairs, 20):
            counts.update(dice.choices((-1.0, 1.0, 0.0), (worse, better, 0.6), k=20))
            if drop_evidence(counts) >= least:
                found += 1
                break
    assert found / runs >= share


def quarter_with_drop(seed: int, points: float, judges: tuple[SimulatedJudge, ...] = JUDGES) -> bool:
    """Whether anything at all is told in a quarter that is looked at every 17 days; three types of two tiers."""
    dice, kinds = random.Random(seed), (TaskType.SUMMARY, TaskType.CODE_GENERATION, TaskType.TEST_WRITING)
    pairs = [
        pair
        for kind in kinds
        for pair in simulated_pairs(dice, 120, QUARTER, UNTIL, points=points, kind=kind, judges=judges)
    ]
    looks = (replace(SCOPE, until=QUARTER + timedelta(days=days)) for days in range(17, 86, 17))
    return any(quality_of(pairs, look).drops for look in looks)


def test_nothing_is_told_in_95_of_100_quarters_without_a_drop() -> None:
    """By judges that err and prefer the first place, over all groups and looks together."""
    runs = 600 if SOAK else 50
    told = sum(quarter_with_drop(seed, 0.0) for seed in range(runs))
    assert told / runs <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / runs) * (not SOAK)


def test_drop_is_told_through_the_judges_errors() -> None:
    runs = 200 if SOAK else 20
    assert sum(quarter_with_drop(seed, -20.0) for seed in range(runs)) / runs >= 0.95


def test_tolerated_drop_is_not_told() -> None:
    pairs = list(simulated_pairs(random.Random(8), 1_500, QUARTER, UNTIL, points=-10, judges=JUDGES[:1]))
    assert {group.name for group in quality_of(pairs, SCOPE).drops} >= {"all", Tier.IMPLEMENTATION}
    assert quality_of(pairs, replace(SCOPE, tolerated_points=15.0)).drops == ()
