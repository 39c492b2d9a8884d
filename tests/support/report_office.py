"""A report over a real ledger on moto, a busy day of calls to book in it, and the day's bounds."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pointsman.entrypoints.cost_report import build_reporting
from pointsman.entrypoints.runtime import Runtime, build_runtime
from pointsman.execution.calls import CallSpec, Purpose, Share
from pointsman.execution.model_health import HealthUpdate
from pointsman.execution.outcome import GOOD, CallResult, Outcome
from pointsman.execution.records import Payload, TaskRecord
from pointsman.services.call import price_call, reserve_call
from pointsman.services.context import Context
from pointsman.services.report import Reporting
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import day_bounds
from pointsman.values.usage import Usage
from tests.support.aws import Aws
from tests.support.fakes import FakeClock

FLASH, HAIKU, SONNET = "gemini-3.5-flash-lite", "claude-haiku-5-5", "claude-sonnet-5-5"
ZONE = ZoneInfo("America/Los_Angeles")
DAY = date(2026, 11, 21)
SINCE, UNTIL = day_bounds(DAY, ZONE)
CONFIG = json.dumps(
    {
        "routing": {"orchestration": FLASH, "implementation": HAIKU, "reasoning": SONNET},
        "pointsman": {"budget": {"month_usd": 1, "tiers": {"reasoning": {"month_usd": "0.5"}}}},
    }
)


@dataclass
class Office:
    """The report over a real ledger, and calls that are booked in it."""

    aws: Aws
    runtime: Runtime
    ctx: Context
    reporting: Reporting
    clock: FakeClock
    counted: list[tuple[str, float]] = field(default_factory=list)

    def call(self, spec: CallSpec, at: datetime, result: CallResult | None, shares: tuple[Share, ...] = ()) -> int:
        """Book one call as the services do and return its cost; `result=None` leaves its intent open."""
        self.clock.time = at
        model = self.ctx.policy.catalog.get(spec.model)
        view = self.ctx.ledger.look(spec.task_id, spec.model, at.astimezone(ZONE).date())
        intent = reserve_call(self.ctx, spec, model, view)
        assert not isinstance(intent, CallResult)
        if result is None:
            return intent.charge.amount
        settled = price_call(self.ctx, intent, result, at + timedelta(seconds=2), 2_000)
        answer = Payload(inline=result.text) if result.outcome in GOOD else None
        assert self.ctx.ledger.settle(settled, HealthUpdate(), answer, shares)
        return settled.cost_nano

    def call_spec(self, task_id: str, model: str, attempt: int = 1, **overrides: Any) -> CallSpec:
        """Claim the task and return the call of one of its attempts."""
        self.runtime.stores.tasks.claim(TaskRecord(task_id, Status.CLAIMED, lease_owner="router"))
        defaults: dict[str, Any] = {
            "tier": Tier.IMPLEMENTATION,
            "type": TaskType.CODE_GENERATION,
            "function": "implementation",
        }
        return CallSpec(
            purpose=overrides.pop("purpose", Purpose.TASK),
            task_id=task_id,
            attempt_id=f"000001.{attempt:06d}",
            model=model,
            prompt="write it",
            system="",
            max_output_tokens=1_000,
            **(defaults | overrides),
        )

    def stored(self, key: str) -> bytes:
        """Return a stored file."""
        return bytes(self.aws.client("s3").get_object(Bucket=self.aws.bucket, Key=key)["Body"].read())


@pytest.fixture
def office(aws: Aws) -> Office:
    """Return an empty ledger, six hours after the day."""
    settings = aws.settings(report_timezone=str(ZONE), stand_in=True)
    clock, counted = FakeClock(UNTIL + timedelta(hours=6)), list[tuple[str, float]]()

    def count(name: str, value: float = 1) -> None:
        counted.append((name, value))

    def log(event: str, **_: object) -> None:
        assert event

    runtime = build_runtime(settings, CONFIG, aws.session, log=log, count=count, clock=clock)
    return Office(aws, runtime, runtime.context, runtime.part(build_reporting), clock, counted)


def answered(model: str, usage: Usage) -> CallResult:
    """Return the result of a call that gave an answer."""
    return CallResult(Outcome.ANSWERED, text="done", usage=usage, answered_by=model)


def busy_day(office: Office) -> int:
    """Book a day with an answer, a fallback from free to paid, a classification and an open call; return its cost."""
    status: dict[str, Any] = {"tier": Tier.ORCHESTRATION, "type": TaskType.STATUS}
    spent = office.call(office.call_spec("early", SONNET, tier=Tier.REASONING), SINCE - timedelta(days=3), _sonnet())
    assert spent == 2_500_000
    classification = office.call_spec(
        "classify-1", HAIKU, purpose=Purpose.CLASSIFICATION, tier=Tier.ORCHESTRATION, type=None
    )
    shares = (Share("status", 11_000, Usage(), {}, None), Share("code", 4_000, Usage(), {"agent": "ci"}, None))
    total = office.call(classification, SINCE, answered(HAIKU, Usage(input=100, output=10)), shares)
    down = CallResult(Outcome.UNAVAILABLE, detail="503")
    total += office.call(office.call_spec("status", FLASH, function="orchestration", **status), SINCE, down)
    hop: dict[str, Any] = {"hop": 1, "previous_outcome": "unavailable", "came_from": FLASH, **status}
    fallback = office.call_spec("status", HAIKU, 2, **hop)
    total += office.call(fallback, SINCE + timedelta(seconds=9), answered(HAIKU, Usage(input=2_000, output=300)))
    last = UNTIL - timedelta(milliseconds=1)
    total += office.call(office.call_spec("code", HAIKU), last, answered(HAIKU, Usage(input=9_000, output=4_000)))
    office.call(office.call_spec("tomorrow", HAIKU), UNTIL, answered(HAIKU, Usage(input=1_000_000)))
    total += office.call(office.call_spec("open", SONNET, tier=Tier.REASONING), SINCE + timedelta(hours=5), None)
    office.clock.time = UNTIL + timedelta(hours=6)
    return total


def _sonnet() -> CallResult:
    return answered(SONNET, Usage(input=1_000, output=50))
