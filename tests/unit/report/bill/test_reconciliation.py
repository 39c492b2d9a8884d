"""The ledger against a bill: causes that the data proves are found, and what it does not prove stays unexplained."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.report.bill.charges import BilledCharge, Cause, ChargeKey, MeteredTokens, ProviderBill, StackAccount
from pointsman.report.bill.reconciliation import Reconciliation
from tests.support.bills import (
    CENT,
    DAYS,
    HAIKU,
    OPUS,
    OTHER,
    OWN,
    SONNET,
    bill,
    call,
    charges_of,
    compared,
    list_bill,
    metered_of,
)

DAY = DAYS[1]
NOON = datetime(DAY.year, DAY.month, DAY.day, 12, tzinfo=UTC)
OURS = StackAccount(api_keys=[OWN])


def calls() -> list[dict[str, Any]]:
    """Return a day's calls of several kinds."""
    return [
        call(1, NOON, SONNET, input=1_234, output=567, cache_read=89),
        call(2, NOON, HAIKU, input=20_000, output=3_000),
        call(3, NOON, OPUS, input=777, output=1_001, regional=True),
        call(4, NOON + timedelta(hours=1), SONNET, input=10_001, output=333, batch_entry="b1.1"),
        call(5, NOON + timedelta(days=1), SONNET, input=50, output=5),
    ]


def causes(of: Reconciliation) -> dict[Cause, int]:
    assert_adds_up(of)
    return of.causes


def assert_adds_up(of: Reconciliation) -> None:
    assert of.billed_nano - of.booked_nano == sum(of.causes.values()) + of.unexplained_nano


def charge(
    day: Any = DAY, model: str = SONNET, kind: str = "input", lane: str = "standard", **fields: Any
) -> BilledCharge:
    return BilledCharge(ChargeKey(day, model, kind, lane), **({"nano": 123_456} | fields))


def test_bill_at_list_prices_leaves_nothing() -> None:
    done = compared(calls(), list_bill(calls()))
    assert set(causes(done)) <= {Cause.ROUNDING}
    assert (done.unexplained_nano, done.is_explained, done.until) == (0, True, DAYS[-1])
    assert done.booked_nano == sum(row["cost_nano"] for row in calls())


def test_lines_have_day_model_kind_lane_and_geography() -> None:
    lines = {line.key[1:]: line for line in compared(calls(), list_bill(calls())).lines if line.key.day == DAY}
    assert lines[OPUS, "output", "standard", "us"].billed_tokens == 1_001
    assert lines[SONNET, "input", "batch", "global"].booked_nano == 10_001 * 1_000
    assert lines[SONNET, "cache_read", "standard", "global"].difference_nano == 0


def test_charge_of_another_workspace_is_told_apart() -> None:
    metered = metered_of(calls()) + metered_of([call(9, NOON, SONNET, input=50)], workspace="wrkspc_other")
    with_other = bill(charges_of(metered), metered)
    done = compared(calls(), with_other, StackAccount(workspaces=[None]))
    assert causes(done)[Cause.OTHER_WORKSPACE] == 50 * 2_000
    assert done.is_explained
    unstated = compared(calls(), with_other)
    assert (unstated.unexplained_nano, unstated.is_explained) == (50 * 2_000, False)


def test_tokens_of_another_key_are_told_apart() -> None:
    metered = metered_of(calls()) + metered_of([call(9, NOON, SONNET, input=5_000)], api_key=OTHER)
    done = compared(calls(), bill(charges_of(metered), metered), OURS)
    assert causes(done)[Cause.OTHER_KEY] == 5_000 * 2_000
    assert done.is_explained


def test_another_key_s_tokens_alone_need_no_price() -> None:
    unknown = MeteredTokens(ChargeKey(DAY, "claude-of-nobody", "input", "standard"), 7, "global", None, OTHER)
    billed = list_bill(calls())
    planted = replace(
        billed,
        charges=(*billed.charges, charge(model="claude-of-nobody")),
        metered=(*billed.metered, unknown),
    )
    assert causes(compared(calls(), planted, OURS))[Cause.OTHER_KEY] == 123_456


def test_key_s_share_of_a_model_with_bands_is_claimed_only_at_one_bands_price() -> None:
    """A prompt of more than 100,000 tokens costs five times as much, and the bill does not say which tokens do."""
    metered = metered_of(calls()) + metered_of([call(9, NOON, HAIKU, input=90_000)], api_key=OTHER)
    at_one_price = bill(charges_of(metered), metered)
    assert causes(compared(calls(), at_one_price, OURS))[Cause.OTHER_KEY] == 90_000 * 100
    dearer = replace(
        at_one_price,
        charges=tuple(
            replace(each, nano=each.nano + 4_000_000) if each.key.model == HAIKU and each.key.kind == "input" else each
            for each in at_one_price.charges
        ),
    )
    done = compared(calls(), dearer, OURS)
    assert Cause.OTHER_KEY not in causes(done)
    assert done.unexplained_nano == 90_000 * 100 + 4_000_000


def test_same_tokens_at_another_price_are_a_price() -> None:
    metered = metered_of(calls())
    done = compared(calls(), bill(charges_of(metered, Decimal("1.2")), metered))
    assert causes(done)[Cause.PRICE] == pytest.approx(done.booked_nano * 0.2, abs=1_000)
    assert done.is_explained


def test_price_is_not_claimed_when_tokens_differ() -> None:
    metered = metered_of([*calls(), call(9, NOON, SONNET, input=1)])
    done = compared(calls(), bill(charges_of(metered, Decimal("1.2")), metered))
    (odd,) = [line for line in done.lines if line.key[:4] == (DAY, SONNET, "input", "standard")]
    assert odd.causes == {}
    assert odd.unexplained_nano == odd.difference_nano != 0
    assert not done.is_explained


def test_metered_tokens_without_any_charge_stay_unexplained() -> None:
    billed = list_bill(calls())
    kept = tuple(each for each in billed.charges if each.key.day != DAY or each.key.kind != "output")
    done = compared(calls(), replace(billed, charges=kept))
    booked_output = sum(line.booked_nano for line in done.lines if line.key.day == DAY and line.key.kind == "output")
    assert done.unexplained_nano == -booked_output
    assert_adds_up(done)


def test_same_tokens_in_another_tier_are_a_tier() -> None:
    rows = [call(1, NOON, SONNET, input=1_000, output=10), call(2, NOON, SONNET, input=500)]
    metered = metered_of(rows[:1]) + metered_of(rows[1:], lane="batch")
    done = compared(rows, bill(charges_of(metered), metered))
    assert causes(done) == {Cause.SERVICE_TIER: -500 * 1_000}
    assert done.is_explained


def test_tier_that_the_cost_report_does_not_have_is_a_tier() -> None:
    rows = [call(1, NOON, SONNET, input=1_000)]
    assert causes(compared(rows, bill([], metered_of(rows, lane="priority")))) == {Cause.SERVICE_TIER: -2_000_000}


def test_same_tokens_in_another_geography_are_a_geography() -> None:
    rows = [call(1, NOON, SONNET, input=1_000), call(2, NOON, SONNET, input=500)]
    metered = metered_of(rows[:1]) + metered_of(rows[1:], geography="us")
    done = compared(rows, bill(charges_of(metered), metered))
    assert causes(done) == {Cause.GEOGRAPHY: 500 * 200}
    assert done.is_explained


def test_tier_is_not_claimed_when_tokens_are_missing_too() -> None:
    rows = [call(1, NOON, SONNET, input=1_000), call(2, NOON, SONNET, input=500)]
    metered = metered_of([call(1, NOON, SONNET, input=999)]) + metered_of(rows[1:], lane="batch")
    done = compared(rows, bill(charges_of(metered), metered))
    assert causes(done) == {}
    assert done.unexplained_nano == -2_000 - 500 * 1_000


def test_half_of_the_last_place_is_rounding_and_more_is_not() -> None:
    rows = [call(1, NOON, SONNET, input=1_234, output=567)]
    metered = metered_of(rows)
    rough = bill(charges_of(metered, place=CENT), metered, last_place_nano=CENT)
    assert set(causes(compared(rows, rough))) == {Cause.ROUNDING}
    assert set(causes(compared(rows, replace(rough, last_place_nano=Decimal(100))))) == {Cause.PRICE}


def test_missing_charges_of_a_late_day_are_late_and_surplus_is_not() -> None:
    late = DAYS[2]
    metered = [tokens for tokens in metered_of(calls()) if tokens.key.day != late]
    done = compared(calls(), bill(charges_of(metered), metered, [late]))
    assert causes(done)[Cause.LATE] == -(50 * 2_000 + 5 * 10_000)
    assert (done.until, done.is_explained) == (DAYS[1], True)
    surplus = bill([*charges_of(metered), charge(late, nano=900_000)], metered, [late])
    assert compared(calls(), surplus).unexplained_nano == 900_000 - 50 * 2_000


def test_late_first_day_leaves_no_day_reconciled() -> None:
    assert compared([], bill([], [], [DAYS[0]])).until is None


def midnight(day: int = 1, seconds: int = 1) -> datetime:
    return datetime(2026, 11, DAYS[day].day, tzinfo=UTC) - timedelta(seconds=seconds)


def crossing(number: int, day: int = 1, **tokens: Any) -> dict[str, Any]:
    """Return a call that began a second before the day and ended in it."""
    ended = midnight(day, -1).isoformat().replace("+00:00", "Z")
    return call(number, midnight(day), SONNET, ended_at=ended, **tokens)


def counted_when_ended(rows: list[dict[str, Any]]) -> ProviderBill:
    metered = metered_of([{**row, "at": row.get("ended_at") or row["at"]} for row in rows])
    within = [tokens for tokens in metered if tokens.key.day in DAYS]
    return bill(charges_of(within), within)


def test_calls_across_midnight_are_counted_where_the_provider_does() -> None:
    rows = [*calls(), crossing(6, 1), crossing(7, 2, input=31, output=7), crossing(8, 3, input=11)]
    assert compared(rows, list_bill(rows)).unexplained_nano == 0
    done = compared(rows, counted_when_ended(rows))
    assert causes(done)[Cause.MIDNIGHT] == 0
    assert [line for line in done.lines if line.unexplained_nano] == []
    assert done.is_explained


def test_call_that_began_before_the_period_or_ended_after_it_is_midnight() -> None:
    rows = [crossing(1, 0, input=500), crossing(2, 3, input=70), call(3, midnight(3, 9), SONNET, input=70)]
    rows[2] |= {"ended_at": "2026-11-20T03:00:00.000Z", "batch_entry": "b1.1", "cost_nano": 70 * 1_000}
    done = compared(rows, counted_when_ended(rows))
    assert causes(done) == {Cause.MIDNIGHT: 500 * 2_000 - 70 * 1_000}
    assert done.is_explained


def test_midnight_is_not_claimed_for_other_tokens() -> None:
    rows = [*calls(), crossing(6, 1, input=600)]
    metered = metered_of([*calls(), call(6, NOON, SONNET, input=601), call(6, midnight(), SONNET, input=5)])
    done = compared(rows, bill(charges_of(metered), metered))
    assert Cause.MIDNIGHT not in causes(done)
    assert not done.is_explained


def test_calls_of_unknown_cost_give_a_range() -> None:
    lost = call(9, NOON, SONNET, input=800, outcome="unknown", cost_known=False, reserved_nano=9_000_000)
    lost = {name: value for name, value in lost.items() if name != "input"} | {"cost_nano": 9_000_000}
    metered = metered_of([*calls(), call(9, NOON, SONNET, input=800)])
    done = compared([*calls(), lost], bill(charges_of(metered), metered))
    assert causes(done)[Cause.UNKNOWN_CALLS] == -9_000_000
    assert (done.unexplained_nano, done.least_unexplained_nano) == (1_600_000, 1_600_000 - 9_000_000)
    assert done.is_explained
    more = compared([*calls(), lost], bill([*charges_of(metered), charge(nano=7_400_001)], metered))
    assert not more.is_explained


def test_unknown_call_explains_nothing_of_another_model_or_day() -> None:
    lost = call(9, NOON, SONNET, outcome="unknown", cost_known=False)
    for elsewhere in (call(10, NOON, HAIKU, input=70), call(10, NOON + timedelta(days=1), SONNET, input=70)):
        done = compared([*calls(), lost], list_bill([*calls(), elsewhere]))
        assert done.unexplained_nano == elsewhere["cost_nano"]
        assert not done.is_explained


def test_open_call_counts_at_its_reservation() -> None:
    done = compared([*calls(), call(9, NOON, outcome=None)], list_bill(calls()))
    assert (done.unknown_calls, done.unknown_nano) == (1, 5_000_000)
    assert done.is_explained


def test_charges_that_cancel_each_other_are_not_explained() -> None:
    billed = list_bill(calls())
    unlike = (charge(kind="web_search", nano=5_000_000), charge(kind="code_execution", nano=-5_000_000))
    done = compared(calls(), replace(billed, charges=(*billed.charges, *unlike)))
    assert (done.unexplained_nano, done.is_explained) == (0, False)


def test_what_is_no_tokens_stays_unexplained_and_credits_and_taxes_do_not() -> None:
    billed = list_bill(calls())
    searches = charge(model="(no model)", kind="web_search", nano=30_000_000)
    given_back = charge(nano=-77, cause=Cause.CREDIT)
    done = compared(calls(), replace(billed, charges=(*billed.charges, searches, given_back)))
    assert causes(done)[Cause.CREDIT] == -77
    assert done.unexplained_nano == 30_000_000


def test_amounts_that_the_bill_splits_by_geography_are_taken_as_they_are() -> None:
    rows = [call(1, NOON, SONNET, input=1_000), call(2, NOON, SONNET, input=500, regional=True)]
    metered = metered_of(rows)
    split = [charge(nano=2_000_000, geography="global"), charge(nano=1_100_000, geography="us")]
    done = compared(rows, bill(split, metered))
    assert (causes(done), done.unexplained_nano) == ({}, 0)


def test_other_provider_s_calls_are_not_compared() -> None:
    assert compared(calls(), bill([], [], provider="gemini")).lines == ()


ROWS = st.lists(
    st.builds(
        lambda day, second, model, tokens, batch, regional: call(
            1, datetime(2026, 11, DAYS[day].day, tzinfo=UTC) + timedelta(seconds=second), model, **tokens,
            **({"batch_entry": "b"} if batch else {}), **({"regional": True} if regional else {}),
        ),
        st.integers(0, 3),
        st.integers(0, 86_399),
        st.sampled_from([SONNET, OPUS, HAIKU]),
        st.dictionaries(st.sampled_from(["input", "output", "cache_read"]), st.integers(1, 30_000), min_size=1),
        st.booleans(),
        st.booleans(),
    ),
    max_size=12,
).map(lambda rows: [{**row, "task_id": f"t{n}", "turn": f"000001.{n:06d}"} for n, row in enumerate(rows)])  # fmt: skip
CHARGES = st.lists(
    st.builds(
        BilledCharge,
        st.builds(
            ChargeKey,
            st.sampled_from(DAYS),
            st.sampled_from([SONNET, HAIKU, "claude-of-nobody"]),
            st.sampled_from(["input", "output", "web_search"]),
            st.sampled_from(["standard", "batch"]),
        ),
        st.integers(-(10**9), 10**9),
        st.sampled_from([None, "wrkspc_a"]),
        st.sampled_from([None, "us"]),
        st.sampled_from([None, None, Cause.TAX]),
    ),
    max_size=6,
)


@given(ROWS, ROWS, CHARGES, st.booleans(), st.sets(st.sampled_from(DAYS)))
@settings(max_examples=200, deadline=None)
def test_explained_and_unexplained_are_the_difference_to_the_nano_dollar(
    booked: list[dict[str, Any]],
    others: list[dict[str, Any]],
    planted: list[BilledCharge],
    narrow: bool,
    late: set[Any],
) -> None:
    metered = metered_of(booked[1:]) + metered_of(others, api_key=OTHER)
    billed = bill([*charges_of(metered, Decimal("1.07")), *planted], metered, late)
    done = compared(booked, billed, StackAccount([None], [OWN]) if narrow else StackAccount())
    assert done.booked_nano == sum(row["cost_nano"] for row in booked)
    assert done.billed_nano == sum(each.nano for each in billed.charges)
    assert sum(done.causes.values()) + done.unexplained_nano == done.billed_nano - done.booked_nano


@given(ROWS, st.integers(1_000, 10**9), st.sampled_from(["input", "output"]))
@settings(max_examples=100, deadline=None)
def test_charge_without_tokens_stays_unexplained_beside_any_ledger(
    rows: list[dict[str, Any]], nano: int, kind: str
) -> None:
    """A call that the ledger does not have."""
    extra = MeteredTokens(ChargeKey(DAY, SONNET, kind, "standard"), 12_345, "global", None, OWN)
    metered = metered_of(rows)
    done = compared(rows, bill([*charges_of(metered), charge(kind=kind, nano=nano)], [*metered, extra]))
    assert done.unexplained_nano == pytest.approx(nano, abs=200)
    assert not done.is_explained
