"""What a task waits for stands in its workflow's state: one test for each kind of wait, through the tier function."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from pointsman.adapters.task_table import TaskTable
from pointsman.client.result import Result
from pointsman.execution.executions import Pause
from pointsman.execution.outcome import AccountTrouble, CallResult, Outcome
from pointsman.execution.records import TaskRecord
from pointsman.execution.waiting import Waiting, WaitingFor, waited_for
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.services.waiting import waiting_of
from pointsman.values.errors import StoreError
from pointsman.values.status import Status
from tests.support.attempts import GEMINI, HAIKU, SONNET, USED, configured, finished, started, step
from tests.support.aws import Aws, MotoLedger
from tests.support.fakes import FakeWorkflow
from tests.support.router import Router

ALONE = {"chains": {"implementation": [HAIKU]}, "budget": {"month_usd": 5}}
CODE = {"tier": "implementation", "max_output_tokens": 300}
HOLD = {"chains": {"implementation": [HAIKU]}, "budget": {"month_usd": "0.0005", "when_exhausted": "hold"}}


@pytest.fixture
def router(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Callable[..., Router]:
    def with_options(**options: Any) -> Router:
        return configured(aws, ledger, task_table, **options)

    return with_options


def second(router: Router, **fields: Any) -> WorkflowState:
    """Start another task."""
    started(router, task_id="t-2", **fields)
    return WorkflowState.from_state(json.loads(router.workflow.executions["t-2"]))


def waits(run: WorkflowState, router: Router) -> Waiting:
    """Return what the state says, as the history of the workflow would give it."""
    assert run.next is Next.WAIT
    waiting = Waiting.of_pause(Pause(router.clock.now(), run.as_state()))
    assert abs(waiting.looks_again_at - router.clock.now() - timedelta(seconds=run.wait_seconds)) < timedelta(seconds=1)
    return waiting


@pytest.mark.parametrize(
    ("result", "what", "seconds"),
    [
        (CallResult(Outcome.RATE_LIMITED, retry_after=40), WaitingFor.RATE_LIMIT, (40, 42)),
        (CallResult(Outcome.UNAVAILABLE), WaitingFor.PROVIDER, (1, 2)),
        (CallResult(Outcome.NOT_SENT), WaitingFor.PROVIDER, (1, 2)),
    ],
)
def test_wait_for_the_provider(
    router: Callable[..., Router], result: CallResult, what: WaitingFor, seconds: tuple[int, int]
) -> None:
    desk = router(**ALONE)
    desk.model.then(result)
    waiting = waits(step(desk, started(desk, **CODE)), desk)
    assert (waiting.what, waiting.view, waiting.model) == (what, "resting", HAIKU)
    assert seconds[0] <= (waiting.until - desk.clock.now()).total_seconds() <= seconds[1]


def test_wait_for_an_account(router: Callable[..., Router]) -> None:
    desk = router(**ALONE)
    until = desk.clock.now() + timedelta(hours=9)
    desk.model.then(CallResult(Outcome.ACCOUNT, account=AccountTrouble.LIMIT, until=until))
    waiting = waits(step(desk, started(desk, **CODE)), desk)
    assert (waiting.what, waiting.reason, waiting.until) == (WaitingFor.ACCOUNT, AccountTrouble.LIMIT, until)
    assert waiting.looks_again_at < desk.clock.now() + timedelta(hours=1, minutes=2)
    assert "raise the spend or usage limit" in waiting.do


def test_wait_for_the_quota_of_the_day(router: Callable[..., Router]) -> None:
    desk = router(chains={"orchestration": [GEMINI]})
    until = desk.clock.now() + timedelta(hours=9)
    desk.model.then(CallResult(Outcome.QUOTA_EXHAUSTED, until=until))
    waiting = waits(step(desk, started(desk)), desk)
    assert (waiting.what, waiting.until) == (WaitingFor.QUOTA, until)
    assert waiting.looks_again_at >= until


def test_wait_for_the_quota_of_the_minute(router: Callable[..., Router]) -> None:
    desk = router(chains={"orchestration": [GEMINI]}, quotas={GEMINI: {"rpm": 1}})
    desk.model.then(CallResult(Outcome.ANSWERED, "words", USED))
    step(desk, started(desk))
    waiting = waits(step(desk, second(desk)), desk)
    assert waiting.what is WaitingFor.BUSY
    assert 60 <= (waiting.until - desk.clock.now()).total_seconds() <= 67


def test_held_task_waits_for_the_budget(router: Callable[..., Router]) -> None:
    desk = router(**HOLD)
    desk.model.then(CallResult(Outcome.ANSWERED, "words", USED))
    step(desk, started(desk, **CODE))
    waiting = waits(step(desk, second(desk, **CODE)), desk)
    assert (waiting.what, waiting.view) == (WaitingFor.BUDGET, "held")
    assert waiting.until > waiting.looks_again_at
    assert (waiting.until.astimezone(desk.intake.ctx.zone).day, waiting.until.minute) == (1, 0)
    shortfall = waiting.shortfall
    assert shortfall is not None
    assert (shortfall.cap, shortfall.left_nano_usd, shortfall.reserved_nano_usd) == ("month", 300_000, 0)
    assert shortfall.needs_nano_usd > 300_000
    assert "pointsman.budget.month_usd" in waiting.do


def test_wait_for_a_store_of_ours(router: Callable[..., Router], monkeypatch: pytest.MonkeyPatch) -> None:
    desk = router(**ALONE)
    run = started(desk, **CODE)

    def unreachable(*_: object) -> None:
        raise StoreError("BatchGetItem: ThrottlingException")

    monkeypatch.setattr(desk.intake.ctx.ledger, "look", unreachable)
    waiting = waits(step(desk, run), desk)
    assert (waiting.what, waiting.reason) == (WaitingFor.STORE, None)


def test_wait_for_an_attempt_that_may_be_under_way(router: Callable[..., Router]) -> None:
    desk = router(**ALONE)
    run = started(desk, **CODE)
    view = desk.intake.ctx.ledger.look(run.task_id, HAIKU, desk.intake.ctx.clock.now().date())
    assert view.task is not None

    def dies(_: object) -> CallResult:
        raise SystemExit

    desk.model.ask = dies  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        step(desk, run)
    waiting = waits(step(desk, run), desk)
    assert waiting.what is WaitingFor.ATTEMPT
    assert waiting.until == waiting.looks_again_at


def test_wait_after_the_whole_plan_is_for_the_next_round(router: Callable[..., Router]) -> None:
    desk = router(chains={"implementation": [HAIKU, SONNET]}, patience_seconds=0)
    desk.model.then(CallResult(Outcome.RATE_LIMITED, retry_after=900), CallResult(Outcome.TOO_LONG))
    run = step(desk, started(desk, **CODE))
    assert run.next is Next.RUN
    waiting = waits(step(desk, run), desk)
    assert waiting.what is WaitingFor.NEXT_ROUND
    assert waiting.until == waiting.looks_again_at


def test_wait_after_crashes_is_the_workflows_own() -> None:
    since = datetime.fromisoformat("2026-11-22T12:00:00.000Z")
    stale = Waiting(WaitingFor.ACCOUNT, since, since, HAIKU, AccountTrouble.KEY).as_state()
    state = {"next": "run", "wait_seconds": 60, "waiting_for": stale}
    waiting = Waiting.of_pause(Pause(since, state))
    assert (waiting.what, waiting.until, waiting.reason) == (
        WaitingFor.NEXT_ROUND,
        since + timedelta(seconds=60),
        None,
    )
    assert "tried again" in waiting.do


def test_task_over_budget_names_the_cap_and_the_sum(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> None:
    router = configured(aws, ledger, task_table, budget={"month_usd": "0.0001"})
    finished(router, started(router, "reasoning"))
    record = router.task()
    assert (record.status, record.reason) == (Status.FAILED, "over_budget")
    detail = json.loads(router.bus.events[-1][1])
    waited = detail["waiting_for"]
    assert (waited["what"], waited["cap"], waited["left_nano_usd"]) == ("budget", "month", 100_000)
    assert waited["needs_nano_usd"] > 100_000
    assert waited["do"].startswith(
        "raise pointsman.budget.month_usd in openclaw.json and deploy, then run the task anew"
    )
    assert Result.of(record, None).waiting_for == waited
    assert waited_for(record) == waited


def test_task_whose_deadline_passes_says_what_it_waited_for(
    aws: Aws, ledger: MotoLedger, task_table: TaskTable
) -> None:
    router = configured(aws, ledger, task_table)
    state = started(router, "reasoning", deadline="2026-11-22T12:00:30Z")
    router.model.then(CallResult(Outcome.RATE_LIMITED, retry_after=20.0))
    state = step(router, state)
    router.clock.advance(60)
    router.intake.delivery.finish(state.task_id, 1, "deadline", state.as_state()["waiting_for"])
    waited = waited_for(router.task())
    assert waited
    assert (waited["what"], waited["model"], "looks_again_at" in waited) == ("rate_limit", SONNET, False)


def test_parent_says_that_it_waits_for_its_subtasks() -> None:
    record = TaskRecord("t-1", Status.WAITING, deadline="2026-11-23T12:00:00.000Z")
    waiting = waiting_of(FakeWorkflow(), record)
    assert waiting
    assert (waiting.view, waiting.as_document()["what"]) == ("waiting", "subtasks")
