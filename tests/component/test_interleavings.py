"""Router, attempts, deliveries, sweeps, replays and aborts at once, each killed before or after any call to a table.

Every seed is one interleaving, played in virtual time on tables in memory.
"""

import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ConnectTimeoutError

from pointsman.adapters import dynamo
from pointsman.adapters.budget_items import counters_of
from pointsman.adapters.dynamo import Item, unpack
from pointsman.adapters.ledger_reader import DynamoLedgerReader
from pointsman.adapters.limit_items import DynamoModelHealth
from pointsman.adapters.task_item import to_item
from pointsman.adapters.task_table import TaskTable
from pointsman.adapters.usage_ledger import DynamoUsageLedger
from pointsman.contracts.sender import Sender
from pointsman.execution.budget import OPEN
from pointsman.execution.calls import ModelRequest, Purpose
from pointsman.execution.executions import DeadExecution
from pointsman.execution.model_health import Admission, HealthUpdate, ModelState, Slot
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.execution.records import Payload, TaskRecord
from pointsman.execution.subtasks import SPLIT_SCHEMA
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.routing import config as openclaw
from pointsman.routing.catalog import load_catalog
from pointsman.routing.policy import RoutingPolicy
from pointsman.services.attempt import FUNCTION_SECONDS, Attempt
from pointsman.services.cancel import CancelOutcome
from pointsman.services.cancellation import Cancellation
from pointsman.services.classification import TaskClassifier
from pointsman.services.context import Context
from pointsman.services.delivery import Delivery
from pointsman.services.intake import Intake, QueueMessage
from pointsman.services.rejection import RejectMessage
from pointsman.services.replay import REPLAY_UNFINISHED, Replay, ReplayOptions
from pointsman.services.start import task_of_execution
from pointsman.services.subtasks import Subtasks
from pointsman.values.status import ENDED, Status
from pointsman.values.usage import Usage
from tests.support.attempts import started
from tests.support.aws import TABLES, Aws, MotoLedger
from tests.support.fake_stores import FakePayloads
from tests.support.fakes import NOON, FakeBus, FakeDeadLetterQueue, FakeReplies, FakeTaskQueue, FakeWorkflow
from tests.support.interleaving import Interleaving, Killed
from tests.support.ledger import MODEL, NO_QUOTA, intent, known, scan, settled, task
from tests.support.memory_dynamo import Key, MemoryDynamo, refused
from tests.support.quiet_sweep import quiet_sweep
from tests.support.router import SHIPPED, build

SEEDS = range(1000 if os.environ.get("POINTSMAN_SOAK") == "1" else 20)
CHECKS = {"code_generation": {"sections": ["Answer"]}, "planning": {"judge": True}}
"""So that some tasks ask a tier up, and some a judge."""
LIMITS = {"split_usd": "0.025", "rules": [{"sender": "key:*", "month_usd": "0.05", "in_flight": 2, "rpm": 6}]}
CONFIG = json.dumps(
    {
        **json.loads(SHIPPED),
        "pointsman": {"budget": {"month_usd": "0.1", "day_usd": "0.08"}, "verify": CHECKS, "limits": LIMITS},
    }
)
CAPS = {
    "month": 100_000_000,
    "day_22": 80_000_000,
    **dict.fromkeys(("sender key:a@month", "sender key:b@month"), 50_000_000),
}
CEILINGS = {"split": 25_000_000, "task": 45_000_000}
"""Of the subtasks of one answer, and of a task with `max_cost_usd`."""
LEASE = 50.0
TYPES = ("code_generation", "architecture", "planning")


@dataclass
class Journal:
    """The providers, who keep each request's tag."""

    world: "World"
    tags: list[str] = field(default_factory=list)

    def ask(self, request: ModelRequest) -> CallResult:
        dice = self.world.time.dice
        self.tags.append(request.tag)
        self.world.time.sleep(dice.uniform(0.5, 20.0))
        self.world.perhaps_die(0.03)
        self.world.check_open_call(request.tag)
        usage = Usage(input=dice.randrange(100, 900), output=dice.randrange(1, 400))
        match dice.choices(("answer", "unknown", "busy", "unavailable", "invalid", "empty"), (12, 2, 1, 2, 1, 1))[0]:
            case "answer" if request.schema == SPLIT_SCHEMA:
                parts = [{"prompt": f"Part {number} of {request.tag}.", "type": TYPES[0]} for number in (1, 2)]
                return CallResult(Outcome.ANSWERED, json.dumps({"answer": request.tag, "subtasks": parts}), usage)
            case "answer":
                title = dice.choice(("Answer", "Words"))
                return CallResult(Outcome.ANSWERED, f"# {title}\n{request.tag}", usage)
            case "empty":
                return CallResult(Outcome.EMPTY, usage=usage)
            case other:
                return CallResult(Outcome(other))


class World:
    """All functions over one set of tables."""

    def __init__(self, seed: int) -> None:
        self.time, self.mortal, self.faults = Interleaving(seed), set[int](), True
        random.seed(seed)
        self.store = MemoryDynamo(TABLES, self.call)
        self.ledger, self.tasks = DynamoUsageLedger(self.store, TABLES), TaskTable(self.store, TABLES)
        self.reader, health = DynamoLedgerReader(self.store, TABLES), DynamoModelHealth(self.store, TABLES)
        self.journal, self.bus, self.payloads = Journal(self), FakeBus(), FakePayloads()
        self.workflow, self.dead = Executions(self), FakeDeadLetterQueue()
        self.aborted: dict[str, datetime] = {}
        self.sent: set[str] = set()
        self.wrong: list[str] = []

        self.ctx = Context(
            RoutingPolicy(openclaw.parse(CONFIG), load_catalog()),
            self.ledger,
            lambda _: self.journal,
            cast("Any", SimpleNamespace(now=self.now, sleep=self.time.sleep)),
            ZoneInfo("UTC"),
            lambda event, **_: None,
            lambda name, value=1: None,
        )
        parts = (self.ctx, self.tasks, self.payloads)
        queue = SpawningQueue(self)
        self.delivery = Delivery(*parts, self.bus, FakeReplies(), "data", Subtasks(*parts, queue))
        nobody = cast("Any", None)
        classifier = TaskClassifier(self.ctx, nobody)  # every message states its type
        reject = RejectMessage(self.ctx, self.tasks, self.dead, self.bus, self.delivery, frozenset())
        self.intake = Intake(
            ctx=self.ctx,
            tasks=self.tasks,
            payloads=self.payloads,
            workflow=self.workflow,
            model_health=health,
            delivery=self.delivery,
            classifier=classifier,
            reject=reject,
            s3_prompts=nobody,
        )
        self.sweep = quiet_sweep(self.ctx, self.store, self.tasks, self.workflow, self.delivery)
        self.replay = Replay(*parts, self.workflow, health, classifier, self.dead, queue, frozenset())
        self.cancel = Cancellation(self.tasks, self.workflow, self.delivery)
        self.cancelled: set[str] = set()
        self.ends: dict[tuple[str, int], str] = {}

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.time.now)

    def call(self, operation: str, written: list[tuple[str, Key]], carry_out: Callable[[], Item]) -> Item:
        """One request to a table: others go on meanwhile, and it may conflict, or lose its answer or its caller."""
        if operation == "Query":  # these are read ahead by threads of their own
            return carry_out()
        dice = self.time.dice
        self.time.sleep(dice.uniform(0.0, 0.02))
        self.perhaps_die(0.01)
        if self.faults and operation == "TransactWriteItems" and dice.random() < 0.05:
            raise refused(
                operation, "TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict"}]
            )
        try:
            return carry_out()
        except AssertionError as error:  # which a caller may take for trouble of its own
            self.wrong.append(repr(error))
            raise
        finally:
            self.check_caps()
            self.check_pace()
            self.check_ends()
            if self.faults and dice.random() < 0.01:
                raise ConnectTimeoutError(endpoint_url="memory")
            self.time.sleep(dice.uniform(0.0, 0.02))
            self.perhaps_die(0.01)

    def perhaps_die(self, chance: float) -> None:
        if self.faults and self.time.dice.random() < chance:
            raise Killed

    def check_caps(self) -> None:
        counters = self.counters()
        self.wrong += [f"{name} is {counters[name]}" for name, cap in CAPS.items() if counters.get(name, 0) > cap]
        for name, count in counters.items():
            kind = "split" if "." in name else "task"  # an answer's subtasks are named after its task's generation
            if name.startswith("family ") and not name.endswith(OPEN) and count > CEILINGS[kind]:
                self.wrong.append(f"{name} is {count}")

    def check_pace(self) -> None:
        """No more tasks of a sender have begun and not ended than may be in flight."""
        under_way = Counter[str]()
        for item in map(unpack, self.store.items["tasks"].values()):
            begun = str(item.get("last_turn", "")).startswith(f"{item.get('generation', 1):06d}.")
            if begun and item["status"] in (Status.CLAIMED, Status.STARTED) and "sender" in item:
                under_way[item["sender"]] += 1
        self.wrong += [f"{count} tasks of {sender} are in flight" for sender, count in under_way.items() if count > 2]

    def check_ends(self) -> None:
        """An end stays, and no attempt is open when it comes."""
        for item in map(unpack, self.store.items["tasks"].values()):
            if item["status"] in ENDED:
                identity = item["task_id"], item.get("generation", 1)
                if self.ends.setdefault(identity, item["status"]) != item["status"] or "open_intent" in item:
                    self.wrong.append(f"{identity} was {self.ends[identity]}: {item}")

    def check_open_call(self, tag: str) -> None:
        """A call that is under way has not been settled, unless it was given up as unknown."""
        rows = self.reader.rows(NOON - timedelta(hours=1), self.now() + timedelta(hours=1))
        (row,) = [row for row in rows if f"{row['task_id']}.{row['turn']}" == tag]
        task = unpack(self.store.items["tasks"][row["task_id"],])
        ended = task["status"] in ENDED and row["purpose"] != Purpose.AUDIT
        if row.get("outcome", "unknown") != "unknown" or (ended and "outcome" not in row):
            self.wrong.append(f"{tag} was released while its call was open")

    def counters(self) -> dict[str, int]:
        items = [unpack(item) for (key,), item in self.store.items["limits"].items() if key[:6] in ("budget", "releas")]
        return counters_of(items)

    # Who calls

    def send(self, number: int) -> None:
        """A message, delivered until it is acknowledged, and sometimes by two at once."""
        task_id, kind = f"t-{number}", self.time.dice.choice(TYPES)
        self.sent.add(task_id)
        split = {"split": True, "type": "orchestration"} if self.time.dice.random() < 0.25 else {}
        fields = {"prompt": f"Task {number}.", "task_id": task_id, "type": kind, "max_output_tokens": 2000, **split}
        ceiling = {"max_cost_usd": "0.045"} if self.time.dice.random() < 0.25 else {}
        sender = self.time.dice.choice((Sender("key:a"), Sender("key:b"), Sender()))
        message = QueueMessage(f"m-{number}", json.dumps(fields | ceiling), sender=sender)
        for copy in range(self.time.dice.choice((1, 1, 2))):
            self.time.spawn(lambda copy=copy: self.receive(message, copy), after=self.time.dice.uniform(0, 2.0))

    def receive(self, message: QueueMessage, copy: int) -> None:
        for time in range(40):
            try:
                batch = self.intake.claim_batch([message], f"router-{message.message_id}-{copy}-{time}", LEASE)
                self.intake.start_or_reject(message, batch)
            except (Exception, Killed):  # noqa: BLE001
                self.time.sleep(LEASE + 1)
            else:
                return
        raise AssertionError("a message comes back for ever")

    def execute(self, name: str) -> None:
        """An execution, as the state machine leads it; stopped between two steps when it is aborted."""
        state = WorkflowState.from_state(json.loads(self.workflow.executions[name]))
        for _ in range(300):
            if name in self.aborted:
                return
            now = self.now()
            if now >= state.deadline:
                state = replace(state, next=Next.FAIL, reason="deadline")
            if state.hop >= len(state.plan) or state.crashes > 5:
                state = replace(state, next=Next.FAIL, reason="no_model_left", hop=0)
            if state.delivered:
                return
            if state.next in (Next.DELIVER, Next.FAIL):
                self.deliver(name, state)
                return
            if state.next is Next.WAIT:
                self.time.sleep(state.wait_seconds)
                state = replace(state, next=Next.RUN)
                continue
            if self.faults and self.time.dice.random() < 0.2:  # stopped while its function begins
                self.time.spawn(lambda: self.abort(name), after=self.time.dice.uniform(0, 0.1))
            attempt = Attempt(self.ctx, self.payloads, state.here.function, self.delivery.tell_answer)
            try:
                as_json = json.loads(json.dumps(state.as_state()))
                state = attempt(WorkflowState.from_state(as_json), float(FUNCTION_SECONDS[state.here.function]))
            except (Exception, Killed):  # noqa: BLE001
                crashed = replace(state, attempt=state.attempt + 1, crashes=state.crashes + 1, next=Next.RUN)
                state = replace(crashed, reason=str(Outcome.UNKNOWN))
        raise AssertionError(f"{name} does not end")

    def deliver(self, name: str, state: WorkflowState) -> None:
        for _ in range(3):
            try:
                self.delivery.finish(state.task_id, state.generation, state.reason)
            except (Exception, Killed):  # noqa: BLE001
                self.time.sleep(5.0)
            else:
                return
        self.workflow.died.append((DeadExecution(name, "FAILED"), self.now()))  # left undelivered

    def abort(self, name: str) -> None:
        """Stop an execution; the rule on its status finishes the task, if it is not killed itself."""
        if name in self.aborted:
            return
        if name not in self.workflow.executions:
            return
        self.aborted[name] = self.now()
        self.workflow.died.append((DeadExecution(name, "ABORTED"), self.now()))
        task_id, generation = task_of_execution(self.workflow, name)
        self.patiently(lambda: self.delivery.finish(task_id, generation, "workflow_aborted"))

    def withdraw(self, task_id: str) -> None:
        """Cancel a task as an operator does, who may be killed between any two steps."""

        def cancel() -> None:
            result, _ = self.cancel(task_id)
            if result.outcome in (CancelOutcome.CANCELLED, CancelOutcome.CANCELLING, CancelOutcome.NOT_RECEIVED):
                self.cancelled.add(task_id)

        self.patiently(cancel)

    def patiently(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except (Exception, Killed):  # noqa: BLE001
            self.time.sleep(1.0)

    def run(self) -> None:
        dice = self.time.dice
        for number in range(dice.randrange(3, 8)):
            self.send(number)
        for _ in range(dice.randrange(4)):
            name = f"t-{dice.randrange(3)}"
            self.time.spawn(lambda name=name: self.abort(name), after=dice.uniform(0.5, 60))
        for _ in range(dice.randrange(4)):
            part = dice.choice(("", "", "", "-s01"))
            task_id, twice = f"t-{dice.randrange(4)}{part}", dice.choice((1, 1, 2))
            for _ in range(twice):
                self.time.spawn(lambda task_id=task_id: self.withdraw(task_id), after=dice.uniform(0, 40))
        for _ in range(4):
            self.time.spawn(lambda: self.patiently(self.sweep), after=dice.uniform(0, 1500))
            options = ReplayOptions(failed=True, execute=True)
            self.time.spawn(
                lambda options=options: self.patiently(lambda: self.replay(options, "operator")),
                after=dice.uniform(0, 600),
            )
        self.time.run()
        self.faults = False
        for _ in range(4):  # what the sweeps of the next hour find
            self.time.sleep(900)
            self.sweep()
            self.replay(ReplayOptions(failed=True, code=REPLAY_UNFINISHED, execute=True), "operator")
            self.time.run()


class SpawningQueue(FakeTaskQueue):
    """The task queue, for what an answer hands out: delivered soon, and sometimes sent twice."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def send(self, body: str, sender: str | None = None) -> None:
        super().send(body, sender)
        number = len(self.bodies)
        self.world.sent.add(json.loads(body)["task_id"])
        message = QueueMessage(f"m-sub-{number}", body)
        self.world.time.spawn(lambda: self.world.receive(message, 0), after=self.world.time.dice.uniform(0, 5.0))


class Executions(FakeWorkflow):
    """A state machine that runs what is started."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def stop(self, name: str, cause: str) -> None:
        if name in self.executions:
            self.world.time.spawn(lambda: self.world.abort(name))

    def start(self, name: str, execution_input: str) -> Any:
        begun = super().start(name, execution_input)
        if begun.started:
            self.world.time.spawn(lambda: self.world.execute(name), after=self.world.time.dice.uniform(0, 0.1))
        return begun


@pytest.mark.parametrize("seed", SEEDS)
def test_ledger_and_tasks_are_right_after_any_interleaving(seed: int) -> None:
    world = World(seed)
    with patch.object(dynamo, "time", SimpleNamespace(sleep=world.time.sleep)):
        world.run()
    assert world.wrong == []
    rows = list(world.reader.rows(NOON - timedelta(hours=1), world.now() + timedelta(hours=1)))
    tags = Counter(f"{row['task_id']}.{row['turn']}" for row in rows)
    assert max(tags.values()) == 1
    assert max(Counter(world.journal.tags).values(), default=1) == 1, "a request was sent twice"
    assert set(world.journal.tags) <= set(tags), "a request without a row"
    assert [row["row"] for row in rows if "outcome" not in row] == []
    assert [row["row"] for row in rows if "counters_due" in row] == []
    counters, costs = world.counters(), defaultdict[str, int](int)
    for row in rows:
        for name in row["counters"] if row["reserved_nano"] or row["cost_nano"] else ():
            costs[name] += row["cost_nano"]
        for part in row.get("parts") or ():
            costs[part["counter"]] += row["cost_nano"]
    assert {name: count for name, count in counters.items() if count and not name.endswith(OPEN)} == {
        name: cost for name, cost in costs.items() if cost
    }
    assert [name for name, count in counters.items() if name.endswith(OPEN) and count] == []
    for task_id in world.sent:
        task = world.tasks.read(task_id)
        assert task is not None
        assert (task.status in ENDED, bool(task.delivered_at), task.open_intent) == (True, True, None), task
        assert task.cost_nano == sum(row["cost_nano"] for row in rows if row["task_id"] == task_id)
    told = defaultdict[tuple[str, int], set[tuple[str, str]]](set)
    for _, event in world.bus.events:
        detail = json.loads(event)
        told[detail["task_id"], detail["generation"]].add((detail["status"], json.dumps(detail["answer"])))
    assert [identity for identity, ends in told.items() if len(ends) > 1] == [], "two answers under one identity"
    statuses = {identity: status for identity, ends in told.items() for status, _ in ends}
    assert statuses.items() <= world.ends.items(), "an end is told as what it was not"
    assert {task_id for task_id, _ in world.ends.keys() - statuses.keys()} & world.sent <= {
        task_id for task_id, generation in world.ends if generation > 1
    }, "an end is not told, though no replay followed it"
    for parent in filter(None, map(world.tasks.read, world.cancelled)):
        parts = [world.tasks.read(ref.task_id) for ref in parent.subtasks]
        assert [part for part in parts if part is None or part.status not in ENDED] == [], "a subtask goes on"
    ended = {task_id: world.tasks.read(task_id) for task_id in world.cancelled & world.sent}
    assert [task for task in ended.values() if task is None or task.status is not Status.CANCELLED] == []


# The tables in memory, and the race that the seeds found


def test_tables_in_memory_answer_as_moto_does(aws: Aws) -> None:
    sides = [script(MemoryDynamo(TABLES)), script(aws.client("dynamodb"))]
    assert sides[0] == sides[1]


def script(client: Any) -> list[Any]:
    """Return what a task's life writes and answers."""
    ledger, tasks, reader = (
        DynamoUsageLedger(client, TABLES),
        TaskTable(client, TABLES),
        DynamoLedgerReader(client, TABLES),
    )
    known(tasks, "t-1", "t-2", "t-3")
    said: list[Any] = [tasks.claim(task(tasks))]
    for turn, (outcome, cost) in enumerate([(Outcome.UNKNOWN, 100), (Outcome.NOT_SENT, 0), (Outcome.BUSY, 130)], 1):
        said.append(ledger.reserve(intent(turn=turn), NO_QUOTA, ModelState(MODEL)))
        said.append(ledger.reserve(intent(turn=turn), NO_QUOTA, ModelState(MODEL)))
        said.append(ledger.settle(settled(intent(turn=turn), outcome, cost), HealthUpdate({"backoff_until": 5}), None))
        said.append(ledger.settle(settled(intent(turn=turn), outcome, cost, 9.0), HealthUpdate(), None))
    probe = Admission(probe_until=7, slot=Slot(5, 9), day="2026-11-22", day_count=1)
    said += [ledger.reserve(intent("t-2", amount=amount), probe, ModelState(MODEL)) for amount in (900, 200, 300)]
    said.append(tasks.add_reply("t-2", "place"))
    said.append(tasks.add_reply("t-2", "place"))
    said.append(tasks.fail("t-2", 1, "aborted", NOON))  # an attempt of it is open
    said.append(ledger.settle(settled(intent("t-2", amount=200)), HealthUpdate(), Payload(inline="words")))
    said.append(tasks.fail("t-3", 1, "aborted", NOON))
    said.append(list(tasks.replayable()))
    said.append(list(tasks.wanting_attention()))
    said.append(tasks.replay(replace(task(tasks, "t-3"), generation=2), NOON))
    said.append(ledger.look("t-2", MODEL, NOON.date()))
    said.append(reader.counters("2026-11", 22))
    said.append(sorted(row["row"] for row in reader.rows(NOON, NOON + timedelta(seconds=1))))
    return [*said, *(sorted(scan(client, table), key=str) for table in (TABLES.tasks, TABLES.usage, TABLES.limits))]


def test_attempt_that_begins_while_its_task_is_ended_is_closed_before_the_end(
    aws: Aws, ledger: MotoLedger, task_table: TaskTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = build(aws, ledger, task_table)
    started(router, "implementation")
    late, fail, begun = intent(at=router.clock.now()), task_table.fail, list[bool]()

    def fail_later(*arguments: Any) -> TaskRecord | None:
        if not begun:
            begun.append(ledger.reserve(late, NO_QUOTA, ModelState(MODEL)).made)
        return fail(*arguments)

    monkeypatch.setattr(task_table, "fail", fail_later)
    assert router.intake.delivery.finish("t-1", 1, "workflow_aborted") is Status.FAILED
    assert begun == [True]
    ended = router.task()
    assert (ended.open_intent, ended.reason, ended.cost_nano) == (None, "workflow_aborted", late.charge.amount)
    assert not ledger.settle(settled(late), HealthUpdate(), Payload(inline="late words"))
    assert router.task() == ended


def test_settled_attempt_that_a_task_still_has_open_is_forgotten(ledger: MotoLedger, task_table: TaskTable) -> None:
    """As an earlier version left it; else the task could never be replayed."""
    known(task_table)
    assert ledger.reserve(intent(), NO_QUOTA, ModelState(MODEL)).made
    before = task(task_table)
    assert ledger.settle(settled(intent(), Outcome.UNKNOWN, 100), HealthUpdate(), None)
    task_table._client.put_item(TableName=TABLES.tasks, Item=to_item(before))
    assert not ledger.settle(settled(intent(), Outcome.UNKNOWN, 100, 900), HealthUpdate(), None)
    assert task(task_table) == replace(before, open_intent=None)
