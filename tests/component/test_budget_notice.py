"""A month's cap that is reached is told once, as an event and as a message, whoever saw it first."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pointsman.adapters.sweep_store import DynamoSweepStore
from pointsman.execution.events import NoticeKey
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.values.usage import Usage
from tests.support.aws import Aws
from tests.support.functions import Functions, deploy
from tests.support.team import Team

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish:UserWarning")
HAIKU = "claude-haiku-5-5"
ANSWER = CallResult(Outcome.ANSWERED, text="Left.", usage=Usage(input=2_000, output=280), answered_by=HAIKU)
"""For $0.00034."""
CHEAP = {"tier": "implementation", "max_output_tokens": 300}


@pytest.fixture
def start(aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Functions]:
    """Return what deploys the functions with a budget."""

    def with_budget(**budget: Any) -> Functions:
        return deploy(aws, monkeypatch, lambda: capsys.readouterr().out, {"pointsman": {"budget": budget}})

    return with_budget


@pytest.fixture
def team(aws: Aws) -> Team:
    return Team.listening(aws, "Budget Used Up")


def test_budget_refusal_is_announced_once(start: Callable[..., Functions], team: Team) -> None:
    shop = start(month_usd="0.0005")
    shop.do("t-1", ANSWER, **CHEAP)
    shop.run("sweep", {})
    assert (team.events(), team.messages()) == ([], [])
    before = shop.clock.now()
    for number in range(2):
        shop.do(f"t-{number + 2}", **CHEAP)
    for _ in range(2):
        shop.run("sweep", {})
    (detail,), ((subject, text),) = team.events(), team.messages()
    since = detail.pop("refusing_since")
    assert before - timedelta(milliseconds=1) <= datetime.fromisoformat(since) <= shop.clock.now()
    month = f"{shop.clock.now():%Y-%m}"
    spent = {"limit_nano_usd": 500_000, "spent_nano_usd": 340_000}
    assert detail == {"version": 1, "month": month, "cap": "month", **spent}
    assert subject == f"Pointsman: the budget of {month} is used up (all tiers)"
    assert f"$0.000340 of $0.000500 is spent in {month} (all tiers)." in text
    assert f"Since {since} calls are refused" in text
    assert "pointsman.budget.month_usd" in text


def test_each_cap_is_announced_and_again_after_it_was_raised(start: Callable[..., Functions], team: Team) -> None:
    shop = start(month_usd=5, day_usd="0.0005", tiers={"implementation": {"month_usd": "0.0005"}})
    shop.do("t-1", ANSWER, **CHEAP)
    shop.do("t-2", **CHEAP)
    shop.run("sweep", {})
    (detail,) = team.events()
    assert detail["cap"] == "month_implementation"  # a day's cap renews by itself
    assert "pointsman.budget.tiers.implementation.month_usd" in team.messages()[0][1]
    raised = start(month_usd=5, tiers={"implementation": {"month_usd": "0.0006"}})
    raised.run("sweep", {})
    assert team.events() == []
    raised.do("t-3", **CHEAP)
    raised.run("sweep", {})
    assert [event["limit_nano_usd"] for event in team.events()] == [600_000]


def test_a_budget_that_is_spent_to_the_end_needs_no_refusal(start: Callable[..., Functions], team: Team) -> None:
    shop = start(month_usd="0.0005")
    shop.do("t-1", CallResult(Outcome.ANSWERED, "Left.", Usage(input=5_000), HAIKU), **CHEAP)
    shop.run("sweep", {})
    (detail,) = team.events()
    assert (detail["spent_nano_usd"], detail["refusing_since"]) == (500_000, None)


def test_a_call_that_no_cap_would_ever_allow_uses_nothing_up(start: Callable[..., Functions], team: Team) -> None:
    shop = start(month_usd="0.0005")
    shop.do("t-1", tier="implementation", max_output_tokens=60_000)
    shop.run("sweep", {})
    assert team.events() == []


def test_failed_budget_notice_is_sent_by_the_next_sweep(start: Callable[..., Functions], team: Team) -> None:
    shop = start(month_usd="0.0005")
    shop.do("t-1", ANSWER, **CHEAP)
    shop.do("t-2", **CHEAP)
    sink, announce = shop.runtime.stores.report_sink, shop.runtime.stores.report_sink.announce

    def broken(subject: str, text: str) -> None:
        raise ClientError({"Error": {"Code": "InternalError"}}, "Publish")

    sink.announce = broken  # type: ignore[method-assign]
    shop.run("sweep", {})
    assert team.messages() == []
    assert any("budget_notice_not_sent" in line for line in shop.printed["sweep"])
    sink.announce = announce  # type: ignore[method-assign]
    shop.run("sweep", {})
    assert len(team.messages()) == 1


def test_refusal_in_the_last_minutes_of_a_month_is_announced_after_it(
    start: Callable[..., Functions], team: Team
) -> None:
    shop = start(month_usd="0.0005")
    now = shop.clock.now()
    shop.clock.sleep((datetime(now.year + 1, 1, 1, tzinfo=UTC) - now).total_seconds() - 300)
    shop.do("t-1", ANSWER, **CHEAP)
    shop.do("t-2", **CHEAP)
    shop.clock.sleep(900)
    shop.run("sweep", {})
    assert [event["month"] for event in team.events()] == [f"{now.year}-12"]


def test_concurrent_sweeps_announce_once(aws: Aws) -> None:
    store = DynamoSweepStore(aws.dynamodb(), aws.tables)
    cap, raised = NoticeKey("2026-11", "month 5"), NoticeKey("2026-11", "month 6")
    at = datetime(2026, 11, 22, tzinfo=UTC)
    assert store.claim_notice(cap, at)
    assert store.claim_notice(cap, at), "an answer that was lost"
    assert not store.claim_notice(cap, at + timedelta(seconds=1))
    assert store.claim_notice(raised, at + timedelta(seconds=1))
    store.release_notice(cap)
    assert store.claim_notice(cap, at + timedelta(seconds=2))
