"""The guard alone, on one model's item as the limit table would hold it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.execution.model_health import (
    BREAKER_OPENS_FOR,
    BREAKER_OPENS_FOR_AT_MOST,
    BREAKER_TRIPS_AFTER,
    PROBE_LASTS,
    RETIRED_FOR,
    Admission,
    HealthUpdate,
    ModelState,
    admit,
    health_update,
)
from pointsman.execution.outcome import BREAKING, AccountTrouble, CallResult, Outcome
from pointsman.routing.catalog import Quota
from pointsman.values.times import PACIFIC, next_midnight, to_ms
from tests.support.fakes import NOON

NEW = ModelState("gemini-3.5-flash-lite")
MINUTE = 60_000


def admitted(state: ModelState, found: Admission | CallResult, name: str) -> ModelState:
    """Return the item after the write that `Admission` describes."""
    assert isinstance(found, Admission)
    slots = {key: slot for key, slot in state.slots.items() if key not in found.stale}
    if found.slot:
        slots[name] = found.slot
        state = replace(state, day=found.day, day_count=found.day_count)
    if found.probe_until:
        state = replace(state, probe_until=found.probe_until)
    return replace(state, slots=slots, version=state.version + found.writes)


def taught(state: ModelState, lesson: HealthUpdate) -> ModelState:
    """Return the item after the write that `HealthUpdate` describes."""
    fields = {name: value for name, value in lesson.sets.items() if name in ModelState.__dataclass_fields__}
    added: dict[str, Any] = {name: getattr(state, name) + amount for name, amount in lesson.adds.items()}
    return replace(state, **{**fields, **dict.fromkeys(lesson.removes, 0), **added})


def refusal(found: Admission | CallResult) -> CallResult:
    assert isinstance(found, CallResult)
    return found


@given(
    quota=st.builds(
        Quota,
        rpm=st.none() | st.integers(1, 4),
        tpm=st.none() | st.integers(1, 5_000),
        rpd=st.none() | st.integers(1, 6),
    ),
    start=st.sampled_from(
        [
            NOON,
            datetime(2026, 11, 22, 7, 58, tzinfo=UTC),  # two minutes before midnight there
            datetime(2026, 3, 8, 7, 59, tzinfo=UTC),  # a day of 23 hours begins
            datetime(2026, 3, 9, 6, 59, tzinfo=UTC),  # and ends
            datetime(2026, 11, 1, 6, 59, tzinfo=UTC),  # a day of 25 hours begins
            datetime(2026, 11, 2, 7, 59, tzinfo=UTC),  # and ends
        ]
    ),
    calls=st.lists(
        st.tuples(st.integers(0, 40_000) | st.sampled_from([59_999, 60_000, 63_000, 3_600_000]), st.integers(1, 8_000)),
        min_size=1,
        max_size=40,
    ),
)
def test_no_minute_and_no_day_ever_sees_more_than_its_quota(
    quota: Quota, start: datetime, calls: list[tuple[int, int]]
) -> None:
    state, now, taken = NEW, start, list[tuple[int, int, str]]()
    for number, (pause, tokens) in enumerate(calls):
        now += timedelta(milliseconds=pause)
        admission = admit(state, quota, tokens, now)
        if isinstance(admission, CallResult):
            assert admission.outcome in {Outcome.BUSY, Outcome.QUOTA_EXHAUSTED}
            continue
        state = admitted(state, admission, f"slot-{number}")
        assert admission.slot is not None
        taken.append((to_ms(now), admission.slot.tokens, now.astimezone(PACIFIC).date().isoformat()))

    for at, _, day in taken:
        minute = [(when, tokens) for when, tokens, _ in taken if at <= when < at + MINUTE]
        if quota.rpm is not None:
            assert len(minute) <= quota.rpm
        if quota.tpm is not None:
            assert sum(tokens for _, tokens in minute) <= quota.tpm
        if quota.rpd is not None:
            assert len([when for when, _, other in taken if other == day]) <= quota.rpd


@given(
    quota=st.builds(Quota, rpm=st.integers(1, 4), tpm=st.none() | st.integers(1, 5_000), rpd=st.none()),
    calls=st.lists(st.tuples(st.integers(0, 30_000), st.integers(1, 8_000)), max_size=20),
    tokens=st.integers(1, 8_000),
)
def test_call_after_the_retry_hint_is_admitted(quota: Quota, calls: list[tuple[int, int]], tokens: int) -> None:
    state, now = NEW, NOON
    for number, (pause, size) in enumerate(calls):
        now += timedelta(milliseconds=pause)
        if isinstance(admission := admit(state, quota, size, now), Admission):
            state = admitted(state, admission, f"slot-{number}")
    admission = admit(state, quota, tokens, now)
    if isinstance(admission, CallResult):
        assert admission.retry_after is not None
        assert 0 < admission.retry_after <= 63
        assert isinstance(admit(state, quota, tokens, now + timedelta(seconds=admission.retry_after)), Admission)


def test_an_estimate_above_the_quota_gets_a_minute_to_itself() -> None:
    quota = Quota(rpm=None, tpm=1000, rpd=None)
    state = admitted(NEW, admit(NEW, quota, 5000, NOON), "large")
    assert refusal(admit(state, quota, 1, NOON)).outcome is Outcome.BUSY


@pytest.mark.parametrize("day", [datetime(2026, 3, 8, 20, tzinfo=UTC), datetime(2026, 11, 1, 20, tzinfo=UTC), NOON])
def test_the_day_s_quota_renews_at_midnight_pacific(day: datetime) -> None:
    quota = Quota(rpm=None, tpm=None, rpd=1)
    state = admitted(NEW, admit(NEW, quota, 1, day), "one")

    admission = refusal(admit(state, quota, 1, day))
    assert (admission.outcome, admission.until) == (Outcome.QUOTA_EXHAUSTED, next_midnight(day, PACIFIC))
    assert admission.until is not None
    assert isinstance(admit(state, quota, 1, admission.until - timedelta(seconds=1)), CallResult)
    assert isinstance(admit(state, quota, 1, admission.until), Admission)


def test_a_model_without_a_quota_is_let_through_without_a_write() -> None:
    admission = admit(NEW, None, 10**9, NOON)
    assert admission == Admission()
    assert isinstance(admission, Admission)
    assert not admission.writes


def test_retired_model_is_asked_once_a_day_and_is_back_when_it_answers() -> None:
    state = taught(NEW, health_update(NEW, CallResult(Outcome.RETIRED), NOON))
    assert refusal(admit(state, None, 1, NOON + RETIRED_FOR - timedelta(seconds=1))).outcome is Outcome.RETIRED

    tomorrow = NOON + RETIRED_FOR
    asked = admitted(state, admit(state, None, 1, tomorrow), "probe")
    assert refusal(admit(asked, None, 1, tomorrow)).outcome is Outcome.UNAVAILABLE  # one call asks for all
    still = taught(asked, health_update(asked, CallResult(Outcome.RETIRED), tomorrow))
    assert refusal(admit(still, None, 1, tomorrow + timedelta(hours=23))).outcome is Outcome.RETIRED
    back = taught(asked, health_update(asked, CallResult(Outcome.ANSWERED), tomorrow))
    assert admit(back, None, 1, tomorrow) == Admission()


def test_account_trouble_rests_every_model_that_shares_the_account() -> None:
    lesson = health_update(NEW, CallResult(Outcome.ACCOUNT, account=AccountTrouble.CREDIT), NOON, ("other",))
    assert lesson.shared_with == ("other",)
    for state in (taught(NEW, lesson), taught(ModelState("other"), lesson)):
        found = refusal(admit(state, None, 1, NOON))
        assert (found.outcome, found.account) == (Outcome.ACCOUNT, AccountTrouble.CREDIT)
        assert found.until == NOON + timedelta(minutes=5)
        assert isinstance(admit(state, None, 1, NOON + timedelta(minutes=5)), Admission)


def test_pauses_of_an_account_grow_to_an_hour_and_end_with_an_answer() -> None:
    state, now, pauses = NEW, NOON, []
    for _ in range(6):
        state = taught(state, health_update(state, CallResult(Outcome.ACCOUNT, account=AccountTrouble.HOLD), now))
        until = refusal(admit(state, None, 1, now)).until
        assert until is not None
        pauses.append((until - now).total_seconds() / 60)
        now = until
    assert pauses == [5, 10, 20, 40, 60, 60]
    assert state.account_since == to_ms(NOON)
    served = taught(state, health_update(state, CallResult(Outcome.ANSWERED), now))
    assert (served.account_trouble(now), served.account_pauses) == (None, 0)


def test_quota_shows_whether_the_project_is_linked_to_billing() -> None:
    state = NEW
    for paid in (False, None, True, None):
        result = CallResult(Outcome.RATE_LIMITED, retry_after=1, paid_project=paid)
        update = health_update(state, result, NOON)
        assert ("paid_project" in update.sets) == (paid is not None)
        state = taught(state, update)
    assert state.paid_project is True
    again = health_update(state, CallResult(Outcome.QUOTA_EXHAUSTED, paid_project=True), NOON)
    assert "paid_project" not in again.sets


def test_account_rests_until_the_provider_says() -> None:
    until = NOON + timedelta(days=3)
    result = CallResult(Outcome.ACCOUNT, account=AccountTrouble.LIMIT, until=until)
    state = taught(NEW, health_update(NEW, result, NOON))
    assert refusal(admit(state, None, 1, until - timedelta(seconds=1))).until == until
    assert isinstance(admit(state, None, 1, until), Admission)
    assert health_update(NEW, result, NOON).adds == {}  # no failure of the model


def test_a_used_up_day_benches_until_it_renews() -> None:
    until = NOON + timedelta(hours=5)
    state = taught(NEW, health_update(NEW, CallResult(Outcome.QUOTA_EXHAUSTED, until=until), NOON))

    admission = refusal(admit(state, None, 1, NOON))
    assert (admission.outcome, admission.until) == (Outcome.QUOTA_EXHAUSTED, until)
    assert isinstance(admit(state, None, 1, until), Admission)


def test_an_unknown_end_of_the_day_is_midnight_pacific() -> None:
    state = taught(NEW, health_update(NEW, CallResult(Outcome.QUOTA_EXHAUSTED), NOON))
    assert state.quota_exhausted_until == to_ms(next_midnight(NOON, PACIFIC))


@pytest.mark.parametrize("outcome", [Outcome.RATE_LIMITED, *sorted(BREAKING)])
def test_a_hint_lets_every_instance_rest(outcome: Outcome) -> None:
    state = taught(NEW, health_update(NEW, CallResult(outcome, retry_after=7.5), NOON))
    admission = refusal(admit(state, None, 1, NOON))
    assert (admission.outcome, admission.retry_after) == (Outcome.RATE_LIMITED, 7.5)
    assert isinstance(admit(state, None, 1, NOON + timedelta(seconds=7.5)), Admission)


def failing(state: ModelState, now: datetime, outcome: Outcome = Outcome.UNAVAILABLE) -> ModelState:
    return taught(state, health_update(state, CallResult(outcome), now))


@pytest.mark.parametrize("outcome", sorted(BREAKING))
def test_the_breaker_opens_after_five_failures_in_a_row(outcome: Outcome) -> None:
    state = NEW
    for _ in range(BREAKER_TRIPS_AFTER):
        assert isinstance(admit(state, None, 1, NOON), Admission)
        state = failing(state, NOON, outcome)
    admission = refusal(admit(state, None, 1, NOON))
    assert (admission.outcome, admission.retry_after) == (Outcome.UNAVAILABLE, BREAKER_OPENS_FOR.total_seconds())


def test_an_answer_between_keeps_the_breaker_closed() -> None:
    state = NEW
    for _ in range(3 * BREAKER_TRIPS_AFTER):
        for _ in range(BREAKER_TRIPS_AFTER - 1):
            state = failing(state, NOON)
        state = taught(state, health_update(state, CallResult(Outcome.INVALID), NOON))
    assert isinstance(admit(state, None, 1, NOON), Admission)
    assert health_update(NEW, CallResult(Outcome.ANSWERED), NOON) == HealthUpdate()


def opened() -> ModelState:
    state = NEW
    for _ in range(BREAKER_TRIPS_AFTER):
        state = failing(state, NOON)
    return state


def test_one_probe_passes_a_half_open_breaker() -> None:
    after = NOON + BREAKER_OPENS_FOR
    probe = admit(opened(), None, 1, after)
    assert isinstance(probe, Admission)
    assert probe.writes
    state = admitted(opened(), probe, "probe")

    admission = refusal(admit(state, None, 1, after))
    assert admission.outcome is Outcome.UNAVAILABLE
    assert admission.retry_after is not None
    assert admission.retry_after <= 5
    assert isinstance(admit(state, None, 1, after + PROBE_LASTS), Admission)  # whoever had it, died


def test_an_answered_probe_closes_it_and_a_failed_one_opens_it_for_longer() -> None:
    after = NOON + BREAKER_OPENS_FOR
    state = admitted(opened(), admit(opened(), None, 1, after), "probe")

    closed = taught(state, health_update(state, CallResult(Outcome.ANSWERED), after))
    assert admit(closed, None, 1, after) == Admission()
    again = failing(state, after)
    assert refusal(admit(again, None, 1, after)).retry_after == 2 * BREAKER_OPENS_FOR.total_seconds()


def test_a_provider_that_is_away_for_days_is_probed_every_five_minutes() -> None:
    state, now = opened(), NOON
    for _ in range(1000):
        admission = refusal(admit(state, None, 1, now))
        assert admission.retry_after is not None
        assert admission.retry_after <= BREAKER_OPENS_FOR_AT_MOST.total_seconds()
        now += timedelta(seconds=admission.retry_after)
        state = failing(admitted(state, admit(state, None, 1, now), "probe"), now)


RESULTS = st.builds(
    CallResult,
    st.sampled_from(Outcome),
    retry_after=st.none() | st.floats(0, 1e6),
    until=st.none() | st.just(NOON + timedelta(hours=9)),
    account=st.sampled_from(AccountTrouble),
)


@given(st.lists(st.tuples(RESULTS, st.integers(0, 400)), max_size=60))
def test_a_model_is_never_shut_out_for_good(history: list[tuple[CallResult, int]]) -> None:
    state, now = NEW, NOON
    for number, (result, pause) in enumerate(history):
        now += timedelta(seconds=pause)
        admission = admit(state, None, 1, now)
        if isinstance(admission, Admission):
            state = admitted(state, admission, f"slot-{number}")
            state = taught(state, health_update(state, result, now))
    assert isinstance(admit(state, None, 1, now + timedelta(days=14)), Admission)
