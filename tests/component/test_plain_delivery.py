"""A plain answer is delivered by the function that has it: told at least once, whatever ends that function."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pointsman.adapters.task_table import TaskTable
from pointsman.execution.calls import Purpose
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.services.attempt import FUNCTION_SECONDS, TELLING_TIME, Attempt
from pointsman.services.cancellation import Cancellation
from pointsman.services.delivery import DELIVERED_WITHIN
from pointsman.services.intake import QueueMessage
from pointsman.values.errors import PublishError
from pointsman.values.status import Status
from pointsman.values.taxonomy import Tier
from tests.support.attempts import SONNET, USED, Crash, answered, asked, configured, during_the_call, started, step
from tests.support.aws import Aws, MotoLedger
from tests.support.router import Router, build, build_sweep

TOKEN = "AQCk-the-senders-secret"


@pytest.fixture
def blank(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Router:
    return build(aws, ledger, task_table)


@pytest.fixture
def router(blank: Router) -> Router:
    """A router whose models answer once."""
    blank.model.then(answered())
    return blank


def told(router: Router) -> list[tuple[str, int, str]]:
    """Return task, generation and status of each event."""
    details = [json.loads(detail) for _, detail in router.bus.events]
    return [(detail["task_id"], detail["generation"], detail["status"]) for detail in details]


def deliver(router: Router, state: WorkflowState) -> None:
    router.intake.delivery.finish(state.task_id, state.generation, state.reason)


def after_crash(state: WorkflowState) -> WorkflowState:
    """Return where the workflow's `Catch` leads."""
    return replace(state, attempt=state.attempt + 1, crashes=state.crashes + 1, reason="unknown")


def dies_before(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
    """Have the function end where it would call `name`, once."""

    def end(*_: Any, **__: Any) -> None:
        monkeypatch.undo()
        raise Crash

    monkeypatch.setattr(owner, name, end)


@pytest.mark.parametrize("tier", list(Tier))
def test_plain_answer_is_delivered_by_the_function_that_has_it(router: Router, tier: Tier) -> None:
    state = step(router, started(router, str(tier), metadata={"ticket": "A-1"}, parent_id="PAY-7"))
    assert (state.next, state.delivered) == (Next.DELIVER, True)
    ((kind, detail),) = router.bus.events
    event, record = json.loads(detail), router.task()
    assert (kind, event["answer"], event["usage"], event["attempts"]) == ("Task Completed", "words", USED.as_dict(), 1)
    assert event["cost_nano_usd"] == record.cost_nano
    assert (bool(record.delivered_at), record.attention, list(router.tasks.wanting_attention())) == (True, None, [])
    assert router.counts.count("OrchestrationMilliseconds") == 0  # its message says not when it was sent
    deliver(router, state)  # of a workflow that began before it knew
    assert told(router) == [("t-1", 1, "completed")]


def test_time_to_the_answer_is_measured_where_it_is_delivered(router: Router) -> None:
    body = json.dumps({"prompt": "Is it done?", "task_id": "t-1", "tier": "orchestration"})
    router.run(QueueMessage("m-1", body, sent_at=router.clock.now()))
    step(router, WorkflowState.from_state(json.loads(router.workflow.executions["t-1"])))
    assert router.counts.count("OrchestrationMilliseconds") == 1


def test_function_killed_between_settling_and_telling_tells_it_at_its_next_run(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = started(router)
    dies_before(monkeypatch, router.bus, "publish")
    with pytest.raises(Crash):
        step(router, state)
    assert (router.task().status, told(router)) == (Status.COMPLETED, [])
    assert list(router.tasks.wanting_attention()) == ["t-1"]
    assert step(router, after_crash(state)).delivered
    assert told(router) == [("t-1", 1, "completed")]
    assert len(asked(router)) == 1


def test_function_killed_between_telling_and_the_mark_tells_it_again_under_the_same_identity(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = started(router)
    dies_before(monkeypatch, router.tasks, "delivered")
    with pytest.raises(Crash):
        step(router, state)
    assert router.task().delivered_at is None
    assert step(router, after_crash(state)).delivered
    assert told(router) == [("t-1", 1, "completed")] * 2
    assert router.bus.events[0] == router.bus.events[1]
    assert len(asked(router)) == 1


@pytest.mark.parametrize(("owner", "name", "times"), [("bus", "publish", 1), ("tasks", "delivered", 2)])
def test_sweep_tells_an_answer_whose_execution_ended_with_its_function(
    aws: Aws, router: Router, monkeypatch: pytest.MonkeyPatch, owner: str, name: str, times: int
) -> None:
    dies_before(monkeypatch, getattr(router, owner), name)
    state, sweep = started(router), build_sweep(aws, router)
    with pytest.raises(Crash):
        step(router, state)
    assert sweep().delivered == 0  # its own workflow may be about to
    router.clock.advance(DELIVERED_WITHIN.total_seconds())
    assert sweep().delivered == 1
    assert told(router) == [("t-1", 1, "completed")] * times
    assert sweep().delivered == 0


def test_rule_on_execution_status_tells_an_answer_whose_function_was_killed(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies_before(monkeypatch, router.bus, "publish")
    state = started(router)
    with pytest.raises(Crash):
        step(router, state)
    router.intake.delivery.finish("t-1", 1, "workflow_aborted")
    assert told(router) == [("t-1", 1, "completed")]


def test_answer_that_the_bus_refuses_is_left_to_the_delivery_function(router: Router) -> None:
    router.bus.broken = PublishError("ThrottlingException")
    state = step(router, started(router))
    assert (state.next, state.delivered) == (Next.DELIVER, False)
    assert router.task().undelivered == ["event bus (ThrottlingException)"]
    router.bus.broken = None
    deliver(router, state)
    assert told(router) == [("t-1", 1, "completed")]


@pytest.mark.parametrize("name", ["read", "delivered"])
def test_table_that_fails_after_the_settlement_leaves_the_answer_to_the_delivery_function(
    router: Router, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    state = started(router)

    def fails(*_: Any) -> None:
        monkeypatch.undo()
        raise ConnectionError

    monkeypatch.setattr(router.tasks, name, fails)
    state = step(router, state)
    assert (state.next, state.delivered, router.task().status) == (Next.DELIVER, False, Status.COMPLETED)
    deliver(router, state)
    assert router.task().delivered_at
    assert len(asked(router)) == 1


@pytest.mark.parametrize(("left", "delivered"), [(-0.5, False), (0.5, True)])
def test_function_without_time_left_leaves_its_answer_to_the_delivery_function(
    router: Router, left: float, delivered: bool
) -> None:
    state = started(router)  # the model takes a second
    attempt = Attempt(
        router.intake.ctx, router.intake.payloads, state.here.function, router.intake.delivery.tell_answer
    )
    after = attempt(state, TELLING_TIME.total_seconds() + 1 + left)
    assert (after.next, after.delivered, len(told(router))) == (Next.DELIVER, delivered, int(delivered))


def test_all_times_of_the_functions_leave_time_to_tell() -> None:
    assert min(FUNCTION_SECONDS.values()) > 2 * TELLING_TIME.total_seconds()
    assert timedelta(seconds=13) < TELLING_TIME < DELIVERED_WITHIN


def test_task_that_asks_for_a_reply_is_left_to_the_delivery_function(router: Router) -> None:
    state = step(router, started(router, reply_to=TOKEN))
    assert (state.next, state.delivered, told(router)) == (Next.DELIVER, False, [])
    deliver(router, state)
    assert len(router.replies.sent) == len(told(router)) == 1


def test_reply_that_is_asked_for_during_the_call_is_not_missed(router: Router) -> None:
    again = json.dumps({"prompt": "Is it done?", "task_id": "t-1", "tier": "orchestration", "reply_to": TOKEN})
    during_the_call(router, lambda: router.run(QueueMessage("m-2", again), owner="router-2"))
    state = step(router, started(router))
    assert not state.delivered
    deliver(router, state)
    assert [place for place, *_ in router.replies.sent] == [TOKEN]
    assert told(router) == [("t-1", 1, "completed")]


def test_subtask_is_left_to_the_delivery_function_which_looks_after_its_parent(blank: Router) -> None:
    parts = [{"prompt": "Write part 1.", "type": "code_generation"}]
    blank.model.then(answered(json.dumps({"answer": "One part.", "subtasks": parts})), answered("part 1"))
    state = step(blank, started(blank, split=True))
    assert (state.next, state.delivered, told(blank)) == (Next.DELIVER, False, [])
    deliver(blank, state)
    (body,) = blank.queue.bodies
    blank.run(QueueMessage("sub-1", body), owner="router-2")
    part = step(blank, WorkflowState.from_state(json.loads(blank.workflow.executions["t-1-s01"])))
    assert (part.delivered, told(blank)) == (False, [])
    deliver(blank, part)
    assert told(blank) == [("t-1-s01", 1, "completed"), ("t-1", 1, "completed")]


def test_cancelled_task_is_left_to_the_delivery_function(router: Router) -> None:
    intake = router.intake
    cancel = Cancellation(intake.tasks, router.workflow, intake.delivery)
    during_the_call(router, lambda: cancel("t-1"))
    state = step(router, started(router))
    assert (state.next, state.delivered, told(router)) == (Next.DELIVER, False, [])
    deliver(router, state)
    assert told(router) == [("t-1", 1, "cancelled")]


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.BLOCKED])
def test_failure_is_left_to_the_delivery_function(blank: Router, outcome: Outcome) -> None:
    blank.model.then(CallResult(outcome, usage=USED))
    state = step(blank, started(blank))
    assert (state.next, state.delivered, told(blank)) == (Next.FAIL, False, [])


def test_replay_tells_its_own_generation_alone(router: Router) -> None:
    """The invocation of an earlier generation that comes late finds the task moved on."""
    state = step(router, started(router))
    assert not router.intake.delivery.tell_answer("t-1", state.generation + 1)
    assert not router.intake.delivery.tell_answer("t-2", 1)
    assert told(router) == [("t-1", 1, "completed")]


def test_sampled_answer_is_delivered_first_and_its_audit_tells_nothing_again(
    aws: Aws, ledger: MotoLedger, task_table: TaskTable
) -> None:
    router = configured(aws, ledger, task_table, audit={"share": 1.0})
    router.model.then(answered(), answered("other words"))
    state = step(router, started(router, "implementation"))
    assert (state.next, state.delivered, told(router)) == (Next.DELIVER_SAMPLED, False, [])
    deliver(router, state)
    assert state.here.model == SONNET
    state = step(router, replace(state, next=Next.RUN))
    assert (state.purpose, state.next, state.delivered) == (Purpose.AUDIT, Next.DELIVER, True)
    assert told(router) == [("t-1", 1, "completed")]


def test_large_answer_is_told_by_reference(aws: Aws, blank: Router) -> None:
    blank.model.then(answered("ä" * 40_000))
    assert step(blank, started(blank)).delivered
    ((_, detail),) = blank.bus.events
    assert json.loads(detail)["answer"] is None
    assert json.loads(detail)["answer_ref"] == f"s3://{aws.bucket}/tasks/t-1/answer.000001.000001"
