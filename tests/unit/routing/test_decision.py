"""Decisions without a model: when a verdict stands, and what is guessed where it does not."""

from dataclasses import replace

import pytest

from pointsman.routing.classifier.verdict import Classification
from pointsman.routing.config import Classifier
from pointsman.routing.decision import ModelVote, Source, asked, guess, local
from pointsman.routing.preference import WEIGHINGS, Preference
from pointsman.values.taxonomy import TaskType, Tier

ORCHESTRATION, IMPLEMENTATION, REASONING = Tier


def verdict(shares: tuple[float, float, float], **fields: object) -> Classification:
    tiers = dict(zip(Tier, shares, strict=True))
    tier, second = sorted(Tier, key=tiers.__getitem__, reverse=True)[:2]
    kinds = {ORCHESTRATION: TaskType.STATUS, IMPLEMENTATION: TaskType.DOCUMENTATION, REASONING: TaskType.ARCHITECTURE}
    found = Classification(kinds[tier], tiers[tier], ("x",), kinds[second], tier, tiers[tier], second, tiers)
    return replace(found, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shares", "quality", "balance", "cost"),
    [
        ((0.95, 0.05, 0.0), ORCHESTRATION, ORCHESTRATION, ORCHESTRATION),
        ((0.6, 0.4, 0.0), IMPLEMENTATION, ORCHESTRATION, ORCHESTRATION),
        ((0.0, 0.55, 0.45), REASONING, REASONING, IMPLEMENTATION),
        ((0.0, 0.7, 0.3), IMPLEMENTATION, IMPLEMENTATION, IMPLEMENTATION),
        ((0.4, 0.2, 0.4), REASONING, IMPLEMENTATION, IMPLEMENTATION),
    ],
)
def test_a_guess_is_the_tier_of_the_least_expected_harm(
    shares: tuple[float, float, float], quality: Tier, balance: Tier, cost: Tier
) -> None:
    tiers = [guess(verdict(shares), WEIGHINGS[prefer]).tier for prefer in Preference]
    assert tiers == [quality, balance, cost]


def test_what_holds_no_task_is_implementation_work_and_what_is_everyday_the_free_tier_s() -> None:
    balance = WEIGHINGS[Preference.BALANCE]
    continued = guess(verdict((0.3, 0.0, 0.0), follow_up=0.7), balance)
    assert (continued.tier, continued.source) == (IMPLEMENTATION, Source.GUESS)
    assert "continues another" in continued.reason
    assert guess(verdict((0.2, 0.1, 0.1), background=0.6), balance).tier is ORCHESTRATION


def test_steering_buys_no_dearer_tier() -> None:
    balance = WEIGHINGS[Preference.BALANCE]
    assert guess(verdict((0.5, 0.3, 0.2)), balance).tier is IMPLEMENTATION
    assert guess(verdict((0.5, 0.3, 0.2), steered=True), balance).tier is ORCHESTRATION


def test_no_paid_tier_is_sure_of_what_may_hold_no_task() -> None:
    for shares, stands in (((0.0, 0.97, 0.0), False), ((0.97, 0.0, 0.0), True)):
        assert local(verdict(shares), 0.8)
        assert (local(verdict(shares, follow_up=0.03), 0.8) is not None) is stands


@pytest.mark.parametrize("prefer", Preference)
def test_a_verdict_stands_from_its_tiers_probability_on(prefer: Preference) -> None:
    options = Classifier(prefer=prefer)
    for tier in Tier:
        needed = options.needed(tier)
        assert 0.5 <= needed < 1
        sure = verdict(tuple(needed if other is tier else 0.0 for other in Tier))  # type: ignore[arg-type]
        assert local(sure, needed)
        assert local(replace(sure, tier_probability=needed - 0.01), needed) is None
        assert local(replace(sure, request_found=False), needed) is None
    assert Classifier(prefer=prefer, threshold=0.6).needed(REASONING) == 0.6


def test_quality_needs_more_for_the_free_tier_and_cost_more_for_the_dearest() -> None:
    needed = {prefer: WEIGHINGS[prefer].needed for prefer in Preference}
    assert needed[Preference.QUALITY](ORCHESTRATION) > needed[Preference.COST](ORCHESTRATION)
    assert needed[Preference.QUALITY](REASONING) < needed[Preference.COST](REASONING)


def test_a_guess_is_as_confident_as_its_tier_is_acceptable() -> None:
    """Where the next tier is needed, the middle one does as well for over half of the texts, another for a fourth."""
    balance = WEIGHINGS[Preference.BALANCE]
    assert guess(verdict((0.2, 0.5, 0.3)), balance).confidence == 0.775
    assert guess(verdict((0.6, 0.2, 0.0)), balance).confidence == 0.65
    assert guess(verdict((0.5, 0.3, 0.2), steered=True), balance).confidence == 0.5
    assert guess(verdict((0.12345, 0.87655, 0.0)), balance).confidence == 0.9444, "four digits"


def test_text_that_a_model_finds_no_task_in_is_the_implementation_tier_s_first_type() -> None:
    found = asked(verdict((0.5, 0.3, 0.2)), ModelVote(None, 0.9, Source.GEMINI))
    assert (found.type, found.tier, found.confidence) == (TaskType.CODE_GENERATION, IMPLEMENTATION, 0.9)
    assert "holds no task of its own" in found.reason
