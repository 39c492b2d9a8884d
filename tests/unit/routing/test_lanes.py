"""Which tasks go the economy lane, and which of them it takes."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.routing import config
from pointsman.routing.lanes import (
    ECONOMY_LIFETIME,
    ROOM_AFTER,
    LaneChoice,
    LaneRule,
    StandardReason,
    choose_lane,
    rule_of,
)
from pointsman.values.lane import Lane
from pointsman.values.taxonomy import TaskType

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
ROUTING = {
    "orchestration": "gemini-3.5-flash-lite",
    "implementation": "claude-haiku-5-5",
    "reasoning": "claude-sonnet-5-5",
}
ECONOMY = LaneRule(lane=Lane.ECONOMY)


def parsed(lanes: Any) -> config.Pointsman:
    return config.parse(json.dumps({"routing": ROUTING, "pointsman": {"lanes": lanes}})).pointsman


@pytest.mark.parametrize(
    ("lanes", "words"),
    [
        ({"documentations": "economy"}, "must be a type"),
        ({"documentation": "cheap"}, "standard"),
        ({"documentation": {"lane": "economy", "longest_wait": 3}}, "did you mean longest_wait_hours?"),
        ({"documentation": {"lane": "economy", "longest_wait_hours": 25}}, "less than or equal to 24"),
        ({"documentation": {"longest_wait_hours": 2}}, "is required"),
    ],
)
def test_broken_rules_are_errors_that_name_the_key(lanes: Any, words: str) -> None:
    with pytest.raises(config.ConfigError, match=r"pointsman\.lanes") as error:
        parsed(lanes)
    assert words in str(error.value)


def test_a_lane_alone_is_short_for_a_rule() -> None:
    assert parsed({"documentation": "economy"}).lanes == {"documentation": ECONOMY}


@pytest.mark.parametrize(
    ("kind", "sender", "stated", "lane", "hours"),
    [
        (TaskType.DOCUMENTATION, None, None, Lane.ECONOMY, 24),
        (TaskType.STATUS, None, None, Lane.STANDARD, 24),
        (TaskType.STATUS, "role:NIGHTLY:session", None, Lane.ECONOMY, 2),
        (TaskType.DOCUMENTATION, "role:NIGHTLY:session", Lane.STANDARD, Lane.STANDARD, 2),
        (TaskType.DOCUMENTATION, "role:URGENT", None, Lane.STANDARD, 24),
        (TaskType.DOCUMENTATION, "key:chat", None, Lane.STANDARD, 24),
        (TaskType.STATUS, "key:batch-1", None, Lane.ECONOMY, 24),
        (None, None, Lane.ECONOMY, Lane.ECONOMY, 24),
    ],
)
def test_task_goes_before_sender_and_sender_before_type(
    kind: TaskType | None, sender: str | None, stated: Lane | None, lane: Lane, hours: float
) -> None:
    rules = parsed(
        {
            "documentation": "economy",
            "role:URGENT": "standard",
            "role:N*": {"lane": "economy", "longest_wait_hours": 2},
            "key:batch-?": "economy",
        }
    ).lanes
    rule = rule_of(rules, kind, sender, stated)
    assert (rule.lane, rule.longest_wait_hours) == (lane, hours)


@given(hours=st.floats(0.5, 24), left=st.integers(0, 72 * 60))
def test_lane_takes_a_task_only_if_a_standard_call_fits_behind_it(hours: float, left: int) -> None:
    rule = LaneRule(lane=Lane.ECONOMY, longest_wait_hours=hours)
    deadline = NOON + timedelta(minutes=left)
    choice = choose_lane(rule, deadline, NOON, None)
    assert choice is not None
    if choice.lane is Lane.ECONOMY:
        assert choice.ends() + ROOM_AFTER <= deadline + timedelta(milliseconds=1)
    else:
        assert choice.reason == StandardReason.DEADLINE
        assert NOON + timedelta(hours=hours) + ROOM_AFTER > deadline


def test_nobody_asked_for_it_and_an_obstacle_is_the_reason() -> None:
    deadline = NOON + ECONOMY_LIFETIME
    assert choose_lane(LaneRule(lane=Lane.STANDARD), deadline, NOON, StandardReason.NO_BATCHES) is None
    refused = choose_lane(ECONOMY, deadline, NOON, StandardReason.NO_BATCHES)
    assert refused == LaneChoice(Lane.STANDARD, 24, reason="model_without_batches")
    taken = choose_lane(ECONOMY, deadline, NOON, None)
    assert taken is not None
    assert LaneChoice.from_item(taken.as_item()) == taken
