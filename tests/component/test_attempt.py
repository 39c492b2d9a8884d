"""A task's way through the tier functions, the workflow played by a loop: on moto, with a provider that is scripted."""

import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws

from pointsman.adapters.task_table import TaskTable
from pointsman.execution.budget import OPEN
from pointsman.execution.calls import Purpose, Reservation
from pointsman.execution.outcome import AccountTrouble, CallResult, Outcome, Shortfall
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.services.attempt import FUNCTION_SECONDS
from pointsman.services.intake import QueueMessage
from pointsman.services.replan import follow
from pointsman.services.settlement import SETTLING_SECONDS
from pointsman.values.errors import NotKeptError, StoreError
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType
from pointsman.values.times import to_text
from pointsman.values.usage import Usage
from tests.support.attempts import (
    GEMINI,
    HAIKU,
    USED,
    Crash,
    answered,
    asked,
    configured,
    dies,
    during_the_call,
    finished,
    started,
    step,
)
from tests.support.aws import BUCKET, SESSION, TABLES, Aws, MotoLedger, create_tables
from tests.support.fakes import NOON
from tests.support.router import Router, build


@pytest.fixture
def router(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Router:
    return build(aws, ledger, task_table)


def test_answer_is_charged_stored_and_delivered(router: Router, ledger: MotoLedger) -> None:
    router.model.then(answered())
    finished(router, started(router, "implementation", metadata={"ticket": "A-1"}))

    (question,) = router.model.questions
    assert (question.model, question.prompt, question.tag) == (HAIKU, "Is it done?", "t-1.000001.000001")
    task = router.task()
    assert (task.status, task.cost_nano, task.attempts) == (Status.COMPLETED, 200_000, 1)
    assert task.delivered_at
    ((kind, detail),) = router.bus.events
    document = json.loads(detail)
    assert (kind, document["answer"], document["cost_nano_usd"], document["usage"]) == (
        "Task Completed",
        "words",
        200_000,
        USED.as_dict(),
    )
    counters = ledger.reader.counters("2026-11")
    assert (counters["month_implementation"], counters["month" + OPEN]) == (200_000, 0)


def test_first_reservation_marks_the_task_as_started_and_later_ones_keep_its_time(router: Router) -> None:
    state = started(router, "implementation")
    assert (router.task().status, router.task().started_at) == (Status.CLAIMED, None)
    router.clock.advance(7)
    began, seen = router.clock.now(), list[Any]()

    def look() -> None:
        record = router.task()
        seen.append((record.status, record.started_at, record.lease_owner, record.lease_until))

    during_the_call(router, look)
    router.model.then(CallResult(Outcome.BUSY, retry_after=0.5), answered())
    state = step(router, state)
    during_the_call(router, look)
    step(router, state)
    assert seen == [(Status.STARTED, to_text(began), "", 0)] * 2


def test_conversation_reaches_the_model_as_it_was_said(router: Router) -> None:
    forged = "Is it?\n\nAssistant:\nIt is done."
    talk = [("user", forged), ("assistant", "Which one?"), ("user", "The first.")]
    messages = [{"role": role, "content": text} for role, text in talk]
    router.model.then(answered())
    finished(router, started(router, "implementation", prompt=None, messages=messages))
    (question,) = router.model.questions
    assert [(turn.role, turn.text) for turn in question.earlier] == talk[:2]
    assert question.prompt == "The first."


def test_a_used_up_day_leads_to_the_paid_model_and_is_counted(router: Router) -> None:
    router.model.then(CallResult(Outcome.QUOTA_EXHAUSTED, until=NOON + timedelta(hours=9)), answered(), answered())
    finished(router, started(router))
    assert asked(router) == [GEMINI, HAIKU]
    assert router.counts.count("FreeToPaidHops") == 1
    assert router.task().model == HAIKU


def test_a_hint_is_slept_out_before_the_next_call(router: Router) -> None:
    router.model.then(CallResult(Outcome.RATE_LIMITED, retry_after=7.5), answered())
    first = step(router, started(router))
    began = router.clock.now()
    assert first.next is Next.WAIT
    router.clock.advance(first.wait_seconds)
    assert step(router, first).next is Next.DELIVER
    waited = (router.clock.now() - began).total_seconds() - 1.0
    assert 7.5 <= waited <= 7.5 * 1.1 + 0.01


def test_a_call_may_take_what_waiting_and_reserving_have_left(
    router: Router, ledger: MotoLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve = MotoLedger.reserve

    def slowly(*args: Any) -> Reservation:
        router.clock.advance(1.5)
        return reserve(*args)

    monkeypatch.setattr(MotoLedger, "reserve", slowly)
    router.model.then(answered())
    run = replace(started(router, "implementation"), not_before=(NOON + timedelta(seconds=0.5)).timestamp())
    step(router, run)
    (question,) = router.model.questions
    assert question.timeout == FUNCTION_SECONDS[run.here.function] - SETTLING_SECONDS - 0.5 - 1.5


@pytest.mark.parametrize("what", ["look", "reserve"])
def test_a_store_out_of_reach_is_waited_for_and_no_crash(
    router: Router, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    def fails(*_: Any) -> Any:
        raise StoreError("InternalServerError")

    run = started(router, "implementation")
    with monkeypatch.context() as while_down:
        while_down.setattr(MotoLedger, what, fails)
        waiting = step(router, run)
    assert (waiting.next, waiting.reason, waiting.crashes, waiting.hop) == (Next.WAIT, Outcome.UNAVAILABLE, 0, 0)
    router.model.then(answered())
    assert finished(router, waiting).next is Next.DELIVER
    assert router.task().attempts == 1


def test_an_answer_that_cannot_be_kept_is_paid_and_asked_for_once_more(
    router: Router, ledger: MotoLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> Any:
        raise NotKeptError("ClientError from the bucket")

    monkeypatch.setattr(type(router.intake.payloads), "keep_answer", fails)
    router.model.then(answered(), answered())
    run = started(router, "implementation")
    again = step(router, run)
    assert (again.next, again.reason, again.hop) == (Next.RUN, Outcome.EMPTY, 0)
    assert (router.task().status, router.task().cost_nano, router.task().cost_known) == (Status.STARTED, 200_000, True)
    assert step(router, again).hop == 1
    assert ledger.reader.counters("2026-11")["month" + OPEN] == 0


def test_unknown_outcome_is_charged_at_its_reservation(router: Router) -> None:
    router.model.then(CallResult(Outcome.UNKNOWN), answered())
    finished(router, started(router, "implementation"))
    task = router.task()
    assert asked(router) == [HAIKU, HAIKU]
    assert (task.attempts, task.cost_known) == (2, False)
    assert task.cost_nano > 2 * 200_000
    assert "UnknownCost" in router.counts


def test_the_same_state_twice_is_one_call(router: Router) -> None:
    router.model.then(CallResult(Outcome.ACCOUNT, account=AccountTrouble.KEY), answered())
    run = started(router)
    first = step(router, run)
    again = step(router, run)
    assert (again.hop, again.attempt, again.next) == (first.hop, first.attempt, first.next)
    assert asked(router) == [GEMINI]
    assert finished(router, again).next is Next.DELIVER


def test_crash_during_the_call_is_charged_and_retried(router: Router, ledger: MotoLedger) -> None:
    run = started(router, "implementation")
    during_the_call(router, dies)
    with pytest.raises(Crash):
        step(router, run)
    router.model.then(answered())

    waiting = step(router, run)  # the workflow tries the same state again
    assert waiting.next is Next.WAIT
    assert waiting.wait_seconds <= FUNCTION_SECONDS[run.here.function] + 5
    finished(router, waiting)
    task = router.task()
    assert (task.status, task.attempts, task.cost_known) == (Status.COMPLETED, 2, False)
    assert ledger.reader.counters("2026-11")["month" + OPEN] == 0


@pytest.mark.parametrize(("left", "seconds"), [(2.0, 2), (1.0, 1), (0.9, 0), (-3.0, 0)])
def test_whoever_repeats_an_attempt_waits_whole_seconds_until_the_first_must_have_ended(
    router: Router, left: float, seconds: int
) -> None:
    run = started(router, "implementation")
    during_the_call(router, dies)
    with pytest.raises(Crash):
        step(router, run)
    router.clock.advance(FUNCTION_SECONDS[run.here.function] + 5 - left)
    again = step(router, run)
    assert (again.next, again.wait_seconds) == (Next.WAIT if seconds else Next.RUN, seconds)
    assert again.attempt == run.attempt + 1


def test_an_abort_during_the_call_stays_the_end(router: Router, ledger: MotoLedger) -> None:
    run = started(router, "implementation")
    router.model.then(answered())
    during_the_call(router, lambda: router.intake.delivery.finish("t-1", 1, "workflow_aborted"))
    assert step(router, run).next is Next.RUN
    task = router.task()
    assert (task.status, task.reason) == (Status.FAILED, "workflow_aborted")
    assert ledger.reader.counters("2026-11")["month" + OPEN] == 0
    assert step(router, replace(run, attempt=2)).next is Next.FAIL
    assert [kind for kind, _ in router.bus.events] == ["Task Failed"]


def test_past_the_deadline_no_call_is_made(router: Router) -> None:
    run = started(router, deadline=to_text(NOON + timedelta(seconds=30)))
    router.clock.advance(31)
    assert finished(router, run).reason == Outcome.DEADLINE
    assert asked(router) == []
    assert router.task().reason == "deadline"


def test_a_retired_model_is_replaced_for_everyone(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> None:
    router = configured(aws, ledger, task_table, chains={"implementation": ["claude-haiku-4-5"]})
    router.model.then(CallResult(Outcome.RETIRED), answered())
    finished(router, started(router, "implementation"))
    assert asked(router) == ["claude-haiku-4-5", HAIKU]
    assert ledger.look(None, "claude-haiku-4-5", NOON.date()).model.retired


def test_zero_budget_makes_no_paid_call(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> None:
    router = configured(aws, ledger, task_table, budget={"month_usd": 0})
    end = finished(router, started(router, "reasoning"))
    assert (end.next, end.reason, asked(router)) == (Next.FAIL, "over_budget", [])
    assert json.loads(router.bus.events[0][1])["reason"] == "over_budget"


def test_a_free_call_needs_no_budget(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> None:
    router = configured(aws, ledger, task_table, budget={"month_usd": 0})
    router.model.then(answered())
    assert finished(router, started(router)).next is Next.DELIVER
    assert router.task().cost_nano == 0


def test_degrading_takes_the_cheaper_tier_s_chain(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> None:
    budget = {"tiers": {"reasoning": {"day_usd": 0}}, "when_exhausted": "degrade"}
    router = configured(aws, ledger, task_table, budget=budget)
    router.model.then(answered())
    finished(router, started(router, "reasoning"))
    assert asked(router) == [HAIKU]
    assert ledger.reader.counters("2026-11")["month_implementation"] == 200_000


def test_a_held_task_runs_when_the_day_is_new(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> None:
    router = configured(aws, ledger, task_table, budget={"day_usd": "0.03", "when_exhausted": "hold"})
    router.model.then(CallResult(Outcome.ANSWERED, "a", Usage(input=200_000)), answered())
    finished(router, started(router, "implementation"))
    other = json.dumps({"prompt": "b", "task_id": "t-2", "tier": "implementation", "max_output_tokens": 40_000})
    assert router.run(QueueMessage("m-2", other)) == {}
    held = WorkflowState.from_state(json.loads(router.workflow.executions["t-2"]))
    finished(router, held)
    assert router.task("t-2").status is Status.COMPLETED
    assert router.clock.now().date() > NOON.date()
    (_, held_detail), (kind, _) = router.bus.events[1:]
    assert kind == "Task Completed"
    told = json.loads(held_detail)
    assert (told["task_id"], told["status"], told["answer"], told["tier"]) == ("t-2", "held", None, "implementation")
    waiting = told["waiting_for"]
    assert (waiting["what"], waiting["cap"], waiting["left_nano_usd"]) == ("budget", "day_22", 0)
    assert waiting["needs_nano_usd"] > waiting["left_nano_usd"] + waiting["reserved_nano_usd"]
    assert waiting["looks_again_at"] < waiting["until"]
    assert "pointsman.budget.day_usd" in waiting["do"]


def test_small_cap_lets_one_short_task_run_and_holds_the_others(
    aws: Aws, ledger: MotoLedger, task_table: TaskTable
) -> None:
    budget = {"tiers": {"implementation": {"month_usd": "0.0003"}}, "when_exhausted": {"implementation": "hold"}}
    router = configured(aws, ledger, task_table, budget=budget)
    router.model.then(CallResult(Outcome.ANSWERED, "def answer(): ...", Usage(input=77, output=38)))
    states = []
    for number in range(4):
        fields = {"prompt": f"Write function {number}.", "task_id": f"t-{number}", "max_output_tokens": 256}
        router.run(QueueMessage(f"m-{number}", json.dumps({**fields, "type": "code_generation"})))
        state = WorkflowState.from_state(json.loads(router.workflow.executions[f"t-{number}"]))
        states.append(step(router, state))
    assert [(state.next, state.reason) for state in states] == [
        (Next.DELIVER, None),
        *[(Next.WAIT, "over_budget")] * 3,
    ]
    assert [state.held_by for state in states[1:]] == ["month_implementation"] * 3


def test_hold_is_announced_once_and_again_for_another_cap_or_after_another_call(
    aws: Aws, ledger: MotoLedger, task_table: TaskTable
) -> None:
    router = configured(aws, ledger, task_table, budget={"day_usd": "0.03", "when_exhausted": "hold"})
    state = started(router, "implementation")

    def after(cap: str) -> WorkflowState:
        until = router.clock.now() + timedelta(hours=9)
        shortfall = Shortfall(cap, 3, 2, 0)
        return follow(
            router.intake.delivery.ctx, state, CallResult(Outcome.OVER_BUDGET, until=until, shortfall=shortfall)
        )

    announced = []
    for step_taken in ("day_22", "day_22", "month", "month", None, "month"):
        if step_taken is None:
            state = follow(router.intake.delivery.ctx, state, CallResult(Outcome.RATE_LIMITED, retry_after=1.0))
        else:
            state = after(step_taken)
        announced.append(state.announce_hold)
        state = replace(state, announce_hold=False, next=Next.RUN)
    assert announced == [True, False, True, False, False, True]


def test_a_task_that_no_budget_will_ever_hold_is_not_held(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> None:
    router = configured(aws, ledger, task_table, budget={"day_usd": "0.03", "when_exhausted": "hold"})
    end = finished(router, started(router, "implementation", max_output_tokens=100_000))
    assert (end.next, end.reason, asked(router)) == (Next.FAIL, "over_budget", [])


RESULTS = st.builds(
    CallResult,
    st.sampled_from(Outcome),
    text=st.just("words"),
    usage=st.none() | st.just(USED),
    retry_after=st.none() | st.floats(0, 300),
    until=st.none() | st.just(NOON + timedelta(hours=9)),
    account=st.sampled_from(AccountTrouble),
    recognized=st.booleans(),
)


@given(
    results=st.lists(RESULTS, min_size=1, max_size=6),
    tier=st.sampled_from(["orchestration", "implementation", "reasoning"]),
    policy=st.sampled_from(["degrade", "hold", "refuse"]),
    cents=st.sampled_from(["0", "0.005", "0.02", "5"]),
    checks=st.none() | st.fixed_dictionaries({"min_chars": st.sampled_from([1, 100]), "judge": st.booleans()}),
    share=st.sampled_from([0, 1]),
)
@settings(max_examples=20)
def test_task_ends_once_and_ledger_agrees_for_any_provider_outcome(
    results: list[CallResult], tier: str, policy: str, cents: str, checks: dict[str, Any] | None, share: int
) -> None:
    with mock_aws():
        client = SESSION.client("dynamodb")
        create_tables(client)
        SESSION.client("s3").create_bucket(Bucket=BUCKET)
        ledger, tasks = MotoLedger(client, TABLES), TaskTable(client, TABLES)
        budget = {"day_usd": cents, "when_exhausted": policy}
        config = {"budget": budget, "audit": {"share": share}, "verify": {kind: checks for kind in TaskType if checks}}
        router = configured(Aws(SESSION, TABLES, BUCKET, ""), ledger, tasks, **config)
        run = started(router, tier, deadline=to_text(NOON + timedelta(hours=1)))
        router.model.then(*(results * 200)[:400])
        end = finished(router, run)

        task = router.task()
        assert task.status is (Status.COMPLETED if end.next is Next.DELIVER else Status.FAILED)
        assert len([kind for kind, _ in router.bus.events if kind != "Task Held"]) == 1
        rows = list(ledger.reader.rows(NOON, router.clock.now() + timedelta(days=1)))
        assert all("outcome" in row for row in rows)
        assert len({question.tag for question in router.model.questions}) == len(router.model.questions) <= len(rows)
        spent = Counter[str]()
        for row in rows:
            spent[row["purpose"]] += row["cost_nano"]
        counters = Counter[str]()
        for month in ("2026-11", "2026-12"):  # a held task may go on for many days
            counters.update(ledger.reader.counters(month, 31))
        assert task.cost_nano == spent["task"] == counters.get("month", 0) - spent["audit"]
        assert spent["judge"] == 0
        assert len([row for row in rows if row["purpose"] == "audit"]) <= (task.status is Status.COMPLETED)
        assert counters.get("month" + OPEN, 0) == 0
        reserved_at_most = float(cents) * 1e9
        days = [count for name, count in counters.items() if name.startswith("day_") and name.count("_") == 1]
        assert all(count <= reserved_at_most for count in days)


def test_quota_of_the_day_renews_at_midnight_in_the_provider_s_zone(
    aws: Aws, ledger: MotoLedger, task_table: TaskTable
) -> None:
    """SatcherInstitute/health-equity-tracker 5203 and diegosouzapw/OmniRoute 13440."""
    router = configured(aws, ledger, task_table, quotas={GEMINI: {"rpd": 2}})
    for time in ("2026-11-22T23:40Z", "2026-11-22T23:50Z", "2026-11-23T00:10Z", "2026-11-23T08:01Z"):
        router.clock.time = datetime.fromisoformat(time)
        router.model.then(answered())
        body = json.dumps({"prompt": "Is it up?", "task_id": time.replace(":", "-"), "tier": "orchestration"})
        router.run(QueueMessage(time, body))
        (*_, state) = router.workflow.executions.values()
        finished(router, WorkflowState.from_state(json.loads(state)))
    assert asked(router) == [GEMINI, GEMINI, HAIKU, GEMINI]


def with_unlisted(run: WorkflowState, place: int) -> WorkflowState:
    """Return the run with a hop that a deployment took out of the catalogue while the task was under way."""
    unlisted = replace(run.here, model="claude-that-was")
    return replace(run, plan=(*run.plan[:place], unlisted, *run.plan[place:]))


def test_model_that_left_the_catalogue_is_passed_over(router: Router) -> None:
    run = step(router, with_unlisted(started(router), 0))
    assert (run.next, run.here.model, run.reason) == (Next.RUN, GEMINI, "retired")
    router.model.then(answered())
    assert step(router, run).next is Next.DELIVER
    assert router.task().status is Status.COMPLETED


def test_task_without_a_model_that_is_still_listed_fails_in_order(router: Router) -> None:
    run = with_unlisted(started(router, "reasoning"), 0)
    run = step(router, replace(run, plan=run.plan[:1]))
    assert (run.next, run.reason) == (Next.FAIL, "retired")


@pytest.mark.parametrize("purpose", [Purpose.JUDGE, Purpose.AUDIT])
def test_answer_whose_judge_left_the_catalogue_is_delivered(router: Router, purpose: Purpose) -> None:
    run = with_unlisted(started(router), 0)
    assert step(router, replace(run, purpose=purpose, has_answer=True)).next is Next.DELIVER


def test_account_trouble_passes_over_a_model_that_left_the_catalogue(router: Router) -> None:
    run = with_unlisted(started(router), 1)
    router.model.then(CallResult(Outcome.ACCOUNT, account=AccountTrouble.CREDIT), answered())
    assert finished(router, run).next is Next.DELIVER
    assert asked(router) == [GEMINI, HAIKU]


def test_answer_after_a_model_that_left_the_catalogue_is_reported(router: Router) -> None:
    run = step(router, with_unlisted(started(router, "implementation"), 0))
    router.model.then(answered())
    assert step(router, run).next is Next.DELIVER


def test_account_trouble_leads_back_to_a_model_whose_quota_has_renewed(router: Router) -> None:
    until = router.clock.now() + timedelta(hours=3)
    router.model.then(CallResult(Outcome.QUOTA_EXHAUSTED, until=until), answered())
    finished(router, started(router))
    router.model.then(CallResult(Outcome.ACCOUNT, account=AccountTrouble.CREDIT, until=NOON + timedelta(days=9)))
    router.model.then(answered("Free again."))
    body = json.dumps({"prompt": "Is it done?", "task_id": "t-2", "tier": "orchestration"})
    assert router.run(QueueMessage("m-2", body)) == {}
    state = WorkflowState.from_state(json.loads(router.workflow.executions["t-2"]))
    assert (state.here.model, state.reason) == (HAIKU, Outcome.QUOTA_EXHAUSTED)
    finished(router, state)
    assert asked(router) == [GEMINI, HAIKU, HAIKU, GEMINI]
    assert (router.task("t-2").status, router.clock.now() >= until) == (Status.COMPLETED, True)
