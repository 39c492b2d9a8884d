"""Cancelling: what has no open call ends at once, what has one ends with it, and each end is told once."""

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from pointsman.adapters.task_table import TaskTable
from pointsman.client import Progress
from pointsman.execution.budget import OPEN
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.services.cancel import CancelOutcome
from pointsman.services.cancellation import Cancellation
from pointsman.services.intake import QueueMessage
from pointsman.values.status import Status
from tests.support.attempts import Crash, answered, configured, during_the_call, finished, started, step
from tests.support.aws import Aws, MotoLedger
from tests.support.router import Router, build, build_sweep

SUBTASKS = {"answer": "", "subtasks": [{"prompt": "One.", "type": "status"}, {"prompt": "Two.", "type": "status"}]}


@dataclass
class Office:
    """A router, and an operator who cancels."""

    router: Router
    ledger: MotoLedger

    def cancel(self, task_id: str = "t-1") -> CancelOutcome:
        intake = self.router.intake
        cancelled, trouble = Cancellation(intake.tasks, self.router.workflow, intake.delivery)(task_id)
        assert trouble is None
        return cancelled.outcome

    def told(self) -> list[tuple[str, str, str]]:
        details = [(kind, json.loads(detail)) for kind, detail in self.router.bus.events]
        return [(kind, detail["task_id"], detail["reason"] or "") for kind, detail in details]

    def reserved(self) -> int:
        return self.ledger.reader.counters("2026-11", 22).get("month" + OPEN, 0)


@pytest.fixture
def office(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Office:
    return Office(build(aws, ledger, task_table), ledger)


CANCELLED = ("Task Cancelled", "t-1", "cancelled")


def test_task_between_two_attempts_ends_is_told_and_its_execution_is_stopped(office: Office, aws: Aws) -> None:
    state = started(office.router, "implementation", reply_to=aws.reply_arn)
    office.router.model.then(CallResult(Outcome.UNAVAILABLE))
    state = step(office.router, state)
    assert state.next is Next.WAIT
    assert office.cancel() is CancelOutcome.CANCELLED
    record = office.router.task()
    assert (record.status, record.reason, bool(record.delivered_at)) == (Status.CANCELLED, "cancelled", True)
    assert office.router.workflow.stopped == ["t-1"]
    assert office.told() == [CANCELLED]
    assert [place for place, *_ in office.router.replies.sent] == [aws.reply_arn]
    woken = step(office.router, replace(state, next=Next.RUN))
    finished(office.router, woken)
    assert (office.told(), len(office.router.model.questions)) == ([CANCELLED], 1)


def test_claimed_task_ends_before_its_execution_begins(office: Office) -> None:
    message = QueueMessage("m-1", json.dumps({"prompt": "Is it done?", "task_id": "t-1", "tier": "orchestration"}))
    batch = office.router.intake.claim_batch([message], "router-1", 60.0)
    assert office.cancel() is CancelOutcome.CANCELLED
    office.router.intake.start_or_reject(message, batch)
    assert office.router.task().status is Status.CANCELLED
    assert office.told() == [CANCELLED]


def test_task_with_an_open_call_ends_with_it_and_what_was_billed_is_booked(office: Office) -> None:
    state = started(office.router, "implementation")
    office.router.model.then(answered("too late"))
    seen: list[Any] = []

    def cancel() -> None:
        seen.extend([office.cancel(), office.reserved(), office.router.task().status, office.cancel(), office.told()])
        assert Progress.of("t-1", office.router.task()).state == "cancelling"

    during_the_call(office.router, cancel)
    state = step(office.router, state)
    assert seen[0] is seen[3] is CancelOutcome.CANCELLING
    assert seen[1] > 0, "its reservation was released while the call was open"
    assert (seen[2], seen[4], office.router.workflow.stopped) == (Status.STARTED, [], [])
    record = office.router.task()
    assert (record.status, record.open_intent, record.answer.inline) == (Status.CANCELLED, None, None)
    assert record.cost_nano > 0
    assert office.reserved() == 0
    assert state.next is Next.DELIVER
    finished(office.router, state)
    assert office.told() == [CANCELLED]
    assert office.cancel() is CancelOutcome.ENDED


@pytest.mark.parametrize("outcome", [Outcome.UNAVAILABLE, Outcome.UNKNOWN, Outcome.EMPTY, Outcome.OVER_BUDGET])
def test_call_that_fails_ends_a_task_that_is_to_be_cancelled(office: Office, outcome: Outcome) -> None:
    state = started(office.router, "implementation")
    office.router.model.then(CallResult(outcome))
    during_the_call(office.router, office.cancel)
    finished(office.router, step(office.router, state))
    assert (office.router.task().status, office.told()) == (Status.CANCELLED, [CANCELLED])


def test_lost_call_is_closed_as_unknown_and_its_task_ends(office: Office, aws: Aws) -> None:
    state = started(office.router, "implementation")

    def dies() -> None:
        assert office.cancel() is CancelOutcome.CANCELLING
        raise Crash

    during_the_call(office.router, dies)
    with pytest.raises(Crash):
        step(office.router, state)
    assert (office.router.task().status, office.told()) == (Status.STARTED, [])
    office.router.clock.advance(700)
    sweep = build_sweep(aws, office.router)
    sweep()
    record = office.router.task()
    assert (record.status, record.cost_known, office.told()) == (Status.CANCELLED, False, [])
    assert record.cost_nano > 0
    office.router.clock.advance(900)
    sweep()
    assert office.told() == [CANCELLED]


def test_next_attempt_closes_a_lost_call_and_ends_the_task(office: Office) -> None:
    state = started(office.router, "implementation")

    def dies() -> None:
        office.cancel()
        raise Crash

    during_the_call(office.router, dies)
    with pytest.raises(Crash):
        step(office.router, state)
    finished(office.router, step(office.router, replace(state, attempt=2, crashes=1)))
    assert (office.router.task().status, office.told()) == (Status.CANCELLED, [CANCELLED])
    assert len(office.router.model.questions) == 0, "no further call"


def test_message_of_a_cancelled_id_is_dropped_and_told(office: Office, aws: Aws) -> None:
    assert office.cancel("t-1") is CancelOutcome.NOT_RECEIVED
    assert office.cancel("t-1") is CancelOutcome.NOT_RECEIVED
    assert office.told() == []
    stored = aws.client("dynamodb").get_item(TableName="tasks", Key={"task_id": {"S": "t-1"}})["Item"]
    days = (int(stored["expires_at"]["N"]) - office.router.clock.now().timestamp()) / 86_400
    assert days == 14
    body = {"prompt": "Is it done?", "task_id": "t-1", "reply_to": aws.reply_arn, "metadata": {"ticket": "OPS-1"}}
    for number in range(2):
        assert office.router.run(QueueMessage(f"m-{number}", json.dumps(body))) == {}
    record = office.router.task()
    assert (record.status, record.metadata, bool(record.delivered_at)) == (Status.CANCELLED, {"ticket": "OPS-1"}, True)
    assert (office.told(), office.router.workflow.executions) == ([CANCELLED], {})
    assert [place for place, *_ in office.router.replies.sent] == [aws.reply_arn]
    assert office.cancel("t-1") is CancelOutcome.ENDED


def test_ended_task_stays_as_it_ended(office: Office) -> None:
    office.router.model.then(answered())
    finished(office.router, started(office.router))
    assert office.cancel() is CancelOutcome.ENDED
    assert office.router.task().status is Status.COMPLETED


def test_cancelling_during_the_delivery_changes_nothing(office: Office) -> None:
    office.router.model.then(answered())
    state = step(office.router, started(office.router))
    assert office.cancel() is CancelOutcome.ENDED
    finished(office.router, state)
    assert [kind for kind, *_ in office.told()] == ["Task Completed"]


def split(office: Office) -> None:
    """Start a task whose answer hands out two subtasks, and send them."""
    office.router.model.then(answered(json.dumps(SUBTASKS)))
    finished(office.router, started(office.router, split=True, type="orchestration", tier=None))
    assert office.router.task().status is Status.WAITING


def receive(office: Office, number: int) -> None:
    body = office.router.queue.bodies[number]
    assert office.router.run(QueueMessage(f"m-s{number}", body)) == {}


def test_cancelled_parent_cancels_its_subtasks_received_or_not(office: Office) -> None:
    split(office)
    receive(office, 0)
    assert office.cancel() is CancelOutcome.CANCELLED
    assert office.router.task("t-1-s01").status is Status.CANCELLED
    assert office.router.workflow.stopped == ["t-1", "t-1-s01"]
    receive(office, 1)
    assert office.router.task("t-1-s02").status is Status.CANCELLED
    assert sorted(task_id for _, task_id, _ in office.told()) == ["t-1", "t-1-s01", "t-1-s02"]
    assert {kind for kind, *_ in office.told()} == {"Task Cancelled"}


def test_parent_cancelled_while_its_subtasks_are_sent_stays_cancelled(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.router.model.then(answered(json.dumps(SUBTASKS)))
    state = step(office.router, started(office.router, split=True, type="orchestration", tier=None))
    send, tries = office.router.queue.send, list[CancelOutcome]()

    def send_late(*arguments: Any) -> None:
        if not tries:
            tries.append(office.cancel())
        send(*arguments)

    monkeypatch.setattr(office.router.queue, "send", send_late)
    finished(office.router, state)
    assert tries == [CancelOutcome.CANCELLED]
    receive(office, 0)
    receive(office, 1)
    statuses = [office.router.task(task_id).status for task_id in ("t-1", "t-1-s01", "t-1-s02")]
    assert statuses == [Status.CANCELLED] * 3
    assert sorted(office.told()) == sorted({*office.told()}), "told once"


@pytest.mark.parametrize("received", [True, False])
def test_subtask_cancelled_alone_counts_as_cancelled_for_its_parent(office: Office, *, received: bool) -> None:
    split(office)
    if received:
        receive(office, 0)
    office.cancel("t-1-s01")
    receive(office, 0)
    receive(office, 1)
    office.router.model.then(answered("Two is done."))
    run = json.loads(office.router.workflow.executions["t-1-s02"])
    finished(office.router, WorkflowState.from_state(run))
    parent = office.router.task()
    assert parent.status is Status.COMPLETED
    assert [end.status for end in parent.results] == ["cancelled", "completed"]


def test_judged_answer_is_not_delivered_once_the_task_is_cancelled(
    aws: Aws, ledger: MotoLedger, task_table: TaskTable
) -> None:
    office = Office(configured(aws, ledger, task_table, verify={"code_generation": {"judge": True}}), ledger)
    office.router.model.then(answered("words"))
    state = step(office.router, started(office.router, type="code_generation", tier=None))
    assert office.router.task().has_answer
    office.router.model.then(answered('{"verdict": "good"}'))
    during_the_call(office.router, office.cancel)
    finished(office.router, step(office.router, state))
    assert (office.router.task().status, office.told()) == (Status.CANCELLED, [CANCELLED])
