"""The demo's checks: each must fail when its two sides differ."""

from datetime import UTC, datetime
from typing import Any

import pytest

from demo import checks, phases
from demo.results import StackResults
from demo.samples import Sample
from demo.traffic import SentMessage
from devstack import FakedProviders
from pointsman.client import Sent
from pointsman.execution.records import TaskRecord
from pointsman.values.status import Status

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def message(number: int = 1, *, phase: str = "p", repeats: bool = False, **record: Any) -> SentMessage:
    """Return a settled message whose task ended as `record` says."""
    fields = {"task_id": f"t{number}", "status": Status.COMPLETED, "fingerprint": "f", "delivered_at": "x", **record}
    sent = Sent(f"m{number}", f"t{number}", "f")
    return SentMessage(
        Sample(f"{number}.json", number, ""), phase, sent, NOW, repeats, TaskRecord(**fields), settled=True
    )


def results(**changes: Any) -> StackResults:
    row = {
        "task_id": "t1", "turn": "1", "model": "claude-haiku-5-5", "cost_nano": 70, "reserved_nano": 90,
        "at": "2026-11-22T12:00:00.000Z",
    }  # fmt: skip
    report = {
        "totals": {"cost_nano": 70, "attempts": 1},
        "tiers": {"implementation": {"cost_nano": 60}, "reasoning": {"cost_nano": 0}},
        "classification": {"cost_nano": 10},
    }
    fields = {
        "dead_letters": [],
        "replies": [],
        "attempts": [row],
        "attempts_of_day": [row],
        "report": report,
        "report_text": "",
        **changes,
    }
    return StackResults(**fields)


def test_open_message_is_named_in_the_failed_check() -> None:
    late = message(2)
    late.settled = False
    assert checks.check_settled([message(1)])["passed"]
    check = checks.check_settled([message(1), late])
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
def test_dead_letters_must_be_the_rejected_messages(letters: list[dict[str, Any]], passed: bool) -> None:
    rejected = message(1, status=Status.REJECTED)
    assert checks.check_dead_letters([rejected, message(2)], results(dead_letters=letters))["passed"] is passed


@pytest.mark.parametrize(
    ("replies", "passed"), [([{"task_id": "t1"}], True), ([], False), ([{"task_id": "t2"}], False)]
)
def test_each_task_with_a_reply_queue_must_get_one_reply(replies: list[dict[str, Any]], passed: bool) -> None:
    asking = message(1, reply_to=["arn:aws:sqs:us-east-1:000000000000:q"])
    assert checks.check_replies([asking, message(2)], results(replies=replies))["passed"] is passed


def test_undelivered_task_is_named_in_the_failed_check() -> None:
    check = checks.check_delivered([message(1), message(2, delivered_at=None)])
    assert (check["passed"], check["detail"]) == (False, "not delivered: 2.json")


@pytest.mark.parametrize(
    ("arrived", "passed"),
    [(["t1.1"], True), ([], False), (["t1.1", "t1.1"], False), (["t1.2"], False), ([None], False)],
)
def test_each_request_must_be_an_attempt(arrived: list[str | None], passed: bool) -> None:
    journal = [{"attempt": attempt} for attempt in arrived]
    assert checks.check_requests(journal, results(), {"gemini", "anthropic"})["passed"] is passed


def test_attempt_at_a_real_provider_needs_no_request_at_the_stand_in() -> None:
    assert checks.check_requests([], results(), {"gemini"})["passed"]


@pytest.mark.parametrize(
    "changes",
    [
        {"totals": {"cost_nano": 71, "attempts": 1}},
        {"totals": {"cost_nano": 70, "attempts": 2}},
        {"classification": {"cost_nano": 11}},
    ],
)
def test_difference_of_one_nano_dollar_fails_the_check(changes: dict[str, Any]) -> None:
    assert checks.check_report_sums(results())["passed"]
    assert not checks.check_report_sums(results(report=results().report | changes))["passed"]


@pytest.mark.parametrize(("starts", "passed"), [([5.0, 11.0], True), ([5.0], False), ([11.0, 12.0], False)])
def test_gemini_must_get_one_request_after_its_quota_is_used_up(starts: list[float], passed: bool) -> None:
    journal = [{"provider": "gemini", "started": start} for start in starts]
    journal.append({"provider": "anthropic", "started": 13.0})
    assert checks.check_gemini_left_alone(journal, 10.0)["passed"] is passed


def test_rejected_duplicate_has_the_outcome_rejected() -> None:
    assert message(1, repeats=True).outcome == "duplicate"
    assert message(1, repeats=True, status=Status.REJECTED).outcome == "rejected"
    assert message(1, status=Status.FAILED).outcome == "failed"


def test_phase_that_needs_a_fake_provider_is_skipped_with_a_real_one() -> None:
    playable, skipped = phases.split_playable(FakedProviders(gemini=False, anthropic=True))
    assert {phase.needs for phase in playable} == {None, "anthropic"}
    assert {phase.needs for phase in skipped} == {"gemini"}
