"""Calls as they stand in the ledger, and what reads them back."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pointsman.adapters.dynamo import unpack
from pointsman.adapters.task_table import TaskTable
from pointsman.execution.budget import charge
from pointsman.execution.calls import CallSpec, Intent, Purpose, Settled
from pointsman.execution.ledger_keys import RowKey
from pointsman.execution.model_health import Admission
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.execution.records import TaskRecord
from pointsman.routing.catalog import Billing
from pointsman.routing.config import Budget
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import to_text
from pointsman.values.usage import Usage
from tests.support.fakes import NOON

UTC_ZONE = ZoneInfo("UTC")
MODEL = "claude-haiku-5-5"
GEMINI = "gemini-3.5-flash-lite"
NO_QUOTA = Admission()
CALLED = Usage(input=100, cache_read=10, output=40, thinking=5)
BUDGET = Budget.model_validate({"month_usd": "0.000001", "day_usd": "0.0000008"})
"""1,000 and 800 nano-dollars."""


def intent(
    task_id: str = "t-1",
    turn: int = 1,
    amount: int = 100,
    at: datetime = NOON,
    budget: Budget = BUDGET,
    **fields: Any,
) -> Intent:
    attempt_id = f"000001.{turn:06d}"
    spec: dict[str, Any] = {
        "purpose": Purpose.TASK,
        "model": MODEL,
        "function": "implementation",
        "tier": Tier.IMPLEMENTATION,
        "type": TaskType.CODE_GENERATION,
        "metadata": {"ticket": "A-1"},
    }
    billing = fields.pop("billing", Billing.PAID if amount else Billing.FREE)
    reserved = fields.pop("charge", charge(budget, Tier.IMPLEMENTATION, amount, at, UTC_ZONE))
    return Intent(
        CallSpec(task_id=task_id, attempt_id=attempt_id, **{**spec, **fields}),
        RowKey.of(task_id, attempt_id, at),
        at,
        billing,
        reserved,
    )


def settled(
    of: Intent, outcome: Outcome = Outcome.ANSWERED, cost: int = 60, after: float = 2.0, **fields: Any
) -> Settled:
    usage = CALLED if outcome in {Outcome.ANSWERED, Outcome.TRUNCATED} else None
    defaults: dict[str, Any] = {
        "result": CallResult(outcome, usage=usage, request_id="req-1"),
        "cost_known": outcome is not Outcome.UNKNOWN,
        "billed_model": of.spec.model,
        "usage": usage or Usage(),
        "at": of.at + timedelta(seconds=after),
        "milliseconds": int(after * 1000),
    }
    return Settled(of, cost_nano=cost, **{**defaults, **fields})


def known(tasks: TaskTable, *task_ids: str) -> None:
    for task_id in task_ids or ("t-1",):
        tasks.claim(TaskRecord(task_id, Status.STARTED, received_at=to_text(NOON)))


def task(tasks: TaskTable, task_id: str = "t-1") -> TaskRecord:
    result = tasks.read(task_id)
    assert result is not None
    return result


def scan(client: Any, table: str) -> list[dict[str, Any]]:
    return [unpack(item) for page in client.get_paginator("scan").paginate(TableName=table) for item in page["Items"]]


def free_intent(number: int, at: datetime = NOON, **fields: Any) -> Intent:
    return intent(f"t-{number}", amount=0, at=at, model=GEMINI, tier=Tier.ORCHESTRATION, **fields)
