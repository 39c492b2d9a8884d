"""Budget and claims under any order of what can happen to them, on moto; a small model of each says what must hold."""

import json
import os
from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule
from moto import mock_aws

from pointsman.adapters.task_table import TaskTable
from pointsman.execution.budget import OPEN, charge, check_budget
from pointsman.execution.calls import Intent, Settled
from pointsman.execution.model_health import HealthUpdate, ModelState
from pointsman.execution.outcome import Outcome
from pointsman.execution.records import Payload, TaskRecord
from pointsman.ports import ModelClient
from pointsman.routing.catalog import Provider
from pointsman.routing.config import Budget
from pointsman.services.intake import Intake, QueueMessage
from pointsman.values.errors import MissingKeyError
from pointsman.values.status import ENDED, Status
from pointsman.values.taxonomy import Tier
from tests.support.aws import BUCKET, SESSION, TABLES, Aws, MotoLedger, create_tables
from tests.support.fakes import NOON
from tests.support.ledger import MODEL, NO_QUOTA, UTC_ZONE, intent, known, settled
from tests.support.router import SECONDS, build

SOAK = os.environ.get("POINTSMAN_SOAK") == "1"
RUNS = settings(max_examples=150 if SOAK else 12, stateful_step_count=30)


class OnMoto(RuleBasedStateMachine):
    """A machine in an account of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._aws = mock_aws()
        self._aws.start()
        self.client = SESSION.client("dynamodb")
        create_tables(self.client)
        self.ledger, self.tasks = MotoLedger(self.client, TABLES), TaskTable(self.client, TABLES)

    def teardown(self) -> None:
        self._aws.stop()


# Budget

TIGHT = Budget.model_validate(
    {"month_usd": "0.000001", "day_usd": "0.0000008", "tiers": {"reasoning": {"day_usd": "0.0000003"}}}
)
"""In nano-dollars: 1,000 a month, 800 a day, 300 a day for reasoning."""
TIERS = st.sampled_from([Tier.IMPLEMENTATION, Tier.REASONING])


@dataclass(frozen=True)
class Held:
    """A reservation as the model keeps it."""

    intent: Intent
    caps: dict[str, int]


class BudgetMachine(OnMoto):
    """Reservations come, are settled, released, closed as unknown or settled again; days and months pass."""

    reservations = Bundle("reservations")
    done = Bundle("done")

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.number = 0
        self.spent: Counter[tuple[str, str]] = Counter()
        self.open: Counter[tuple[str, str]] = Counter()
        self.above: Counter[tuple[str, str]] = Counter()
        """Nano-dollars that calls cost more than they had reserved: the only way beyond a cap."""

    @rule(target=reservations, amount=st.integers(1, 400), tier=TIERS)
    def reserve(self, amount: int, tier: Tier) -> Any:
        self.number += 1
        reserved = charge(TIGHT, tier, amount, self.now, UTC_ZONE)
        caps = {cap.counter: cap.limit for cap in reserved.caps}
        spent = {name: self.spent[reserved.month, name] for name in caps}
        held = {name: spent[name] + self.open[reserved.month, name] for name in caps}
        over = [name for name, cap in caps.items() if spent[name] + amount > cap]
        full = [name for name, cap in caps.items() if held[name] + amount > cap]

        view = self.ledger.look(None, MODEL, self.now.date())
        said = check_budget(reserved, view.counters, self.now, UTC_ZONE)
        assert (said.outcome if said else None) == (Outcome.OVER_BUDGET if over else Outcome.BUSY if full else None)
        reserved = replace(reserved, released=view.released)
        task_id = f"t-{self.number}"
        known(self.tasks, task_id)
        attempt_intent = intent(task_id, amount=amount, at=self.now, tier=tier, charge=reserved)
        reservation = self.ledger.reserve(
            attempt_intent, NO_QUOTA, ModelState(MODEL)
        ).made  # even when nobody asked `check_budget`
        assert reservation is not bool(full)
        if not reservation:
            return multiple()
        for name in reserved.counters:
            self.open[reserved.month, name] += amount
        return Held(attempt_intent, caps)

    @rule(target=done, held=consumes(reservations), share=st.integers(0, 130), good=st.booleans())
    def settle(self, held: Held, share: int, good: bool) -> Held:
        """The call came back; its cost in per cent of what was reserved, more than all of it sometimes."""
        cost = held.intent.charge.amount * share // 100
        result = settled(held.intent, Outcome.ANSWERED if good else Outcome.REFUSED, cost)
        self._close(held, result, Payload(inline="words") if good else None)
        task = self.tasks.read(held.intent.spec.task_id)
        assert task is not None
        assert (task.status, task.cost_nano) == (Status.COMPLETED if good else Status.STARTED, cost)
        return held

    @rule(target=done, held=consumes(reservations))
    def release(self, held: Held) -> Held:
        self._close(held, settled(held.intent, Outcome.NOT_SENT, 0), None)
        return held

    @rule(target=done, held=consumes(reservations))
    def close_as_unknown(self, held: Held) -> Held:
        self._close(held, settled(held.intent, Outcome.UNKNOWN, held.intent.charge.amount), None)
        return held

    @rule(held=done, cost=st.integers(0, 500))
    def settle_again(self, held: Held, cost: int) -> None:
        assert not self.ledger.settle(
            settled(held.intent, cost=cost, after=3.0), HealthUpdate(), Payload(inline="late")
        )

    @rule(held=reservations)
    def reserve_the_turn_again(self, held: Held) -> None:
        later = replace(held.intent, key=type(held.intent.key)(held.intent.key.day_shard, held.intent.key.row + "x"))
        reservation = self.ledger.reserve(later, NO_QUOTA, ModelState(MODEL))
        assert (reservation.made, reservation.attempt_used) == (False, True)

    @rule(hours=st.sampled_from([1, 30, 24 * 12]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    def _close(self, held: Held, result: Settled, answer: Payload | None) -> None:
        assert self.ledger.settle(result, HealthUpdate(), answer)
        amount, month = held.intent.charge.amount, held.intent.charge.month
        for name in held.intent.charge.counters:
            self.open[month, name] -= amount
            self.spent[month, name] += result.cost_nano
            self.above[month, name] += max(result.cost_nano - amount, 0)

    @invariant()
    def counters_are_what_was_spent_and_is_held(self) -> None:
        for month in {month for month, _ in self.open}:
            counters = self.ledger.reader.counters(month, 31)
            for name in {name for one, name in self.open if one == month}:
                spent, held = self.spent[month, name], self.open[month, name]
                assert (counters.get(name, 0), counters.get(name + OPEN, 0)) == (spent + held, held)

    @invariant()
    def no_cap_is_passed_but_by_what_a_call_cost_more(self) -> None:
        caps = {"month": 1000, "day": 800, "day_reasoning": 300}
        for (month, name), held in self.open.items():
            kind = "_".join(part for part in name.split("_") if not part.isdigit())
            if kind in caps:
                assert self.spent[month, name] + held <= caps[kind] + self.above[month, name]


class TestBudget(BudgetMachine.TestCase):  # type: ignore[misc, valid-type]
    settings = RUNS


# Claims


class Crash(BaseException):
    """The invocation dies; nothing of ours catches it."""


class Fate:
    """Says at each border of a step whether the invocation dies there."""

    def __init__(self) -> None:
        self.left: int | None = None

    def border(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Crash


class Mortal:
    """A port behind which the invocation may die before and after each call."""

    def __init__(self, inner: Any, fate: Fate) -> None:
        self._inner, self._fate = inner, fate

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._inner, name)

        def between(*args: Any, **options: Any) -> Any:
            self._fate.border()
            response = call(*args, **options)
            self._fate.border()
            return response

        return between


IDS = st.sampled_from(["t-1", "t-2", "t-3"])
KINDS: list[dict[str, Any]] = [{"tier": "orchestration"}, {"type": "documentation"}, {}]
"""Decided by the sender twice, and by the router."""
RANK = {Status.CLAIMED: 0, Status.STARTED: 1, Status.COMPLETED: 2, Status.FAILED: 2}


class ClaimMachine(OnMoto):
    """Messages are sent, delivered alone or in batches, and come again; invocations die anywhere; leases run out."""

    def __init__(self) -> None:
        super().__init__()
        SESSION.client("s3").create_bucket(Bucket=BUCKET)
        self.router = build(Aws(SESSION, TABLES, BUCKET, ""), self.ledger, self.tasks)
        self.fate, self.clock = Fate(), self.router.clock

        def no_key(_: Provider) -> ModelClient:
            raise MissingKeyError("none")

        intake = self.router.intake
        self.intake: Intake = replace(
            intake,
            ctx=replace(intake.ctx, model=no_key),
            classifier=replace(intake.classifier, ctx=replace(intake.ctx, model=no_key)),
            tasks=Mortal(intake.tasks, self.fate),
            workflow=Mortal(intake.workflow, self.fate),
            reject=replace(
                intake.reject,
                tasks=Mortal(intake.tasks, self.fate),
                dead_letters=Mortal(intake.reject.dead_letters, self.fate),
                bus=Mortal(intake.reject.bus, self.fate),
            ),
        )
        self.queue: list[tuple[QueueMessage, str]] = []
        """Messages that nobody has acknowledged, each with its task's id."""
        self.gone: list[tuple[QueueMessage, str]] = []
        self.invocations = 0
        self.first: dict[str, TaskRecord] = {}
        """The first record of each task that held an input."""
        self.last: dict[str, Status] = {}

    @initialize()
    def some_messages(self) -> None:
        for number, kind in enumerate(KINDS, 1):
            self._send(f"t-{number}", kind, "a", None)

    @rule(task_id=IDS, kind=st.sampled_from(KINDS), prompt=st.sampled_from(["a", "a", "a", "b"]), token=st.booleans())
    def send(self, task_id: str, kind: dict[str, Any], prompt: str, token: bool) -> None:
        self._send(task_id, kind, prompt, f"AAAAKgAAAAIAAAAAAAtoken-{len(self.queue)}" if token else None)

    def _send(self, task_id: str, kind: dict[str, Any], prompt: str, token: str | None) -> None:
        fields = {"task_id": task_id, "prompt": f"Write {prompt}.", **kind, **({"reply_to": token} if token else {})}
        self.queue.append((QueueMessage(f"m-{len(self.queue) + len(self.gone)}", json.dumps(fields)), task_id))

    @rule(data=st.data(), dies_at=st.none() | st.integers(0, 24))
    def deliver(self, data: st.DataObject, dies_at: int | None) -> None:
        if not self.queue:
            return
        places = data.draw(st.lists(st.integers(0, len(self.queue) - 1), min_size=1, max_size=4, unique=True))
        self._invoke([self.queue[place] for place in places], dies_at)

    @rule(number=st.integers(0, 20))
    def a_message_comes_again_after_its_acknowledgement(self, number: int) -> None:
        if self.gone:
            self._invoke([self.gone[number % len(self.gone)]], None)

    @rule(seconds=st.sampled_from([1.0, SECONDS / 2, SECONDS + 1]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(model=st.sampled_from(["gemini-3.5-flash-lite", "claude-haiku-5-5"]), hours=st.integers(0, 3))
    def a_model_is_benched(self, model: str, hours: int) -> None:
        """From now on a decision leads to another plan than before."""
        until = int((self.clock.now() + timedelta(hours=hours)).timestamp() * 1000)
        self.client.update_item(
            TableName=TABLES.limits,
            Key={"limit": {"S": f"model#{model}"}},
            UpdateExpression="SET bench_until = :u",
            ExpressionAttributeValues={":u": {"N": str(until)}},
        )

    @rule(task_id=IDS)
    def a_task_ends(self, task_id: str) -> None:
        record = self.tasks.read(task_id)
        if record and record.status not in ENDED and task_id in self.router.workflow.executions:
            self.router.intake.delivery.finish(task_id, record.generation, "over_budget")

    def _invoke(self, deliveries: list[tuple[QueueMessage, str]], dies_at: int | None) -> None:
        self.invocations += 1
        self.fate.left = dies_at
        acknowledged = []
        try:
            batch = self.intake.claim_batch(
                [message for message, _ in deliveries], f"router-{self.invocations}", SECONDS
            )
            for message, task_id in deliveries:
                try:
                    self.intake.start_or_reject(message, batch)
                except Exception:  # noqa: BLE001  (it stays in the queue)
                    continue
                acknowledged.append((message, task_id))
        except Crash:
            acknowledged = []  # SQS hears of none of the batch
        finally:
            self.fate.left = None
        for delivery in acknowledged:
            if delivery in self.queue:
                self.queue.remove(delivery)
                self.gone.append(delivery)

    @invariant()
    def what_was_decided_stays_and_runs(self) -> None:
        for task_id in ("t-1", "t-2", "t-3"):
            record = self.tasks.read(task_id)
            if record is None:
                assert task_id not in self.last
                continue
            assert RANK[record.status] >= RANK[self.last.get(task_id, record.status)]
            self.last[task_id] = record.status
            if record.execution_input is None:
                assert task_id not in self.first
                continue
            first = self.first.setdefault(task_id, record)
            assert (record.decision, record.execution_input) == (first.decision, first.execution_input)
            assert (record.fingerprint, record.body, record.deadline) == (first.fingerprint, first.body, first.deadline)
        executions = self.router.workflow.executions
        assert set(executions) <= {"t-1", "t-2", "t-3"}
        for task_id, execution_input in executions.items():
            assert execution_input == self.first[task_id].execution_input

        self._nothing_is_acknowledged_that_is_not_taken_care_of()

    def _nothing_is_acknowledged_that_is_not_taken_care_of(self) -> None:
        letters = {message_id for _, _, message_id in self.router.dead.messages}
        for message, task_id in self.gone:
            if message.message_id not in letters:
                assert task_id in self.router.workflow.executions

    def teardown(self) -> None:
        """In the end every message is dealt with, and every task that was sent runs once."""
        try:
            for _ in range(40):
                if not self.queue:
                    break
                self.clock.advance(SECONDS + 1)
                self._invoke(self.queue[:4], None)
            assert self.queue == []
            letters = {message_id for _, _, message_id in self.router.dead.messages}
            sent = {task_id for message, task_id in self.gone if message.message_id not in letters}
            assert set(self.router.workflow.executions) == sent
            for task_id in sent:
                record = self.tasks.read(task_id)
                assert record is not None
                assert record.status in {Status.CLAIMED, *ENDED}
            self.what_was_decided_stays_and_runs()
            assert [code for code in self.router.dead.codes() if code != "task_id_conflict"] == []
        finally:
            super().teardown()


class TestClaims(ClaimMachine.TestCase):  # type: ignore[misc, valid-type]
    settings = RUNS
