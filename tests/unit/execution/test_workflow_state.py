import json
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.execution.calls import Purpose
from pointsman.execution.outcome import FINAL, GOOD, AccountTrouble, CallResult, Outcome
from pointsman.execution.workflow_state import (
    LONGEST_HOLD,
    LONGEST_PAUSE,
    MOST_ASKS,
    MOST_ROUNDS_OF_UNKNOWN,
    MOST_TRIES,
    Course,
    Next,
    WorkflowState,
    next_state,
)
from pointsman.routing.policy import Hop
from pointsman.values.taxonomy import Tier
from pointsman.values.times import parse_time
from tests.support.fakes import NOON

HOPS = (
    Hop("gemini-3.5-flash-lite", Tier.ORCHESTRATION, Tier.ORCHESTRATION),
    Hop("claude-haiku-5-5", Tier.IMPLEMENTATION, Tier.ORCHESTRATION),
)
LATER = NOON + timedelta(hours=24)
WAITING = [Outcome.RATE_LIMITED, Outcome.BUSY, Outcome.UNAVAILABLE, Outcome.NOT_SENT]


def run(hops: int = 2, deadline: datetime = LATER, **fields: object) -> WorkflowState:
    return WorkflowState(task_id="t", generation=1, deadline=deadline, plan=HOPS[:hops], **fields)  # type: ignore[arg-type]


def where(found: WorkflowState) -> tuple[Next, int, int]:
    return found.next, found.hop, found.wait_seconds


@pytest.mark.parametrize("outcome", sorted(GOOD))
def test_an_answer_is_delivered(outcome: Outcome) -> None:
    result = next_state(run(reason="busy"), CallResult(outcome), NOON)
    assert (result.next, result.reason, result.attempt) == (Next.DELIVER, None, 2)


@pytest.mark.parametrize("outcome", sorted(FINAL))
def test_permanent_failure_ends_the_task(outcome: Outcome) -> None:
    result = next_state(run(), CallResult(outcome), NOON)
    assert (result.next, result.reason) == (Next.FAIL, outcome)


@pytest.mark.parametrize("outcome", WAITING)
@pytest.mark.parametrize("seed", range(5))
def test_a_hint_is_honoured_and_at_most_a_tenth_later(outcome: Outcome, seed: int) -> None:
    result = next_state(run(), CallResult(outcome, retry_after=47.3), NOON, dice=random.Random(seed))

    assert (result.next, result.hop, result.tries, result.reason) == (Next.WAIT, 0, 1, outcome)
    assert 47.3 <= result.not_before - NOON.timestamp() <= 47.3 * 1.1
    assert 0 <= result.not_before - NOON.timestamp() - result.wait_seconds < 1


@pytest.mark.parametrize("outcome", WAITING)
def test_transient_failure_backs_off_with_jitter_then_the_next_model_runs(outcome: Outcome) -> None:
    here, waits = run(), []
    for number in range(MOST_TRIES):
        here = next_state(here, CallResult(outcome), NOON)
        assert (here.hop, here.tries) == (0, number + 1)
        waits.append(here.not_before - NOON.timestamp())
    for number, wait in enumerate(waits):
        assert 2**number <= wait <= 2 ** (number + 1)
    assert where(next_state(here, CallResult(outcome), NOON)) == (Next.RUN, 1, 0)


def test_a_wait_below_a_second_is_left_to_the_function() -> None:
    result = next_state(run(), CallResult(Outcome.BUSY, retry_after=0.25), NOON)
    assert where(result) == (Next.RUN, 0, 0)
    assert result.not_before >= NOON.timestamp() + 0.25


@pytest.mark.parametrize("outcome", WAITING)
def test_a_wait_beyond_the_deadline_leads_to_the_next(outcome: Outcome) -> None:
    soon = run(deadline=NOON + timedelta(seconds=30))
    assert where(next_state(soon, CallResult(outcome, retry_after=30), NOON)) == (Next.RUN, 1, 0)
    last = run(1, deadline=NOON + timedelta(seconds=20))
    assert next_state(last, CallResult(outcome, retry_after=30), NOON).next is Next.FAIL


@pytest.mark.parametrize(
    "outcome",
    [Outcome.QUOTA_EXHAUSTED, Outcome.RETIRED, Outcome.TOO_LONG, Outcome.OVER_BUDGET],
)
def test_model_specific_failure_leads_to_the_next_model(outcome: Outcome) -> None:
    result = CallResult(outcome, until=NOON + timedelta(hours=3))
    following = next_state(run(tries=2, crashes=1), result, NOON)
    assert where(following) == (Next.RUN, 1, 0)
    assert (following.tries, following.crashes, following.reason) == (0, 0, outcome)


@pytest.mark.parametrize("outcome", [Outcome.RETIRED, Outcome.TOO_LONG, Outcome.OVER_BUDGET])
def test_behind_the_last_model_the_task_fails(outcome: Outcome) -> None:
    result = next_state(run(hop=1), CallResult(outcome, until=NOON + timedelta(hours=3)), NOON)
    assert (result.next, result.reason) == (Next.FAIL, outcome)


def test_a_quota_that_renews_before_the_deadline_is_waited_for() -> None:
    result = CallResult(Outcome.QUOTA_EXHAUSTED, until=NOON + timedelta(hours=3))
    waiting = next_state(run(1), result, NOON)
    assert (waiting.next, waiting.hop) == (Next.WAIT, 0)
    assert 3 * 3600 <= waiting.wait_seconds <= 3 * 3600 + 60  # not all tasks wake at once
    soon = run(1, deadline=NOON + timedelta(hours=2))
    assert next_state(soon, result, NOON).next is Next.FAIL


def test_a_trouble_that_time_heals_lets_the_plan_begin_again() -> None:
    behind = next_state(run(), CallResult(Outcome.QUOTA_EXHAUSTED), NOON)
    again = next_state(behind, CallResult(Outcome.RETIRED), NOON)
    assert (again.next, again.hop, again.rounds, again.saw_transient) == (Next.WAIT, 0, 1, False)
    assert timedelta(seconds=20) < timedelta(seconds=again.not_before - NOON.timestamp()) < LONGEST_PAUSE


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.EMPTY, Outcome.MALFORMED])
def test_an_unknown_end_gets_one_new_attempt_on_that_model(outcome: Outcome) -> None:
    second = next_state(run(), CallResult(outcome), NOON)
    assert (where(second), second.crashes) == ((Next.RUN, 0, 0), 1)
    assert where(next_state(second, CallResult(outcome), NOON)) == (Next.RUN, 1, 0)
    last = next_state(run(1, rounds=MOST_ROUNDS_OF_UNKNOWN), CallResult(outcome), NOON)
    assert next_state(last, CallResult(outcome), NOON).next is Next.FAIL


def test_unknown_ends_on_every_model_let_the_plan_begin_again_a_few_times() -> None:
    """Each may have been billed; the workflow does the same for crashes."""
    here, rounds = run(), []
    while here.next is not Next.FAIL:
        here = next_state(here, CallResult(Outcome.UNKNOWN), NOON)
        if here.next is Next.WAIT:
            rounds.append(here.rounds)
    assert rounds == [1, 2, 3]
    assert here.attempt - 1 == 4 * 4


def test_a_held_task_waits_for_its_budget_and_keeps_its_time() -> None:
    result = CallResult(Outcome.OVER_BUDGET, until=NOON + timedelta(hours=2))
    following = next_state(run(), result, NOON, Course(hold=True))
    assert (following.next, following.hop) == (Next.WAIT, 0)
    assert following.deadline - LATER == datetime.fromtimestamp(following.not_before, UTC) - NOON
    month = CallResult(Outcome.OVER_BUDGET, until=NOON + timedelta(days=9))
    waits = [next_state(run(), month, NOON, Course(hold=True), dice=random.Random(n)).wait_seconds for n in range(99)]
    longest = LONGEST_HOLD.total_seconds()
    assert longest <= min(waits) < longest + 60
    assert longest + 540 < max(waits) <= longest + 600


def test_held_tasks_do_not_all_wake_when_their_budget_renews() -> None:
    result = CallResult(Outcome.OVER_BUDGET, until=NOON + timedelta(hours=2))
    waits = {next_state(run(), result, NOON, Course(hold=True), dice=random.Random(n)).wait_seconds for n in range(99)}
    assert min(waits) >= 7200  # not before the budget renews
    assert max(waits) <= 7200 + 360
    assert len(waits) > 50


def test_result_ends_the_count_of_throttled_calls() -> None:
    assert next_state(run(throttles=4), CallResult(Outcome.UNAVAILABLE), NOON).throttles == 0


def test_no_pause_is_longer_than_days_however_far_the_deadline_is() -> None:
    """Each attempt reads the prompt, which the bucket keeps for 90 days unless it is read."""
    last = parse_time("9999-12-31T23:00:00Z")
    rounds = next_state(run(1, deadline=last, tries=MOST_TRIES), CallResult(Outcome.UNAVAILABLE, made=True), NOON)
    assert (rounds.next, rounds.wait_seconds <= 4 * 86_400) == (Next.WAIT, True)
    late = next_state(run(1, deadline=last, attempt=501), CallResult(Outcome.UNAVAILABLE), NOON)
    assert (late.next, late.wait_seconds <= 4 * 86_400) == (Next.WAIT, True)


def test_a_held_task_with_the_last_deadline_there_is() -> None:
    result = CallResult(Outcome.OVER_BUDGET, until=NOON + timedelta(hours=2))
    last = parse_time("9999-12-31T23:00:00Z")
    assert next_state(run(deadline=last), result, NOON, Course(hold=True)).deadline >= last


def test_the_turns_of_a_task_rise_as_text() -> None:
    turns = [
        run(attempt=9).attempt_id,
        run(attempt=10).attempt_id,
        WorkflowState("t", 2, LATER, HOPS).attempt_id,
        WorkflowState("t", 10, LATER, HOPS).attempt_id,
    ]
    assert turns == sorted(set(turns))


@pytest.mark.parametrize("outcome", [Outcome.RATE_LIMITED, Outcome.UNAVAILABLE])
def test_a_long_hint_leads_to_the_next_model_at_once(outcome: Outcome) -> None:
    hint = CallResult(outcome, retry_after=13_262)
    assert where(next_state(run(), hint, NOON)) == (Next.RUN, 1, 0)
    patient = Course(patience=timedelta(hours=4))
    assert next_state(run(), hint, NOON, patient).next is Next.WAIT
    alone = next_state(run(1), hint, NOON)
    assert (alone.next, alone.wait_seconds >= 13_262) == (Next.WAIT, True)


def test_a_long_hint_of_the_last_model_lets_the_first_be_asked_again_soon() -> None:
    again = next_state(run(hop=1, saw_transient=True), CallResult(Outcome.RATE_LIMITED, retry_after=13_262), NOON)
    assert (again.next, again.hop, again.rounds) == (Next.WAIT, 0, 1)
    assert again.wait_seconds < 60


def test_a_minute_of_our_own_quota_is_waited_for_however_long() -> None:
    assert next_state(run(), CallResult(Outcome.BUSY, retry_after=63), NOON).next is Next.WAIT


def test_a_trouble_of_ours_waits_on_the_same_hop_until_the_deadline() -> None:
    here, now = run(deadline=NOON + timedelta(hours=1)), NOON
    while here.next in (Next.RUN, Next.WAIT):
        assert here.hop == 0
        now = max(now + timedelta(seconds=here.wait_seconds), datetime.fromtimestamp(here.not_before, NOON.tzinfo))
        here = next_state(here, CallResult(Outcome.UNAVAILABLE, ours=True), now)
        if now > here.deadline - timedelta(minutes=2):
            break
    assert now - NOON > timedelta(minutes=57)


def test_account_trouble_passes_over_the_hops_of_that_provider() -> None:
    result = CallResult(Outcome.ACCOUNT, account=AccountTrouble.CREDIT)
    assert where(next_state(run(), result, NOON)) == (Next.RUN, 1, 0)
    beyond = next_state(run(), result, NOON, Course(onward=2))
    assert (beyond.next, beyond.hop, beyond.reason) == (Next.WAIT, 0, Outcome.ACCOUNT)


def test_a_task_of_one_provider_waits_for_its_account_and_looks_every_hour() -> None:
    result = CallResult(Outcome.ACCOUNT, account=AccountTrouble.LIMIT, until=NOON + timedelta(days=4))
    waiting = next_state(run(), result, NOON, Course(onward=2, alone=True))
    assert (waiting.next, waiting.hop) == (Next.WAIT, 0)
    assert 3600 <= waiting.wait_seconds <= 3660
    late = run(deadline=NOON + timedelta(minutes=40))
    failed = next_state(late, result, NOON, Course(onward=2, alone=True))
    assert (failed.next, failed.reason) == (Next.FAIL, Outcome.ACCOUNT)


def test_an_unrecognized_refusal_is_put_to_one_other_model() -> None:
    doubtful = CallResult(Outcome.INVALID, recognized=False)
    second = next_state(run(), doubtful, NOON)
    assert (where(second), second.refused_by) == ((Next.RUN, 1, 0), (HOPS[0].model,))
    assert next_state(second, doubtful, NOON).next is Next.FAIL
    assert next_state(run(1), doubtful, NOON).next is Next.FAIL
    assert next_state(run(), CallResult(Outcome.INVALID), NOON).next is Next.FAIL


def test_a_model_that_refused_is_passed_over_until_another_has_spoken() -> None:
    """The other one rested, or it comes earlier in the plan."""
    doubtful = CallResult(Outcome.INVALID, recognized=False)
    resting = CallResult(Outcome.ACCOUNT, account=AccountTrouble.PLACE)
    second = next_state(run(), doubtful, NOON)
    for behind in (second, next_state(run(hop=1, saw_transient=True), doubtful, NOON)):
        here, place = behind, 1 - HOPS.index(next(hop for hop in HOPS if hop.model == behind.refused_by[0]))
        for _ in range(4):
            assert here.hop == place
            here = next_state(here, resting, NOON)
            assert here.next is Next.WAIT
        assert here.hop == place
        assert next_state(here, CallResult(Outcome.ANSWERED), NOON).next is Next.DELIVER
        final = next_state(here, doubtful, NOON)
        assert (final.next, final.reason) == (Next.FAIL, Outcome.INVALID)


def test_a_model_that_is_too_small_is_passed_over_while_the_other_one_rests() -> None:
    too_long = CallResult(Outcome.TOO_LONG, made=True)
    resting = CallResult(Outcome.UNAVAILABLE, made=True)
    behind, now, asked = next_state(run(), too_long, NOON), NOON, 0
    assert (behind.hop, behind.too_long_for) == (1, (HOPS[0].model,))
    for _ in range(12):
        assert behind.hop == 1
        now += timedelta(seconds=behind.wait_seconds + 2)
        behind, asked = next_state(behind, resting, now), asked + 1
    assert next_state(behind, CallResult(Outcome.ANSWERED), now).next is Next.DELIVER
    final = next_state(behind, too_long, now)
    assert (final.next, final.reason) == (Next.FAIL, Outcome.TOO_LONG)


def test_a_refusal_behind_a_model_that_is_too_small_is_put_to_no_one_else() -> None:
    """Nobody is left who could be asked; what is told is the refusal."""
    behind = next_state(run(saw_transient=True), CallResult(Outcome.TOO_LONG), NOON)
    final = next_state(behind, CallResult(Outcome.INVALID, recognized=False), NOON)
    assert (final.next, final.reason) == (Next.FAIL, Outcome.INVALID)


def test_model_that_has_not_refused_is_looked_at_again_soon_whatever_its_hint_is() -> None:
    """Its state keeps it from being called; someone may have seen to it."""
    second = next_state(run(), CallResult(Outcome.INVALID, recognized=False), NOON)
    waiting = next_state(second, CallResult(Outcome.RATE_LIMITED, retry_after=13_262), NOON)
    assert (waiting.next, waiting.hop, waiting.wait_seconds < 60) == (Next.WAIT, 1, True)


@pytest.mark.parametrize("outcome", [Outcome.RETIRED, Outcome.TOO_LONG, Outcome.OVER_BUDGET])
def test_refusal_is_the_reason_where_no_other_model_can_be_asked(outcome: Outcome) -> None:
    doubtful = CallResult(Outcome.INVALID, recognized=False)
    final = next_state(next_state(run(), doubtful, NOON), CallResult(outcome), NOON)
    assert (final.next, final.reason) == (Next.FAIL, Outcome.INVALID)
    behind = next_state(next_state(run(), CallResult(outcome), NOON), doubtful, NOON)
    assert (behind.next, behind.reason) == (Next.FAIL, Outcome.INVALID)
    late = run(hop=1, refused_by=(HOPS[0].model,), deadline=NOON + timedelta(seconds=10))
    assert next_state(late, CallResult(Outcome.UNAVAILABLE, retry_after=59), NOON).reason == Outcome.INVALID


@given(
    st.builds(
        run,
        hop=st.integers(0, 1),
        attempt=st.integers(1, 999),
        private=st.booleans(),
        purpose=st.sampled_from([Purpose.TASK, Purpose.JUDGE, Purpose.AUDIT]),
        has_answer=st.booleans(),
        asks=st.dictionaries(st.sampled_from([hop.model for hop in HOPS]), st.integers(1, 99)),
        saw_transient=st.booleans(),
        refused_by=st.lists(st.sampled_from([hop.model for hop in HOPS]), max_size=2).map(tuple),
        too_long_for=st.lists(st.sampled_from([hop.model for hop in HOPS]), max_size=2).map(tuple),
        next=st.sampled_from(Next),
        not_before=st.floats(0, 2e9),
        reason=st.none() | st.sampled_from(Outcome).map(str),
    )
)
def test_the_state_object_is_read_back_as_it_was(here: WorkflowState) -> None:
    state = json.loads(json.dumps(here.as_state()))
    assert WorkflowState.from_state(state) == here
    assert "." not in str(state["wait_seconds"])


RESULTS = st.builds(
    CallResult,
    st.sampled_from(Outcome),
    retry_after=st.none() | st.floats(0, 1e5),
    until=st.none() | st.integers(1, 40 * 86400).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    account=st.sampled_from(AccountTrouble),
    recognized=st.booleans(),
    made=st.booleans(),
)


@given(
    results=st.lists(RESULTS, min_size=1, max_size=12),
    hops=st.integers(1, 2),
    lifetime=st.integers(1, 7 * 86400),
    takes=st.integers(0, 60),
    seed=st.integers(),
)
@settings(max_examples=300)
def test_every_run_ends_by_its_deadline(
    results: list[CallResult], hops: int, lifetime: int, takes: int, seed: int
) -> None:
    dice, now = random.Random(seed), NOON
    here = run(hops, deadline=NOON + timedelta(seconds=lifetime))
    for step in range(20_000):
        if here.next in (Next.DELIVER, Next.FAIL):
            return
        now += timedelta(seconds=here.wait_seconds)
        now = max(now, min(datetime.fromtimestamp(here.not_before, NOON.tzinfo), now + timedelta(seconds=2)))
        if now >= here.deadline:
            return
        now += timedelta(seconds=takes)
        before, here = here, next_state(here, results[step % len(results)], now, dice=dice)
        assert here.attempt == before.attempt + 1
        assert 0 <= here.hop < len(here.plan)
        assert here.tries <= MOST_TRIES or results[step % len(results)].ours
        assert here.deadline == before.deadline
        assert here.wait_seconds >= 0
        if here.next is Next.WAIT:
            assert now + timedelta(seconds=here.wait_seconds) < here.deadline
        else:
            assert here.wait_seconds == 0
    pytest.fail("the run does not end")


def test_a_provider_that_is_away_for_days_is_waited_for_until_the_deadline() -> None:
    here, now = run(1, deadline=NOON + timedelta(days=30)), NOON
    while here.next in (Next.RUN, Next.WAIT):
        now = max(now + timedelta(seconds=here.wait_seconds), datetime.fromtimestamp(here.not_before, NOON.tzinfo))
        here = next_state(here, CallResult(Outcome.UNAVAILABLE), now)
    assert here.reason == Outcome.UNAVAILABLE
    assert now > here.deadline - LONGEST_PAUSE - timedelta(minutes=1)


EVENTS_OF_A_STATE, MOST_EVENTS = 5, 25_000
"""Of Step Functions; a Task makes five events, a Choice or a Wait two."""


@pytest.mark.parametrize("days", [1, 10, 300])
@pytest.mark.parametrize(
    "result",
    [
        CallResult(Outcome.UNAVAILABLE),
        CallResult(Outcome.UNAVAILABLE, ours=True),
        CallResult(Outcome.RATE_LIMITED, retry_after=0.2),
        CallResult(Outcome.ACCOUNT, account=AccountTrouble.CREDIT, until=NOON + timedelta(days=999)),
    ],
)
def test_trouble_that_lasts_is_waited_out_within_the_events_of_an_execution(result: CallResult, days: int) -> None:
    dice, now = random.Random(1), NOON
    here = run(deadline=NOON + timedelta(days=days))
    states = 0
    while here.next in (Next.RUN, Next.WAIT) and now < here.deadline:
        states += 4 if here.next is Next.WAIT else 2
        now = max(now + timedelta(seconds=here.wait_seconds), datetime.fromtimestamp(here.not_before, NOON.tzinfo))
        here = next_state(here, result, now, Course(alone=True), dice=dice)
    assert states * EVENTS_OF_A_STATE < MOST_EVENTS
    assert here.deadline - now < max(timedelta(days=days) / 90, timedelta(minutes=61))
    assert now <= here.deadline


@pytest.mark.parametrize("outcome", [Outcome.RATE_LIMITED, Outcome.UNAVAILABLE, Outcome.UNKNOWN])
@pytest.mark.parametrize("seed", range(3))
def test_a_task_asks_the_only_standing_model_ever_more_rarely(outcome: Outcome, seed: int) -> None:
    """The other provider does not serve the account: no call is made there."""
    dice, now, here = random.Random(seed), NOON, run()
    resting = CallResult(Outcome.ACCOUNT, account=AccountTrouble.CREDIT, until=LATER)
    asked: list[timedelta] = []
    while here.next in (Next.RUN, Next.WAIT):
        now = max(now + timedelta(seconds=here.wait_seconds), datetime.fromtimestamp(here.not_before, NOON.tzinfo))
        if here.hop == 0:
            here = next_state(here, resting, now, Course(onward=1), dice=dice)
        else:
            asked.append(now - NOON)
            here = next_state(here, CallResult(outcome, made=True), now, dice=dice)
    assert len([at for at in asked if at < timedelta(minutes=1)]) <= MOST_TRIES + 2
    assert len([at for at in asked if at < timedelta(minutes=30)]) <= MOST_ASKS
    assert len(asked) <= MOST_ASKS + 30
    assert asked[-1] > timedelta(hours=23)  # and it ends at its deadline
    assert here.asks == {HOPS[1].model: len(asked)}


def test_a_refusal_of_our_own_is_no_ask() -> None:
    here = next_state(run(asks={HOPS[0].model: MOST_ASKS}), CallResult(Outcome.BUSY, retry_after=63), NOON)
    assert (here.next, here.hop, here.asks) == (Next.WAIT, 0, {HOPS[0].model: MOST_ASKS})


ABOVE = Hop("claude-sonnet-5-5", Tier.REASONING, Tier.REASONING)


@given(
    results=st.lists(RESULTS, min_size=1, max_size=12),
    hop=st.integers(0, 1),
    lifetime=st.integers(1, 7 * 86400),
    hold=st.booleans(),
    seed=st.integers(),
)
@settings(max_examples=300)
def test_a_run_that_has_its_answer_soon_delivers_and_never_fails(
    results: list[CallResult], hop: int, lifetime: int, hold: bool, seed: int
) -> None:
    dice, now = random.Random(seed), NOON
    first = run(deadline=NOON + timedelta(seconds=lifetime), hop=hop, tries=2, crashes=1, rounds=3, saw_transient=True)
    here = first.beyond(ABOVE, Purpose.TASK, "failed_check:language")
    assert (here.attempt_id > first.attempt_id, here.here, here.plan[:-1]) == (True, ABOVE, HOPS[: hop + 1])
    for step in range(2 * MOST_TRIES + 4):
        now = max(now + timedelta(seconds=here.wait_seconds), datetime.fromtimestamp(here.not_before, NOON.tzinfo))
        here = next_state(here, results[step % len(results)], now, Course(hold=hold), dice=dice)
        if here.next is Next.DELIVER:
            assert now - NOON <= MOST_TRIES * LONGEST_PAUSE
            return
        assert here.next in (Next.RUN, Next.WAIT)
        assert (here.here, here.has_answer, here.deadline, here.rounds) == (ABOVE, True, first.deadline, 3)
    pytest.fail("the run does not end")
