"""The product in this process, on moto's stores and, through the real SDKs, on the fake providers."""

import itertools
import json
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pointsman.execution.records import TaskRecord
from pointsman.services.intake import QueueMessage
from pointsman.values.times import parse_time
from tests.support.attempts import SHIPPED
from tests.support.aws import Aws
from tests.support.fake_providers import FakeProviders
from tests.support.fakes import FakeWorkflow
from tests.support.in_process import LeapClock, Player, assert_ledger_agrees, in_process


@dataclass(frozen=True)
class EndedTask:
    """A task after its delivery."""

    record: TaskRecord
    delivered: dict[str, Any]
    """What its receiver got."""
    calls: list[tuple[str, str, int]]
    """Model, outcome and cost in nano-dollars of each of its calls, by the ledger."""
    asked: list[str]
    """The models that the providers were asked for, by their journal."""
    models: dict[str, Any]
    """What is known of the models it was asked of, now."""


class Product:
    """One account, and the use cases for each configuration that is wanted there."""

    def __init__(self, aws: Aws, providers: FakeProviders) -> None:
        self.aws, self.providers = aws, providers
        self.clock, self.workflow = LeapClock(), FakeWorkflow()
        self._queue = aws.client("sqs").create_queue(QueueName="tasks")["QueueUrl"]
        self._players: dict[str, Player] = {}
        self._numbers = itertools.count(1)
        providers.control("DELETE", "journal")

    def reset(self) -> None:
        """Forget what is known of the models, and the rules of the providers."""
        self.providers.control("DELETE", "faults")
        dynamodb = self.aws.client("dynamodb")
        for item in dynamodb.scan(TableName=self.aws.tables.limits)["Items"]:
            if item["limit"]["S"].startswith(("model#", "decision#")):
                dynamodb.delete_item(TableName=self.aws.tables.limits, Key={"limit": item["limit"]})

    def configured(self, **options: Any) -> Player:
        """Return the product with these options under `pointsman`."""
        config = json.dumps({**SHIPPED, "pointsman": {**SHIPPED.get("pointsman", {}), **options}}, sort_keys=True)
        if config not in self._players:
            url = self.providers.url
            urls = {"google_gemini_base_url": f"{url}/gemini", "anthropic_base_url": f"{url}/anthropic"}
            app = in_process(
                self.aws.settings(**urls, task_queue_url=self._queue), config, self.aws.session, self.clock
            )
            app.runtime.stores.__dict__["workflow"] = self.workflow
            self._players[config] = Player(app, self.clock, self.workflow.executions.__getitem__)
        return self._players[config]

    def send(self, player: Player, **task: Any) -> str:
        """Route a task and return its id."""
        task_id = f"t-{next(self._numbers)}"
        body = json.dumps({"task_id": task_id, "reply_to": self.aws.reply_arn, **task})
        player.route_messages(QueueMessage(f"m-{task_id}", body))
        return task_id

    def end(self, player: Player, task_id: str) -> EndedTask:
        """Play a task to its end."""
        player.play(task_id)
        record = player.task(task_id)
        sqs = self.aws.client("sqs")
        (message,) = sqs.receive_message(QueueUrl=self._replies, MaxNumberOfMessages=10)["Messages"]
        sqs.delete_message(QueueUrl=self._replies, ReceiptHandle=message["ReceiptHandle"])
        requests = [entry for entry in self.providers.requests() if entry["attempt"].startswith(f"{task_id}.")]
        states = player.app.runtime.stores.model_health.states({entry["model"] for entry in requests})
        return EndedTask(
            record,
            json.loads(message["Body"]),
            self._calls(player, record),
            [entry["model"] for entry in requests],
            dict(states),
        )

    def do(self, task: dict[str, Any], **options: Any) -> EndedTask:
        """Run a task from the queue to its delivery."""
        player = self.configured(**options)
        return self.end(player, self.send(player, **task))

    def assert_books_agree(self) -> None:
        """Compare ledger, counters and the providers' journal."""
        if self._players:
            (player, *_) = self._players.values()
            assert_ledger_agrees(player.app, self.providers.requests(), self.clock.now())

    @property
    def _replies(self) -> str:
        name = self.aws.reply_arn.rpartition(":")[2]
        return str(self.aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])

    @staticmethod
    def _calls(player: Player, record: TaskRecord) -> list[tuple[str, str, int]]:
        calls = []
        for key in record.rows:
            day, _, shard = key.day_shard.partition("#")
            at = parse_time(key.began_at)
            partition = player.app.ledger_reader.partition(
                date.fromisoformat(day), int(shard), at, at + timedelta(milliseconds=1)
            )
            calls += [(row["model"], row["outcome"], row["cost_nano"]) for row in partition if row["row"] == key.row]
        return calls
