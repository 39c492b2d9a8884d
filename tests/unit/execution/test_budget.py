from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.execution.budget import OPEN, Cap, Charge, charge, check_budget, used_up
from pointsman.execution.outcome import Outcome
from pointsman.routing.config import Budget
from pointsman.values.taxonomy import Tier
from tests.support.fakes import NOON

UTC_ZONE = ZoneInfo("UTC")
DOLLAR = 10**9


def wanted(amount: int, now: datetime = NOON, zone: ZoneInfo = UTC_ZONE, **budget: Any) -> Charge:
    return charge(Budget.model_validate(budget), Tier.REASONING, amount, now, zone)


def test_a_charge_names_the_four_counters_and_the_stated_caps() -> None:
    result = wanted(7, month_usd=5, tiers={"reasoning": {"day_usd": "0.25"}, "orchestration": {"day_usd": 9}})
    assert result == Charge(
        "2026-11",
        ("month", "day_22", "month_reasoning", "day_22_reasoning"),
        (Cap("month", 5 * DOLLAR), Cap("day_22_reasoning", DOLLAR // 4)),
        7,
    )


def test_months_and_days_are_those_of_the_report_s_zone() -> None:
    result = wanted(1, datetime(2026, 11, 30, 23, 30, tzinfo=UTC), ZoneInfo("Asia/Kolkata"))
    assert (result.month, result.counters[1]) == ("2026-12", "day_01")


@pytest.mark.parametrize(
    ("amount", "held", "open_", "outcome"),
    [
        (5 * DOLLAR, 0, 0, None),
        (5 * DOLLAR + 1, 0, 0, Outcome.OVER_BUDGET),
        (DOLLAR, 4 * DOLLAR, 0, None),
        (DOLLAR, 4 * DOLLAR + 1, 0, Outcome.OVER_BUDGET),
        (DOLLAR, 4 * DOLLAR + 1, 1, Outcome.BUSY),
        (DOLLAR, 5 * DOLLAR, 5 * DOLLAR, Outcome.BUSY),
        (DOLLAR, 5 * DOLLAR, DOLLAR, Outcome.BUSY),
        (DOLLAR, 5 * DOLLAR, DOLLAR - 1, Outcome.OVER_BUDGET),
        (1, 9 * DOLLAR, 0, Outcome.OVER_BUDGET),
    ],
)
def test_over_budget_only_for_what_is_spent_and_the_call_itself(
    amount: int, held: int, open_: int, outcome: Outcome | None
) -> None:
    result = check_budget(wanted(amount), {"month": held, "month" + OPEN: open_}, NOON, UTC_ZONE)
    assert (result.outcome if result else None) == outcome
    assert (result is not None and result.ours) is (outcome is Outcome.BUSY)  # waited for on the same model


@pytest.mark.parametrize(
    ("amount", "spent", "caps"),
    [
        (DOLLAR, 4 * DOLLAR, []),
        (DOLLAR, 4 * DOLLAR + 1, ["month"]),
        (5 * DOLLAR, 1, ["month"]),
        (5 * DOLLAR + 1, 1, []),
    ],
)
def test_cap_is_used_up_when_a_call_that_it_could_hold_does_not_fit(amount: int, spent: int, caps: list[str]) -> None:
    """A day's is none of these: it renews by itself."""
    counters = {"month": spent + DOLLAR, "month" + OPEN: DOLLAR, "day_22": 5 * DOLLAR}
    assert [cap.counter for cap in used_up(wanted(amount, month_usd=5, day_usd=5), counters)] == caps


def test_it_says_when_the_budget_renews() -> None:
    zone = ZoneInfo("Europe/Berlin")
    spent = {"month": DOLLAR, "day_22": DOLLAR}
    day = check_budget(wanted(2, zone=zone, month_usd=None, day_usd=1), spent, NOON, zone)
    assert day is not None
    assert day.until == datetime(2026, 11, 22, 23, tzinfo=UTC)
    both = check_budget(wanted(2, zone=zone, month_usd=1, day_usd=1), spent, NOON, zone)
    assert both is not None
    assert both.until == datetime(2026, 11, 30, 23, tzinfo=UTC)


def test_call_above_a_cap_never_fits() -> None:
    result = check_budget(wanted(2 * DOLLAR, month_usd=5, day_usd=1), {"month": 5 * DOLLAR}, NOON, UTC_ZONE)
    assert result is not None
    assert (result.outcome, result.until, result.detail) == (
        Outcome.OVER_BUDGET,
        None,
        "dearer than the whole cap on day_22",
    )


def test_a_cap_that_is_passed_outweighs_one_that_is_held() -> None:
    counters = {"month": 5 * DOLLAR, "month" + OPEN: 5 * DOLLAR, "day_22": DOLLAR}
    result = check_budget(wanted(1, month_usd=5, day_usd=1), counters, NOON, UTC_ZONE)
    assert result is not None
    assert (result.outcome, result.detail) == (Outcome.OVER_BUDGET, "cap on day_22 reached")


def test_call_without_a_cap_always_fits() -> None:
    assert check_budget(wanted(10**15, month_usd=None), {"month": 10**15}, NOON, UTC_ZONE) is None


MONEY = st.integers(0, 10 * DOLLAR)


@given(amount=MONEY, spent=MONEY, reserved=MONEY, cap=st.integers(0, 10))
def test_admitted_calls_never_exceed_the_cap(amount: int, spent: int, reserved: int, cap: int) -> None:
    counters = {"month": spent + reserved, "month" + OPEN: reserved}
    result = check_budget(wanted(amount, month_usd=cap), counters, NOON, UTC_ZONE)
    if result is None:
        assert spent + reserved + amount <= cap * DOLLAR
    else:
        assert (result.outcome is Outcome.OVER_BUDGET) == (spent + amount > cap * DOLLAR)
