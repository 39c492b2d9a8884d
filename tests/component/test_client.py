"""`pointsman.client` over a queue, a table and a bucket that moto plays."""

import asyncio
import json
import subprocess
import sys
import threading
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters import task_table
from pointsman.adapters.payload_store import BucketPayloads
from pointsman.adapters.task_item import to_item
from pointsman.client import (
    AsyncClient,
    Client,
    InvalidTaskError,
    NoStackError,
    NotEndedError,
    Places,
    Progress,
    Sent,
    TaskFailedError,
    TaskRejectedError,
    blocking,
)
from pointsman.execution.ledger_keys import RowKey
from pointsman.execution.records import Payload, TaskRecord
from pointsman.routing.decision import Decision as TaskDecision
from pointsman.routing.decision import Source
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType, Tier
from tests.support.aws import BUCKET, TABLES, Aws

DECISION = TaskDecision(TaskType.STATUS, Tier.ORCHESTRATION, Source.LOCAL, 0.99, "sure")


@pytest.fixture
def queue_url(aws: Aws) -> str:
    return str(aws.client("sqs").create_queue(QueueName="tasks")["QueueUrl"])


@pytest.fixture
def client(aws: Aws, queue_url: str) -> Client:
    return Client(Places(queue_url, TABLES.tasks, BUCKET), aws.session)


def put(aws: Aws, task: Sent | str, status: Status = Status.COMPLETED, **fields: Any) -> None:
    """Store a task as the functions would have left it."""
    defaults: dict[str, Any] = {"received_at": "2026-11-22T12:00:00.000Z", "decision": DECISION, **fields}
    if isinstance(task, Sent):
        defaults["fingerprint"] = task.fingerprint
    task_id = task if isinstance(task, str) else task.task_id
    aws.client("dynamodb").put_item(TableName=TABLES.tasks, Item=to_item(TaskRecord(task_id, status, **defaults)))


def bodies(aws: Aws, url: str) -> list[Any]:
    return [
        json.loads(message["Body"]) for message in aws.client("sqs").receive_message(QueueUrl=url).get("Messages", [])
    ]


def test_submitted_task_is_in_the_queue(aws: Aws, client: Client, queue_url: str) -> None:
    deadline = datetime(2027, 1, 1, tzinfo=UTC)
    sent = client.submit("Is it green?", type="status", deadline=deadline, metadata={"ticket": "OPS-1"})
    assert bodies(aws, queue_url) == [
        {
            "task_id": sent.task_id,
            "prompt": "Is it green?",
            "type": "status",
            "deadline": "2027-01-01T00:00:00+00:00",
            "metadata": {"ticket": "OPS-1"},
        }
    ]


def test_characters_that_sqs_refuses_are_sent_as_escapes(aws: Aws, client: Client, queue_url: str) -> None:
    client.submit("What is \uffff?")
    (received,) = aws.client("sqs").receive_message(QueueUrl=queue_url)["Messages"]
    assert "\\uffff" in received["Body"]


@pytest.mark.parametrize(
    ("prompt", "fields", "told"),
    [
        (" ", {}, "prompt: must not be blank"),
        ("secret words", {"tier": "cheapest"}, "tier: must be one of orchestration, implementation, reasoning"),
        ("x" * 1_048_577, {}, "body: must be at most 1048576 bytes, as SQS takes no more"),
    ],
)
def test_invalid_task_is_not_sent(
    aws: Aws, client: Client, queue_url: str, prompt: str, fields: Any, told: str
) -> None:
    with pytest.raises(InvalidTaskError) as caught:
        client.submit(prompt, **fields)
    assert str(caught.value) == told
    assert bodies(aws, queue_url) == []


def test_the_result_has_answer_cost_and_way(aws: Aws, client: Client) -> None:
    sent = client.submit("Is it green?")
    metadata = {"ticket": "OPS-1"}
    put(aws, sent, answer=Payload("All green."), cost_nano=1_500, attempts=1, model="m", metadata=metadata)
    result = client.wait(sent)
    assert (result.answer, result.truncated, result.model, result.tier) == ("All green.", False, "m", "orchestration")
    assert (result.cost_usd, result.cost_known, result.metadata) == (Decimal("0.0000015"), True, {"ticket": "OPS-1"})
    assert client.result(sent.task_id) == result
    assert client.result("nobody") is None


def test_a_large_answer_comes_from_the_bucket(aws: Aws, client: Client) -> None:
    sent = client.submit("All of it.")
    put(aws, sent, answer=BucketPayloads(aws.client("s3"), BUCKET).keep_large("line\n" * 30_000, "t/answer"))
    assert client.wait(sent).answer == "line\n" * 30_000


def test_a_task_without_an_answer_is_an_error_with_its_reason_and_cost(aws: Aws, client: Client) -> None:
    sent = client.submit("x")
    put(aws, sent, Status.FAILED, reason="over_budget", cost_nano=7)
    with pytest.raises(TaskFailedError, match=f"task {sent.task_id} failed: over_budget") as failed:
        client.wait(sent)
    assert failed.value.result.cost_nano_usd == 7
    put(aws, "m-1", Status.REJECTED, reason="prompt: must not be blank", decision=None)
    with pytest.raises(TaskRejectedError, match="task m-1 rejected: prompt: must not be blank"):
        client.wait("m-1")


def test_waiting_has_an_end(client: Client) -> None:
    first, second = client.submit("x"), client.submit("y")
    with pytest.raises(NotEndedError, match=r"has not ended within 0\.01 s: it is queued"):
        client.wait(first, timeout=0.01)
    with pytest.raises(TimeoutError, match="2 tasks have not ended within 0 s") as late:
        list(client.results([first, second], timeout=0))
    assert isinstance(late.value, NotEndedError)
    assert late.value.task_ids == (first.task_id, second.task_id)


def test_pauses_grow_to_a_limit(aws: Aws, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    sent, pauses = client.submit("x"), list[float]()

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 9:
            put(aws, sent, answer=Payload("Yes."))

    monkeypatch.setattr(blocking.time, "sleep", sleep)
    assert client.wait(sent, timeout=None).answer == "Yes."
    assert pauses == [pytest.approx(min(0.2 * 1.5**n, 2.0)) for n in range(9)]


def test_results_arrive_as_tasks_end_and_progress_is_reported_once(
    aws: Aws, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, quick, broken = (client.submit(word) for word in ("slow", "quick", "broken"))
    put(aws, slow, Status.STARTED)
    put(aws, quick, answer=Payload("Quick."))
    put(aws, broken, Status.FAILED, reason="refused")
    monkeypatch.setattr(
        blocking.time,
        "sleep",
        lambda _: put(aws, slow, answer=Payload("Slow."), rows=[RowKey("day#1", "a"), RowKey("day#1", "b")]),
    )
    recorded: list[Progress] = []
    results = list(client.results([slow, quick, broken], on_progress=recorded.append))
    assert [result.answer for result in results] == ["Quick.", None, "Slow."]
    assert [entry.state for entry in recorded if entry.task_id == slow.task_id] == ["started", "completed"]
    assert recorded[-1] == Progress(slow.task_id, "completed", "orchestration", "local", 2)


def test_more_tasks_than_a_request_takes(aws: Aws, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_table, "_PAGE", 2)
    ids = [f"t-{number}" for number in range(5)]
    for task_id in ids:
        put(aws, task_id, answer=Payload(task_id))
    assert {result.answer for result in client.results(ids)} == set(ids)


def test_the_same_for_asyncio(aws: Aws, client: Client) -> None:
    async def ask() -> list[Any]:
        async_client, output = AsyncClient(client), []
        first = await async_client.submit("x", idempotency_key="k")
        again = await async_client.submit("x", idempotency_key="k")
        assert first.task_id == again.task_id
        beats = 0

        async def heart() -> None:
            nonlocal beats
            while beats < 20:
                await asyncio.sleep(0.005)
                beats += 1
            put(aws, first, answer=Payload("Yes."))

        _, result = await asyncio.gather(
            heart(), async_client.wait(first, on_progress=lambda each: output.append(each.state))
        )
        assert beats == 20  # the loop was not blocked
        failing = await async_client.submit("y")
        put(aws, failing, Status.FAILED, reason="blocked")
        ends = [entry.status async for entry in async_client.results([failing, first.task_id])]
        assert await async_client.result(first.task_id) == result
        with pytest.raises(NotEndedError):
            await async_client.wait("nobody", timeout=0)
        return [result.answer, output, ends]

    assert asyncio.run(ask()) == ["Yes.", ["queued", "completed"], [Status.FAILED, Status.COMPLETED]]


def test_threads_may_share_a_client(aws: Aws, client: Client) -> None:
    answers: list[str | None] = []
    put(aws, "t", answer=Payload("Yes."))
    threads = [threading.Thread(target=lambda: answers.append(client.wait("t").answer)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["Yes."] * 4


class Account:
    """A session of an account where every stack has the same outputs."""

    def __init__(self, **outputs: str) -> None:
        self._outputs = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]

    def client(self, service: str, **_: Any) -> "Account":
        assert service in {"cloudformation", "sqs", "dynamodb", "s3"}
        return self

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:
        return {"Stacks": [{"StackName": StackName, "Outputs": self._outputs}]}


def test_a_stack_is_found_by_its_outputs() -> None:
    ours = Account(TaskTableName="t", DataBucketName="b", TaskQueueUrl="q", Other="o")
    assert Client.of_stack("ours", ours).places == Places("q", "t", "b")
    with pytest.raises(NoStackError, match="stack theirs has no output TaskQueueUrl"):
        Client.of_stack("theirs", Account(SiteUrl="x"))


def test_callers_need_nothing_of_the_operators_or_the_functions() -> None:
    core = Path(blocking.__file__).parents[2]
    code = f"import sys; sys.path.insert(0, {str(core)!r}); import pointsman.client; print(*sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    packages = {name.partition(".")[0] for name in printed}
    assert {"pointsman_cli", "typer", "rich", "aws_lambda_powertools", "anthropic", "mcp"} & packages == set()
    assert (core / "pointsman/py.typed").is_file()
