"""The emulator is killed, again and again: what it has acknowledged is there afterwards."""

import json
import os
import random
import resource
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from devstack import processes, servers
from devstack.info import ProcessRecord
from devstack.toolchain import LocalStackError, runtime_environment
from tests.support.figures import SOAK

pytestmark = pytest.mark.stack

KILLS = 50 if SOAK else 3
REGION, KEY = "us-east-1", "LOCALKEY"
TABLE, QUEUE, BUCKET = "kept-table", "kept-queue", "kept-bucket"


@pytest.fixture(autouse=True)
def _reset() -> None:
    """Nothing of the deployed stack is used here."""


@dataclass
class Emulator:
    """An emulator that keeps its state, and can be killed and started again."""

    folder: Path
    token: str = field(default_factory=lambda: str(uuid.uuid4()))
    port: int = field(default_factory=servers.free_port)
    process: ProcessRecord | None = None

    def start(self) -> None:
        self.process, url = servers.start_emulator(
            runtime_environment({}, self.folder),
            region=REGION,
            access_key=KEY,
            token=self.token,
            state_dir=self.folder,
            port=self.port,
            kept_in=self.folder / "data",
        )
        servers.await_emulator(self.process, url)

    def kill(self) -> None:
        assert self.process
        os.kill(self.process.pid, signal.SIGKILL)
        self.end()

    def end(self) -> None:
        if self.process:
            processes.end_processes([self.process], self.token)

    def client(self, service: str) -> Any:
        once = Config(retries={"total_max_attempts": 1}, read_timeout=10)
        session = boto3.Session(aws_access_key_id=KEY, aws_secret_access_key=KEY, region_name=REGION)
        return session.client(service, endpoint_url=f"http://127.0.0.1:{self.port}", config=once)

    def make(self) -> str:
        """Make table, queue and bucket, as each deployment does; return the queue's URL."""
        keys = [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "part", "KeyType": "RANGE"}]
        self.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=keys,
            AttributeDefinitions=[{"AttributeName": key["AttributeName"], "AttributeType": "S"} for key in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        self.client("s3").create_bucket(Bucket=BUCKET)
        return str(self.client("sqs").create_queue(QueueName=QUEUE)["QueueUrl"])

    @property
    def log(self) -> str:
        return (self.folder / "ministack.log").read_text()


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    one = Emulator(tmp_path)
    try:
        one.start()
        yield one
    finally:
        one.end()


def items(emulator: Emulator) -> dict[tuple[str, str], str]:
    pages = emulator.client("dynamodb").get_paginator("scan").paginate(TableName=TABLE)
    return {(item["id"]["S"], item["part"]["S"]): item["n"]["N"] for page in pages for item in page["Items"]}


def put(emulator: Emulator, key: str, number: int) -> dict[str, Any]:
    return {"TableName": TABLE, "Item": {"id": {"S": key}, "part": {"S": "ä"}, "n": {"N": str(number)}}}


def messages(emulator: Emulator, url: str) -> dict[str, dict[str, Any]]:
    received: dict[str, dict[str, Any]] = {}
    while (
        batch := emulator.client("sqs")
        .receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"])
        .get("Messages")
    ):
        received |= {message["Body"]: message for message in batch}
    return received


def test_tables_queues_and_buckets_are_as_they_were_after_a_kill(emulator: Emulator) -> None:
    url = emulator.make()
    dynamo, sqs, s3 = (emulator.client(name) for name in ("dynamodb", "sqs", "s3"))
    for number, key in enumerate(("put", "updated", "deleted", "in-transaction", "refused")):
        dynamo.put_item(**put(emulator, key, number))
    dynamo.update_item(
        TableName=TABLE,
        Key={"id": {"S": "updated"}, "part": {"S": "ä"}},
        UpdateExpression="SET n = n + :ten",
        ExpressionAttributeValues={":ten": {"N": "10"}},
    )
    dynamo.delete_item(TableName=TABLE, Key={"id": {"S": "deleted"}, "part": {"S": "ä"}})
    dynamo.transact_write_items(TransactItems=[{"Put": put(emulator, "in-transaction", 33)}])
    with pytest.raises(ClientError):
        dynamo.transact_write_items(
            TransactItems=[
                {"Put": put(emulator, "refused", 44)},
                {"Put": put(emulator, "never", 5) | {"ConditionExpression": "attribute_exists(id)"}},
            ]
        )
    attribute = {"reason": {"DataType": "String", "StringValue": "über"}}
    for body in ("kept", "received", "done", "later"):
        sqs.send_message(
            QueueUrl=url, MessageBody=body, MessageAttributes=attribute, DelaySeconds=30 if body == "later" else 0
        )
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "2"})
    by_body = {message["Body"]: message for message in _received(sqs, url)}
    sqs.delete_message(QueueUrl=url, ReceiptHandle=by_body["done"]["ReceiptHandle"])
    for key, text in (("a/b c", "one"), ("ü", "two"), ("gone", "three")):
        s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode(), Metadata={"task": key.encode().hex()})
    s3.put_object(Bucket=BUCKET, Key="ü", Body=b"two again")
    s3.delete_object(Bucket=BUCKET, Key="gone")

    emulator.kill()
    emulator.start()
    emulator.kill()  # before table and bucket are made again, as in the midst of a deployment
    emulator.start()

    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["VisibilityTimeout"] == "2"  # a queue that a request had made is there by itself
    assert emulator.make() == url
    assert items(emulator) == {
        ("put", "ä"): "0", ("updated", "ä"): "11", ("in-transaction", "ä"): "33", ("refused", "ä"): "4"
    }  # fmt: skip
    time.sleep(2)
    again = messages(emulator, url)
    assert set(again) == {"kept", "received"}, "delayed messages stay delayed"
    assert again["kept"]["MessageAttributes"]["reason"]["StringValue"] == "über"
    assert again["kept"]["Attributes"]["ApproximateReceiveCount"] == "2"
    listed = {entry["Key"]: entry["Size"] for entry in s3.list_objects_v2(Bucket=BUCKET)["Contents"]}
    assert listed == {"a/b c": 3, "ü": 9}
    assert s3.get_object(Bucket=BUCKET, Key="ü")["Body"].read() == b"two again"
    assert s3.head_object(Bucket=BUCKET, Key="a/b c")["Metadata"] == {"task": b"a/b c".hex()}


def _received(sqs: Any, url: str) -> list[dict[str, Any]]:
    return list(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"])


def test_message_under_a_functions_care_comes_back_once_that_must_have_ended(emulator: Emulator) -> None:
    url, sqs = emulator.make(), emulator.client("sqs")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "360"})
    sqs.send_message(QueueUrl=url, MessageBody="m")
    _received(sqs, url)
    emulator.kill()
    emulator.start()
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    assert [counts[name] for name in names] == ["0", "1"]
    journal = (emulator.folder / "data" / "journal").read_text()
    assert journal.count('"m"') == 2  # as sent, and as received: nothing more was written of it


@dataclass
class Writers:
    """Threads that write until told to stop, and keep what was acknowledged."""

    emulator: Emulator
    url: str
    numbers: dict[str, int] = field(default_factory=dict)
    bodies: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    objects: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._clients = {name: self.emulator.client(name) for name in ("dynamodb", "sqs", "s3")}
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def run(self, seconds: float) -> None:
        self._stop.clear()
        self._threads = [
            threading.Thread(target=self._run, args=(write, number), daemon=True)
            for write in (self._write_item, self._send, self._write_object)
            for number in range(2)
        ]
        for thread in self._threads:
            thread.start()
        time.sleep(seconds)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self, write: Any, worker: int) -> None:
        while not self._stop.is_set():
            try:
                write(self._clients, worker)
            except (BotoCoreError, ClientError):
                return  # it was killed

    def _write_item(self, clients: Any, worker: int) -> None:
        key = f"counter-{worker}"
        answer = clients["dynamodb"].update_item(
            TableName=TABLE,
            Key={"id": {"S": key}, "part": {"S": "ä"}},
            UpdateExpression="ADD n :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="ALL_NEW",
        )
        self.numbers[key] = int(answer["Attributes"]["n"]["N"])

    def _send(self, clients: Any, worker: int) -> None:
        body = json.dumps([worker, uuid.uuid4().hex])
        clients["sqs"].send_message(QueueUrl=self.url, MessageBody=body)
        self.bodies.add(body)
        if worker:
            return
        for message in clients["sqs"].receive_message(QueueUrl=self.url, VisibilityTimeout=0).get("Messages", []):
            self.deleted.add(message["Body"])  # it may be gone even if nobody hears of it
            clients["sqs"].delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])

    def _write_object(self, clients: Any, worker: int) -> None:
        key = f"{worker}/{random.randrange(20)}"
        text = uuid.uuid4().hex * 50
        self.objects.pop(key, None)  # either of the two may be there if nobody hears of it
        clients["s3"].put_object(Bucket=BUCKET, Key=key, Body=text.encode())
        self.objects[key] = text


def test_kills_at_random_points_under_traffic_lose_no_acknowledged_write(emulator: Emulator) -> None:
    dice, url = random.Random(20261128), emulator.make()
    writers = Writers(emulator, url)
    for _ in range(KILLS):
        writers.run(dice.uniform(0.1, 0.9))
        emulator.kill()
        writers.stop()
        emulator.start()
        emulator.make()
        numbers = {key: int(number) for (key, _), number in items(emulator).items()}
        for key, number in writers.numbers.items():
            assert number <= numbers[key] <= number + 1
    assert min(writers.numbers.values()) > KILLS
    assert set(messages(emulator, url)) >= writers.bodies - writers.deleted
    s3 = emulator.client("s3")
    for key, text in writers.objects.items():
        assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode() == text


def test_journal_that_has_outgrown_the_state_is_written_anew_with_all_of_it(emulator: Emulator) -> None:
    url, dynamo = emulator.make(), emulator.client("dynamodb")
    emulator.client("sqs").send_message(QueueUrl=url, MessageBody="in the queue")
    dynamo.put_item(**put(emulator, "small", 1))
    emulator.kill()
    emulator.start()  # what waits for its table and queue is kept too
    other = {"TableName": "other", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}
    attributes = [{"AttributeName": "id", "AttributeType": "S"}]
    dynamo.create_table(**other, AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST")
    for number in range(60):
        item = {"id": {"S": "large"}, "text": {"S": "x" * 300_000}, "n": {"N": str(number)}}
        dynamo.put_item(TableName="other", Item=item)
    assert (emulator.folder / "data" / "journal").stat().st_size < 4_000_000
    emulator.kill()
    emulator.start()
    assert emulator.make() == url
    assert items(emulator) == {("small", "ä"): "1"}
    assert set(messages(emulator, url)) == {"in the queue"}
    dynamo.create_table(**other, AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST")
    assert dynamo.get_item(TableName="other", Key={"id": {"S": "large"}})["Item"]["n"] == {"N": "59"}


@pytest.mark.parametrize("kind", ["item", "object"])
def test_full_disk_stops_the_emulator_and_costs_nothing_that_it_has_acknowledged(emulator: Emulator, kind: str) -> None:
    """A limit on the size of the process's files stands for the full disk: a part of a write is made, then refused."""
    emulator.make()
    dynamo, s3, acknowledged = emulator.client("dynamodb"), emulator.client("s3"), list[int]()
    item = put(emulator, "filler", 0)
    item["Item"]["text"] = {"S": "x" * 20_000}
    dynamo.put_item(**item)
    assert emulator.process
    limit = (emulator.folder / "data" / "journal").stat().st_size + 5_000  # above the log's size, which goes on
    resource.prlimit(emulator.process.pid, resource.RLIMIT_FSIZE, (limit, limit))

    def fill() -> None:
        if kind == "object":
            s3.put_object(Bucket=BUCKET, Key="large", Body=b"x" * 100_000)
        for number in range(1000):
            dynamo.put_item(**put(emulator, f"key-{number}", number))
            acknowledged.append(number)

    with pytest.raises((BotoCoreError, ClientError)):
        fill()
    assert len(acknowledged) < 200
    until = time.monotonic() + 10
    while processes.is_running(emulator.process):
        assert time.monotonic() < until
    assert "The local stack has stopped, since it cannot write its state" in emulator.log.splitlines()[-1]
    emulator.start()
    emulator.make()
    assert items(emulator) == {("filler", "ä"): "0"} | {(f"key-{number}", "ä"): str(number) for number in acknowledged}
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET)


def test_damaged_journal_stops_the_start_with_its_place(emulator: Emulator) -> None:
    emulator.make()
    for number in range(3):
        emulator.client("dynamodb").put_item(**put(emulator, f"key-{number}", number))
    emulator.kill()
    journal = emulator.folder / "data" / "journal"
    journal.write_bytes(journal.read_bytes().replace(b"key-0", b"key-X", 1))
    with pytest.raises(LocalStackError, match=r"line 2 of .*/data/journal is damaged"):
        emulator.start()
