"""AWS fails: calls are refused, throttled or never answered, and every task still ends once and is booked.

The use cases run as the functions build them, against MiniStack with the fault proxy between; the queue and the
workflow are played. Clients try twice instead of five times: each fault strikes sooner.
"""

import json
import random
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any

import boto3
import pytest
from botocore.config import Config

from devstack import processes, servers
from devstack.info import new_access_key
from devstack.signals import termination_as_exit
from devstack.toolchain import runtime_environment
from pointsman.adapters.dynamo import Tables
from pointsman.entrypoints.settings import Settings
from pointsman.execution.model_health import Admission, HealthUpdate, ModelState
from pointsman.execution.records import TaskRecord
from pointsman.execution.workflow_state import Next
from pointsman.services.intake import QueueMessage
from pointsman.values.status import Status
from pointsman.values.times import to_text
from tests.support.aws import create_tables
from tests.support.aws_proxy import Answer, AwsProxy, Fault, Lost, cancelled, entry_refused, json_error, s3_error
from tests.support.fake_providers import FakeProviders
from tests.support.figures import SOAK, Figures, thinned
from tests.support.in_process import InProcess, LeapClock, Player, assert_ledger_agrees, in_process
from tests.support.ledger import intent, settled
from tests.support.paths import ROOT

REGION, ACCOUNT = "us-east-1", "000000000000"
SHIPPED = (ROOT / "openclaw.json").read_text()
HAIKU = "claude-haiku-5-5"
KEY = new_access_key()
TWICE = Config(retries={"mode": "standard", "total_max_attempts": 2})


@dataclass(frozen=True)
class Through:
    """A boto3 session whose clients go to one address."""

    url: str
    tries: Config = TWICE

    def client(self, service: str, config: Config | None = None) -> Any:
        session = boto3.Session(aws_access_key_id=KEY, aws_secret_access_key=KEY, region_name=REGION)
        return session.client(service, endpoint_url=self.url, config=config.merge(self.tries) if config else self.tries)


@pytest.fixture(autouse=True)
def _reset() -> None:
    """Nothing of the deployed stack is used here."""


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, token = tmp_path_factory.mktemp("ministack"), str(uuid.uuid4())
    environment = runtime_environment({}, folder)
    process, url = servers.start_emulator(environment, region=REGION, access_key=KEY, token=token, state_dir=folder)
    with termination_as_exit():
        try:
            servers.await_emulator(process, url)
            yield url
        finally:
            processes.end_processes([process], token)
            assert not processes.is_running(process)


@pytest.fixture
def proxy(emulator: str) -> Iterator[AwsProxy]:
    with AwsProxy(emulator) as one:
        yield one


@dataclass
class World:
    """An empty account, the project in it behind the proxy, and what can be seen without the proxy."""

    player: Player
    seen: InProcess
    proxy: AwsProxy
    provider: FakeProviders
    reply_arn: str
    heard_url: str
    replies_url: str
    direct: Through

    def send(self, task_id: str = "t-1", **fields: Any) -> int:
        return self.player.route_messages(message(task_id, **fields))

    def received(self, url: str) -> list[dict[str, Any]]:
        """Empty a queue."""
        sqs, recorded, patience = self.direct.client("sqs"), list[dict[str, Any]](), 2
        while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=patience).get(
            "Messages"
        ):
            patience = 0
            recorded += [json.loads(one["Body"]) for one in batch]
            for one in batch:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return recorded

    def task(self, task_id: str = "t-1") -> TaskRecord:
        result = self.seen.tasks.read(task_id)
        assert result is not None
        return result

    def settled(self) -> list[dict[str, Any]]:
        """Let the sweep close what is open, hold the books against the provider's journal, and return the attempts."""
        self.proxy.clear()
        self.player.clock.sleep(3600)
        self.player.app.sweep()
        requests = self.provider.control("GET", "journal")["requests"]
        return assert_ledger_agrees(self.seen, requests, self.player.clock.now())

    def executions(self) -> list[str]:
        states, machine = self.direct.client("stepfunctions"), self.seen.runtime.settings.state_machine_arn
        return [one["name"] for one in states.list_executions(stateMachineArn=machine)["executions"]]


def message(task_id: str, **fields: Any) -> QueueMessage:
    return QueueMessage(f"m-{task_id}", json.dumps({"prompt": f"Write {task_id}.", "task_id": task_id, **fields}))


@pytest.fixture
def world(emulator: str, provider: FakeProviders, proxy: AwsProxy, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a-key")
    monkeypatch.setenv("GEMINI_API_KEY", "a-key")
    name, direct = f"w{uuid.uuid4().hex[:10]}", Through(emulator)
    tables = Tables(f"{name}-tasks", f"{name}-usage", f"{name}-limits")
    create_tables(direct.client("dynamodb"), tables)
    direct.client("s3").create_bucket(Bucket=name)
    sqs = direct.client("sqs")
    dlq, heard, replies = (sqs.create_queue(QueueName=f"{name}-{q}")["QueueUrl"] for q in ("dlq", "heard", "replies"))
    reply_arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}-replies"
    events = direct.client("events")
    events.create_event_bus(Name=name)
    events.put_rule(Name=name, EventBusName=name, EventPattern=json.dumps({"source": ["pointsman"]}))
    heard_arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}-heard"
    events.put_targets(Rule=name, EventBusName=name, Targets=[{"Id": "heard", "Arn": heard_arn}])
    role = {"RoleName": name, "AssumeRolePolicyDocument": "{}"}
    states = direct.client("stepfunctions")
    machine = states.create_state_machine(
        name=name,
        definition=json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}),
        roleArn=direct.client("iam").create_role(**role)["Role"]["Arn"],
    )["stateMachineArn"]
    settings = Settings(
        task_table=tables.tasks,
        usage_table=tables.usage,
        limit_table=tables.limits,
        bucket=name,
        event_bus=name,
        state_machine_arn=machine,
        dlq_url=dlq,
        reply_queue_arns=reply_arn,
        google_gemini_base_url=f"{provider.url}/gemini",
        anthropic_base_url=f"{provider.url}/anthropic",
        model_calls="loopback",
    )
    clock = LeapClock()

    def input_of(task_id: str) -> str:
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{task_id}"
        return str(states.describe_execution(executionArn=arn)["input"])

    app = in_process(settings, SHIPPED, Through(proxy.url), clock)
    seen = in_process(settings, SHIPPED, direct, clock)
    return World(Player(app, clock, input_of), seen, proxy, provider, reply_arn, heard, replies, direct)


THROTTLED, BROKEN = json_error("ThrottlingException"), json_error("InternalServerError", 500)
THROUGHPUT = json_error("ProvisionedThroughputExceededException")
CONFLICT = cancelled("None", "TransactionConflict", "None")
IN_PROGRESS = json_error("TransactionInProgressException")
LOST, DROPPED = Lost(), Lost(forwarded=False)
RESERVE, SETTLE = 0, 1


def dynamo(operation: str, does: Answer | Lost, after: int = 0, times: int = 2) -> Fault:
    return Fault("dynamodb", operation, does, after, times)


def transaction(which: int, does: Answer | Lost, times: int = 2) -> Fault:
    return dynamo("TransactWriteItems", does, which, times)


@pytest.mark.parametrize(
    ("fault", "rows", "came_back"),
    thinned(
        [
            pytest.param(dynamo("PutItem", THROTTLED, times=1), 1, 0, id="claim throttled once"),
            pytest.param(dynamo("PutItem", THROUGHPUT), 1, 1, id="claim without throughput"),
            pytest.param(dynamo("PutItem", BROKEN), 1, 1, id="claim broken"),
            pytest.param(dynamo("PutItem", LOST, times=1), 1, 0, id="claim made and its answer lost"),
            pytest.param(dynamo("PutItem", LOST), 1, 1, id="claim made and its answer lost for good"),
            pytest.param(dynamo("BatchGetItem", BROKEN), 1, 1, id="router cannot look"),
            pytest.param(dynamo("UpdateItem", THROTTLED), 1, 0, id="mark of the delivery throttled"),
            pytest.param(dynamo("UpdateItem", LOST), 1, 0, id="mark of the delivery and its answer lost"),
            pytest.param(dynamo("BatchGetItem", THROUGHPUT, after=1), 1, 0, id="look throttled"),
            pytest.param(dynamo("BatchGetItem", DROPPED, after=1), 1, 0, id="look dropped"),
            pytest.param(transaction(RESERVE, CONFLICT, 6), 1, 0, id="reservation in conflict"),
            pytest.param(transaction(RESERVE, IN_PROGRESS, 4), 1, 0, id="reservation in progress"),
            pytest.param(transaction(RESERVE, cancelled("ThrottlingError"), 4), 1, 0, id="reservation: item throttled"),
            pytest.param(transaction(RESERVE, THROTTLED), 1, 0, id="reservation throttled"),
            pytest.param(transaction(RESERVE, DROPPED), 1, 0, id="reservation dropped"),
            pytest.param(transaction(RESERVE, LOST, 1), 1, 0, id="reservation made and its answer lost"),
            pytest.param(transaction(RESERVE, LOST), 2, 0, id="reservation made and its answer lost for good"),
            pytest.param(transaction(SETTLE, CONFLICT, 6), 1, 0, id="settlement in conflict"),
            pytest.param(transaction(SETTLE, IN_PROGRESS, 4), 1, 0, id="settlement in progress"),
            pytest.param(transaction(SETTLE, BROKEN, 1), 1, 0, id="settlement broken once"),
            pytest.param(transaction(SETTLE, LOST, 1), 1, 0, id="settlement made and its answer lost"),
            pytest.param(transaction(SETTLE, LOST), 1, 0, id="settlement made and its answer lost for good"),
            pytest.param(transaction(SETTLE, DROPPED), 1, 0, id="settlement dropped twice"),
            pytest.param(Fault("states", "StartExecution", THROTTLED, times=2), 1, 1, id="start throttled"),
            pytest.param(
                Fault("states", "StartExecution", json_error("ServiceUnavailable", 500), times=2),
                1,
                1,
                id="start broken",
            ),
            pytest.param(Fault("states", "StartExecution", LOST), 1, 0, id="start made and its answer lost"),
            pytest.param(Fault("states", "StartExecution", LOST, times=2), 1, 1, id="start made, answer lost for good"),
            pytest.param(Fault("states", "StartExecution", DROPPED, times=2), 1, 1, id="start dropped"),
            pytest.param(Fault("events", "PutEvents", entry_refused(), times=3), 1, 0, id="event refused"),
            pytest.param(Fault("events", "PutEvents", BROKEN, times=4), 1, 0, id="event bus broken"),
            pytest.param(Fault("events", "PutEvents", LOST, times=2), 1, 0, id="event put and its answer lost"),
            pytest.param(Fault("sqs", "SendMessage", BROKEN, times=4), 1, 0, id="reply queue broken"),
        ]
    ),
)
def test_single_fault_loses_no_task_and_repeats_no_call(world: World, fault: Fault, rows: int, came_back: int) -> None:
    world.proxy.add(fault)
    assert world.send(tier="implementation", reply_to=world.reply_arn) == came_back
    assert world.player.play("t-1").next is Next.DELIVER
    assert fault.applied == fault.times

    task = world.task()
    assert (task.status, bool(task.delivered_at), task.attention) == (Status.COMPLETED, True, None)
    assert world.executions() == ["t-1"]
    assert {event["detail"]["task_id"] for event in world.received(world.heard_url)} == {"t-1"}
    assert {reply["answer"] for reply in world.received(world.replies_url)} == {task.answer.inline}
    booked = world.settled()
    assert len(booked) == rows
    assert task.cost_nano == sum(row["cost_nano"] for row in booked)
    requests = world.provider.requests()
    unsent = [row for row in booked if row["outcome"] == "unknown"]
    settled_late = fault.does is DROPPED and len(unsent) == 1
    assert len(requests) == (2 if settled_late else 1)


@pytest.mark.parametrize("which", [RESERVE, SETTLE])
@pytest.mark.parametrize("then", [IN_PROGRESS, CONFLICT], ids=["in progress", "in conflict"])
def test_retried_transaction_is_not_refused_by_its_first_write(world: World, which: int, then: Answer) -> None:
    world.proxy.add(transaction(which, LOST, 1), transaction(which, then, 3))
    world.send(tier="implementation")
    assert world.player.play("t-1").next is Next.DELIVER
    assert ([row["outcome"] for row in world.settled()], len(world.provider.requests())) == (["answered"], 1)
    assert "outcome_too_late" not in [event for event, _ in world.player.app.logged]


def test_rejection_reaches_the_dead_letter_queue_despite_sqs_faults(world: World) -> None:
    world.proxy.add(Fault("sqs", "SendMessage", BROKEN, times=2), Fault("events", "PutEvents", entry_refused()))
    assert world.player.route_messages(QueueMessage("m-1", "{")) == 2
    letters = world.direct.client("sqs").receive_message(
        QueueUrl=world.seen.runtime.settings.dlq_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )["Messages"]
    assert {letter["MessageAttributes"]["message_id"]["StringValue"] for letter in letters} == {"m-1"}
    (event,) = world.received(world.heard_url)
    assert event["detail-type"] == "Task Rejected"


def test_large_task_returns_to_the_queue_until_s3_recovers(world: World) -> None:
    put = Fault("s3", "PutObject", s3_error(), times=2)
    get = Fault("s3", "GetObject", s3_error(), times=4)
    world.proxy.add(put, get)
    assert world.send(tier="implementation", prompt="Write this. " * 2000) == 1
    assert world.player.play("t-1").next is Next.DELIVER
    assert (put.applied, get.applied, world.player.crashes) == (2, 4, [])
    (row,) = world.settled()
    assert (row["outcome"], row["after"]) == ("answered", "unavailable")


def test_large_answer_that_s3_refuses_is_stored_with_its_task(world: World) -> None:
    world.provider.fault("anthropic", {"answer": {"bytes": 200_000}})
    world.proxy.add(Fault("s3", "PutObject", s3_error(), after=1, times=6))  # the task's own body passes
    world.send(tier="implementation", max_output_tokens=100_000, metadata={"note": "n" * 60_000})
    assert world.player.play("t-1").next is Next.DELIVER

    task = world.task()
    assert len(task.answer.inline or "") == 200_000
    # An event holds no such answer: it went to the bucket after all, at the second try of the delivery.
    assert len(world.player.undelivered) == 1
    (event,) = world.received(world.heard_url)
    where = event["detail"]["answer_ref"].removeprefix(f"s3://{world.seen.runtime.settings.bucket}/")
    kept = world.direct.client("s3").get_object(Bucket=world.seen.runtime.settings.bucket, Key=where)["Body"].read()
    assert kept.decode() == task.answer.inline
    (row,) = world.settled()
    assert (row["outcome"], row["cost_known"], len(world.provider.requests())) == ("answered", True, 1)


def test_answer_too_large_for_any_store_is_booked_at_its_cost(world: World) -> None:
    world.provider.fault("anthropic", {"answer": {"bytes": 400_000}})
    world.proxy.add(Fault("s3", "PutObject", s3_error(), times=2))
    world.send(tier="implementation", max_output_tokens=128_000)
    assert world.player.play("t-1").next is Next.DELIVER
    assert world.player.crashes == []
    booked = sorted(world.settled(), key=lambda row: row["turn"])
    assert [(row["outcome"], row["cost_known"], row["model"]) for row in booked] == [
        ("empty", True, HAIKU),
        ("answered", True, HAIKU),
    ]
    assert booked[0]["cost_nano"] == booked[1]["cost_nano"] > 0
    assert len(world.provider.requests()) == 2


def test_transaction_conflicts_on_one_month_end_with_the_exact_sum(world: World, figures: Figures) -> None:
    entry, threads = (40 if SOAK else 8), 8
    five = Through(world.proxy.url, Config())  # as in the functions: two answers may be lost in a row
    app, now = in_process(world.seen.runtime.settings, SHIPPED, five, world.player.clock), datetime.now(UTC)
    world.proxy.add(
        Fault("dynamodb", "TransactWriteItems", CONFLICT, times=None, probability=0.25),
        Fault("dynamodb", "TransactWriteItems", IN_PROGRESS, times=None, probability=0.05),
        Fault("dynamodb", "TransactWriteItems", LOST, times=None, probability=0.1),
    )

    def spend(thread: int) -> int:
        dice, total = random.Random(thread), 0
        for number in range(entry):
            task_id, cost = f"t-{thread}-{number}", dice.randrange(1, 90)
            app.tasks.claim(TaskRecord(task_id, Status.STARTED, received_at=to_text(now)))
            reserved = intent(task_id, amount=100, at=now, budget=app.policy.config.pointsman.budget)
            assert app.ledger.reserve(reserved, Admission(), ModelState(HAIKU)).made
            assert app.ledger.settle(settled(reserved, cost=cost), HealthUpdate(), None)
            total += cost
        return total

    with ThreadPoolExecutor(threads) as pool:
        spent = sum(pool.map(spend, range(threads)))
    became = {
        kind: world.proxy.calls["dynamodb", "TransactWriteItems", kind] for kind in ("passed", "answered", "lost")
    }
    figures |= {"transactions": 2 * entry * threads, "calls": became, "spent, nano-dollars": spent}
    counters = app.ledger_reader.counters(f"{now:%Y-%m}")
    assert (counters["month"], counters["month_open"]) == (spent, 0)
    rows = list(world.seen.ledger_reader.rows(now - timedelta(days=1), now + timedelta(days=1)))
    assert sum(row["cost_nano"] for row in rows) == spent
    assert len(rows) == entry * threads


def test_every_task_ends_once_under_random_aws_faults(world: World, figures: Figures) -> None:
    tasks, troubles = (120 if SOAK else 16), world.proxy
    rate, refusals = 0.06, (THROTTLED, THROUGHPUT, BROKEN, LOST, DROPPED)
    for operation in ("PutItem", "UpdateItem", "GetItem", "BatchGetItem", "TransactWriteItems", "Query"):
        troubles.add(*(Fault("dynamodb", operation, does, times=None, probability=rate) for does in refusals))
    troubles.add(Fault("dynamodb", "TransactWriteItems", CONFLICT, times=None, probability=rate))
    for does in (THROTTLED, BROKEN, LOST):
        troubles.add(
            Fault("states", "StartExecution", does, times=None, probability=0.15),
            Fault("events", "PutEvents", does, times=None, probability=0.15),
            Fault("sqs", "SendMessage", does, times=None, probability=0.15),
        )
    troubles.add(
        Fault("events", "PutEvents", entry_refused(), times=None, probability=0.2),
        Fault("s3", "PutObject", s3_error(), times=None, probability=0.3),
        Fault("s3", "GetObject", s3_error(), times=None, probability=0.3),
    )
    ids = [f"t-{n}" for n in range(tasks)]
    sent = [
        message(task_id, tier="implementation", prompt=f"Write {task_id}. " * many, reply_to=world.reply_arn)
        for task_id, many in zip(ids, cycle([2000, 1, 1, 1]), strict=False)
    ]
    came_back = sum(world.player.route_messages(*sent[n : n + 10], most=60) for n in range(0, tasks, 10))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(world.player.play, ids))
    became = dict(world.proxy.calls)
    booked = world.settled()

    ended = [world.task(task_id) for task_id in ids]
    assert sorted(world.executions()) == sorted(ids)
    assert all(task.status in (Status.COMPLETED, Status.FAILED) and task.delivered_at for task in ended)
    heard = {event["detail"]["task_id"]: event["detail"]["status"] for event in world.received(world.heard_url)}
    assert heard == {task.task_id: str(task.status) for task in ended}
    assert {reply["task_id"] for reply in world.received(world.replies_url)} == set(ids)
    assert sum(task.cost_nano for task in ended) == sum(row["cost_nano"] for row in booked)
    completed = sum(task.status is Status.COMPLETED for task in ended)
    figures |= {
        "tasks": tasks,
        "completed": completed,
        "faults injected": sum(count for (_, _, kind), count in became.items() if kind != "passed"),
        "AWS calls": sum(became.values()),
        "messages that returned to the queue": came_back,
        "function crashes": len(world.player.crashes),
        "deliveries retried": len(world.player.undelivered),
        "requests that arrived": len(world.provider.requests()),
        "attempts with unknown outcome": sum(row["outcome"] == "unknown" for row in booked),
    }
    assert completed / tasks >= 0.99
