"""Which limits a task comes under."""

import json

import pytest

from pointsman.routing.limit_rules import Limits, LimitSubject, Spender, limited_subjects
from tests.support.paths import ROOT

SESSIONS = ("role:AROABOT", "role:AROABOT:ada", "role:AROABOT:a:b", "role:AROABOT:")


def names(limits: dict[str, object], spender: Spender) -> list[tuple[str, int]]:
    found = limited_subjects(Limits.model_validate(limits), spender)
    return [(limited.subject.name, len(limited.rules)) for limited in found]


@pytest.mark.parametrize("sender", SESSIONS)
@pytest.mark.parametrize("pattern", ["role:AROABOT", "role:*", "*", "role:AROAB??"])
def test_role_counts_without_the_session_that_whoever_assumes_it_names(sender: str, pattern: str) -> None:
    assert names({"rules": [{"sender": pattern, "rpm": 1}]}, Spender(sender)) == [("sender role:AROABOT", 1)]


@pytest.mark.parametrize(
    ("sender", "pattern", "matches"),
    [
        ("key:ci", "key:ci", True),
        ("key:ci2", "key:ci", False),
        ("key:CI", "key:ci", False),
        ("service:jobs", "service:*", True),
        ("key:ci", "service:*", False),
        ("service:[x]", "service:[x]", True),
        ("service:x", "service:[x]", False),
    ],
)
def test_pattern_knows_star_and_question_mark_alone(sender: str, pattern: str, matches: bool) -> None:
    assert bool(names({"rules": [{"sender": pattern, "rpm": 1}]}, Spender(sender))) is matches


def test_all_rules_that_match_hold_for_sender_agent_and_ticket() -> None:
    rules = [
        {"sender": "*", "rpm": 1},
        {"sender": "key:*", "rpm": 2},
        {"ticket": "A-*", "rpm": 3},
        {"agent": "x", "rpm": 4},
    ]
    spender = Spender("key:ci", {"ticket": "A-1", "agent": "y"})
    assert names({"rules": rules}, spender) == [("sender key:ci", 2), ("ticket A-1", 1)]
    assert names({"rules": rules}, Spender(None, {})) == []
    assert names({}, spender) == []


def test_long_value_has_a_short_name_of_its_own() -> None:
    one, other = (LimitSubject("ticket", "A" * 5000 + end).name for end in "xy")  # type: ignore[arg-type]
    assert one != other
    assert max(len(one), len(other)) < 150


def test_schema_has_an_example_of_each_kind_that_loads() -> None:
    schema = json.loads((ROOT / "docs/openclaw.schema.json").read_text())
    examples = schema["$defs"]["LimitRule"]["examples"]
    assert len(Limits.model_validate({"rules": examples}).rules) == len(examples) == 3
