"""The whole local stack under kills: its emulator and its functions die at random points, and `up` brings it back.

The fake providers are a process of their own, which lives on: their count of requests is what the ledger is held to.
"""

import json
import os
import random
import signal
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from devstack import StackInfo, servers, start_stack, stop_stack
from pointsman.execution.records import TaskRecord
from pointsman.values.status import ENDED, Status
from pointsman_cli import stacks
from pointsman_cli.main import main
from pointsman_cli.restarting import start_lost_executions
from tests.support.evidence import Evidence
from tests.support.fake_providers import FakeProviders, start, stop
from tests.support.figures import SOAK, Figures
from tests.support.killer import Killer
from tests.support.local_stack import PARAMETERS, REPLY_QUEUE_ARN, Stack, eventually

pytestmark = pytest.mark.stack

EMULATOR_KILLS = int(os.environ.get("POINTSMAN_EMULATOR_KILLS", "10")) if SOAK else 2
LIFE = (3, 10)
"""Least and most requests at the providers before the emulator is killed."""
MOMENT = 1.5
"""Seconds at most from the last of them to the kill."""
PATIENCE = 150.0
"""Seconds that they may take on a busy machine with every function cold."""
UNDER_WAY = 5
PAUSES = (0.6, 1.6)
DELAYS = (0.05, 0.3, 1.0, 2.5)
"""Seconds that the fake providers take; each task's prompt names one."""
KINDS: tuple[dict[str, Any], ...] = (
    {"tier": "orchestration"},
    {"type": "code_generation"},
    {"type": "design_review", "reply_to": REPLY_QUEUE_ARN},
    {"tier": "implementation"},
    {},
)
REDELIVERY = "60"
"""Seconds until the queue gives a message again; in the template 360. Longer than a claim's lease (55 s), as there."""
LAST = 300.0
"""Seconds that the last tasks may take: a message whose router was killed comes back, and its delivery waits too."""


@pytest.fixture(autouse=True)
def _reset() -> None:
    """Nothing of the shared stack is used here."""


@pytest.fixture
def providers(tmp_path: Path) -> Iterator[FakeProviders]:
    one = start(tmp_path)
    for provider in ("gemini", "anthropic"):
        for delay in DELAYS:
            one.fault(provider, {"delay": {"seconds": delay}}, contains=f"(takes-{delay}s)")
    yield one
    stop(one)


@dataclass
class Laptop:
    """A stack that keeps its data, with real keys for fake providers, and the tasks that were sent to it."""

    folder: Path
    providers: FakeProviders
    dice: random.Random
    port: int = field(default_factory=servers.free_port)
    tasks: dict[str, float] = field(default_factory=dict)
    """The delay of each task whose message was acknowledged."""
    records: dict[str, TaskRecord] = field(default_factory=dict)
    started_again: int = 0

    def up(self) -> Stack:
        """Start the stack, as `pointsman up` does."""
        urls = {"GOOGLE_GEMINI_BASE_URL": "gemini", "ANTHROPIC_BASE_URL": "anthropic"}
        info = start_stack(
            self.folder,
            environ={
                "PATH": os.environ["PATH"],
                **{name: f"{self.providers.url}/{path}" for name, path in urls.items()},
                **dict.fromkeys(("GEMINI_API_KEY", "ANTHROPIC_API_KEY"), "local-key"),
            },
            parameters=PARAMETERS,
            keep=True,
            port=self.port,
        )
        self.started_again += start_lost_executions(info)
        stack = Stack(info.model_copy(update={"fake_providers_url": self.providers.url}))
        queue, shorter = info.outputs["TaskQueueUrl"], {"VisibilityTimeout": REDELIVERY}
        stack.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes=shorter)
        return stack

    def send(self, stack: Stack) -> None:
        number, delay = len(self.tasks), self.dice.choice(DELAYS)
        task_id = f"w{uuid.uuid4().hex[:6]}-{number:03d}"
        kind = KINDS[number % len(KINDS)]
        prompt = f"Which build goes first? No. {number} (takes-{delay}s)"
        stack.send(task_id=task_id, prompt=prompt, max_output_tokens=256, **kind)
        self.tasks[task_id] = delay

    def look(self, stack: Stack) -> list[str]:
        """Read what had not ended; return the ids of the tasks that have not ended and been delivered."""
        for task_id in self._open():
            if record := stack.tasks.read(task_id):
                self.records[task_id] = record
        return self._open()

    def _open(self) -> list[str]:
        return [task_id for task_id in self.tasks if not _is_over(self.records.get(task_id))]

    def live(self, stack: Stack) -> None:
        """Send tasks, few of them under way at once, up to a random moment."""
        goal = len(self.providers.requests()) + self.dice.randint(*LIFE)
        limit = time.monotonic() + PATIENCE
        while len(self.providers.requests()) < goal:
            assert time.monotonic() < limit
            if len(self.look(stack)) < UNDER_WAY:
                self.send(stack)
            time.sleep(0.2)
        time.sleep(self.dice.uniform(0.0, MOMENT))


def _is_over(record: TaskRecord | None) -> bool:
    return record is not None and record.status in ENDED and record.delivered_at is not None


@pytest.fixture
def laptop(tmp_path: Path, providers: FakeProviders) -> Iterator[Laptop]:
    one = Laptop(tmp_path / "stack", providers, random.Random(20261128))
    yield one
    stop_stack(one.folder)


def test_kills_of_emulator_and_functions_lose_no_task_and_no_row(laptop: Laptop, figures: Figures) -> None:
    stack, kills = laptop.up(), Counter[str]()
    stack.client("sqs").create_queue(QueueName=REPLY_QUEUE_ARN.rsplit(":", 1)[1])
    before = Evidence.of(stack)
    for _ in range(EMULATOR_KILLS):
        with Killer(stack, laptop.tasks, PAUSES, 0.4, random.Random(7)) as killer:
            laptop.live(stack)
            os.kill(stack.info.processes[0].pid, signal.SIGKILL)
        kills += killer.kills
        kills["emulator"] += 1
        with pytest.raises((BotoCoreError, ClientError)):
            laptop.send(stack)
        stack = laptop.up()
    eventually(lambda: not laptop.look(stack) or None, "all tasks to end", LAST)
    evidence = Evidence.of(stack)
    figures.update(_figures(laptop, evidence, kills))
    assert laptop.started_again > 0
    assert evidence.disagreements(before) == []
    assert evidence.open == [] or {row["purpose"] for row in evidence.open} == {"classification"}
    assert set(evidence.requests) <= set(evidence.attempts)
    answered = Counter(row["task_id"] for row in evidence.rows if row.get("outcome") in ("answered", "truncated"))
    for task_id, record in laptop.records.items():
        assert answered[task_id] == (record.status is Status.COMPLETED), record
        assert record.cost_nano == sum(row["cost_nano"] for row in evidence.rows if row["task_id"] == task_id)
    assert _answered_replies(stack) >= {
        task_id for number, task_id in enumerate(laptop.tasks) if "reply_to" in KINDS[number % len(KINDS)]
    }


def _answered_replies(stack: Stack) -> set[str]:
    sqs, found = stack.client("sqs"), set[str]()
    url = sqs.get_queue_url(QueueName=REPLY_QUEUE_ARN.rsplit(":", 1)[1])["QueueUrl"]
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages"):
        found |= {json.loads(message["Body"])["task_id"] for message in messages}
    return found


def _figures(laptop: Laptop, evidence: Evidence, kills: Counter[str]) -> dict[str, Any]:
    return {
        "processes killed": dict(kills),
        "tasks": len(laptop.tasks),
        "tasks started again": laptop.started_again,
        "tasks by status": dict(Counter(str(record.status) for record in laptop.records.values())),
        "requests that arrived": len(evidence.journal),
        "attempts in the ledger": len(evidence.rows),
        "attempts by outcome": dict(Counter(str(row.get("outcome", "open")) for row in evidence.rows)),
        "calls with unknown outcome, cut": evidence.where_calls_were_cut(),
    }


def test_tasks_ledger_and_queue_stay_over_down_and_go_with_delete(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stacks, "STATE_DIR", laptop.folder)

    def printed(*command: str) -> Any:
        capsys.readouterr()
        assert main([*command, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    stack = laptop.up()
    stack.ended(stack.send(prompt="Is it green?", tier="orchestration"))
    stack.send_raw("{not a task")
    rejected = eventually(lambda: printed("replay")["found"] or None, "the letter to be dead")
    report, tasks, info = printed("report"), printed("list")["tasks"], StackInfo.load(laptop.folder)
    assert main(["down"]) == 0
    stack = laptop.up()
    after = StackInfo.load(laptop.folder)
    assert info
    assert after
    assert (after.endpoint, after.outputs, after.access_key) == (info.endpoint, info.outputs, info.access_key)
    assert {task["task_id"] for task in printed("list")["tasks"]} == {task["task_id"] for task in tasks}
    assert printed("report")["totals"] == report["totals"]
    # What a reader had received, and given back, counts as received: it is visible again within a minute.
    letters = eventually(lambda: printed("replay")["found"] or None, "the letter to be visible again", 90)
    assert [one["task_id"] for one in letters] == [one["task_id"] for one in rejected]
    assert main(["down", "--delete", "--yes"]) == 0
    assert not (laptop.folder / "data").exists()
