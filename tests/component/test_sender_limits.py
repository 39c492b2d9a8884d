"""Limits of senders, agents, tickets and families, over a task's whole way: what holds, what waits, what is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from pointsman.adapters import dynamo
from pointsman.adapters.dynamo import pack, unpack
from pointsman.adapters.limited_items import grant_key, pace_key
from pointsman.adapters.task_table import TaskTable
from pointsman.adapters.usage_ledger import DynamoUsageLedger
from pointsman.contracts.sender import Sender
from pointsman.execution.calls import CallSpec, Intent, Purpose, Settled
from pointsman.execution.executions import Pause
from pointsman.execution.model_health import HealthUpdate
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.execution.waiting import Waiting
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.services.call import reserve_call
from pointsman.services.intake import QueueMessage
from pointsman.values.status import Status
from pointsman.values.taxonomy import Tier
from pointsman.values.usage import Usage
from tests.support.attempts import HAIKU, SONNET, answered, configured, finished, step
from tests.support.aws import TABLES, Aws, MotoLedger
from tests.support.interleaving import Interleaving
from tests.support.ledger import known, scan, task
from tests.support.memory_dynamo import MemoryDynamo
from tests.support.router import Router

type Configure = Callable[..., Router]
CI, BOT = Sender("key:ci"), Sender("role:AROABOT:nightly")


@pytest.fixture
def configure(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Configure:
    def build(*rules: dict[str, Any], **own: Any) -> Router:
        limits = {"rules": list(rules), **({"split_usd": own.pop("split_usd")} if "split_usd" in own else {})}
        return configured(aws, ledger, task_table, limits=limits, **own)

    return build


def sent(router: Router, number: int, sender: Sender = CI, **fields: Any) -> WorkflowState | None:
    """Send a task; return its execution's state, or None when it is rejected."""
    task_id = fields.pop("task_id", f"t-{number}")
    body = {"prompt": "Write it.", "task_id": task_id, "type": "code_generation", **fields}
    assert router.run(QueueMessage(f"m-{number}", json.dumps(body), sender=sender)) == {}
    stored = router.workflow.executions.get(task_id)
    return WorkflowState.from_state(json.loads(stored)) if stored else None


def begun(router: Router, number: int, sender: Sender = CI, **fields: Any) -> WorkflowState:
    state = sent(router, number, sender, **fields)
    assert state is not None
    return step(router, state)


def ended(router: Router, number: int, sender: Sender = CI, **fields: Any) -> WorkflowState:
    state = sent(router, number, sender, **fields)
    assert state is not None
    return finished(router, state)


def usd(nano: int) -> float:
    return nano / 1e9


# Money


def spec(number: int, sender: str, **fields: Any) -> CallSpec:
    return CallSpec(
        purpose=Purpose.TASK,
        task_id=f"t-{number}",
        attempt_id="000001.000001",
        model=HAIKU,
        tier=Tier.IMPLEMENTATION,
        function="implementation",
        prompt="Write it.",
        max_output_tokens=2000,
        sender=sender,
        **fields,
    )


class Crowd:
    """Many callers at once over tables in memory, in any order that the seed gives."""

    def __init__(self, router: Router, seed: int) -> None:
        self.time = Interleaving(seed)
        self.store = MemoryDynamo(TABLES, self.call)
        self.ledger, self.tasks = DynamoUsageLedger(self.store, TABLES), TaskTable(self.store, TABLES)
        self.ctx = replace(router.intake.ctx, ledger=self.ledger)
        self.outcomes: dict[int, Intent | CallResult] = {}

    def call(self, operation: str, written: Any, carry_out: Callable[[], Any]) -> Any:
        self.time.sleep(self.time.dice.uniform(0.0, 0.02))
        answer = carry_out()
        self.time.sleep(self.time.dice.uniform(0.0, 0.02))
        return answer

    def reserve(self, number: int, call: CallSpec) -> None:
        model, day = self.ctx.policy.catalog.get(HAIKU), self.ctx.clock.now().date()
        for _ in range(40):
            outcome = reserve_call(self.ctx, call, model, self.ledger.look(None, HAIKU, day))
            if isinstance(outcome, Intent) or outcome.detail != "others were faster":
                self.outcomes[number] = outcome
                return
            self.time.sleep(1.0)
        raise AssertionError("never got through")

    def run(self, calls: list[CallSpec]) -> list[Intent | CallResult]:
        known(self.tasks, *(f"t-{n}" for n in range(len(calls))))
        for number, call in enumerate(calls):
            self.time.spawn(lambda number=number, call=call: self.reserve(number, call))
        with patch.object(dynamo, "time", SimpleNamespace(sleep=self.time.sleep)):
            self.time.run()
        return [self.outcomes[number] for number in range(len(calls))]

    def counted(self, counter: str) -> int:
        return self.ledger.look_at_limits([counter], (), (), self.ctx.clock.now().date()).counters.get(counter, 0)


@pytest.mark.parametrize("seed", range(3))
def test_concurrent_calls_never_pass_a_senders_cap_while_anothers_all_go_through(
    configure: Configure, seed: int
) -> None:
    router = configure({"sender": "key:*", "day_usd": "0.01"}, {"sender": "role:*", "day_usd": "1"})
    crowd = Crowd(router, seed)
    outcomes = crowd.run([spec(n, "key:ci" if n % 2 else f"role:AROABOT:session-{n}") for n in range(100)])
    assert all(isinstance(it, Intent) for it in outcomes[::2])
    made = [it for it in outcomes[1::2] if isinstance(it, Intent)]
    refused = [it for it in outcomes[1::2] if isinstance(it, CallResult)]
    amount = made[0].charge.amount
    assert len(made) == 10_000_000 // amount
    assert {it.outcome for it in refused} == {Outcome.BUSY}  # the reservations of the others are in the way
    assert crowd.counted("sender key:ci@day_22") == len(made) * amount <= 10_000_000
    assert crowd.counted("sender role:AROABOT@day_22") == 50 * amount  # whatever the sessions are called


def test_three_large_requests_of_a_limited_sender_starve_nobody(configure: Configure) -> None:
    router = configure({"sender": "key:*", "month_usd": "1"}, budget={"month_usd": "5"})
    for number in range(3):
        state = ended(router, number, type="architecture", max_output_tokens=128_000)
        assert (state.next, state.reason) == (Next.FAIL, "over_limit")
    assert router.model.questions == []
    router.model.then(answered())
    assert ended(router, 9, BOT, type="architecture", max_output_tokens=128_000).next is Next.DELIVER


@pytest.mark.parametrize("what", ["day_usd", "month_usd"])
def test_spent_cap_refuses_until_it_renews(configure: Configure, what: str) -> None:
    router = configure({"sender": "key:ci", what: "0.002"}, budget={"when_exhausted": "hold"})
    router.model.then(CallResult(Outcome.ANSWERED, "words", Usage(input=1000, output=2000)))
    assert ended(router, 1, max_output_tokens=2000).next is Next.DELIVER
    held = begun(router, 2, max_output_tokens=2000)
    waiting = held.waiting_for
    assert waiting is not None
    assert held.next is Next.WAIT
    assert waiting["what"] == "budget"
    assert waiting["cap"] == f"sender key:ci@{'day_22' if what == 'day_usd' else 'month'}"
    assert (waiting["left_nano_usd"], waiting["reserved_nano_usd"]) == (2_000_000 - 1_100_000, 0)
    assert waiting["needs_nano_usd"] > waiting["left_nano_usd"]
    router.clock.advance(86_400 * (1 if what == "day_usd" else 10))
    router.model.then(answered())
    assert finished(router, replace(held, deadline=router.clock.now() + timedelta(days=1))).next is Next.DELIVER


def test_what_is_settled_makes_room_again(configure: Configure, ledger: MotoLedger) -> None:
    router = configure({"sender": "*", "month_usd": "0.003"}, {"agent": "bot", "day_usd": "0.003"})
    router.model.then(*(answered() for _ in range(8)))
    for number in range(8):
        assert ended(router, number, max_output_tokens=2000, metadata={"agent": "bot"}).next is Next.DELIVER
    counters = ["sender key:ci@month", "agent bot@day_22"]
    held = ledger.look_at_limits(counters, (), (), router.clock.now().date()).counters
    assert {held[name] for name in counters} == {8 * 200_000}
    assert {held[name + "_open"] for name in counters} == {0}


def test_every_rule_that_matches_holds(configure: Configure) -> None:
    router = configure({"sender": "key:*", "month_usd": "1"}, {"sender": "key:c?", "month_usd": "0.0001"})
    assert ended(router, 1, max_output_tokens=2000).reason == "over_limit"
    router.model.then(answered())
    assert ended(router, 2, Sender("key:other"), max_output_tokens=2000).next is Next.DELIVER


def test_rule_that_is_added_holds_for_tasks_under_way(configure: Configure) -> None:
    router = configure()
    state = sent(router, 1, max_output_tokens=2000)
    assert state is not None
    router.intake = configure({"sender": "key:ci", "month_usd": "0.0001"}).intake
    assert step(router, state).reason == "over_limit"


def test_reservation_of_a_dead_call_is_settled_with_the_rest(configure: Configure, ledger: MotoLedger) -> None:
    router = configure({"sender": "key:ci", "month_usd": "0.002"})
    known(router.tasks)
    ctx, model = router.intake.ctx, router.intake.ctx.policy.catalog.get(HAIKU)
    intent = reserve_call(ctx, spec(1, "key:ci"), model, ledger.look(None, HAIKU, router.clock.now().date()))
    assert isinstance(intent, Intent)
    read_back = ledger.find_intent(intent.key)
    assert read_back is not None
    assert read_back.charge.parts == intent.charge.parts
    done = Settled(read_back, CallResult(Outcome.UNKNOWN), 700, False, HAIKU, Usage(), router.clock.now(), 0)
    assert ledger.settle(done, HealthUpdate(), None)
    held = ledger.look_at_limits(["sender key:ci@month"], (), (), router.clock.now().date()).counters
    assert held == {"sender key:ci@month": 700, "sender key:ci@month_open": 0}


def test_classification_is_shared_out_to_the_limits_of_its_tasks(configure: Configure, ledger: MotoLedger) -> None:
    router = configure({"ticket": "A-*", "month_usd": "1"}, classifier={"mode": "gemini", "ask_free": False})
    router.model.then(answered('{"votes": []}'))
    messages = [
        QueueMessage(
            f"m-{n}",
            json.dumps({"prompt": f"Do {'it ' * (n + 1)}.", "task_id": f"t-{n}", "metadata": {"ticket": f"A-{n % 2}"}}),
            sender=CI,
        )
        for n in range(4)
    ]
    assert router.run(*messages) == {}
    rows = scan(ledger._client, ledger._tables.usage)
    shares = [row for row in rows if row["kind"] == "share"]
    assert len(shares) == 4
    held = ledger.look_at_limits(["ticket A-0@month", "ticket A-1@month"], (), (), router.clock.now().date()).counters
    for ticket in ("A-0", "A-1"):
        assert held[f"ticket {ticket}@month"] == sum(
            row["cost_nano"] for row in shares if row["metadata"]["ticket"] == ticket
        )
        assert held[f"ticket {ticket}@month_open"] == 0


def test_one_tasks_limit_keeps_no_other_from_being_classified(configure: Configure) -> None:
    router = configure({"ticket": "A-0", "month_usd": "0"}, classifier={"mode": "gemini", "ask_free": False})
    router.model.then(answered('{"votes": []}'))
    messages = [
        QueueMessage(f"m-{n}", json.dumps({"prompt": "Do it.", "task_id": f"t-{n}", "metadata": {"ticket": f"A-{n}"}}))
        for n in range(3)
    ]
    assert router.run(*messages) == {}
    (question,) = router.model.questions
    assert question.prompt.count('"id"') == 2


# Nothing is read or written where nothing is configured


def calls_of(router: Router, ledger: MotoLedger, **fields: Any) -> list[tuple[str, int]]:
    calls = list[tuple[str, int]]()
    client = ledger._client

    def counted(model: Any, params: Any, **_: Any) -> None:
        items = params.get("TransactItems") or [
            key for table in params.get("RequestItems", {}).values() for key in table["Keys"]
        ]
        calls.append((model.name, len(items)))

    client.meta.events.register("provide-client-params.dynamodb", lambda params, model, **_: counted(model, params))
    router.model.then(answered())
    ended(router, 1, **fields)
    return calls


def test_unlimited_task_costs_no_call_more(configure: Configure, ledger: MotoLedger) -> None:
    router = configure({"sender": "key:other", "month_usd": "1", "rpm": 5, "highest_tier": "implementation"})
    calls = calls_of(router, ledger)
    assert [call for call in calls if call[0] in ("BatchGetItem", "TransactWriteItems")] == [
        ("BatchGetItem", 6),
        ("TransactWriteItems", 4),
        ("TransactWriteItems", 4),
    ]


# How many tasks begin


def test_no_more_tasks_begin_in_a_minute_than_the_limit_says(configure: Configure) -> None:
    router = configure({"sender": "key:*", "rpm": 2})
    router.model.then(*(answered() for _ in range(4)))
    assert [ended(router, n).next for n in range(2)] == [Next.DELIVER] * 2
    waits = begun(router, 3)
    assert (waits.next, waits.hop, waits.here.model) == (Next.WAIT, 0, HAIKU)
    assert 50 <= waits.wait_seconds <= 63
    assert waits.waiting_for is not None
    assert (waits.waiting_for["what"], waits.waiting_for["cap"]) == ("limit", "sender key:ci@rpm")
    shown = Waiting.of_pause(Pause(router.clock.now(), waits.as_state()))
    assert "needs_nano_usd" not in shown.as_document()
    assert "pointsman budget raise --sender key:ci --rpm N --days N --reason TEXT" in shown.do
    assert ended(router, 4, BOT).next is Next.DELIVER
    assert finished(router, waits).next is Next.DELIVER


def test_no_more_tasks_are_under_way_than_the_limit_says(configure: Configure) -> None:
    router = configure({"sender": "key:ci", "in_flight": 1})
    router.model.then(CallResult(Outcome.UNAVAILABLE), answered(), answered())
    first = begun(router, 1)
    assert first.next is Next.WAIT  # for its provider; it is under way
    second = begun(router, 2)
    assert second.waiting_for is not None
    assert (second.next, second.waiting_for["cap"]) == (Next.WAIT, "sender key:ci@in_flight")
    assert len(router.model.questions) == 1
    assert finished(router, first).next is Next.DELIVER
    assert finished(router, second).next is Next.DELIVER


@pytest.mark.parametrize("status", [Status.FAILED, Status.COMPLETED, Status.WAITING, None])
def test_place_of_a_task_that_is_not_under_way_is_free(
    configure: Configure, task_table: TaskTable, status: Status | None
) -> None:
    """However it came to its end: nothing has to be given back."""
    router = configure({"sender": "key:ci", "in_flight": 1})
    router.model.then(CallResult(Outcome.UNAVAILABLE), answered())
    begun(router, 1)
    stored = task_table._get("t-1")
    if status:
        task_table._client.put_item(TableName=task_table._table, Item={**stored, "status": {"S": str(status)}})
    else:
        task_table._client.delete_item(TableName=task_table._table, Key=pack({"task_id": "t-1"}))
        router.clock.advance(601)
    assert ended(router, 2).next is Next.DELIVER


def test_task_that_began_before_the_limit_goes_on_and_is_counted(configure: Configure) -> None:
    router = configure()
    router.model.then(CallResult(Outcome.UNAVAILABLE), CallResult(Outcome.UNAVAILABLE))
    first = begun(router, 1)
    router.clock.advance(first.wait_seconds)
    limited = configure({"sender": "key:ci", "in_flight": 1})
    router.intake = replace(router.intake, ctx=limited.intake.ctx)
    limited.model.then(CallResult(Outcome.UNAVAILABLE))
    assert step(router, replace(first, next=Next.RUN)).waiting_for is not None
    assert len(limited.model.questions) == 1
    second = begun(limited, 2)
    assert second.waiting_for is not None
    assert second.waiting_for["cap"] == "sender key:ci@in_flight"


def test_concurrent_tasks_never_take_more_places_than_there_are(configure: Configure) -> None:
    router = configure({"sender": "key:*", "rpm": 3}, {"sender": "*", "in_flight": 5})
    crowd = Crowd(router, 1)
    outcomes = crowd.run([spec(n, "key:ci") for n in range(16)])
    assert [isinstance(it, Intent) for it in outcomes].count(True) == 3
    item = unpack(crowd.store.items[TABLES.limits][(pace_key("sender key:ci"),)])
    assert len(item["places"]) == 3


# The highest tier


def test_stated_tier_above_the_highest_is_rejected(configure: Configure) -> None:
    router = configure({"sender": "key:*", "highest_tier": "implementation"})
    assert sent(router, 1, tier="reasoning") is None
    rejected = router.task("t-1")
    assert (rejected.status, rejected.reason) == (
        Status.REJECTED,
        "tier: must not be above tier implementation, the highest of this sender",
    )
    assert sent(router, 2, type="architecture") is None
    assert "type: must not be above" in str(router.task("t-2").reason)
    assert sent(router, 3, BOT, tier="reasoning") is not None
    assert sent(router, 4, tier="implementation") is not None


def test_task_that_was_taken_before_the_rule_is_no_rejection(configure: Configure) -> None:
    configure()
    before = configure()
    assert sent(before, 1, tier="reasoning") is not None
    router = configure({"sender": "key:*", "highest_tier": "implementation"})
    router.workflow.executions.update(before.workflow.executions)
    sent(router, 1, tier="reasoning")  # a duplicate: nothing more is started
    assert router.runs("t-1")
    assert router.dead.messages == []


def test_found_tier_above_the_highest_is_clamped_and_said(configure: Configure) -> None:
    text = "Design the architecture of a distributed event store: trade-offs, consistency, failure modes."
    free = configure()
    assert sent(free, 1, task_id="t-1", prompt=text, type=None) is not None
    assert free.task("t-1").tier is Tier.REASONING
    router = configure({"sender": "key:*", "highest_tier": "implementation"})
    state = sent(router, 2, prompt=text, type=None)
    assert state is not None
    assert state.here.tier is Tier.IMPLEMENTATION
    decision = router.task("t-2").decision
    assert decision is not None
    assert (decision.tier, decision.type) == (Tier.IMPLEMENTATION, free.task("t-1").type)
    assert decision.reason.endswith("reasoning is above implementation, the highest tier of this sender")


def test_failed_check_leads_to_no_tier_above_the_highest(configure: Configure) -> None:
    checks = {"code_generation": {"sections": ["Answer"]}}
    router = configure({"sender": "key:*", "highest_tier": "implementation"}, verify=checks)
    router.model.then(answered("words"))
    assert ended(router, 1).next is Next.DELIVER
    assert [question.model for question in router.model.questions] == [HAIKU]
    router.model.then(answered("words"), answered("# Answer"))
    ended(router, 2, BOT)
    assert [question.model for question in router.model.questions] == [HAIKU, HAIKU, SONNET]


# A family's ceiling


def test_task_fails_that_needs_more_than_its_max_cost(configure: Configure) -> None:
    router = configure()
    state = ended(router, 1, max_cost_usd="0.001", max_output_tokens=2000)
    assert (state.next, state.reason) == (Next.FAIL, "over_max_cost")
    assert router.model.questions == []
    router.model.then(answered())
    assert ended(router, 2, max_cost_usd="0.002", max_output_tokens=2000).next is Next.DELIVER


def test_later_attempts_have_what_the_earlier_left(configure: Configure) -> None:
    """A call of unknown end counts in full."""
    router = configure()
    router.model.then(CallResult(Outcome.UNKNOWN), CallResult(Outcome.UNKNOWN))
    state = ended(router, 1, max_cost_usd="0.0024", max_output_tokens=2000)
    assert (state.next, state.reason) == (Next.FAIL, "over_max_cost")
    assert len(router.model.questions) == 1
    assert 1_000_000 < router.task("t-1").cost_nano <= 2_400_000


def test_ceiling_lasts_over_month_and_replay(configure: Configure) -> None:
    router = configure()
    router.model.then(CallResult(Outcome.UNKNOWN), CallResult(Outcome.INVALID))
    state = sent(router, 1, max_cost_usd="0.0013", max_output_tokens=2000)
    assert state is not None
    state = step(router, state)
    router.clock.advance(86_400 * 10)
    assert finished(router, replace(state, deadline=router.clock.now().replace(month=12, day=31))).reason == (
        "over_max_cost"
    )


SPLIT = {"type": "orchestration", "split": True}


def split_answer(count: int, **fields: Any) -> str:
    return json.dumps({"answer": "", "subtasks": [{"prompt": f"Part {n}.", **fields} for n in range(count)]})


def subtasks_of(
    router: Router, count: int, sender: Sender = CI, *, answer: str = "", **fields: Any
) -> list[WorkflowState]:
    """Have an answer hand out subtasks; return the executions that they get."""
    router.model.then(answered(answer or split_answer(count, type="architecture", max_output_tokens=128_000)))
    state = sent(router, 1, **{**SPLIT, **fields})
    assert state is not None
    finished(router, state)
    messages = [
        QueueMessage(f"s-{n}", body, sender=Sender(by or "role:AROADELIVERY:x"))
        for n, (body, by) in enumerate(zip(router.queue.bodies, router.queue.senders, strict=True))
    ]
    for message in messages:
        assert router.run(message) == {}
    ids = [f"t-1-s{n:02d}" for n in range(1, count + 1)]
    return [WorkflowState.from_state(json.loads(router.workflow.executions[task_id])) for task_id in ids]


def test_injected_answer_hands_out_no_more_than_the_ceiling(configure: Configure) -> None:
    """20 subtasks of 128,000 tokens each were $25."""
    router = configure(budget={"month_usd": "50"})
    states = subtasks_of(router, 6)
    router.model.then(*(CallResult(Outcome.UNKNOWN) for _ in range(30)))
    asked_before = len(router.model.questions)
    reasons = {finished(router, state).reason for state in states}
    asked = router.model.questions[asked_before:]
    assert {question.max_output_tokens for question in asked} == {16_384}  # the tier's cap
    assert "over_split_cost" in reasons
    total = sum(router.task(state.task_id).cost_nano for state in states)
    assert 0 < total <= 500_000_000


def test_subtasks_stay_in_the_highest_tier_of_their_sender(configure: Configure) -> None:
    router = configure({"sender": "key:ci", "highest_tier": "implementation"})
    states = subtasks_of(router, 2)
    assert {state.here.tier for state in states} == {Tier.IMPLEMENTATION}
    assert {router.task(state.task_id).sender for state in states} == {"key:ci"}
    assert {str(router.task(state.task_id).type) for state in states} == {"architecture"}


def test_max_cost_is_of_the_whole_family(configure: Configure, ledger: MotoLedger) -> None:
    router = configure()
    states = subtasks_of(router, 3, answer=split_answer(3, type="code_generation"), max_cost_usd="0.01")
    assert {router.task(state.task_id).family for state in states} == {router.task("t-1").family}
    router.model.then(CallResult(Outcome.ANSWERED, "w", Usage(input=1000, output=16_000)), answered())
    assert finished(router, states[0]).next is Next.DELIVER
    assert finished(router, states[1]).next is Next.FAIL or router.task("t-1-s02").cost_nano < 2_000_000
    total = sum(router.task(state.task_id).cost_nano for state in states)
    assert total <= 10_000_000


def test_forged_subtask_is_in_no_family(configure: Configure) -> None:
    """Else anybody could use up another's ceiling."""
    router = configure()
    subtasks_of(router, 1, max_cost_usd="1")
    assert sent(router, 7, BOT, task_id="t-1-s07", parent_id="t-1") is not None
    forged = router.task("t-1-s07")
    assert (forged.family, forged.sender) == (None, BOT.name)


def test_message_names_no_family_and_no_limits(configure: Configure) -> None:
    router = configure()
    fields = {"family": {"name": "x", "limit": 9}, "limited": True, "sender": "key:boss"}
    body = {"prompt": "Write it.", "task_id": "t-1", "type": "documentation", **fields}
    assert router.run(QueueMessage("m-1", json.dumps(body), sender=CI)) == {}
    record = router.task("t-1")
    assert (record.family, record.limited, record.sender) == (None, False, "key:ci")


# A key's own limits, and raises


def grant(ledger: MotoLedger, subject: str, **item: Any) -> None:
    ledger._client.put_item(TableName=ledger._tables.limits, Item=pack({"limit": grant_key(subject), **item}))


def raised(until: str, **bounds: Any) -> dict[str, Any]:
    return {"bounds": bounds, "until": until, "reason": "release", "at": "2026-11-22T12:00:00.000Z", "by": "arn:a"}


def test_keys_own_limits_hold_where_its_message_says_that_there_are_some(
    configure: Configure, ledger: MotoLedger
) -> None:
    router = configure()
    grant(ledger, "sender key:ci", own={"month_usd": "0.0001", "highest_tier": "implementation"})
    limited = Sender("key:ci", limited=True)
    assert ended(router, 1, limited, max_output_tokens=2000).reason == "over_limit"
    assert sent(router, 2, limited, tier="reasoning") is None


def test_raise_holds_until_its_end(configure: Configure, ledger: MotoLedger) -> None:
    router = configure({"sender": "key:*", "month_usd": "0.0001", "highest_tier": "implementation"})
    grant(ledger, "sender key:ci", raises=[raised("2026-11-22T13:00:00.000Z", month_usd="1", highest_tier="reasoning")])
    router.model.then(answered())
    assert ended(router, 1, max_output_tokens=2000, tier="reasoning").next is Next.DELIVER
    assert ended(router, 2, Sender("key:other"), max_output_tokens=2000).reason == "over_limit"
    router.clock.advance(3600)
    assert ended(router, 3, max_output_tokens=2000).reason == "over_limit"
    assert sent(router, 4, tier="reasoning") is None


def test_month_begins_anew(configure: Configure) -> None:
    router = configure({"sender": "key:ci", "month_usd": "0.002"})
    router.model.then(CallResult(Outcome.ANSWERED, "w", Usage(input=1000, output=2000)), answered())
    assert ended(router, 1, max_output_tokens=2000).next is Next.DELIVER
    assert ended(router, 2, max_output_tokens=2000).reason == "over_limit"
    router.clock.advance(86_400 * 9)
    assert ended(router, 3, max_output_tokens=2000).next is Next.DELIVER


def test_task_is_known_by_its_limits(task_table: TaskTable, configure: Configure) -> None:
    router = configure()
    sent(router, 1, Sender("key:ci", limited=True), max_cost_usd="0.25")
    record = task(task_table)
    assert (record.limited, record.family and record.family.limit) == (True, 250_000_000)
