"""Answers that are checked: the second try one tier up, the judge, and what is left when neither can be had."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters.task_table import TaskTable
from pointsman.execution.budget import OPEN
from pointsman.execution.outcome import AccountTrouble, CallResult, CheckResult, Outcome
from pointsman.execution.records import TaskRecord
from pointsman.execution.workflow_state import LONGEST_PAUSE, Next, WorkflowState
from pointsman.services.attempt import FUNCTION_SECONDS
from pointsman.services.intake import QueueMessage
from pointsman.values.status import Status
from pointsman.values.times import to_text
from tests.support import in_process as support
from tests.support.attempts import (
    GEMINI,
    HAIKU,
    SHIPPED,
    SONNET,
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
from tests.support.aws import Aws, MotoLedger
from tests.support.fake_providers import start, stop
from tests.support.fakes import NOON, FakeWorkflow
from tests.support.in_process import LeapClock, Player, in_process
from tests.support.router import Router

type Configure = Callable[..., Router]
GOOD, BAD = "```python\nx = 1\n```", "```python\nx = (\n```"
LARGE = f"{BAD}\n{'-' * 9_000}"
"""A bad answer that stands in the bucket."""
PYTHON = {"code_generation": {"language": "python"}}
JUDGED = {"code_generation": {"judge": True}}


@pytest.fixture
def configure(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Configure:
    def make(**own: Any) -> Router:
        return configured(aws, ledger, task_table, **own)

    return make


def begun(router: Router, **fields: Any) -> WorkflowState:
    return started(router, "implementation", type="code_generation", **fields)


def answer(router: Router) -> str:
    return router.intake.payloads.fetch(router.task().answer)


def verdict(task: TaskRecord) -> tuple[bool, str | None, str | None]:
    assert task.checked is not None
    return task.checked.passed, task.checked.failed, task.checked.escalated_after


def rows(router: Router, ledger: MotoLedger) -> list[dict[str, Any]]:
    result = list(ledger.reader.rows(NOON, router.clock.now() + timedelta(days=1)))
    return sorted((row for row in result if row["kind"] == "attempt"), key=lambda row: row["turn"])


def assert_ledger_agrees(router: Router, ledger: MotoLedger) -> None:
    attempts, counters = rows(router, ledger), ledger.reader.counters("2026-11")
    assert all("outcome" in row for row in attempts)
    assert router.task().cost_nano == sum(row["cost_nano"] for row in attempts) == counters.get("month", 0)
    assert counters.get("month" + OPEN, 0) == 0


def test_an_answer_that_passes_is_one_call(configure: Configure, ledger: MotoLedger) -> None:
    router = configure(verify=PYTHON)
    router.model.then(answered(GOOD))
    assert step(router, begun(router)).next is Next.DELIVER
    assert (router.task().status, verdict(router.task())) == (Status.COMPLETED, (True, None, None))
    assert "failed_check" not in rows(router, ledger)[0]


def test_another_type_is_not_checked(configure: Configure) -> None:
    router = configure(verify=PYTHON)
    router.model.then(answered(BAD))
    assert step(router, started(router, "implementation", type="documentation")).next is Next.DELIVER
    assert router.task().checked is None


@pytest.mark.parametrize("first", [BAD, LARGE])
def test_failed_check_escalates_one_tier_and_is_recorded(configure: Configure, ledger: MotoLedger, first: str) -> None:
    router = configure(verify=PYTHON)
    router.model.then(answered(first), answered(GOOD))
    second = step(router, begun(router))
    kept = router.task()
    assert (second.next, second.reason, second.has_answer) == (Next.RUN, "failed_check:language", True)
    assert (kept.status, kept.has_answer, answer(router)) == (Status.STARTED, True, first)

    finished(router, second)
    task = router.task()
    assert asked(router) == [HAIKU, SONNET]
    assert (task.status, task.model, task.attempts, answer(router)) == (Status.COMPLETED, SONNET, 2, GOOD)
    assert verdict(task) == (True, None, "language")
    one, two = rows(router, ledger)
    assert (one["outcome"], one["failed_check"], one.get("after")) == ("answered", "language", None)
    assert (two["tier"], two["after"], two["came_from"], two["hop"]) == ("reasoning", "failed_check:language", HAIKU, 1)
    assert_ledger_agrees(router, ledger)
    assert json.loads(router.bus.events[0][1])["answer"] == GOOD
    assert len(router.bus.events) == 1


def test_a_second_answer_is_checked_and_delivered_whatever_it_is(configure: Configure) -> None:
    router = configure(verify={"code_generation": {"language": "python", "judge": True}})
    router.model.then(answered(BAD), CallResult(Outcome.TRUNCATED, BAD * 2, USED))
    finished(router, begun(router))
    assert (answer(router), router.task().truncated) == (BAD * 2, True)
    assert verdict(router.task()) == (False, "language", "language")


@pytest.mark.parametrize("trouble", [Outcome.REFUSED, Outcome.ACCOUNT, Outcome.RETIRED])
def test_first_answer_is_delivered_if_the_escalation_fails(
    configure: Configure, ledger: MotoLedger, trouble: Outcome
) -> None:
    router = configure(verify=PYTHON)
    router.model.then(answered(LARGE), CallResult(trouble, account=AccountTrouble.KEY))
    assert finished(router, begun(router)).next is Next.DELIVER
    task = router.task()
    assert (task.status, task.model, answer(router)) == (Status.COMPLETED, HAIKU, LARGE)
    assert verdict(task) == (False, "language", None)
    assert_ledger_agrees(router, ledger)
    ((kind, _),) = router.bus.events
    assert kind == "Task Completed"


@pytest.mark.parametrize("policy", ["refuse", "hold", "degrade"])
def test_beyond_the_budget_the_first_answer_is_delivered_at_once(
    configure: Configure, ledger: MotoLedger, policy: str
) -> None:
    budget = {"tiers": {"reasoning": {"day_usd": "0.001"}}, "when_exhausted": policy}
    router = configure(verify=PYTHON, budget=budget)
    router.model.then(answered(BAD))
    end = finished(router, begun(router))
    assert (end.next, asked(router), router.clock.now() - NOON < timedelta(minutes=1)) == (Next.DELIVER, [HAIKU], True)
    assert (router.task().status, verdict(router.task())) == (Status.COMPLETED, (False, "language", None))
    assert_ledger_agrees(router, ledger)


def test_an_outage_above_is_waited_for_briefly(configure: Configure) -> None:
    router = configure(verify=PYTHON)
    router.model.then(answered(BAD), *[CallResult(Outcome.UNAVAILABLE)] * 4)
    finished(router, begun(router))
    assert asked(router) == [HAIKU, *[SONNET] * 4]
    assert router.clock.now() - NOON < timedelta(minutes=1)

    router.model.then(answered(BAD), CallResult(Outcome.RATE_LIMITED, retry_after=LONGEST_PAUSE.total_seconds()))
    router.run(QueueMessage("m-2", json.dumps({"prompt": "b", "task_id": "t-2", "type": "code_generation"})))
    finished(router, WorkflowState.from_state(json.loads(router.workflow.executions["t-2"])))
    assert (router.task("t-2").status, router.task("t-2").model) == (Status.COMPLETED, HAIKU)
    assert router.clock.now() - NOON < timedelta(minutes=2)


def test_past_the_deadline_the_first_answer_is_delivered(configure: Configure) -> None:
    router = configure(verify=PYTHON)
    router.model.then(answered(BAD))
    second = step(router, begun(router, deadline=to_text(NOON + timedelta(seconds=30))))
    router.clock.advance(31)
    finished(router, second)
    assert (asked(router), router.task().status, answer(router)) == ([HAIKU], Status.COMPLETED, BAD)


def test_at_the_top_there_is_no_second_try(configure: Configure) -> None:
    router = configure(verify={"architecture": {"sections": ["Risks"]}})
    router.model.then(answered())
    assert step(router, started(router, "reasoning", type="architecture")).next is Next.DELIVER
    assert (router.task().status, verdict(router.task())) == (Status.COMPLETED, (False, "sections", None))


@pytest.mark.parametrize(("allowed", "models"), [(["orchestration"], [GEMINI, HAIKU]), ([], [GEMINI])])
def test_a_paid_second_try_after_a_free_answer_only_where_that_is_allowed(
    configure: Configure, allowed: list[str], models: list[str]
) -> None:
    router = configure(verify={"status": {"min_chars": 50}}, free_to_paid=allowed)
    router.model.then(answered(), answered())
    finished(router, started(router, type="status"))
    assert asked(router) == models
    assert router.counts.count("FreeToPaidHops") == len(models) - 1


def test_after_a_fallback_the_same_model_is_not_asked_again(configure: Configure) -> None:
    router = configure(verify={"status": {"min_chars": 50}})
    router.model.then(CallResult(Outcome.QUOTA_EXHAUSTED), answered(), answered())
    finished(router, started(router, type="status"))
    assert asked(router) == [GEMINI, HAIKU, SONNET]


def dies_after(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Let the function die once, just after that was written."""
    real = getattr(MotoLedger, what)

    def and_dies(*args: Any, **named: Any) -> Any:
        monkeypatch.setattr(MotoLedger, what, real)
        real(*args, **named)
        raise Crash

    monkeypatch.setattr(MotoLedger, what, and_dies)


@pytest.mark.parametrize("caught", [False, True])
def test_a_crash_after_the_first_answer_is_stored_leads_to_the_same_place(
    configure: Configure, ledger: MotoLedger, monkeypatch: pytest.MonkeyPatch, caught: bool
) -> None:
    router = configure(verify=PYTHON)
    run = begun(router)
    router.model.then(answered(BAD))
    dies_after(monkeypatch, "settle")
    with pytest.raises(Crash):
        step(router, run)
    again = replace(run, attempt=2, crashes=1, reason="unknown") if caught else run
    router.model.then(answered(GOOD))
    finished(router, again)
    assert asked(router) == [HAIKU, SONNET]
    assert (router.task().status, answer(router)) == (Status.COMPLETED, GOOD)
    assert_ledger_agrees(router, ledger)


def test_crash_in_the_escalated_call_is_charged_and_the_first_answer_kept(
    configure: Configure, ledger: MotoLedger
) -> None:
    router = configure(verify=PYTHON)
    router.model.then(answered(BAD))
    second = step(router, begun(router))
    during_the_call(router, dies)
    with pytest.raises(Crash):
        step(router, second)
    router.intake.delivery.finish("t-1", 1, "workflow_timed_out")
    task = router.task()
    assert (task.status, task.model, answer(router), task.cost_known) == (Status.COMPLETED, HAIKU, BAD, False)
    assert [row["outcome"] for row in rows(router, ledger)] == ["answered", "unknown"]
    assert_ledger_agrees(router, ledger)


def test_an_abort_while_the_first_answer_is_on_its_way_keeps_it(
    configure: Configure, ledger: MotoLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = configure(verify=PYTHON)
    run, real = begun(router), TaskTable.read
    router.model.then(answered(BAD))

    def read_before(self: TaskTable, task_id: str) -> TaskRecord | None:
        monkeypatch.setattr(TaskTable, "read", real)
        result = real(self, task_id)
        step(router, run)
        return result

    monkeypatch.setattr(TaskTable, "read", read_before)
    router.intake.delivery.finish("t-1", 1, "workflow_aborted")
    assert (router.task().status, answer(router)) == (Status.COMPLETED, BAD)
    assert_ledger_agrees(router, ledger)


def test_judge_sees_a_conversation_as_data(configure: Configure) -> None:
    router = configure(verify=JUDGED)
    router.model.then(answered("the answer"), says("acceptable"))
    talk = [{"role": "user", "content": "Hm?"}, {"role": "assistant", "content": "What?"}]
    messages = [*talk, {"role": "user", "content": "Is it done?"}]
    finished(router, begun(router, prompt=None, messages=messages))
    question = router.model.questions[1]
    shown = {"earlier": talk, "task": "Is it done?", "answer": "the answer"}
    assert (json.loads(question.prompt.split("\n", 1)[1]), question.earlier) == (shown, ())


def test_the_second_state_twice_is_one_call(configure: Configure, ledger: MotoLedger) -> None:
    router = configure(verify=PYTHON)
    router.model.then(answered(BAD), CallResult(Outcome.ACCOUNT, account=AccountTrouble.KEY))
    second = step(router, begun(router))
    assert step(router, second).next is Next.DELIVER
    assert step(router, second).next is Next.DELIVER
    assert asked(router) == [HAIKU, SONNET]
    assert_ledger_agrees(router, ledger)


NUMBER = {"type": "object", "properties": {"a": {"type": "number", "multipleOf": 0.01}}}
WORDS = {"type": "string", "pattern": "^(a+)+$"}


@pytest.mark.parametrize(
    ("schema", "text"), [(NUMBER, '{"a":1e400}'), (NUMBER, '{"a":1e308}'), (WORDS, '"' + "a" * 40 + '!"')]
)
def test_check_that_raises_or_takes_too_long_is_not_passed_and_paid_once(
    configure: Configure, ledger: MotoLedger, monkeypatch: pytest.MonkeyPatch, schema: dict[str, Any], text: str
) -> None:
    """An answer of 11 characters was once paid 16 times and lost: its check raised before it was settled."""
    monkeypatch.setattr("pointsman.services.verification.CHECK_SECONDS", 0.2)
    router = configure(verify={"architecture": {"json_schema": schema}})
    router.model.then(answered(text))
    finished(router, started(router, "reasoning", type="architecture"))
    assert (asked(router), answer(router), router.task().status) == ([SONNET], text, Status.COMPLETED)
    assert verdict(router.task()) == (False, "json_schema", None)
    assert [row["failed_check"] for row in rows(router, ledger)] == ["json_schema"]
    assert_ledger_agrees(router, ledger)


def test_answer_whose_check_kills_the_function_is_paid_once_and_delivered(
    configure: Configure, ledger: MotoLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = configure(verify=PYTHON)
    run = begun(router)

    def kills(*_: Any, **__: Any) -> str | None:
        assert_ledger_agrees(router, ledger)  # all is stored and paid by now
        assert answer(router) == GOOD
        raise Crash

    monkeypatch.setattr("pointsman.execution.answer_checks.first_failed", kills)
    router.model.then(answered(GOOD))
    for crashes in range(3):
        with pytest.raises(Crash):
            step(router, replace(run, attempt=1 + crashes, crashes=crashes))
    router.intake.delivery.finish("t-1", 1, "workflow_failed")
    assert (asked(router), router.task().status, router.task().model) == ([HAIKU], Status.COMPLETED, HAIKU)
    assert verdict(router.task()) == (False, "unchecked", None)


def test_check_that_comes_late_changes_no_other_answer(
    configure: Configure, ledger: MotoLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that was thought dead says what it found, of this answer or an earlier one."""
    router = configure(verify=PYTHON)
    run = begun(router)
    dies_after(monkeypatch, "settle")
    router.model.then(answered(GOOD))
    with pytest.raises(Crash):
        step(router, run)
    unchecked = router.task()
    assert unchecked.checked
    of_another = replace(unchecked, checked=replace(unchecked.checked, attempt_id="000001.000009"))
    ledger.record_check(of_another, CheckResult("language"), router.clock.now())
    assert router.task() == unchecked

    ledger.record_check(unchecked, CheckResult("language", pending=True), router.clock.now())
    failed = router.task()
    ledger.record_check(unchecked, CheckResult(), router.clock.now())
    assert router.task() == failed
    assert (failed.status, verdict(failed)) == (Status.STARTED, (False, "language", None))


def test_abort_during_the_checks_keeps_the_answer(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    router = configure(verify=PYTHON)
    run = begun(router)

    def aborted(*_: Any, **__: Any) -> str | None:
        router.intake.delivery.finish("t-1", 1, "workflow_aborted")
        return "language"

    monkeypatch.setattr("pointsman.execution.answer_checks.first_failed", aborted)
    router.model.then(answered(GOOD), CallResult(Outcome.REFUSED))
    finished(router, run)
    assert (router.task().status, answer(router)) == (Status.COMPLETED, GOOD)
    assert verdict(router.task()) == (False, "unchecked", None)
    assert (asked(router), len(router.bus.events)) == ([HAIKU], 1)


def says(word: str) -> CallResult:
    return answered(json.dumps({"verdict": word}))


def test_answer_that_the_judge_accepts_is_delivered(configure: Configure, ledger: MotoLedger) -> None:
    router = configure(verify=JUDGED)
    router.model.then(answered("the answer"), says("acceptable"))
    waiting = step(router, begun(router))
    assert (waiting.here.model, waiting.here.function, router.task().status) == (GEMINI, "orchestration", "started")
    finished(router, waiting)
    task = router.task()
    assert (task.status, task.model, task.attempts, task.usage) == (Status.COMPLETED, HAIKU, 1, USED.as_dict())
    assert verdict(task) == (True, None, None)
    question = router.model.questions[1]
    assert json.loads(question.prompt.split("\n", 1)[1]) == {"task": "Is it done?", "answer": "the answer"}
    judged = rows(router, ledger)[1]
    assert (judged["purpose"], judged["billing"], judged["cost_nano"]) == ("judge", "free", 0)
    assert len(ledger.look(None, GEMINI, NOON.date()).model.slots) == 1
    assert_ledger_agrees(router, ledger)


def test_answer_that_the_judge_rejects_escalates_one_tier(configure: Configure, ledger: MotoLedger) -> None:
    router = configure(verify=JUDGED)
    router.model.then(answered("half"), says("incomplete"), answered("whole"))
    finished(router, begun(router))
    assert asked(router) == [HAIKU, GEMINI, SONNET]
    assert (router.task().model, answer(router), verdict(router.task())) == (SONNET, "whole", (True, None, "judge"))
    last = rows(router, ledger)[2]
    assert (last["after"], last["came_from"], last["hop"]) == ("failed_check:judge", HAIKU, 1)
    assert_ledger_agrees(router, ledger)


def test_judge_s_no_is_read_in_a_fence(configure: Configure) -> None:
    router = configure(verify=JUDGED)
    fenced = '```json\n{"verdict": "incomplete",}\n```'
    router.model.then(answered("half"), CallResult(Outcome.ANSWERED, fenced, USED), answered("whole"))
    finished(router, begun(router))
    assert (router.task().model, answer(router)) == (SONNET, "whole")
    judge = router.model.questions[1]
    assert (judge.effort, judge.max_output_tokens) == ("none", 200 + 8_192)


def test_a_judge_s_no_stands_when_no_better_answer_can_be_had(configure: Configure) -> None:
    router = configure(verify=JUDGED)
    router.model.then(answered("half"), says("wrong"), CallResult(Outcome.REFUSED))
    finished(router, begun(router))
    assert (router.task().model, answer(router), verdict(router.task())) == (HAIKU, "half", (False, "judge", None))


NO_WORD = [
    CallResult(Outcome.QUOTA_EXHAUSTED, until=NOON + timedelta(hours=9)),
    CallResult(Outcome.UNKNOWN),
    answered("I would rather not say."),
    says("splendid"),
    answered("[]"),
]


@pytest.mark.parametrize("result", NO_WORD, ids=lambda result: f"{result.outcome} {result.text[:9]}")
def test_a_judge_that_cannot_be_had_passes_the_answer_at_once(
    configure: Configure, ledger: MotoLedger, result: CallResult
) -> None:
    router = configure(verify=JUDGED)
    router.model.then(answered("the answer"), result)
    end = finished(router, begun(router))
    assert (end.next, router.task().status, answer(router)) == (Next.DELIVER, Status.COMPLETED, "the answer")
    assert router.clock.now() - NOON < timedelta(seconds=30)
    assert_ledger_agrees(router, ledger)


def test_a_benched_judge_is_not_asked(configure: Configure) -> None:
    router = configure(verify={"code_generation": {"judge": True}, "status": {"min_chars": 1}})
    router.model.then(CallResult(Outcome.QUOTA_EXHAUSTED, until=NOON + timedelta(hours=9)), answered())
    finished(router, started(router, type="status"))
    router.run(QueueMessage("m-2", json.dumps({"prompt": "b", "task_id": "t-2", "type": "code_generation"})))
    router.model.then(answered())
    finished(router, WorkflowState.from_state(json.loads(router.workflow.executions["t-2"])))
    assert asked(router) == [GEMINI, HAIKU, HAIKU]


@pytest.mark.parametrize(
    ("task", "own"), [({"private": True}, {}), ({}, {"paid_models": [GEMINI]}), ({"prompt": "x" * 60_001}, {})]
)
def test_no_judge_for_a_private_task_on_a_paid_plan_or_of_a_long_one(
    configure: Configure, task: dict[str, Any], own: dict[str, Any]
) -> None:
    router = configure(verify=JUDGED, **own)
    router.model.then(answered())
    finished(router, begun(router, **task))
    assert (asked(router), router.task().status) == ([HAIKU], Status.COMPLETED)


@pytest.mark.parametrize("written", ["reserve", "settle"])
@pytest.mark.parametrize("word", ["acceptable", "wrong"])
def test_a_judge_that_dies_is_not_asked_again(
    configure: Configure, ledger: MotoLedger, monkeypatch: pytest.MonkeyPatch, written: str, word: str
) -> None:
    router = configure(verify=JUDGED)
    router.model.then(answered("first"))
    waiting = step(router, begun(router))
    router.model.then(says(word), answered("second"))
    dies_after(monkeypatch, written)
    with pytest.raises(Crash):
        step(router, waiting)
    if written == "reserve":
        router.model._results.pop(0)  # nobody asked for the judge's word
    finished(router, replace(waiting, attempt=waiting.attempt + 1, crashes=1))
    lost_answer = written == "settle" and word == "wrong"
    assert answer(router) == ("second" if lost_answer else "first")
    assert [row["outcome"] for row in rows(router, ledger)][1] == ("unknown" if written == "reserve" else "answered")
    assert_ledger_agrees(router, ledger)


def test_the_second_answer_has_the_time_of_its_own_function(configure: Configure) -> None:
    router = configure(verify=PYTHON)
    router.model.then(answered(BAD), answered(GOOD))
    finished(router, begun(router))
    first, second = router.model.questions
    assert (
        first.timeout
        < FUNCTION_SECONDS[WorkflowState.from_state(json.loads(router.workflow.executions["t-1"])).here.function]
    )
    assert second.timeout > first.timeout


def test_the_sdks_on_the_stand_in_answer_judge_and_audit(
    aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in ("ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(key, "a-key")
    standin = start(tmp_path)
    try:
        standin.fault("anthropic", {"answer": {"text": BAD}}, contains="(bad)", model=HAIKU)
        urls = {"google_gemini_base_url": f"{standin.url}/gemini", "anthropic_base_url": f"{standin.url}/anthropic"}
        checks = {"code_generation": {"language": "python", "judge": True}}
        pointsman_config = {"verify": checks, "audit": {"share": 1, "model": "claude-haiku-4-5"}}
        clock, workflow = LeapClock(), FakeWorkflow()
        config = json.dumps({**SHIPPED, "pointsman": pointsman_config})
        app = in_process(aws.settings(**urls), config, aws.session, clock)
        app.runtime.stores.__dict__["workflow"] = workflow
        player = Player(app, clock, workflow.executions.__getitem__)
        said = {
            "bad": "Implement it (bad).",
            "half": "Implement it (incomplete).",
            "good": "Implement it (acceptable).",
        }
        for task_id, prompt in said.items():
            fields = {"prompt": prompt, "task_id": task_id, "type": "code_generation", "metadata": {"ticket": "A"}}
            player.route_messages(QueueMessage(f"m-{task_id}", json.dumps(fields)))
            assert player.play(task_id).next is Next.DELIVER

        ends = [player.task(task_id) for task_id in said]
        assert [end.model for end in ends] == [SONNET, SONNET, HAIKU]
        assert [end.checked and end.checked.escalated_after for end in ends] == ["language", "judge", None]
        assert [end.audit and end.audit.outcome for end in ends] == ["answered"] * 3
        attempts = support.assert_ledger_agrees(app, standin.requests(), clock.now() + timedelta(minutes=1))
        assert Counter(row["purpose"] for row in attempts) == {"task": 5, "judge": 2, "audit": 3}
        assert standin.control("GET", "verdict")["errors"] == 0
    finally:
        stop(standin)
