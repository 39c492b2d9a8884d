"""What a task waits for, as it is written and read again."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.execution.executions import Pause
from pointsman.execution.outcome import AccountTrouble, Shortfall
from pointsman.execution.waiting import Waiting, WaitingFor
from pointsman.values.times import from_ms
from tests.support.fakes import NOON

MOMENTS = st.integers(1_700_000_000_000, 2_000_000_000_000).map(from_ms)
SHORTFALLS = st.builds(
    Shortfall, cap=st.sampled_from(["month", "day_01"]), needs_nano_usd=st.integers(0), left_nano_usd=st.integers(0),
    reserved_nano_usd=st.integers(0),
)  # fmt: skip


@given(
    st.builds(
        Waiting,
        what=st.sampled_from(WaitingFor),
        until=MOMENTS,
        looks_again_at=MOMENTS,
        model=st.none() | st.just("claude-haiku-5-5"),
        reason=st.none() | st.sampled_from(AccountTrouble),
        shortfall=st.none() | SHORTFALLS,
    )
)
def test_wait_is_read_as_it_was_written(waiting: Waiting) -> None:
    state = json.loads(json.dumps({"next": "wait", "waiting_for": waiting.as_state()}))
    assert Waiting.of_pause(Pause(NOON, state)) == waiting
    assert waiting.as_document()["do"]
    assert None not in waiting.as_document().values()


@pytest.mark.parametrize(
    ("cap", "key"),
    [
        ("month", "pointsman.budget.month_usd"),
        ("month_reasoning", "pointsman.budget.tiers.reasoning.month_usd"),
        ("day_27", "pointsman.budget.day_usd"),
        ("day_27_reasoning", "pointsman.budget.tiers.reasoning.day_usd"),
    ],
)
def test_held_task_names_the_key_of_the_cap(cap: str, key: str) -> None:
    waiting = Waiting(WaitingFor.BUDGET, NOON, NOON, shortfall=Shortfall(cap, 3, 2, 1))
    assert f"raise {key} in openclaw.json" in waiting.do


@pytest.mark.parametrize("what", [WaitingFor.BUSY, WaitingFor.QUOTA, WaitingFor.STORE])
def test_wait_that_ends_by_itself_names_no_key(what: WaitingFor) -> None:
    waiting = Waiting(what, NOON, NOON, shortfall=Shortfall("month", 3, 2, 1))
    assert waiting.do.startswith("nothing")
    assert "openclaw.json" not in waiting.do
