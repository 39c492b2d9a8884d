"""Functions are killed at random; every task ends once, and the ledger agrees with the requests that arrived."""

import json
import os
import random
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from pointsman.entrypoints.replay import build_replay
from pointsman.execution.budget import OPEN
from pointsman.execution.records import TaskRecord
from pointsman.services.replay import GIVEN_UP, ReplayOptions
from pointsman.values.status import ENDED, Status
from pointsman_cli import stacks
from tests.support.evidence import Evidence
from tests.support.figures import SOAK, Figures
from tests.support.killer import FUNCTIONS, Killer
from tests.support.local_stack import REPLY_QUEUE_ARN, Stack, eventually

pytestmark = pytest.mark.stack

TASKS = int(os.environ.get("POINTSMAN_SOAK_TASKS", "1000")) if SOAK else 25
UNDER_WAY = 6
"""Tasks under way at most: each concurrent invocation is a Python process of its own."""
WAITING = 60 if SOAK else 30
"""Tasks at most that have not started `SOON` after they were sent: their router was killed, they come again."""
SOON = 6.0
"""Seconds."""
REDELIVERY = 60
"""Seconds until the queue gives a message again; in the template 360. Longer than a claim's lease (55 s), as there."""
LAST = 900 if SOAK else 150
"""Seconds that the last tasks may take: a message may come back five times, be replayed, and its delivery wait too."""
PAUSES = (0.6, 2.0)
"""Least and most seconds between two kills: an invocation on a fresh worker takes one to three."""
DELAYS = (0.05, 0.3, 0.8, 1.6)
"""Seconds that the stand-in takes; each task's prompt names one."""
OPERATOR = 20.0
"""Seconds between two looks at the dead-letter queue, where a message ends whose router was killed five times."""
KINDS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("orchestration", {"tier": "orchestration"}, "Which build goes first?"),
    ("implementation", {"type": "code_generation"}, "Write a function that adds two amounts."),
    ("implementation", {"tier": "implementation"}, "Document the parser."),
    ("reasoning", {"tier": "reasoning"}, "Why does it lock up?"),
    ("reasoning", {"type": "design_review"}, "Look at this design."),
    ("undecided", {}, "hm zzz qqq"),
)


@dataclass
class Traffic:
    """Tasks that are sent, some of them several times, and followed to their ends."""

    stack: Stack
    name: str
    dice: random.Random
    delays: dict[str, float] = field(default_factory=dict)
    sent_at: dict[str, float] = field(default_factory=dict)
    messages: int = 0
    records: dict[str, TaskRecord | None] = field(default_factory=dict)
    replayed: list[str] = field(default_factory=list)
    """Tasks whose message became a dead letter and was replayed by an operator."""

    def send(self) -> None:
        """Send one more task; three in ten of them twice or three times, at once or seconds apart."""
        number = len(self.records)
        kind, choice, text = KINDS[number % len(KINDS)]
        task_id, delay = f"{self.name}-{number:04d}-{kind}", self.dice.choice(DELAYS)
        task = {
            "task_id": task_id,
            "prompt": f"{text} No. {number} (takes-{delay}s)",
            "max_output_tokens": 256,
            **choice,
        }
        if number % 4 == 0:
            task["reply_to"] = REPLY_QUEUE_ARN
        self.records[task_id], self.delays[task_id], self.sent_at[task_id] = None, delay, time.monotonic()
        copies = 1 if self.dice.random() > 0.3 else self.dice.choice((2, 3))
        for copy in range(copies):
            later = self.dice.choice((0, 0, 2, 5)) if copy else 0
            self.stack.client("sqs").send_message(
                QueueUrl=self.stack.info.outputs["TaskQueueUrl"], MessageBody=json.dumps(task), DelaySeconds=later
            )
        self.messages += copies

    def look(self) -> None:
        """Read the tasks that have not ended yet."""
        for task_id in self.unended:
            self.records[task_id] = self.stack.tasks.read(task_id)

    def replay_dead_letters(self) -> None:
        """Replay the dead letters, as `pointsman replay --reason gave_up --execute` does."""
        operator = stacks.connect_to_local(self.stack.info).runtime.part(build_replay)
        lines = operator(ReplayOptions(code=GIVEN_UP, execute=True), "operator")
        self.replayed += [line.task_id for line in lines if line.replayed and line.task_id in self.records]

    @property
    def unended(self) -> list[str]:
        return [task_id for task_id, record in self.records.items() if not _is_over(record)]

    @property
    def under_way(self) -> int:
        """Tasks that have not come to their end, those that wait for a redelivery or only for their delivery aside."""
        ended = sum(record is not None and record.status in ENDED for record in self.records.values())
        return len(self.records) - ended - self.waiting

    @property
    def waiting(self) -> int:
        early = time.monotonic() - SOON
        return sum(
            self.sent_at[task_id] < early and not _has_started(self.records[task_id]) for task_id in self.unended
        )


def _has_started(record: TaskRecord | None) -> bool:
    return record is not None and record.status is not Status.CLAIMED


def _is_over(record: TaskRecord | None) -> bool:
    return record is not None and record.status in ENDED and record.delivered_at is not None


@pytest.fixture
def replies(stack: Stack) -> str:
    return str(stack.client("sqs").create_queue(QueueName=REPLY_QUEUE_ARN.rsplit(":", 1)[1])["QueueUrl"])


@pytest.fixture
def event_queue(stack: Stack) -> Iterator[str]:
    """A queue that every event of the bus goes to."""
    sqs, events, bus = stack.client("sqs"), stack.client("events"), stack.info.outputs["EventBusName"]
    name = f"events-{uuid.uuid4().hex[:8]}"
    url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "300"})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name=name, EventBusName=bus, EventPattern=json.dumps({"source": ["pointsman"]}))
    events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": name, "Arn": arn}])
    yield url
    events.remove_targets(Rule=name, EventBusName=bus, Ids=[name])
    events.delete_rule(Name=name, EventBusName=bus)


@pytest.fixture
def short_visibility_timeout(stack: Stack) -> Iterator[None]:
    """Have the queue give a message again after a minute."""
    sqs, url = stack.client("sqs"), stack.info.outputs["TaskQueueUrl"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": str(REDELIVERY)})
    yield
    sqs.set_queue_attributes(QueueUrl=url, Attributes=before)


def test_random_kills_lose_no_task_and_repeat_no_call(
    stack: Stack, replies: str, event_queue: str, short_visibility_timeout: None, figures: Figures
) -> None:
    before, traffic = Evidence.of(stack), Traffic(stack, f"k{uuid.uuid4().hex[:6]}", random.Random(20261122))
    _drive(traffic, len(KINDS))
    _let_end(traffic)  # each function has run once: unpacking them takes many seconds
    _slow_down(stack)
    with Killer(stack, traffic.delays, PAUSES, 0.7, random.Random(7)) as killer:
        _drive(traffic, TASKS * 2 // 3)
        if not SOAK:  # what a killed router had claimed is leased for 55 s: let the last of it end in time
            killer.spared.add("Router")
        _drive(traffic, TASKS)
    _let_end(traffic)
    swept = _sweep(stack)
    evidence = Evidence.of(stack)
    figures.update(_figures(traffic, evidence, before), **{"processes killed": dict(killer.kills), "sweep": swept})
    _check(stack, traffic, evidence, before)
    assert killer.kills.total() >= TASKS // 8
    assert not SOAK or set(killer.kills) == set(FUNCTIONS)
    times_sent = _events(stack, event_queue, traffic.name)
    figures["events sent twice"] = sum(times_sent.values()) - len(times_sent)
    assert set(times_sent) == {(id_, str(record.status)) for id_, record in traffic.records.items() if record}
    if SOAK:
        assert evidence.since(before).open == []


def test_all_counts_agree_without_kills(stack: Stack, replies: str, figures: Figures) -> None:
    before = Evidence.of(stack)
    traffic = Traffic(stack, f"n{uuid.uuid4().hex[:6]}", random.Random(11))
    _drive(traffic, 20)
    _let_end(traffic)
    evidence = Evidence.of(stack)
    figures.update(_figures(traffic, evidence, before))
    _check(stack, traffic, evidence, before)
    new = evidence.since(before)
    assert set(new.requests) == set(new.attempts)
    assert {row["outcome"] for row in new.rows} == {"answered"}
    assert {record.status for record in traffic.records.values() if record} == {Status.COMPLETED}
    assert sum(tag.startswith(traffic.name) for tag in new.requests) == len(traffic.records)


def _slow_down(stack: Stack) -> None:
    for provider in ("gemini", "anthropic"):
        for delay in DELAYS:
            stack.fault(provider, {"delay": {"seconds": delay}}, contains=f"(takes-{delay}s)")


def _drive(traffic: Traffic, tasks: int) -> None:
    """Send until there are so many tasks, few of them under way at once."""
    limit = time.monotonic() + 60 + 3.0 * tasks
    while len(traffic.records) < tasks:
        assert time.monotonic() < limit, f"only {len(traffic.records)} of {tasks} tasks were sent in time"
        traffic.look()
        while len(traffic.records) < tasks and traffic.under_way < UNDER_WAY and traffic.waiting < WAITING:
            traffic.send()
        time.sleep(0.3)


def _let_end(traffic: Traffic) -> None:
    """Wait until every task has ended and its end was delivered; an operator replays the dead letters."""
    next_replay = time.monotonic() + OPERATOR

    def look() -> bool | None:
        nonlocal next_replay
        if time.monotonic() > next_replay:
            traffic.replay_dead_letters()
            next_replay = time.monotonic() + OPERATOR
        traffic.look()
        return not traffic.unended or None

    try:
        eventually(look, "all tasks to end", LAST)
    except AssertionError:
        stuck = {task_id: traffic.records[task_id] for task_id in traffic.unended}
        raise AssertionError(f"stuck: {stuck}") from None


def _let_repeats_end(stack: Stack) -> None:
    """Wait until the queue is empty: repeats of a task that is done must come to nothing, the last of them too."""
    url, sqs = stack.info.outputs["TaskQueueUrl"], stack.client("sqs")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def empty() -> bool | None:
        left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return not any(int(count) for count in left.values()) or None

    eventually(empty, "the queue to be empty", LAST)


def _sweep(stack: Stack) -> dict[str, Any]:
    """Sweep; in the long form once the intents of all functions that may be left are old enough."""
    if SOAK:
        _let_repeats_end(stack)
        time.sleep(125)  # the router's timeout and 60 s: only its requests have no later attempt that closes them
    answer = stack.client("lambda").invoke(FunctionName=stack.info.outputs["SweepFunctionName"])
    result: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, result
    return result


def _check(stack: Stack, traffic: Traffic, evidence: Evidence, before: Evidence) -> None:
    assert evidence.disagreements(before) == []
    assert {row["purpose"] for row in evidence.since(before).open} <= {"classification"}
    called_again = [
        tag
        for tag, entry in evidence.requests.items()
        if (record := traffic.records.get(tag.split(".")[0]))
        and record.status is Status.COMPLETED
        and record.ended_at
        and entry["started"] > datetime.fromisoformat(record.ended_at).timestamp() + 0.001  # it is cut to milliseconds
    ]
    assert called_again == []
    executions = Counter(_executions(stack, traffic.name))
    assert executions == Counter(dict.fromkeys(traffic.records, 1))
    booked = Counter(row["task_id"] for row in evidence.rows if row.get("outcome") in ("answered", "truncated"))
    for task_id, record in traffic.records.items():
        assert record is not None
        assert booked[task_id] == (record.status is Status.COMPLETED), task_id
        cost = sum(row["cost_nano"] for row in evidence.rows if row["task_id"] == task_id)
        assert record.cost_nano == cost, task_id


def _executions(stack: Stack, name: str) -> Iterator[str]:
    pages = stack.client("stepfunctions").get_paginator("list_executions")
    for page in pages.paginate(stateMachineArn=stack.info.outputs["StateMachineArn"]):
        yield from (one["name"] for one in page["executions"] if one["name"].startswith(name))


def _events(stack: Stack, url: str, name: str) -> Counter[tuple[str, str]]:
    """Return how many events each end of a task had."""
    sqs, result = stack.client("sqs"), Counter[tuple[str, str]]()
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        for message in messages:
            detail = json.loads(message["Body"])["detail"]
            if detail["task_id"].startswith(name):
                result[detail["task_id"], detail["status"]] += 1
    return result


def _figures(traffic: Traffic, evidence: Evidence, before: Evidence) -> dict[str, Any]:
    records, new = [record for record in traffic.records.values() if record], evidence.since(before)
    return {
        "tasks": len(records),
        "messages": traffic.messages,
        "dead letters, then replayed": len(traffic.replayed),
        "tasks by status": dict(Counter(str(record.status) for record in records)),
        "failed tasks by reason": dict(
            Counter(str(record.reason) for record in records if record.status is Status.FAILED)
        ),
        "tasks by number of attempts": dict(sorted(Counter(record.attempts for record in records).items())),
        "requests that arrived": len(new.journal),
        "of them classifications": sum(entry["attempt"].startswith("classify-") for entry in new.journal),
        "attempts in the ledger": len(new.rows),
        "attempts by outcome": dict(Counter(str(row.get("outcome", "open")) for row in new.rows)),
        "calls with unknown outcome, cut": new.where_calls_were_cut(),
        "month's counter, nano-dollars": evidence.counters.get("month", 0),
        "sum of the ledger's rows, nano-dollars": sum(row.get("cost_nano", 0) for row in evidence.rows),
        "month's counter, still reserved": evidence.counters.get("month" + OPEN, 0),
    }
