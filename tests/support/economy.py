"""The economy lane and all around it in one process: tables in memory, a clock of the test's, a provider's batches."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from pointsman.adapters.batch_store import DynamoBatchStore
from pointsman.adapters.budget_items import counters_of
from pointsman.adapters.dynamo import Item, unpack
from pointsman.adapters.ledger_reader import DynamoLedgerReader
from pointsman.adapters.limit_items import DynamoModelHealth
from pointsman.adapters.task_table import TaskTable
from pointsman.adapters.usage_ledger import DynamoUsageLedger
from pointsman.contracts.sender import UNKNOWN_SENDER, Sender
from pointsman.execution.calls import ModelRequest
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.execution.records import TaskRecord
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.routing import config as openclaw
from pointsman.routing.catalog import load_catalog
from pointsman.routing.policy import RoutingPolicy
from pointsman.services.attempt import FUNCTION_SECONDS, Attempt
from pointsman.services.batch_creation import BatchCreation
from pointsman.services.batch_settlement import BatchSettlement
from pointsman.services.cancellation import Cancellation
from pointsman.services.classification import TaskClassifier
from pointsman.services.context import Context
from pointsman.services.delivery import Delivery
from pointsman.services.economy import EconomyLane, LaneRun
from pointsman.services.intake import Intake, QueueMessage
from pointsman.services.lane_exit import LaneExit
from pointsman.services.rejection import RejectMessage
from pointsman.services.replay import Replay, ReplayOptions
from pointsman.services.subtasks import Subtasks
from pointsman.services.task_call import TaskCalls
from pointsman.values.usage import Usage
from tests.support.aws import TABLES
from tests.support.fake_batches import FakeBatches
from tests.support.fake_stores import FakePayloads
from tests.support.fakes import FakeBus, FakeClock, FakeDeadLetterQueue, FakeReplies, FakeTaskQueue, FakeWorkflow
from tests.support.interleaving import Killed
from tests.support.memory_dynamo import Key, MemoryDynamo
from tests.support.quiet_sweep import quiet_sweep
from tests.support.router import SHIPPED

HAIKU, SONNET = "claude-haiku-5-5", "claude-sonnet-5-5"
RUN_SECONDS = 900.0
"""Of the economy function, as in the template."""
BETWEEN_RUNS = timedelta(minutes=5)


class EconomyWorld:
    """All functions over one set of tables."""

    def __init__(self, seed: int = 0, **options: Any) -> None:
        random.seed(seed)
        self.dice, self.deadly = random.Random(seed), 0.0
        self.calls_left: int | None = None
        """Beginnings and ends of calls until the one kill; None: nobody counts them."""
        self.clock = FakeClock()
        self.config = {**json.loads(SHIPPED), "pointsman": {"budget": {"month_usd": "50"}, **options}}
        self.store = MemoryDynamo(TABLES, self._table_call)
        self.ledger, self.tasks = DynamoUsageLedger(self.store, TABLES), TaskTable(self.store, TABLES)
        self.reader, self.health = DynamoLedgerReader(self.store, TABLES), DynamoModelHealth(self.store, TABLES)
        self.batch_store = DynamoBatchStore(self.store, TABLES)
        self.batches = FakeBatches(self.clock.now, on_call=self._provider_call)
        self.asked: list[ModelRequest] = []
        """Single calls."""
        self.answer: Callable[[ModelRequest], CallResult] = lambda request: CallResult(
            Outcome.ANSWERED, f"# Answer\n{request.prompt}", Usage(input=100 + len(request.prompt), output=200)
        )
        self.bus, self.payloads, self.workflow = FakeBus(), FakePayloads(), FakeWorkflow()
        self.queue = FakeTaskQueue()
        self.counted: list[str] = []
        self.logged: list[str] = []
        self.kills = 0
        self._played: set[str] = set()
        self._runs = 0
        self._build()

    def configure(self, **options: Any) -> None:
        """Deploy another configuration."""
        self.config["pointsman"] = {**self.config["pointsman"], **options}
        self._build()

    def _build(self) -> None:
        policy = RoutingPolicy(openclaw.parse(json.dumps(self.config)), load_catalog())

        def log(event: str, **_: object) -> None:
            self.logged.append(str(event))

        def count(name: str, value: float = 1) -> None:
            self.counted.append(name)

        clock, zone = cast("Any", self.clock), ZoneInfo("UTC")
        self.ctx = Context(policy, self.ledger, lambda _: cast("Any", self), clock, zone, log, count)
        parts = (self.ctx, self.tasks, self.payloads)
        self.delivery = Delivery(*parts, self.bus, FakeReplies(), "data", Subtasks(*parts, self.queue))
        dead, nobody = FakeDeadLetterQueue(), cast("Any", None)
        self.intake = Intake(
            ctx=self.ctx,
            tasks=self.tasks,
            payloads=self.payloads,
            workflow=self.workflow,
            model_health=self.health,
            delivery=self.delivery,
            classifier=TaskClassifier(self.ctx, nobody),
            s3_prompts=nobody,
            reject=RejectMessage(self.ctx, self.tasks, dead, self.bus, self.delivery, frozenset()),
            economy=True,
        )
        calls, leaving = TaskCalls(self.ctx, self.payloads), LaneExit(self.ctx, self.tasks, self.workflow)
        common = (self.ctx, self.tasks, calls, self.batch_store, leaving)
        self.settlement = BatchSettlement(*common, lambda: self.batches)
        creation = BatchCreation(*common, self.settlement, lambda: self.batches)
        self.lane = EconomyLane(
            self.ctx, self.tasks, self.batch_store, creation, self.settlement, leaving, lambda: self.batches
        )
        self.sweep = quiet_sweep(self.ctx, self.store, self.tasks, self.workflow, self.delivery)
        self.cancel = Cancellation(self.tasks, self.workflow, self.delivery)
        self._replay = Replay(
            *parts, self.workflow, self.health, self.intake.classifier, dead, FakeTaskQueue(), frozenset()
        )

    # What may go wrong

    def _table_call(self, operation: str, written: list[tuple[str, Key]], carry_out: Callable[[], Item]) -> Item:
        self._perhaps_die()
        try:
            return carry_out()
        finally:
            self._perhaps_die()

    def _provider_call(self, what: str) -> None:
        self.clock.advance(0.5)
        self._perhaps_die(3.0)

    def _perhaps_die(self, weight: float = 1.0) -> None:
        if self.calls_left is not None:
            self.calls_left -= 1
        if self.calls_left == 0 or (self.deadly and self.dice.random() < self.deadly * weight):
            self.kills += 1
            raise Killed

    def ask(self, request: ModelRequest) -> CallResult:
        """Serve as the model client of single calls."""
        self._perhaps_die()
        self.asked.append(request)
        self.clock.advance(2.0)
        return self.answer(request)

    # Who calls

    def send(self, task_id: str, *, sender: Sender = UNKNOWN_SENDER, copies: int = 1, **fields: Any) -> None:
        """Deliver a message until it is acknowledged, `copies` times."""
        task = {"prompt": f"Write a page about {task_id}.", "type": "documentation", "task_id": task_id, **fields}
        message = QueueMessage(f"m-{task_id}", json.dumps(task), sender=sender)
        for copy in range(copies):
            self.until_done(lambda copy=copy: self._receive(message, f"router-{task_id}-{copy}"), pause=61.0)

    def _receive(self, message: QueueMessage, owner: str) -> None:
        batch = self.intake.claim_batch([message], f"{owner}-{self.dice.random()}", 50.0)
        self.intake.start_or_reject(message, batch)

    def receive_subtasks(self) -> list[str]:
        """Deliver the subtasks that were sent, and return their ids."""
        task_ids = []
        for body, sender in zip(self.queue.bodies, self.queue.senders, strict=True):
            task_ids.append(json.loads(body)["task_id"])
            message = QueueMessage(f"m-{task_ids[-1]}", body, sender=Sender(sender) if sender else UNKNOWN_SENDER)
            self.until_done(lambda message=message: self._receive(message, "router-subtasks"), pause=61.0)
        self.queue.bodies, self.queue.senders = [], []
        return task_ids

    def replay(self, task_id: str) -> None:
        """Run a failed task again, as an operator does."""
        (item,) = self._replay(ReplayOptions(ids=frozenset({task_id}), execute=True), "operator")
        assert item.replayed, item

    def run(self, *, after: timedelta = BETWEEN_RUNS) -> LaneRun | None:
        """Let time pass and take a turn of the lane; None: it was killed."""
        self.clock.advance(after.total_seconds())
        self._runs += 1
        try:
            return self.lane(f"run-{self._runs}", RUN_SECONDS)
        except Killed:
            return None

    def play_all(self) -> None:
        """Play every execution that has begun to its end."""
        for name in [name for name in self.workflow.executions if name not in self._played]:
            self.until_done(lambda name=name: self.play(name))
            self._played.add(name)

    def play(self, name: str) -> None:
        """Play an execution, its deliveries included."""
        state = WorkflowState.from_state(json.loads(self.workflow.executions[name]))
        for _ in range(60):
            if state.next not in (Next.DELIVER, Next.FAIL) and self.clock.now() >= state.deadline:
                state = replace(state, next=Next.FAIL, reason="deadline")
            if state.hop >= len(state.plan):
                state = replace(state, next=Next.FAIL, reason="no_model_left", hop=0)
            if state.delivered:
                return
            if state.next in (Next.DELIVER, Next.FAIL):
                self.delivery.finish(state.task_id, state.generation, state.reason)
                return
            if state.next is Next.WAIT:
                self.clock.advance(state.wait_seconds)
            state = self._step(replace(state, next=Next.RUN))
        raise AssertionError(f"{name} does not end")

    def _step(self, state: WorkflowState) -> WorkflowState:
        function = state.here.function
        as_json = json.loads(json.dumps(state.as_state()))
        try:
            attempt = Attempt(self.ctx, self.payloads, function, self.delivery.tell_answer)
            return attempt(WorkflowState.from_state(as_json), float(FUNCTION_SECONDS[function]))
        except Killed:
            return replace(state, attempt=state.attempt + 1, crashes=state.crashes + 1, reason=str(Outcome.UNKNOWN))

    def until_done(self, work: Callable[[], Any], pause: float = 5.0) -> None:
        for _ in range(60):
            try:
                work()
            except (Killed, Exception):  # noqa: BLE001  (whatever it is, it is done again)
                self.clock.advance(pause)
            else:
                return
        raise AssertionError("never done")

    def day(self, hours: float = 1.0, every: timedelta = BETWEEN_RUNS) -> None:
        """Let the lane turn for some hours, its tasks go on and the sweep run."""
        until = self.clock.now() + timedelta(hours=hours)
        turn = 0
        while self.clock.now() < until:
            self.run(after=every)
            self.play_all()
            if (turn := turn + 1) % 3 == 0:
                self.until_done(self.sweep)

    # What can be seen

    def task(self, task_id: str) -> TaskRecord:
        record = self.tasks.read(task_id)
        assert record is not None
        return record

    def rows(self, task_id: str | None = None) -> list[dict[str, Any]]:
        """Return the ledger's attempts, oldest first."""
        now = self.clock.now()
        since = datetime.fromisoformat("2026-11-20T00:00:00+00:00")
        rows = [row for row in self.reader.rows(since, now + timedelta(hours=1)) if row["kind"] == "attempt"]
        return [row for row in rows if task_id in (None, row["task_id"])]

    def counters(self) -> dict[str, int]:
        items = [unpack(item) for (key,), item in self.store.items["limits"].items() if key[:6] in ("budget", "releas")]
        return counters_of(items)
