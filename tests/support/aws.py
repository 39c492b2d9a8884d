"""AWS as moto plays it, with the template's tables, bucket, queues, bus and topic."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3
import moto.core  # noqa: F401  (before the session is made: it adds the hooks to every later one)
from botocore.config import Config
from moto import mock_aws

from pointsman.adapters.dynamo import Tables
from pointsman.adapters.ledger_reader import DynamoLedgerReader
from pointsman.adapters.usage_ledger import DynamoUsageLedger
from pointsman.entrypoints.settings import Settings
from pointsman.execution.calls import Intent
from tests.support import moto_dynamodb

moto_dynamodb.install()

TABLES = Tables("tasks", "usage", "limits")
BUCKET = "data"
SESSION = boto3.Session(region_name="us-east-1")
"""One for all tests: what it has read of botocore's service models it keeps."""


@dataclass(frozen=True)
class Aws:
    """An account with nothing in it but empty stores."""

    session: boto3.Session
    tables: Tables
    bucket: str
    topic_arn: str
    dlq_url: str = ""
    reply_arn: str = ""
    event_bus: str = ""

    def client(self, service: str, config: Config | None = None) -> Any:
        return self.session.client(service, config=config)

    def dynamodb(self) -> Any:
        """Return a client whose calls are one at a time, as each is atomic on AWS: moto keeps no locks."""
        client, lock = self.client("dynamodb"), threading.Lock()
        call = client._make_api_call

        def alone(operation: str, arguments: Any) -> Any:
            with lock:
                return call(operation, arguments)

        client._make_api_call = alone
        return client

    def settings(self, **changes: Any) -> Settings:
        """Return what the template would give the functions."""
        stores = {
            "task_table": self.tables.tasks,
            "usage_table": self.tables.usage,
            "limit_table": self.tables.limits,
            "bucket": self.bucket,
            "report_topic_arn": self.topic_arn,
            "event_bus": self.event_bus,
            "dlq_url": self.dlq_url,
            "reply_queue_arns": self.reply_arn,
            "model_calls": "loopback",
        }
        return Settings.model_validate(stores | changes)


class OneAtATime:
    """A boto3 session on moto, which keeps no locks."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def client(self, service: str, config: Config | None = None) -> Any:
        with self._lock:
            client = SESSION.client(service, config=config)
        call = client._make_api_call

        def alone(operation: str, arguments: Any) -> Any:
            with self._lock:
                return call(operation, arguments)

        client._make_api_call = alone
        return client


@contextmanager
def empty_account() -> Iterator[Aws]:
    """Yield an account with the template's stores."""
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


class MotoLedger(DynamoUsageLedger):
    """The usage ledger, and what reads its rows."""

    def __init__(self, client: Any, tables: Tables = TABLES) -> None:
        super().__init__(client, tables)
        self.reader = DynamoLedgerReader(client, tables)

    def open_intents(self, since: datetime, until: datetime) -> list[Intent]:
        """Return the intents themselves."""
        return [intent for key in self.reader.open_intents(since, until) if (intent := self.find_intent(key))]


def create_tables(dynamodb: Any, tables: Tables = TABLES) -> None:
    _create(dynamodb, tables.usage, ["day_shard", "row"])
    _create(dynamodb, tables.limits, ["limit"])
    indexes = {"attention": ["attention", "attention_since"], "received": ["received_in", "received_at"]}
    attributes = [name for names in indexes.values() for name in names]
    projection = {"ProjectionType": "KEYS_ONLY"}
    sorted_by = [
        {"IndexName": name, "KeySchema": _keys(names), "Projection": projection} for name, names in indexes.items()
    ]
    _create(dynamodb, tables.tasks, ["task_id"], attributes, GlobalSecondaryIndexes=sorted_by)


def _create(dynamodb: Any, table: str, keys: list[str], more: list[str] | None = None, **options: Any) -> None:
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in [*keys, *(more or [])]]
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=attributes,
        KeySchema=_keys(keys),
        **options,
    )


def _keys(names: list[str]) -> list[dict[str, str]]:
    return [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(names, ["HASH", "RANGE"][: len(names)], strict=True)
    ]
