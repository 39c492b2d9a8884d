import json
import re
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError

from pointsman.entrypoints.cost_report import build_reporting
from pointsman.entrypoints.runtime import Runtime, build_runtime
from pointsman.execution.calls import CallSpec, Purpose, Share
from pointsman.execution.model_health import HealthUpdate
from pointsman.execution.outcome import GOOD, CallResult, Outcome
from pointsman.execution.records import Payload, TaskRecord
from pointsman.report.figures import history
from pointsman.report.figures.speed import Phases
from pointsman.report.render.as_csv import render_csv
from pointsman.report.render.as_json import as_json
from pointsman.report.render.html import render_html
from pointsman.report.render.index import render_index
from pointsman.report.render.text import render_summary, render_text
from pointsman.services.call import price_call, reserve_call
from pointsman.services.context import Context
from pointsman.services.report import Reporting
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import day_bounds, month_key, to_text
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
    """The report over real books, and the calls that are written into them."""

    aws: Aws
    runtime: Runtime
    ctx: Context
    reporting: Reporting
    clock: FakeClock
    counted: list[tuple[str, float]] = field(default_factory=list)

    def call(self, order: CallSpec, at: datetime, result: CallResult | None, parts: tuple[Share, ...] = ()) -> int:
        """Book one call as the services do; None leaves its intent open. Returns what was booked."""
        self.clock.time = at
        model = self.ctx.policy.catalog.get(order.model)
        view = self.ctx.ledger.look(order.task_id, order.model, month_key(at, ZONE))
        intent = reserve_call(self.ctx, order, model, view)
        assert not isinstance(intent, CallResult)
        if result is None:
            return intent.charge.amount
        settled = price_call(self.ctx, intent, result, at + timedelta(seconds=2), 2_000)
        answer = Payload(inline=result.text) if result.outcome in GOOD else None
        assert self.ctx.ledger.settle(settled, HealthUpdate(), answer, parts)
        return settled.cost_nano

    def order(self, task_id: str, model: str, attempt: int = 1, **stated: Any) -> CallSpec:
        self.runtime.stores.tasks.claim(TaskRecord(task_id, Status.CLAIMED, lease_owner="router"))
        own: dict[str, Any] = {
            "tier": Tier.IMPLEMENTATION,
            "type": TaskType.CODE_GENERATION,
            "function": "implementation",
        }
        return CallSpec(
            purpose=stated.pop("purpose", Purpose.TASK),
            task_id=task_id,
            attempt_id=f"000001.{attempt:06d}",
            model=model,
            prompt="write it",
            system="",
            max_output_tokens=1_000,
            **(own | stated),
        )

    def stored(self, key: str) -> bytes:
        return bytes(self.aws.client("s3").get_object(Bucket=self.aws.bucket, Key=key)["Body"].read())


@pytest.fixture
def office(aws: Aws) -> Office:
    settings = aws.settings(report_timezone=str(ZONE), stand_in=True)
    clock, counted = FakeClock(UNTIL + timedelta(hours=6)), list[tuple[str, float]]()

    def count(name: str, value: float = 1) -> None:
        counted.append((name, value))

    def log(event: str, **_: object) -> None:
        assert event

    runtime = build_runtime(settings, CONFIG, aws.session, log=log, count=count, clock=clock)
    return Office(aws, runtime, runtime.context, runtime.part(build_reporting), clock, counted)


def answered(model: str, usage: Usage) -> CallResult:
    return CallResult(Outcome.ANSWERED, text="done", usage=usage, answered_by=model)


def busy_day(office: Office) -> int:
    """Book a day with an answer, a fallback from free to paid, a classification and an open call; return its cost."""
    status: dict[str, Any] = {"tier": Tier.ORCHESTRATION, "type": TaskType.STATUS}
    spent = office.call(office.order("early", SONNET, tier=Tier.REASONING), SINCE - timedelta(days=3), _sonnet())
    assert spent == 2_500_000
    asked = office.order("classify-1", HAIKU, purpose=Purpose.CLASSIFICATION, tier=Tier.ORCHESTRATION, type=None)
    parts = (Share("status", 11_000, Usage(), {}, None), Share("code", 4_000, Usage(), {"agent": "ci"}, None))
    total = office.call(asked, SINCE, answered(HAIKU, Usage(input=100, output=10)), parts)
    down = CallResult(Outcome.UNAVAILABLE, detail="503")
    total += office.call(office.order("status", FLASH, function="orchestration", **status), SINCE, down)
    hop: dict[str, Any] = {"hop": 1, "previous_outcome": "unavailable", "came_from": FLASH, **status}
    fallen = office.order("status", HAIKU, 2, **hop)
    total += office.call(fallen, SINCE + timedelta(seconds=9), answered(HAIKU, Usage(input=2_000, output=300)))
    last = UNTIL - timedelta(milliseconds=1)
    total += office.call(office.order("code", HAIKU), last, answered(HAIKU, Usage(input=9_000, output=4_000)))
    office.call(office.order("tomorrow", HAIKU), UNTIL, answered(HAIKU, Usage(input=1_000_000)))
    total += office.call(office.order("open", SONNET, tier=Tier.REASONING), SINCE + timedelta(hours=5), None)
    office.clock.time = UNTIL + timedelta(hours=6)
    return total


def _sonnet() -> CallResult:
    return answered(SONNET, Usage(input=1_000, output=50))


def test_the_report_adds_up_what_the_services_booked(office: Office) -> None:
    spent = busy_day(office)
    made = as_json(office.reporting.build(DAY))
    assert made["totals"]["cost_nano"] == spent
    assert (made["totals"]["tasks"], made["totals"]["attempts"], made["totals"]["open"]) == (3, 5, 1)
    assert made["classification"]["cost_nano"] == 15_000
    assert {task["task_id"]: task["share_nano"] for task in made["tasks"]} == {
        "code": 4_000,
        "open": 0,
        "status": 11_000,
    }
    assert made["fallbacks"] == [
        {"from": FLASH, "to": HAIKU, "reason": "unavailable", "free_to_paid": True, "count": 1}
    ]
    assert made["outcomes"] == {"answered": 3, "open": 1, "unavailable": 1}


def test_the_budgets_counters_and_the_ledger_agree(office: Office) -> None:
    spent = busy_day(office)
    month = as_json(office.reporting.build(DAY))["month"]
    reserved = month["open_nano"]
    assert reserved > 0
    assert month["spent_nano"] == month["ledger_cost_nano"] == spent - reserved + 2_500_000
    assert month["ledger_open_nano"] == reserved
    assert month["difference_nano"] == 0
    assert [tier["difference_nano"] for tier in month["tiers"].values()] == [0, 0, 0]
    assert {cap["counter"]: cap["limit_nano"] for cap in month["caps"]} == {
        "month": 1_000_000_000,
        "month_reasoning": 500_000_000,
    }


def test_publishing_stores_announces_and_counts(office: Office) -> None:
    queue = office.aws.client("sqs").create_queue(QueueName="inbox")["QueueUrl"]
    arn = office.aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    office.aws.client("sns").subscribe(TopicArn=office.aws.topic_arn, Protocol="sqs", Endpoint=arn["QueueArn"])
    busy_day(office)
    told = office.reporting.publish(DAY)
    assert (told["date"], told["json_key"]) == ("2026-11-21", "reports/2026/11/21/report.json")
    made = office.reporting.build(DAY)
    assert json.loads(office.stored(told["json_key"])) == json.loads(json.dumps(as_json(made)))
    assert office.stored(told["text_key"]).decode() == render_text(made)
    assert office.stored(told["csv_key"]).decode() == render_csv(made)
    assert office.stored(told["html_key"]).decode() == render_html(made, [history.entry_of(made)])
    assert office.stored(told["index_key"]).decode() == render_index([history.entry_of(made)])
    assert office.reporting.published() == [history.entry_of(made)]
    assert told["totals"]["cost_nano"] == made.total.cost_nano
    (message,) = office.aws.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    envelope = json.loads(message["Body"])
    assert envelope["Message"] == render_summary(made)
    assert envelope["Subject"].startswith("Pointsman 2026-11-21: $")
    assert "STAND-INS ANSWERED" in envelope["Message"]
    counted = dict(office.counted)
    assert counted == {"ReportPublished": 1}


def test_publishing_again_changes_nothing(office: Office) -> None:
    busy_day(office)
    told = office.reporting.publish(DAY)
    names = [name for name in told if name.endswith("_key")]
    before = [office.stored(told[name]) for name in names]
    office.call(office.order("later", HAIKU), UNTIL + timedelta(days=2), answered(HAIKU, Usage(input=5_000)))
    office.clock.time = UNTIL + timedelta(days=40)
    assert office.reporting.publish(DAY) == told
    assert [office.stored(told[name]) for name in names] == before


def test_the_index_and_the_chart_know_the_days_that_were_published(office: Office) -> None:
    spent = busy_day(office)
    days = [DAY - timedelta(days=30), DAY - timedelta(days=3), DAY]
    for day in (days[0], days[2], days[1], days[2]):
        told = office.reporting.publish(day)
    entries = office.reporting.published()
    assert [entry.spend.day for entry in entries] == days
    assert [entry.spend.cost_nano for entry in entries] == [0, 2_500_000, spent]
    index, page = office.stored(told["index_key"]).decode(), office.stored(told["html_key"]).decode()
    links = re.findall(r'href="(\d{4}/\d\d/\d\d)/report.html"', index)
    assert links == [f"{day:%Y/%m/%d}" for day in reversed(days)]
    assert 'href="../../../2026/11/18/report.html"' in page


def test_where_the_time_went_is_read_from_the_tasks_records(office: Office) -> None:
    at = SINCE + timedelta(hours=9)
    office.clock.time = at
    record = TaskRecord("timed", Status.CLAIMED, lease_owner="router", received_at=to_text(at))
    record.sent_at = to_text(at - timedelta(milliseconds=70))
    assert office.runtime.stores.tasks.claim(record) is None
    office.call(office.order("timed", HAIKU), at + timedelta(seconds=1), answered(HAIKU, Usage(input=100, output=10)))
    office.runtime.stores.tasks.delivered("timed", 1, at + timedelta(seconds=4))
    office.clock.time = UNTIL + timedelta(hours=6)
    own = office.reporting.build(DAY).speed[Tier.IMPLEMENTATION]
    assert (own.answers, own.call_p50_ms, own.task_p95_ms) == (1, 2_000, 2_000)
    assert own.phases == Phases(tasks=1, queue_ms=70, routing_ms=1_000, waiting_ms=0, model_ms=2_000, delivery_ms=1_000)
    known = office.reporting.milestones(["timed", "nobody", *(f"n{number}" for number in range(150))])
    assert list(known) == ["timed"]


def test_another_trouble_than_a_missing_file_is_told(office: Office) -> None:
    office.aws.client("s3").delete_bucket(Bucket=office.aws.bucket)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        office.reporting.published()


def test_a_call_that_ends_after_midnight_is_of_the_day_in_which_it_began(office: Office) -> None:
    late = office.order("late", HAIKU)
    reserved = office.call(late, UNTIL - timedelta(seconds=1), None)
    office.clock.time = UNTIL + timedelta(seconds=10)
    first = office.reporting.publish(DAY)
    assert first["totals"]["cost_nano"] == reserved
    (intent,) = office.runtime.stores.ledger_reader.open_intents(SINCE, UNTIL)
    settled = price_call(
        office.ctx, intent, answered(HAIKU, Usage(input=100, output=10)), UNTIL + timedelta(hours=1), 9_000
    )
    assert office.ctx.ledger.settle(settled, HealthUpdate(), Payload(inline="done"))
    office.clock.time = UNTIL + timedelta(hours=6)
    again = office.reporting.publish(DAY)
    assert (again["totals"]["tasks"], again["totals"]["cost_nano"]) == (1, settled.cost_nano)
    assert office.reporting.build(DAY + timedelta(days=1)).total.attempts == 0
    entries = {entry.spend.day: entry.spend.cost_nano for entry in office.reporting.published()}
    assert entries == {DAY: settled.cost_nano}


def test_an_empty_day_is_published(office: Office) -> None:
    told = office.reporting.publish(DAY)
    assert told["totals"] == {
        "tasks": 0,
        "attempts": 0,
        "cost_nano": 0,
        "usd": "0.000000000",
        "saved_nano": 0,
        "month_spent_nano": 0,
    }
    assert b"no task ran" in office.stored(told["text_key"])
