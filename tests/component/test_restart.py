"""Tasks go on after the executions are gone, as when a local stack's emulator was killed."""

import json
from dataclasses import replace

import pytest

from pointsman.adapters.task_table import TaskTable
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.execution.workflow_state import WorkflowState
from pointsman.services.attempt import Attempt
from pointsman.services.intake import QueueMessage
from pointsman.services.restart import Restart
from pointsman.values.status import Status
from tests.support.attempts import Crash, answered, asked, configured, during_the_call, finished, started, step
from tests.support.aws import Aws, MotoLedger
from tests.support.router import Router, build


@pytest.fixture
def router(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Router:
    return build(aws, ledger, task_table)


def lose_executions(router: Router) -> None:
    router.workflow.executions.clear()


def restart(router: Router) -> int:
    return Restart(router.intake.ctx, router.tasks, router.workflow)()


def run_of(router: Router) -> WorkflowState:
    return WorkflowState.from_state(json.loads(router.workflow.executions["t-1"]))


def run_of_record(router: Router) -> WorkflowState:
    return WorkflowState.from_state(json.loads(router.task().execution_input or ""))


def events(router: Router) -> list[str]:
    return [kind for kind, _ in router.bus.events]


def test_task_that_no_model_was_asked_for_yet_starts_by_the_bytes_of_its_record(router: Router) -> None:
    started(router)
    lose_executions(router)
    assert restart(router) == 1
    assert router.workflow.executions == {"t-1": router.task().execution_input}
    router.model.then(answered())
    finished(router, run_of(router))
    assert (router.task().status, len(asked(router))) == (Status.COMPLETED, 1)


def test_call_that_was_open_is_booked_as_unknown_and_asked_again_once(router: Router) -> None:
    run = started(router)

    def die() -> None:
        raise Crash

    during_the_call(router, die)
    with pytest.raises(Crash):
        step(router, run)
    lose_executions(router)
    assert restart(router) == 1
    router.model.then(answered())
    finished(router, run_of(router))
    record = router.task()
    assert (record.status, record.attempts) == (Status.COMPLETED, 2)
    outcomes = [router.intake.ctx.ledger.find_outcome(key) for key in record.rows]
    assert [outcome and outcome.outcome for outcome in outcomes] == [Outcome.UNKNOWN, Outcome.ANSWERED]
    assert len({key.row for key in record.rows}) == 2


def test_attempts_go_on_behind_those_that_the_record_has(router: Router) -> None:
    run = started(router)
    for _ in range(2):
        router.model.then(CallResult(Outcome.BUSY))
        run = step(router, run)
    lose_executions(router)
    assert restart(router) == 1
    assert run_of(router) == replace(
        WorkflowState.from_state(json.loads(router.task().execution_input or "")), attempt=3
    )
    router.model.then(answered())
    finished(router, run_of(router))
    assert (router.task().status, len(asked(router))) == (Status.COMPLETED, 3)


def test_stored_answer_is_delivered_and_not_asked_for_again(router: Router) -> None:
    run = started(router)
    router.model.then(answered())
    untold = Attempt(router.intake.ctx, router.intake.payloads, run.here.function, lambda *_: False)
    untold(run, 60.0)
    assert (router.task().status, events(router)) == (Status.COMPLETED, [])
    lose_executions(router)
    assert restart(router) == 1
    finished(router, run_of(router))
    assert (events(router), len(asked(router))) == (["Task Completed"], 1)
    lose_executions(router)
    assert restart(router) == 0  # it is delivered


def test_running_execution_is_left_alone_and_a_second_restart_starts_nothing(router: Router) -> None:
    started(router)
    assert restart(router) == 0
    lose_executions(router)
    assert [restart(router), restart(router)] == [1, 0]


def test_message_that_comes_back_finds_the_execution(router: Router) -> None:
    message = QueueMessage("m-1", json.dumps({"prompt": "Is it done?", "task_id": "t-1", "tier": "orchestration"}))
    router.crash(message)
    assert router.task().status is Status.CLAIMED
    assert restart(router) == 1
    router.clock.advance(60)
    assert router.run(message, owner="router-2") == {}
    assert list(router.workflow.executions) == ["t-1"]


def test_task_in_the_economy_lane_is_left_to_it(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> None:
    router = configured(aws, ledger, task_table)
    router.intake = replace(router.intake, economy=True)
    body = {"prompt": "Write it.", "task_id": "t-1", "tier": "implementation", "lane": "economy"}
    assert router.run(QueueMessage("m-1", json.dumps(body))) == {}
    assert router.workflow.executions == {}
    assert restart(router) == 0
