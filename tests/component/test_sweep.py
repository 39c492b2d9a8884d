"""What the sweep cannot do keeps it from nothing else, and is raised at the end."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pointsman.adapters.dynamo import pack
from pointsman.adapters.limit_items import model_key
from pointsman.adapters.task_item import to_item
from pointsman.adapters.task_table import TaskTable
from pointsman.execution.budget import OPEN
from pointsman.execution.executions import DeadExecution
from pointsman.execution.model_health import ModelState
from pointsman.services.intake import QueueMessage
from pointsman.services.sweep import Sweep
from pointsman.values.errors import SweepError
from pointsman.values.status import Status
from pointsman.values.times import PACIFIC
from tests.support.attempts import GEMINI, Crash, dies, during_the_call
from tests.support.aws import Aws, MotoLedger
from tests.support.ledger import NO_QUOTA, intent
from tests.support.router import SHIPPED, Router, build, build_sweep


@pytest.fixture
def router(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Router:
    return build(aws, ledger, task_table)


@pytest.fixture
def sweep(aws: Aws, router: Router) -> Sweep:
    return build_sweep(aws, router)


def start(router: Router, task_id: str) -> None:
    router.run(QueueMessage("m-1", f'{{"prompt": "Write it.", "task_id": "{task_id}", "tier": "reasoning"}}'))


def store_unreadable(aws: Aws, router: Router, task_id: str, **fields: Any) -> None:
    """Store a task of a status that this version does not know, as one before an update may have left it."""
    item = to_item(router.task("t-1")) | pack({"task_id": task_id, "status": "of another version", **fields})
    aws.client("dynamodb").put_item(TableName=aws.tables.tasks, Item=item)


def test_one_unreadable_record_of_each_kind_stops_no_other(
    aws: Aws, router: Router, sweep: Sweep, ledger: MotoLedger
) -> None:
    start(router, "t-1")
    now = router.clock.now()
    store_unreadable(aws, router, "t-0", attention="delivery", attention_since="2026-11-01T00:00:00.000Z")
    router.tasks.fail("t-1", 1, "refused", now)
    start(router, "t-2")
    router.workflow.died = [(DeadExecution("t-0", "ABORTED"), now), (DeadExecution("t-2", "ABORTED"), now)]
    start(router, "t-3")
    bad, good = intent("t-3", at=now), intent("t-2", at=now + timedelta(seconds=1))
    assert ledger.reserve(bad, NO_QUOTA, ModelState("m")).made
    assert ledger.reserve(good, NO_QUOTA, ModelState("m")).made
    aws.client("dynamodb").update_item(
        TableName=aws.tables.usage,
        Key=pack({"day_shard": bad.key.day_shard, "row": bad.key.intent}),
        UpdateExpression="SET purpose = :p",
        ExpressionAttributeValues=pack({":p": "of another version"}),
    )
    router.clock.advance(1200)
    with pytest.raises(SweepError) as caught:
        sweep()
    assert str(caught.value) == (
        f"the sweep could not do all: attempt {bad.key.row} (ValueError), task t-0 (ValueError), "
        "execution t-0 (ValueError)"
    )
    assert router.task("t-1").delivered_at
    assert (router.task("t-2").status, router.task("t-2").reason) == (Status.FAILED, "workflow_aborted")
    assert ledger.reader.counters("2026-11")["month" + OPEN] == bad.charge.amount
    marks = sweep.store.watermarks()
    assert marks
    assert marks.settled_before == bad.at  # so that its day is not archived without it


def test_a_part_that_fails_keeps_the_others_from_nothing(router: Router, sweep: Sweep) -> None:
    def broken(*_: object, **__: object) -> Any:
        raise ConnectionError("the password is in here")

    start(router, "t-1")
    router.tasks.fail("t-1", 1, "refused", router.clock.now())
    router.clock.advance(180)
    for part in ("store", "workflow", "model_health", "budget_notice", "account_notice", "billing_notice", "archiving"):
        object.__setattr__(sweep, part, broken)
    with pytest.raises(SweepError) as caught:
        sweep()
    assert str(caught.value).count("(AttributeError)") == 3
    assert str(caught.value).count("(ConnectionError)") == 4
    assert "password" not in str(caught.value)
    assert router.task("t-1").delivered_at


def test_used_part_of_a_free_quota_is_that_of_its_own_day(aws: Aws, router: Router, sweep: Sweep) -> None:
    gauges = dict[str, float]()

    def count(name: str, value: float = 1) -> None:
        gauges[name] = value

    sweep = replace(sweep, ctx=replace(sweep.ctx, count=count))
    quota = sweep.ctx.policy.quota(sweep.ctx.policy.catalog.get(GEMINI))
    assert quota
    assert quota.rpd
    today = router.clock.now().astimezone(PACIFIC).date()
    shown = list[float]()
    for day in (today - timedelta(days=1), today, today + timedelta(days=1)):
        state = {"limit": model_key(GEMINI), "day": day.isoformat(), "day_count": quota.rpd // 4}
        aws.client("dynamodb").put_item(TableName=aws.tables.limits, Item=pack(state))
        sweep()
        shown.append(gauges["QuotaUsedPercent"])
    assert shown == [0.0, pytest.approx(25.0, abs=0.1), 0.0]


def test_many_troubles_are_one_short_message() -> None:
    assert str(SweepError([f"task t-{n} (ValueError)" for n in range(5000)])).endswith("t-9 (ValueError), 4990 more")


def test_classification_that_nobody_settled_is_shared_out_when_it_is_closed(
    aws: Aws, ledger: MotoLedger, task_table: TaskTable
) -> None:
    """The router was killed while the model thought; what each task may have cost stands with it all the same."""
    config = json.dumps(
        {**json.loads(SHIPPED), "pointsman": {"classifier": {"mode": "gemini"}, "paid_models": [GEMINI]}}
    )
    router = build(aws, ledger, task_table, config)
    during_the_call(router, dies)
    long = "x" * 300
    metadata = [{"ticket": "A-1", "agent": long, "more": "no"}, {}, {"agent": "ci"}]
    messages = [
        QueueMessage(f"m-{n}", json.dumps({"prompt": "Go on. " * (n + 1), "task_id": f"t-{n}", "metadata": labels}))
        for n, labels in enumerate(metadata)
    ]
    with pytest.raises(Crash):
        router.crash(*messages)
    router.clock.advance(1200)
    assert build_sweep(aws, router)().closed == 1
    rows = list(ledger.reader.rows(router.clock.now() - timedelta(hours=1), router.clock.now()))
    (attempt,) = (row for row in rows if row["kind"] == "attempt")
    shares = {row["task_id"]: row for row in rows if row["kind"] == "share"}
    assert attempt["outcome"] == "unknown"
    assert sum(row["cost_nano"] for row in shares.values()) == attempt["cost_nano"] == attempt["reserved_nano"] > 0
    labels = {task_id: row.get("metadata", {}) for task_id, row in shares.items()}
    assert labels == {"t-0": {"ticket": "A-1"}, "t-1": {}, "t-2": {"agent": "ci"}}
    assert shares["t-2"]["cost_nano"] > shares["t-1"]["cost_nano"] > shares["t-0"]["cost_nano"]
