import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import pack, unpack
from pointsman.adapters.task_item import TOMBSTONE, from_item, to_item
from pointsman.adapters.task_table import TaskTable
from pointsman.execution.ledger_keys import RowKey
from pointsman.execution.records import Payload, TaskRecord
from pointsman.routing.decision import Decision, Source
from pointsman.values.errors import RetryLaterError
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import to_ms, to_text
from pointsman.values.usage import Usage
from tests.support.aws import Aws
from tests.support.fakes import NOON

LEASE = timedelta(seconds=50)
DECISION = Decision(TaskType.ARCHITECTURE, Tier.REASONING, Source.LOCAL, 0.91, "says so")


def record(task_id: str = "t-1", owner: str = "router-1", **fields: Any) -> TaskRecord:
    defaults: dict[str, Any] = {
        "status": Status.CLAIMED,
        "fingerprint": "f",
        "body": Payload(inline='{"prompt":"a"}'),
        "lease_owner": owner,
        "lease_until": to_ms(NOON + LEASE),
        "received_at": to_text(NOON),
        "deadline": to_text(NOON + timedelta(hours=24)),
    }
    return TaskRecord(task_id, **{**defaults, **fields})


def read(table: TaskTable, task_id: str = "t-1") -> TaskRecord:
    record = table.read(task_id)
    assert record is not None
    return record


def ended(table: TaskTable, status: Status = Status.COMPLETED, task_id: str = "t-1") -> TaskRecord:
    table.claim(record(task_id, status=status))
    return read(table, task_id)


def test_records_are_stored_and_read_back() -> None:
    full = record(
        reply_to=["arn:aws:sqs:us-east-1:123456789012:replies"],
        decision=DECISION,
        execution_input="{}",
        attempts=2,
        rows=[RowKey("2026-11-22#3", "x")],
        cost_nano=7,
        cost_known=False,
        model="m",
        answer=Payload(ref="tasks/t-1/answer"),
        truncated=True,
        open_intent=RowKey("2026-11-22#3", "x"),
        metadata={"ticket": "A-1"},
        private=True,
        usage=Usage().as_dict(),
    )
    assert from_item(unpack(to_item(full))) == full


def test_a_tombstone_outlives_the_names_of_executions() -> None:
    assert timedelta(days=90) < TOMBSTONE
    assert unpack(to_item(record()))["expires_at"] == int((NOON + timedelta(hours=24) + TOMBSTONE).timestamp())


def test_a_free_id_is_claimed_once(task_table: TaskTable) -> None:
    assert task_table.claim(record()) is None
    in_the_way = task_table.claim(record(owner="router-2", fingerprint="g"))
    assert in_the_way is not None
    assert (in_the_way.lease_owner, in_the_way.fingerprint) == ("router-1", "f")
    assert in_the_way.body == Payload(inline='{"prompt":"a"}')


def test_concurrent_claims_have_one_winner(aws: Aws, task_table: TaskTable) -> None:
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda n: task_table.claim(record(owner=f"router-{n}")), range(32)))
    assert len([one for one in results if one is None]) == 1
    winner = read(task_table).lease_owner
    assert {one.lease_owner for one in results if one} == {winner}


def test_a_rejected_id_can_be_claimed(task_table: TaskTable) -> None:
    task_table.reject(TaskRecord("t-1", Status.REJECTED, reason="prompt: is required", received_at=to_text(NOON)))
    assert read(task_table).status is Status.REJECTED
    assert task_table.claim(record()) is None
    assert (read(task_table).status, read(task_table).reason) == (Status.CLAIMED, None)


def test_a_rejection_leaves_what_is_there(task_table: TaskTable) -> None:
    task_table.claim(record())
    task_table.reject(TaskRecord("t-1", Status.REJECTED, reason="r", received_at=to_text(NOON)))
    assert read(task_table).status is Status.CLAIMED


def test_a_lease_is_taken_over_only_when_it_has_expired(task_table: TaskTable) -> None:
    task_table.claim(record())
    until = NOON + 3 * LEASE

    assert not task_table.renew(record(), "router-2", until, NOON + LEASE - timedelta(milliseconds=1))
    assert task_table.renew(record(), "router-2", until, NOON + LEASE)
    assert not task_table.renew(record(), "router-3", until, NOON + LEASE)
    assert (read(task_table).lease_owner, read(task_table).lease_until) == ("router-2", to_ms(until))


def test_concurrent_lease_takeovers_have_one_winner(task_table: TaskTable) -> None:
    task_table.claim(record())
    with ThreadPoolExecutor(8) as pool:
        late = NOON + LEASE
        won = list(pool.map(lambda n: task_table.renew(record(), f"router-{n + 2}", late + LEASE, late), range(16)))
    assert won.count(True) == 1


def test_a_decision_is_stored_by_whoever_holds_the_lease(task_table: TaskTable) -> None:
    task_table.claim(record())
    task_table.decide("t-1", "router-1", DECISION, '{"a":1}')
    assert (read(task_table).decision, read(task_table).execution_input) == (DECISION, '{"a":1}')


def test_decision_after_a_lost_lease_is_refused(task_table: TaskTable) -> None:
    task_table.claim(record())
    task_table.renew(record(), "router-2", NOON + 3 * LEASE, NOON + LEASE)
    task_table.decide("t-1", "router-2", DECISION, "second")
    with pytest.raises(RetryLaterError):
        task_table.decide("t-1", "router-1", replace(DECISION, tier=Tier.ORCHESTRATION), "first")
    assert (read(task_table).decision, read(task_table).execution_input) == (DECISION, "second")


def test_started_is_written_only_over_claimed(task_table: TaskTable) -> None:
    task_table.claim(record())
    task_table.start("t-1", NOON)
    started = read(task_table)
    assert (started.status, started.started_at, started.lease_owner) == (Status.STARTED, to_text(NOON), "")
    task_table.fail("t-1", 1, "deadline", NOON)
    task_table.start("t-1", NOON + LEASE)
    assert (read(task_table).status, read(task_table).started_at) == (Status.FAILED, to_text(NOON))
    assert not task_table.renew(record(), "router-2", NOON + 3 * LEASE, NOON + 2 * LEASE)


def test_places_to_reply_to_are_added_once(task_table: TaskTable) -> None:
    task_table.claim(record())
    assert task_table.add_reply("t-1", "one").reply_to == ["one"]
    assert task_table.add_reply("t-1", "two").reply_to == ["one", "two"]
    assert task_table.add_reply("t-1", "one").reply_to == ["one", "two"]


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.FAILED])
def test_a_task_that_has_ended_takes_no_place_to_reply_to(task_table: TaskTable, status: Status) -> None:
    ended(task_table, status)
    result = task_table.add_reply("t-1", "one")
    assert (result.status, result.reply_to) == (status, [])


def test_a_reply_is_added_or_the_end_is_seen(task_table: TaskTable) -> None:
    """Whoever asks while the task ends stands in its record before its end, or learns of the end."""
    dice = random.Random(7)
    for number in range(25):
        task_id = f"t-{number}"
        task_table.claim(record(task_id))
        jobs: list[Any] = [lambda t=task_id, n=n: task_table.add_reply(t, f"place-{n}") for n in range(3)]
        jobs.append(lambda t=task_id: task_table.fail(t, 1, "invalid", NOON))
        dice.shuffle(jobs)
        with ThreadPoolExecutor(4) as pool:
            answers = [future.result() for future in [pool.submit(job) for job in jobs]]
        stored = read(task_table, task_id).reply_to
        end = next(one for one in answers if one.reason)
        for answer in answers:
            if answer.status is not Status.FAILED:
                assert answer.reply_to[-1] in stored
        assert set(end.reply_to) <= set(stored)


def test_a_task_fails_once_and_in_its_own_generation(task_table: TaskTable) -> None:
    task_table.claim(record(generation=2))
    assert task_table.fail("t-9", 1, "deadline", NOON) is None
    late = task_table.fail("t-1", 1, "deadline", NOON)
    assert late is not None
    assert (late.status, late.generation) == (Status.CLAIMED, 2)

    failed = task_table.fail("t-1", 2, "deadline", NOON)
    again = task_table.fail("t-1", 2, "auth", NOON + LEASE)
    assert failed is not None
    assert (failed.status, failed.reason, failed.ended_at) == (Status.FAILED, "deadline", to_text(NOON))
    assert again == failed


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.REJECTED])
def test_ended_task_does_not_fail(task_table: TaskTable, status: Status) -> None:
    ended(task_table, status)
    result = task_table.fail("t-1", 1, "deadline", NOON)
    assert result is not None
    assert result.status is status


def test_undelivered_tasks_are_listed_oldest_first_until_delivered(task_table: TaskTable) -> None:
    for number in range(3):
        ended(task_table, task_id=f"t-{number}")
        task_table.needs_attention(record(f"t-{number}"), NOON - timedelta(minutes=number))
    task_table.needs_attention(record("t-9"), NOON)
    assert list(task_table.wanting_attention()) == ["t-2", "t-1", "t-0"]

    task_table.delivered("t-1", 1, NOON)
    task_table.delivered("t-0", 2, NOON)
    assert list(task_table.wanting_attention()) == ["t-2", "t-0"]
    assert read(task_table, "t-1").delivered_at == to_text(NOON)
    task_table.needs_attention(record("t-1"), NOON)
    assert list(task_table.wanting_attention()) == ["t-2", "t-0"]
    assert task_table.read("t-9") is None


def test_errors_that_no_condition_explains_are_raised(aws: Aws) -> None:
    client = aws.client("dynamodb")
    client.delete_table(TableName=aws.tables.tasks)
    table = TaskTable(client, aws.tables)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        table.claim(record())
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        table.fail("t-1", 1, "deadline", NOON)


def test_empty_attributes_are_not_stored() -> None:
    assert pack({"a": None, "b": "", "c": [], "d": {}, "e": 0, "f": False, "g": 1.5}) == {
        "e": {"N": "0"},
        "f": {"BOOL": False},
        "g": {"N": "1.5"},
    }
