"""The router's work on moto's task table and bucket, with a workflow, a bus and a dead-letter queue by hand."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pointsman.adapters.task_item import TOMBSTONE
from pointsman.adapters.task_table import TaskTable
from pointsman.contracts.sender import Sender
from pointsman.execution.records import MOST_REPLIES, Payload, TaskRecord
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.routing import config
from pointsman.routing.catalog import load_catalog
from pointsman.routing.policy import RoutingPolicy
from pointsman.services.intake import QueueMessage
from pointsman.services.start import execution_name
from pointsman.values.errors import InputMismatchError, RetryLaterError
from pointsman.values.status import Status
from pointsman.values.times import to_ms, to_text
from tests.support.aws import Aws, MotoLedger
from tests.support.router import SECONDS, Router, build

TOKEN = "AAAAKgAAAAIAAAAAAAtoken-1"


@pytest.fixture
def router(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Iterator[Router]:
    built = build(aws, ledger, task_table)
    yield built
    assert built.model.questions == []


def message(message_id: str = "m-1", **fields: Any) -> QueueMessage:
    return QueueMessage(
        message_id, json.dumps({"prompt": "Write it.", "task_id": "t-1", "tier": "reasoning", **fields})
    )


def test_a_message_becomes_one_execution(router: Router) -> None:
    assert router.run(message()) == {}

    record = router.task()
    assert router.runs()
    assert router.workflow.executions == {"t-1": record.execution_input}
    state = json.loads(router.workflow.executions["t-1"])
    assert WorkflowState.from_state(state).here.model == "claude-sonnet-5-5"
    assert "Write it." not in router.workflow.executions["t-1"]


def test_a_large_task_travels_by_claim_check(router: Router) -> None:
    assert router.run(message(prompt="x" * 900_000)) == {}
    assert router.task().body.ref is not None
    assert len(router.workflow.executions["t-1"]) < 2_000


def test_a_redelivered_message_is_a_duplicate(router: Router) -> None:
    router.run(message())
    assert router.run(message("m-2"), owner="router-2") == {}
    assert len(router.workflow.executions) == 1


def test_duplicate_of_a_task_whose_execution_exists_is_acknowledged_before_its_first_call(
    router: Router, aws: Aws
) -> None:
    """The claim's lease has not run out, but nothing waits for it any more."""
    router.run(message())
    claimed = router.task()
    assert (claimed.status, claimed.lease_until > to_ms(router.clock.now())) == (Status.CLAIMED, True)
    assert router.run(message("m-2", reply_to=aws.reply_arn), owner="router-2") == {}
    assert router.task() == replace(claimed, reply_to=[aws.reply_arn])


def test_duplicate_of_a_task_that_is_held_before_its_first_call_is_acknowledged(router: Router) -> None:
    router.run(message())
    router.clock.advance(3600)
    assert router.run(message("m-2"), owner="router-2") == {}
    assert router.task().lease_owner == "router-1"


def test_twins_in_one_batch_are_one_task(router: Router, aws: Aws) -> None:
    assert router.run(message(), message("m-2", reply_to=aws.reply_arn)) == {}
    assert len(router.workflow.executions) == 1
    assert router.task().reply_to == [aws.reply_arn]


def test_message_leased_by_another_invocation_is_returned(router: Router) -> None:
    router.crash(message())
    back = router.run(message("m-2"), owner="router-2")
    assert [type(trouble) for trouble in back.values()] == [RetryLaterError]
    assert router.workflow.executions == {}


def test_resumed_claim_uses_the_stored_decision(router: Router) -> None:
    router.crash(message())
    decided = router.task()
    router.clock.advance(SECONDS + 1)
    assert router.run(message("m-2"), owner="router-2") == {}
    assert router.workflow.executions == {"t-1": decided.execution_input}
    assert router.task().received_at == decided.received_at


def test_resumed_claim_keeps_both_reply_addresses(router: Router, aws: Aws) -> None:
    router.crash(message(reply_to=TOKEN))
    router.clock.advance(SECONDS + 1)
    assert router.run(message("m-2", reply_to=aws.reply_arn), owner="router-2") == {}
    assert router.task().reply_to == [TOKEN, aws.reply_arn]


def test_a_start_that_fails_is_made_up_for(router: Router) -> None:
    router.workflow.failures = [ConnectionError()]
    assert [type(trouble) for trouble in router.run(message()).values()] == [ConnectionError]
    router.clock.advance(SECONDS + 1)
    assert router.run(message(), owner="router-2") == {}
    assert router.runs()


def test_an_execution_that_exists_with_our_input_counts_as_started(router: Router) -> None:
    router.crash(message())
    stored = router.task().execution_input
    assert stored is not None
    router.workflow.executions["t-1"] = stored
    router.clock.advance(SECONDS + 1)
    assert router.run(message(), owner="router-2") == {}
    assert router.runs()


def test_an_execution_with_another_input_is_no_start(router: Router) -> None:
    router.workflow.executions["t-1"] = "{}"
    assert [type(trouble) for trouble in router.run(message()).values()] == [InputMismatchError]
    assert router.task().status is Status.CLAIMED


def test_other_content_under_the_same_id_is_rejected(router: Router) -> None:
    router.run(message())
    assert router.run(message("m-2", prompt="Something else.")) == {}
    assert router.dead.codes() == ["task_id_conflict"]
    assert router.task("m-2").status is Status.REJECTED
    assert router.runs()
    assert [kind for kind, _ in router.bus.events] == ["Task Rejected"]


def test_conflict_of_who_waits_at_the_front_door_leaves_no_dead_letter(router: Router) -> None:
    router.run(message())
    assert router.run(replace(message("m-2", prompt="Something else."), sender=Sender("key:ci"))) == {}
    assert router.dead.codes() == []
    assert router.task("m-2").status is Status.REJECTED
    assert [kind for kind, _ in router.bus.events] == ["Task Rejected"]


@pytest.mark.parametrize(
    ("body", "code", "task_id"),
    [
        ("{", "invalid_json", "m-1"),
        ('{"task_id": "t-9"}', "invalid_task", "t-9"),
        (
            '{"prompt": "a", "task_id": "t-9", "reply_to": "arn:aws:sqs:us-east-1:1:other"}',
            "reply_to_not_allowed",
            "t-9",
        ),
        ('{"prompt": "a", "task_id": "t-9", "deadline": "9999-12-31T23:59:59-01:00"}', "invalid_task", "t-9"),
    ],
)
def test_invalid_message_is_recorded_dead_lettered_and_published(
    router: Router, body: str, code: str, task_id: str
) -> None:
    assert router.run(QueueMessage("m-1", body), message("m-2")) == {}
    assert router.dead.messages[0][0] == body
    assert router.dead.codes() == [code]
    assert router.task(task_id).status is Status.REJECTED
    assert json.loads(router.bus.events[0][1])["status"] == "rejected"
    assert router.runs()


def test_rejection_is_sent_to_reply_to(router: Router, aws: Aws) -> None:
    router.run(
        message("m-1", tier="gold", reply_to=TOKEN),
        message("m-2", prompt="", reply_to=aws.reply_arn),
    )
    assert [(place, failed) for place, _, failed in router.replies.sent] == [
        (TOKEN, "invalid_task"),
        (aws.reply_arn, "invalid_task"),
    ]
    assert json.loads(router.replies.sent[0][1])["status"] == "rejected"


def test_rejection_is_sent_to_allowed_addresses_only(router: Router) -> None:
    elsewhere = "arn:aws:sqs:us-east-1:000000000000:elsewhere"
    router.replies.broken[TOKEN] = ConnectionError()
    back = router.run(message("m-1", reply_to=elsewhere), message("m-2", tier="gold", reply_to=TOKEN))
    assert (back, router.replies.sent) == ({}, [])
    assert router.dead.codes() == ["reply_to_not_allowed", "invalid_task"]


def test_a_rejection_whose_event_fails_is_repeated(router: Router) -> None:
    router.bus.broken = RuntimeError()
    assert list(router.run(QueueMessage("m-1", "{"))) == ["m-1"]
    router.bus.broken = None
    assert router.run(QueueMessage("m-1", "{")) == {}
    assert len(router.bus.events) == 1


def test_a_corrected_message_may_use_its_id_again(router: Router) -> None:
    router.run(message(tier="gold"))
    assert router.run(message("m-2")) == {}
    assert router.runs()


def test_a_task_that_has_ended_answers_a_new_asker_from_the_store(router: Router, aws: Aws) -> None:
    router.run(message())
    done = router.task()
    done.status, done.answer, done.ended_at = Status.COMPLETED, Payload(inline="words"), to_text(router.clock.now())
    aws.client("dynamodb").delete_item(TableName=aws.tables.tasks, Key={"task_id": {"S": "t-1"}})
    router.tasks.claim(done)

    assert router.run(message("m-2", reply_to=aws.reply_arn)) == {}
    ((place, detail, failed),) = router.replies.sent
    assert (place, json.loads(detail)["answer"], failed) == (aws.reply_arn, "words", None)
    assert router.bus.events == []


def test_a_private_task_without_a_paid_model_fails_with_that_reason(router: Router) -> None:
    intake = router.intake.ctx.policy.config
    only_free = intake.model_copy(
        update={"pointsman": config.Pointsman.model_validate({"chains": {"orchestration": ["gemini-3.5-flash-lite"]}})}
    )
    policy = RoutingPolicy(only_free, load_catalog())
    object.__setattr__(router.intake.ctx, "policy", policy)
    assert router.run(message(tier="orchestration", private=True)) == {}
    state = WorkflowState.from_state(json.loads(router.workflow.executions["t-1"]))
    assert (state.next, state.reason, state.plan) == (Next.FAIL, "private", ())


def test_executions_are_named_after_task_and_generation() -> None:
    assert execution_name("t-1", 1) == "t-1"
    later = execution_name("a" * 80, 2)
    assert later.endswith(".2")
    assert len(later) <= 80
    assert len({execution_name("t-1", n) for n in range(1, 5)} | {later}) == 5


def test_claim_whose_answer_was_lost_is_started_by_the_same_invocation(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client sends it again, and its own item refuses it; a message that went back would wait for 360 s."""
    claim = TaskTable.claim

    def twice(own: TaskTable, record: TaskRecord) -> TaskRecord | None:
        claim(own, record)
        return claim(own, record)

    monkeypatch.setattr(TaskTable, "claim", twice)
    assert router.run(message()) == {}
    assert router.runs()


def test_renewed_lease_whose_answer_was_lost_is_ours(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    router.crash(message())
    router.clock.advance(SECONDS + 1)
    renew = TaskTable.renew

    def twice(own: TaskTable, *arguments: Any) -> bool:
        renew(own, *arguments)
        return renew(own, *arguments)

    monkeypatch.setattr(TaskTable, "renew", twice)
    assert router.run(message("m-2"), owner="router-2") == {}
    assert router.runs()


def test_task_takes_so_many_places_to_reply_to_and_no_more(router: Router) -> None:
    router.run(message())
    for number in range(MOST_REPLIES):
        assert router.run(message(f"m-{number + 2}", reply_to=f"{TOKEN}-{number}"), owner=f"router-{number}") == {}
    assert router.run(message("m-99", reply_to=f"{TOKEN}-one-too-many"), owner="router-99") == {}
    assert len(router.task().reply_to) == MOST_REPLIES
    assert router.dead.codes() == ["too_many_replies"]
    ((place, detail, code),) = router.replies.sent
    assert (place, code, json.loads(detail)["task_id"]) == (f"{TOKEN}-one-too-many", "too_many_replies", "m-99")
    assert router.runs()
    assert router.run(message("m-98", reply_to=f"{TOKEN}-1"), owner="router-98") == {}  # known already


def race_next_update(monkeypatch: pytest.MonkeyPatch, meanwhile: Callable[[Callable[[], Any]], Any]) -> None:
    """Have `meanwhile` carry out the table's next update, among what others do."""
    update = TaskTable._update

    def raced(own: TaskTable, *arguments: Any) -> Any:
        monkeypatch.undo()
        return meanwhile(lambda: update(own, *arguments))

    monkeypatch.setattr(TaskTable, "_update", raced)


def test_reply_asked_for_between_an_end_and_its_replay_is_kept(
    router: Router, task_table: TaskTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task ends before the place is added, and is claimed again before it is read."""
    router.run(message())

    def ended_and_replayed(update: Callable[[], Any]) -> Any:
        task_table.fail("t-1", 1, "refused", router.clock.now())
        lost = update()
        assert lost is None
        assert task_table.replay(replace(router.task(), generation=2, lease_owner="replay"), router.clock.now())
        return lost

    race_next_update(monkeypatch, ended_and_replayed)
    assert router.run(message("m-2", reply_to=TOKEN), owner="router-2") == {}
    assert router.task().reply_to == [TOKEN]


def test_reply_that_another_duplicate_added_before_the_end_is_told_once(
    router: Router, task_table: TaskTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever delivers the end tells the place, since the task had it then."""
    router.run(message())

    def added_and_ended(update: Callable[[], Any]) -> Any:
        assert router.run(message("m-2", reply_to=TOKEN), owner="router-2") == {}
        task_table.fail("t-1", 1, "refused", router.clock.now())
        return update()

    race_next_update(monkeypatch, added_and_ended)
    assert router.run(message("m-3", reply_to=TOKEN), owner="router-3") == {}
    assert router.task().reply_to == [TOKEN]
    assert router.replies.sent == []


def test_record_outlives_a_far_deadline(router: Router, aws: Aws) -> None:
    router.run(message(deadline="2027-11-22T12:00:00Z"))
    item = aws.client("dynamodb").get_item(TableName=aws.tables.tasks, Key={"task_id": {"S": "t-1"}})["Item"]
    expires = datetime.fromtimestamp(int(item["expires_at"]["N"]), UTC)
    assert expires == datetime(2027, 11, 22, 12, tzinfo=UTC) + TOMBSTONE
