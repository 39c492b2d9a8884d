"""The fake stores against the real adapters: the same steps, and each step's result."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from pointsman.adapters.archive import BucketArchive
from pointsman.adapters.decision_cache import LimitTableCache
from pointsman.adapters.limit_items import DynamoModelHealth
from pointsman.adapters.payload_store import BucketPayloads
from pointsman.adapters.report_sink import BucketAndTopic
from pointsman.adapters.sweep_store import DynamoSweepStore
from pointsman.adapters.task_table import TaskTable
from pointsman.execution.budget import OPEN
from pointsman.execution.events import NoticeKey
from pointsman.execution.model_health import Admission, HealthUpdate, ModelState
from pointsman.execution.outcome import Outcome
from pointsman.execution.records import Payload, TaskRecord
from pointsman.ports import DecisionCache, ModelHealthStore, PayloadStore, TaskStore, UsageLedger
from pointsman.report_ports import Archive, ReportSink, SweepStore
from pointsman.routing.decision import Decision, ModelVote, Source
from pointsman.values.errors import RetryLaterError
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import to_ms, to_text
from tests.support.aws import Aws, MotoLedger
from tests.support.fake_stores import (
    FakeArchive,
    FakeDecisionCache,
    FakeLedger,
    FakePayloads,
    FakeReportSink,
    FakeSweepStore,
    FakeTaskStore,
)
from tests.support.fakes import NOON
from tests.support.ledger import MODEL, NO_QUOTA, intent, settled

DECISION = Decision(TaskType.ARCHITECTURE, Tier.REASONING, Source.LOCAL, 0.91, "says so")
ANSWER = Payload(inline="42")
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@dataclass(frozen=True)
class Stores:
    """One implementation of each port."""

    payloads: PayloadStore
    tasks: TaskStore
    ledger: UsageLedger
    health: ModelHealthStore
    counters: Callable[[str, int], dict[str, int]]
    decisions: DecisionCache
    reports: ReportSink
    sweep: SweepStore
    archive: Archive


def fake_stores() -> Stores:
    tasks = FakeTaskStore()
    ledger = FakeLedger(tasks)
    return Stores(
        FakePayloads(),
        tasks,
        ledger,
        ledger,
        ledger.counters,
        FakeDecisionCache(),
        FakeReportSink(),
        FakeSweepStore(),
        FakeArchive(),
    )


def real_stores(aws: Aws) -> Stores:
    dynamodb, s3, ledger = aws.dynamodb(), aws.client("s3"), MotoLedger(aws.dynamodb())
    return Stores(
        BucketPayloads(s3, aws.bucket),
        TaskTable(dynamodb, aws.tables),
        ledger,
        DynamoModelHealth(dynamodb, aws.tables),
        ledger.reader.counters,
        LimitTableCache(dynamodb, aws.tables),
        BucketAndTopic(s3, aws.bucket, aws.client("sns"), aws.topic_arn),
        DynamoSweepStore(dynamodb, aws.tables),
        BucketArchive(s3, aws.bucket),
    )


@pytest.fixture(params=["fake", "real"])
def stores(request: pytest.FixtureRequest, aws: Aws) -> Stores:
    return fake_stores() if request.param == "fake" else real_stores(aws)


def claimed(**fields: Any) -> TaskRecord:
    defaults: dict[str, Any] = {
        "status": Status.CLAIMED,
        "fingerprint": "f",
        "body": Payload(inline='{"prompt":"a"}'),
        "lease_owner": "router-1",
        "lease_until": to_ms(NOON + 50 * SECOND),
        "received_at": to_text(NOON),
        "deadline": to_text(NOON + timedelta(hours=24)),
    }
    return TaskRecord("t-1", **{**defaults, **fields})


def stored(stores: Stores) -> TaskRecord:
    record = stores.tasks.read("t-1")
    assert record is not None
    return record


def test_payload_above_the_inline_size_is_kept_by_reference(stores: Stores) -> None:
    small, large = stores.payloads.keep("a", "small"), stores.payloads.keep_large("b" * 400_000, "large")
    assert (small.inline, bool(small.ref)) == ("a", False)
    assert (large.inline, bool(large.ref)) == (None, True)
    assert [len(stores.payloads.fetch(payload)) for payload in (small, large)] == [1, 400_000]


def test_claim_returns_the_record_that_holds_the_id(stores: Stores) -> None:
    assert stores.tasks.claim(claimed()) is None
    held = stores.tasks.claim(claimed(lease_owner="router-2"))
    assert held is not None
    assert held.lease_owner == "router-1"
    assert stores.tasks.read("t-2") is None
    assert set(stores.tasks.read_many(["t-1", "t-2"])) == {"t-1"}


def test_rejected_id_is_claimed_again_and_a_held_one_is_not_rejected(stores: Stores) -> None:
    stores.tasks.reject(claimed(status=Status.REJECTED, reason="invalid"))
    assert stored(stores).status is Status.REJECTED
    assert stores.tasks.claim(claimed()) is None
    stores.tasks.reject(claimed(status=Status.REJECTED, reason="invalid"))
    assert stored(stores).status is Status.CLAIMED


def test_lease_is_renewed_only_after_it_has_expired(stores: Stores) -> None:
    stores.tasks.claim(claimed())
    assert not stores.tasks.renew(claimed(), "router-2", NOON + 90 * SECOND, NOON + 49 * SECOND)
    assert stores.tasks.renew(claimed(), "router-2", NOON + 90 * SECOND, NOON + 51 * SECOND)
    assert stored(stores).lease_owner == "router-2"


def test_decision_is_stored_by_the_owner_of_the_lease_alone(stores: Stores) -> None:
    stores.tasks.claim(claimed())
    stores.tasks.decide("t-1", "router-1", DECISION, "{}")
    assert (stored(stores).decision, stored(stores).execution_input) == (DECISION, "{}")
    with pytest.raises(RetryLaterError):
        stores.tasks.decide("t-1", "router-2", DECISION, "{}")
    stores.tasks.start("t-1", NOON)
    assert stored(stores).status is Status.STARTED


def test_reply_address_is_added_until_the_task_has_ended(stores: Stores) -> None:
    stores.tasks.claim(claimed())
    stores.tasks.add_reply("t-1", "arn:a")
    assert stores.tasks.add_reply("t-1", "arn:a").reply_to == ["arn:a"]
    stores.tasks.fail("t-1", 1, "broken", NOON)
    assert stores.tasks.add_reply("t-1", "arn:b").reply_to == ["arn:a"]


def test_task_fails_in_its_own_generation_alone_and_once(stores: Stores) -> None:
    stores.tasks.claim(claimed())
    assert stores.tasks.fail("t-1", 2, "other", NOON) is not None
    assert stored(stores).status is Status.CLAIMED
    stores.tasks.fail("t-1", 1, "first", NOON)
    stores.tasks.fail("t-1", 1, "second", NOON)
    assert (stored(stores).status, stored(stores).reason) == (Status.FAILED, "first")
    assert list(stores.tasks.replayable()) == ["t-1"]


def test_undelivered_task_waits_for_attention_until_it_is_delivered(stores: Stores) -> None:
    stores.tasks.claim(claimed())
    stores.tasks.fail("t-1", 1, "broken", NOON)
    record = stored(stores)
    record.undelivered = ["arn:a"]
    stores.tasks.needs_attention(record, NOON)
    assert list(stores.tasks.wanting_attention()) == list(stores.tasks.unfinished()) == ["t-1"]
    assert stored(stores).undelivered == ["arn:a"]
    stores.tasks.delivered("t-1", 1, NOON + SECOND)
    assert list(stores.tasks.wanting_attention()) == list(stores.tasks.unfinished()) == []
    assert stored(stores).delivered_at == to_text(NOON + SECOND)


def test_failed_task_is_replayed_once_as_the_next_generation(stores: Stores) -> None:
    stores.tasks.claim(claimed())
    again = claimed(generation=2, lease_owner="replay", decision=DECISION, execution_input="{}")
    assert not stores.tasks.replay(again, NOON)
    stores.tasks.fail("t-1", 1, "broken", NOON)
    assert stores.tasks.replay(again, NOON)
    assert not stores.tasks.replay(again, NOON)
    assert (stored(stores).status, stored(stores).generation, stored(stores).reason) == (Status.CLAIMED, 2, None)


def test_call_is_reserved_and_settled_once_and_counted_to_the_nano_dollar(stores: Stores) -> None:
    stores.tasks.claim(claimed(status=Status.STARTED))
    call = intent()
    assert stores.ledger.reserve(call, NO_QUOTA, ModelState(MODEL)).made
    assert stores.ledger.reserve(call, NO_QUOTA, ModelState(MODEL)).attempt_used
    assert stored(stores).open_intent == call.key
    reserved = dict(stores.counters(call.charge.month, 31))
    assert stores.ledger.settle(settled(call, cost=60), HealthUpdate(), ANSWER)
    assert stores.ledger.settle(settled(call, cost=60), HealthUpdate(), ANSWER)  # its answer was lost on the way
    assert not stores.ledger.settle(settled(call, cost=60, after=3.0), HealthUpdate(), ANSWER)
    assert {name: reserved[name] - amount for name, amount in stores.counters(call.charge.month, 31).items()} == {
        name: 100 if name.endswith(OPEN) else 40 for name in reserved
    }
    record = stored(stores)
    assert (record.status, record.answer, record.cost_nano, record.open_intent) == (Status.COMPLETED, ANSWER, 60, None)
    result = stores.ledger.find_outcome(call.key)
    assert result is not None
    assert result.outcome is Outcome.ANSWERED
    intent_stored = stores.ledger.find_intent(call.key)
    assert intent_stored is not None
    assert (intent_stored.spec, intent_stored.at) == (call.spec, call.at)


def test_reservation_above_a_cap_or_on_stale_model_state_is_not_made(stores: Stores) -> None:
    stores.tasks.claim(claimed(status=Status.STARTED))
    assert not stores.ledger.reserve(intent(amount=801), NO_QUOTA, ModelState(MODEL)).made
    probe = Admission(probe_until=to_ms(NOON + 60 * SECOND))
    assert stores.ledger.reserve(intent(turn=1), probe, ModelState(MODEL)).made
    stale = stores.ledger.reserve(intent(turn=2), probe, ModelState(MODEL))
    assert (stale.made, stale.attempt_used) == (False, False)
    assert stores.health.states([MODEL])[MODEL].probe_until == to_ms(NOON + 60 * SECOND)


def test_ended_task_makes_no_further_reservation(stores: Stores) -> None:
    stores.tasks.claim(claimed(status=Status.STARTED))
    stores.tasks.fail("t-1", 1, "broken", NOON)
    refused = stores.ledger.reserve(intent(), NO_QUOTA, ModelState(MODEL))
    assert (refused.made, refused.attempt_used) == (False, True)
    assert not any(stores.counters(intent().charge.month, 31).values())


def test_vote_of_a_model_is_recalled_until_it_expires(stores: Stores) -> None:
    vote = ModelVote(TaskType.ARCHITECTURE, 0.8, Source.LOCAL)
    stores.decisions.keep({"a": vote}, NOON + SECOND)
    assert stores.decisions.recall(["a", "b"], NOON) == {"a": vote}
    assert stores.decisions.recall(["a"], NOON + 2 * SECOND) == {}


def test_report_file_is_fetched_as_it_was_stored(stores: Stores) -> None:
    stores.reports.store("reports/a.txt", "text/plain", "one")
    stores.reports.store("reports/a.txt", "text/plain", "two")
    assert [stores.reports.fetch(key) for key in ("reports/a.txt", "reports/b.txt")] == ["two", None]


def test_watermark_moves_forward_alone(stores: Stores) -> None:
    assert stores.sweep.watermarks() is None
    for until in (NOON, NOON + SECOND, NOON):
        stores.sweep.settled(NOON - SECOND, until)
    for day in (NOON.date(), NOON.date() - timedelta(days=1)):
        stores.sweep.archived(day)
    marks = stores.sweep.watermarks()
    assert marks is not None
    assert (marks.begins, marks.settled_before, marks.archived_before) == (NOON - SECOND, NOON + SECOND, NOON.date())


def test_retired_mark_is_cleared_unless_it_was_set_again(stores: Stores) -> None:
    stores.tasks.claim(claimed(status=Status.STARTED))
    marks: list[ModelState] = []
    for turn in (1, 2):
        call = intent(turn=turn)
        assert stores.ledger.reserve(call, NO_QUOTA, ModelState(MODEL)).made
        stores.ledger.settle(settled(call, Outcome.RETIRED), HealthUpdate({"retired": True, "retired_at": turn}), None)
        marks += stores.health.states([MODEL]).values()
    first, second = marks
    assert [stores.health.clear_retired(mark) for mark in (first, second, second)] == [False, True, False]
    (state,) = stores.health.states([MODEL]).values()
    assert (state.retired, state.retired_at) == (False, 0)


def test_notice_is_claimed_once_until_it_is_released(stores: Stores) -> None:
    key = NoticeKey("2026-11", "month 5")
    claims = [stores.sweep.claim_notice(key, NOON + late * SECOND) for late in (0, 0, 1)]
    assert claims == [True, True, False], "a claim whose answer was lost is made again"
    stores.sweep.release_notice(key)
    assert stores.sweep.claim_notice(key, NOON + 2 * SECOND)
    assert dict(stores.sweep.refusing_since("2026-11")) == {}


def test_notice_is_claimed_again_when_its_cause_begins_anew(stores: Stores) -> None:
    first, second = (NoticeKey("account", "anthropic", f"credit {to_text(NOON + day * DAY)}") for day in range(2))
    claims = [stores.sweep.claim_notice(key, NOON + 2 * DAY) for key in (first, first)]
    later = [stores.sweep.claim_notice(key, NOON + 3 * DAY) for key in (first, second, second)]
    assert (claims, later) == ([True, True], [False, True, True])
    assert not stores.sweep.claim_notice(second, NOON + 4 * DAY)


def test_archived_day_has_a_manifest_when_it_is_finished(stores: Stores) -> None:
    assert stores.archive.manifest(NOON.date()) is None
    stores.archive.finish(NOON.date(), {"shards": {}})
    assert stores.archive.manifest(NOON.date()) == {"shards": {}}
