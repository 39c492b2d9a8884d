"""Fixtures: AWS as moto plays it, with the template's stores."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from pointsman.adapters.task_table import TaskTable
from tests.support.aws import BUCKET, SESSION, TABLES, Aws, MotoLedger, create_tables


@pytest.fixture
def aws() -> Iterator[Aws]:
    with mock_aws():
        session = SESSION
        create_tables(session.client("dynamodb"))
        session.client("s3").create_bucket(Bucket=BUCKET)
        topic = session.client("sns").create_topic(Name="reports")["TopicArn"]
        sqs = session.client("sqs")
        dlq, replies = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("dead-letters", "replies"))
        arn = sqs.get_queue_attributes(QueueUrl=replies, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        session.client("events").create_event_bus(Name="bus")
        yield Aws(session, TABLES, BUCKET, topic, dlq, arn, "bus")


@pytest.fixture
def ledger(aws: Aws) -> MotoLedger:
    return MotoLedger(aws.dynamodb(), aws.tables)


@pytest.fixture
def task_table(aws: Aws) -> TaskTable:
    return TaskTable(aws.dynamodb(), aws.tables)
