"""The demo's checks: each must fail when its two sides differ."""

from datetime import UTC, datetime
from typing import Any

import pytest

from demo import checks, phases
from demo.evidence import Evidence
from demo.samples import Sample
from demo.traffic import Message
from devstack import FakedProviders
from pointsman.client import Sent
from pointsman.execution.records import TaskRecord
from pointsman.values.status import Status

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def message(number: int = 1, *, phase: str = "p", repeats: bool = False, **record: Any) -> Message:
    """Return a message that is accounted for, as `record` says it ended."""
    stated = {"task_id": f"t{number}", "status": Status.COMPLETED, "fingerprint": "f", "delivered_at": "x", **record}
    sent = Sent(f"m{number}", f"t{number}", "f")
    return Message(
        Sample(f"{number}.json", number, ""), phase, sent, NOW, repeats, TaskRecord(**stated), accounted=True
    )


def evidence(**fields: Any) -> Evidence:
    row = {
        "task_id": "t1", "turn": "1", "model": "claude-haiku-5-5", "cost_nano": 70, "reserved_nano": 90,
        "at": "2026-11-22T12:00:00.000Z",
    }  # fmt: skip
    report = {
        "totals": {"cost_nano": 70, "attempts": 1},
        "tiers": {"implementation": {"cost_nano": 60}, "reasoning": {"cost_nano": 0}},
        "classification": {"cost_nano": 10},
    }
    stated = {
        "dead_letters": [],
        "replies": [],
        "attempts": [row],
        "attempts_of_day": [row],
        "report": report,
        "report_text": "",
        **fields,
    }
    return Evidence(**stated)


def test_an_open_message_is_named() -> None:
    late = message(2)
    late.accounted = False
    assert checks.accounted([message(1)])["passed"]
    check = checks.accounted([message(1), late])
    assert not check["passed"]
    assert "2.json" in check["detail"]


@pytest.mark.parametrize(
    ("letters", "passed"),
    [
        ([{"message_id": "m1", "reason": "r"}], True),
        ([], False),
        ([{"message_id": "m1", "reason": None}], False),
        ([{"message_id": "m9", "reason": "r"}], False),
        ([{"message_id": "m1", "reason": "r"}] * 2, False),
    ],
)
def test_dead_letters_are_the_rejected_messages(letters: list[dict[str, Any]], passed: bool) -> None:
    rejected = message(1, status=Status.REJECTED)
    assert checks.dead_letters([rejected, message(2)], evidence(dead_letters=letters))["passed"] is passed


@pytest.mark.parametrize(
    ("replies", "passed"), [([{"task_id": "t1"}], True), ([], False), ([{"task_id": "t2"}], False)]
)
def test_replies_go_to_whoever_asked(replies: list[dict[str, Any]], passed: bool) -> None:
    asking = message(1, reply_to=["arn:aws:sqs:us-east-1:000000000000:q"])
    assert checks.replies([asking, message(2)], evidence(replies=replies))["passed"] is passed


def test_an_end_that_was_not_told_is_named() -> None:
    check = checks.delivered([message(1), message(2, delivered_at=None)])
    assert (check["passed"], check["detail"]) == (False, "not delivered: 2.json")


@pytest.mark.parametrize(
    ("arrived", "passed"),
    [(["t1.1"], True), ([], False), (["t1.1", "t1.1"], False), (["t1.2"], False), ([None], False)],
)
def test_each_request_is_an_attempt(arrived: list[str | None], passed: bool) -> None:
    journal = [{"attempt": each} for each in arrived]
    assert checks.requests(journal, evidence(), {"gemini", "anthropic"})["passed"] is passed


def test_attempts_at_a_real_provider_are_not_looked_for_at_the_stand_in() -> None:
    assert checks.requests([], evidence(), {"gemini"})["passed"]


@pytest.mark.parametrize(
    "changes",
    [
        {"totals": {"cost_nano": 71, "attempts": 1}},
        {"totals": {"cost_nano": 70, "attempts": 2}},
        {"classification": {"cost_nano": 11}},
    ],
)
def test_a_nano_dollar_too_much_is_found(changes: dict[str, Any]) -> None:
    assert checks.report_sums(evidence())["passed"]
    assert not checks.report_sums(evidence(report=evidence().report | changes))["passed"]


@pytest.mark.parametrize(("starts", "passed"), [([5.0, 11.0], True), ([5.0], False), ([11.0, 12.0], False)])
def test_gemini_is_asked_once_after_its_quota_is_used_up(starts: list[float], passed: bool) -> None:
    journal = [{"provider": "gemini", "started": start} for start in starts]
    journal.append({"provider": "anthropic", "started": 13.0})
    assert checks.gemini_left_alone(journal, 10.0)["passed"] is passed


def test_a_duplicate_and_a_rejection_are_told_apart() -> None:
    assert message(1, repeats=True).outcome == "duplicate"
    assert message(1, repeats=True, status=Status.REJECTED).outcome == "rejected"
    assert message(1, status=Status.FAILED).outcome == "failed"


def test_phases_that_need_a_stand_in_are_left_out_with_a_real_provider() -> None:
    can, cannot = phases.chosen(FakedProviders(gemini=False, anthropic=True))
    assert {phase.needs for phase in can} == {None, "anthropic"}
    assert {phase.needs for phase in cannot} == {"gemini"}
