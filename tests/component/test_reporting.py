"""The daily report over a real ledger: built, published, published again."""

import json
import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from pointsman.entrypoints import cost_report
from pointsman.execution.executions import Pause
from pointsman.execution.model_health import HealthUpdate
from pointsman.execution.records import Payload, RejectedMessage, TaskRecord
from pointsman.report.figures import history
from pointsman.report.figures.day_tasks import TaskKind
from pointsman.report.figures.speed import Phases
from pointsman.report.render.as_csv import render_csv
from pointsman.report.render.as_json import as_json
from pointsman.report.render.html import render_html
from pointsman.report.render.index import render_index
from pointsman.report.render.text import render_summary, render_text
from pointsman.services.call import price_call
from pointsman.values.status import Status
from pointsman.values.taxonomy import Tier
from pointsman.values.times import to_text
from pointsman.values.usage import Usage
from tests.support import report_office
from tests.support.report_office import DAY, FLASH, HAIKU, SINCE, UNTIL, Office, answered, busy_day

office = report_office.office


def test_report_adds_up_what_the_services_booked(office: Office) -> None:
    spent = busy_day(office)
    document = as_json(office.reporting.build(DAY))
    assert document["totals"]["cost_nano"] == spent
    assert (document["totals"]["tasks"], document["totals"]["attempts"], document["totals"]["open"]) == (3, 5, 1)
    assert document["classification"]["cost_nano"] == 15_000
    assert {task["task_id"]: task["share_nano"] for task in document["task_costs"]} == {
        "code": 4_000,
        "open": 0,
        "status": 11_000,
    }
    assert document["fallbacks"] == [
        {"from": FLASH, "to": HAIKU, "reason": "unavailable", "free_to_paid": True, "count": 1}
    ]
    assert document["outcomes"] == {"answered": 3, "open": 1, "unavailable": 1}


def test_tasks_are_counted_by_their_records_and_waits(office: Office) -> None:
    tasks, at = office.runtime.stores.tasks, SINCE + timedelta(hours=9)
    shortfall = {"cap": "day_21_implementation", "needs_nano_usd": 900, "left_nano_usd": 300, "reserved_nano_usd": 0}
    until = {"until": to_text(UNTIL), "looks_again_at": to_text(UNTIL)}
    waits = {"held": {"next": "wait", "waiting_for": {"what": "budget", "model": HAIKU, **until, **shortfall}}}
    for name in ("done", "failed", "held", "moving", "before", "after"):
        received = {"before": SINCE - timedelta(milliseconds=1), "after": UNTIL}.get(name, at)
        record = TaskRecord(name, Status.CLAIMED, lease_owner="router", received_at=to_text(received))
        assert tasks.claim(record) is None
        tasks.start(name, at)
    office.call(office.call_spec("done", HAIKU), at, answered(HAIKU, Usage(input=1_000, output=10)))
    done = tasks.read("done")
    assert done
    tasks.complete(done, at)
    tasks.delivered("done", 1, at)
    tasks.fail("failed", 1, "over_budget", at)
    tasks.delivered("failed", 1, at)
    rejection = RejectedMessage("unknown_tier", "m-1", None)
    bad = TaskRecord("bad", Status.REJECTED, reason="tier: is unknown", received_at=to_text(at), rejection=rejection)
    tasks.reject(bad)
    office.runtime.stores.sqs.send_message(QueueUrl=office.aws.dlq_url, MessageBody="{}")
    office.clock.time = UNTIL + timedelta(hours=6)
    workflow = SimpleNamespace(pause=lambda name: Pause(at, waits[name]) if name in waits else None)
    reader = replace(office.reporting.day_tasks, workflow=cast("Any", workflow))
    received_tasks = reader.read(SINCE, UNTIL, office.clock.time)
    assert received_tasks.counts == {
        **{TaskKind.COMPLETED: 1, TaskKind.FAILED: 1, TaskKind.REJECTED: 1},
        **{TaskKind.CANCELLED: 0, TaskKind.HELD: 1, TaskKind.UNDER_WAY: 1},
    }
    assert received_tasks.reasons[TaskKind.REJECTED] == {"unknown_tier": 1}
    assert received_tasks.reasons[TaskKind.HELD] == {"day_21_implementation": 1}
    assert (received_tasks.dead_letters, received_tasks.late, received_tasks.unread) == (1, 0, 0)
    assert reader.read(SINCE, UNTIL, UNTIL + timedelta(days=2)).dead_letters == 0
    unread = replace(reader, workflow=cast("Any", SimpleNamespace())).read(SINCE, UNTIL, office.clock.time)
    assert (unread.unread, unread.all_well) == (2, False)


def test_budget_counters_and_ledger_agree(office: Office) -> None:
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
    publication = office.reporting.publish(DAY)
    assert (publication["date"], publication["json_key"]) == ("2026-11-21", "reports/2026/11/21/report.json")
    report = office.reporting.build(DAY)
    assert json.loads(office.stored(publication["json_key"])) == json.loads(json.dumps(as_json(report)))
    assert office.stored(publication["text_key"]).decode() == render_text(report)
    assert office.stored(publication["csv_key"]).decode() == render_csv(report)
    assert office.stored(publication["html_key"]).decode() == render_html(report, [history.published_day(report)])
    assert office.stored(publication["index_key"]).decode() == render_index([history.published_day(report)])
    assert office.reporting.published() == [history.published_day(report)]
    assert publication["totals"]["cost_nano"] == report.total.cost_nano
    (message,) = office.aws.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    envelope = json.loads(message["Body"])
    assert envelope["Message"] == render_summary(report)
    assert envelope["Subject"].startswith("Pointsman 2026-11-21: $")
    assert "STAND-INS ANSWERED" in envelope["Message"]
    counted = dict(office.counted)
    assert counted == {"ReportPublished": 1}


def test_publishing_again_changes_nothing(office: Office) -> None:
    busy_day(office)
    publication = office.reporting.publish(DAY)
    names = [name for name in publication if name.endswith("_key")]
    before = [office.stored(publication[name]) for name in names]
    office.call(office.call_spec("later", HAIKU), UNTIL + timedelta(days=2), answered(HAIKU, Usage(input=5_000)))
    office.clock.time = UNTIL + timedelta(days=40)
    assert office.reporting.publish(DAY) == publication
    assert [office.stored(publication[name]) for name in names] == before


@pytest.mark.parametrize(("seconds", "settled"), [(-1, False), (0, True), (1, True)])
def test_a_day_s_rows_are_summed_up_for_good_only_once_all_its_calls_are_settled(
    office: Office, seconds: int, settled: bool
) -> None:
    """Up to `settled_before` nothing is open."""
    busy_day(office)
    office.runtime.stores.sweep_store.settled(UNTIL - timedelta(days=1), UNTIL + timedelta(seconds=seconds))
    office.reporting.publish(DAY)
    (published,) = office.reporting.published()
    assert (published.summary is not None) is settled


def test_stored_report_holds_names_as_people_write_them(office: Office) -> None:
    spec = office.call_spec("t-1", HAIKU, metadata={"ticket": "Größe-7"})
    office.call(spec, UNTIL - timedelta(hours=5), answered(HAIKU, Usage(input=100)))
    assert "Größe-7".encode() in office.stored(office.reporting.publish(DAY)["json_key"])


def test_index_and_page_link_to_the_published_days(office: Office) -> None:
    spent = busy_day(office)
    days = [DAY - timedelta(days=30), DAY - timedelta(days=3), DAY]
    for day in (days[0], days[2], days[1], days[2]):
        publication = office.reporting.publish(day)
    entries = office.reporting.published()
    assert [entry.spend.day for entry in entries] == days
    assert [entry.spend.cost_nano for entry in entries] == [0, 2_500_000, spent]
    index, page = office.stored(publication["index_key"]).decode(), office.stored(publication["html_key"]).decode()
    links = re.findall(r'href="(\d{4}/\d\d/\d\d)/report.html"', index)
    assert links == [f"{day:%Y/%m/%d}" for day in reversed(days)]
    assert 'href="../../../2026/11/18/report.html"' in page


def test_phases_are_read_from_task_records(office: Office) -> None:
    at = SINCE + timedelta(hours=9)
    office.clock.time = at
    record = TaskRecord("timed", Status.CLAIMED, lease_owner="router", received_at=to_text(at))
    record.sent_at = to_text(at - timedelta(milliseconds=70))
    assert office.runtime.stores.tasks.claim(record) is None
    office.call(
        office.call_spec("timed", HAIKU), at + timedelta(seconds=1), answered(HAIKU, Usage(input=100, output=10))
    )
    office.runtime.stores.tasks.delivered("timed", 1, at + timedelta(seconds=4))
    office.clock.time = UNTIL + timedelta(hours=6)
    speed = office.reporting.build(DAY).speed[Tier.IMPLEMENTATION]
    assert (speed.answers, speed.call_p50_ms, speed.task_p95_ms) == (1, 2_000, 2_000)
    assert speed.phases == Phases(
        tasks=1, queue_ms=70, routing_ms=1_000, waiting_ms=0, model_ms=2_000, delivery_ms=1_000
    )
    milestones = office.reporting.milestones(["timed", "nobody", *(f"n{number}" for number in range(150))])
    assert list(milestones) == ["timed"]


def test_missing_bucket_is_an_error(office: Office) -> None:
    office.aws.client("s3").delete_bucket(Bucket=office.aws.bucket)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        office.reporting.published()


def test_call_that_ends_after_midnight_counts_in_the_day_it_started(office: Office) -> None:
    late = office.call_spec("late", HAIKU)
    reserved = office.call(late, UNTIL - timedelta(seconds=1), None)
    office.clock.time = UNTIL + timedelta(seconds=10)
    first = office.reporting.publish(DAY)
    assert first["totals"]["cost_nano"] == reserved
    (key,) = office.runtime.stores.ledger_reader.open_intents(SINCE, UNTIL)
    intent = office.ctx.ledger.find_intent(key)
    assert intent
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


def test_empty_day_is_published(office: Office) -> None:
    publication = office.reporting.publish(DAY)
    assert publication["totals"] == {
        "tasks": 0,
        "attempts": 0,
        "cost_nano": 0,
        "usd": "0.000000000",
        "saved_nano": 0,
        "month_spent_nano": 0,
    }
    assert b"no task ran" in office.stored(publication["text_key"])


def test_report_that_was_not_published_is_made_up_for_once(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cost_report.runtime, "function_runtime", lambda: office.runtime)
    office.clock.time = UNTIL + timedelta(hours=8)
    make_up = {"if_missing": True, "report_hour": 6}
    missed = cost_report.daily_report(make_up)
    assert missed is not None
    assert missed["date"] == DAY.isoformat()
    assert cost_report.daily_report(make_up) is None
    assert [name for name, _ in office.counted].count("ReportPublished") == 1
    assert cost_report.daily_report({}) is not None


def test_report_of_a_day_so_far_does_not_stand_for_the_days_report(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost_report.runtime, "function_runtime", lambda: office.runtime)
    office.clock.time = UNTIL - timedelta(hours=1)
    office.reporting.publish(DAY)
    office.clock.time = UNTIL + timedelta(hours=8)
    assert cost_report.daily_report({"if_missing": True, "report_hour": 6}) is not None


@pytest.mark.parametrize(
    ("now", "hour", "day"),
    [
        ("2027-03-28T04:00", 2, date(2027, 3, 27)),  # Berlin's clocks go from 2 to 3
        ("2027-03-28T02:00", 0, date(2027, 3, 27)),
        ("2027-03-28T01:00", 23, date(2027, 3, 26)),  # 23 h of the 27th was left out
    ],
)
def test_day_due_last_is_that_of_the_hour_left_out(now: str, hour: int, day: date) -> None:
    assert cost_report.last_due(datetime.fromisoformat(now), hour) == day
