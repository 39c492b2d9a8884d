import json
import re
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from pointsman.execution.model_health import HealthUpdate
from pointsman.execution.records import Payload, TaskRecord
from pointsman.report.figures import history
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
from tests.support.office import (
    DAY,
    FLASH,
    HAIKU,
    SINCE,
    UNTIL,
    Office,
    answered,
    busy_day,
)


def test_the_report_adds_up_what_the_services_booked(office: Office) -> None:
    spent = busy_day(office)
    document = as_json(office.reporting.build(DAY))
    assert document["totals"]["cost_nano"] == spent
    assert (document["totals"]["tasks"], document["totals"]["attempts"], document["totals"]["open"]) == (3, 5, 1)
    assert document["classification"]["cost_nano"] == 15_000
    assert {task["task_id"]: task["share_nano"] for task in document["tasks"]} == {
        "code": 4_000,
        "open": 0,
        "status": 11_000,
    }
    assert document["fallbacks"] == [
        {"from": FLASH, "to": HAIKU, "reason": "unavailable", "free_to_paid": True, "count": 1}
    ]
    assert document["outcomes"] == {"answered": 3, "open": 1, "unavailable": 1}


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
    published = office.reporting.publish(DAY)
    assert (published["date"], published["json_key"]) == ("2026-11-21", "reports/2026/11/21/report.json")
    day_report = office.reporting.build(DAY)
    assert json.loads(office.stored(published["json_key"])) == json.loads(json.dumps(as_json(day_report)))
    assert office.stored(published["text_key"]).decode() == render_text(day_report)
    assert office.stored(published["csv_key"]).decode() == render_csv(day_report)
    assert office.stored(published["html_key"]).decode() == render_html(day_report, [history.entry_of(day_report)])
    assert office.stored(published["index_key"]).decode() == render_index([history.entry_of(day_report)])
    assert office.reporting.published() == [history.entry_of(day_report)]
    assert published["totals"]["cost_nano"] == day_report.total.cost_nano
    (message,) = office.aws.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    envelope = json.loads(message["Body"])
    assert envelope["Message"] == render_summary(day_report)
    assert envelope["Subject"].startswith("Pointsman 2026-11-21: $")
    assert "STAND-INS ANSWERED" in envelope["Message"]
    counted = dict(office.counted)
    assert counted == {"ReportPublished": 1}


def test_publishing_again_changes_nothing(office: Office) -> None:
    busy_day(office)
    published = office.reporting.publish(DAY)
    names = [name for name in published if name.endswith("_key")]
    before = [office.stored(published[name]) for name in names]
    office.call(office.order("later", HAIKU), UNTIL + timedelta(days=2), answered(HAIKU, Usage(input=5_000)))
    office.clock.time = UNTIL + timedelta(days=40)
    assert office.reporting.publish(DAY) == published
    assert [office.stored(published[name]) for name in names] == before


def test_the_index_and_the_chart_know_the_days_that_were_published(office: Office) -> None:
    spent = busy_day(office)
    days = [DAY - timedelta(days=30), DAY - timedelta(days=3), DAY]
    for day in (days[0], days[2], days[1], days[2]):
        published = office.reporting.publish(day)
    entries = office.reporting.published()
    assert [entry.spend.day for entry in entries] == days
    assert [entry.spend.cost_nano for entry in entries] == [0, 2_500_000, spent]
    index, page = office.stored(published["index_key"]).decode(), office.stored(published["html_key"]).decode()
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
    day_report = office.reporting.build(DAY).speed[Tier.IMPLEMENTATION]
    assert (day_report.answers, day_report.call_p50_ms, day_report.task_p95_ms) == (1, 2_000, 2_000)
    assert day_report.phases == Phases(
        tasks=1, queue_ms=70, routing_ms=1_000, waiting_ms=0, model_ms=2_000, delivery_ms=1_000
    )
    milestones = office.reporting.milestones(["timed", "nobody", *(f"n{number}" for number in range(150))])
    assert list(milestones) == ["timed"]


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
    published = office.reporting.publish(DAY)
    assert published["totals"] == {
        "tasks": 0,
        "attempts": 0,
        "cost_nano": 0,
        "usd": "0.000000000",
        "saved_nano": 0,
        "month_spent_nano": 0,
    }
    assert b"no task ran" in office.stored(published["text_key"])
