"""The workflow over random states: every rule of its Choice is right by itself, and every run comes to an end."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cfnlint.api import lint
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.execution.executions import Pause
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.execution.waiting import Waiting, WaitingFor
from pointsman.execution.workflow_state import Next, WorkflowState, next_state
from pointsman.routing.policy import Hop
from pointsman.values.taxonomy import Tier
from pointsman.values.times import to_text
from tests.support.asl import Choice, Machine
from tests.support.paths import ROOT

HUB = "What next?"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
RUN = {f"Run {tier}": str(tier) for tier in Tier}
ENDS = {"Completed", "Failed", "Left undelivered"}
DEFINITION = (ROOT / "statemachines/run_task.asl.json").read_text(encoding="ascii")
MOST_EVENTS = 25_000
"""Of one execution; a transition makes up to 5 events."""

THROTTLED = "Lambda.TooManyRequestsException"

hops = st.builds(Hop, model=st.sampled_from(["a", "b"]), function=st.sampled_from(Tier), tier=st.sampled_from(Tier))
plans = st.lists(hops, min_size=1, max_size=4).map(tuple)
states = st.builds(
    WorkflowState,
    task_id=st.just("t-1"),
    generation=st.just(1),
    deadline=st.integers(-1, 9).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    plan=plans,
    has_answer=st.booleans(),
    hop=st.integers(0, 5),
    attempt=st.integers(1, 9),
    tries=st.integers(0, 3),
    crashes=st.integers(0, 3),
    throttles=st.integers(0, 6),
    rounds=st.integers(0, 4),
    saw_transient=st.booleans(),
    next=st.sampled_from([Next.RUN] * 6 + list(Next)),
    delivered=st.booleans(),
    wait_seconds=st.integers(0, 999),
    reason=st.none() | st.just("busy"),
    announce_hold=st.booleans(),
).map(WorkflowState.as_state)
"""More than the functions return: a state may be wrong, but it must lead somewhere."""


@pytest.fixture
def machine() -> Machine:
    return Machine(json.loads(DEFINITION)["States"])


def test_definition_has_the_form_that_step_functions_takes() -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    definition = DEFINITION.replace("${Partition}", "aws")
    for function in ("OrchestrationFunction", "ImplementationFunction", "ReasoningFunction", "DeliveryFunction"):
        definition = definition.replace(f"${{{function}}}", arn)
    role = "arn:aws:iam::123456789012:role/run-task"
    template: dict[str, Any] = {
        "Resources": {
            "RunTask": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {"RoleArn": role, "DefinitionString": definition},
            }
        }
    }
    assert lint(json.dumps(template)) == []
    wrong = definition.replace('"Seconds":', '"Sekonds":')
    template["Resources"]["RunTask"]["Properties"]["DefinitionString"] = wrong
    assert [match.rule.id for match in lint(json.dumps(template))] == ["E3601"]


def check_choice(before: dict[str, Any], choice: Choice) -> None:
    """Hold what the hub promises: in time, within the plan, and with nothing lost."""
    after, late = choice.state, before["deadline"] <= to_text(NOW)
    changed = {name for name in before if after[name] != before[name]}
    assert after.keys() == before.keys()
    if choice.next in RUN:
        assert not late
        assert before["next"] == "run"
        assert after == before
        assert before["crashes"] <= 1
        assert before["plan"][before["hop"]]["function"] == RUN[choice.next]
    elif choice.next == HUB:
        assert not before["kept"]  # what is sought beyond an answer is given up
        assert changed <= {"hop", "crashes", "tries", "healing"}
        assert (after["hop"], after["crashes"]) == (before["hop"] + 1, 0)
        assert after["healing"] == (before["healing"] or before["rounds"] < 3)
        assert after["hop"] < len(after["plan"])
    elif choice.next == "Announce hold":
        assert not late
        assert (before["next"], before["announce_hold"]) == ("wait", True)
        assert after == before
    elif choice.next == "Wait":
        assert not late
        assert before["next"] != "wait" or not before["announce_hold"]
        if before["next"] != "wait":
            assert before["crashes"] > 1
            assert not before["kept"]
            assert before["rounds"] < 3
            assert before["hop"] + 1 >= len(before["plan"])
            assert (after["hop"], after["crashes"], after["rounds"]) == (0, 0, before["rounds"] + 1)
            assert after["wait_seconds"] == 30 * 2 ** before["rounds"]
    elif choice.next == "Deliver failure":
        assert after["next"] == "fail"
        assert before["next"] == "fail" or not before["kept"]
        assert before["next"] == "fail" or after["reason"] in ("deadline", "no_model_left")
        assert before["next"] == "fail" or (after["reason"] == "deadline") == late
        if before["next"] != "fail" and not late:
            crashed = before["crashes"] > 1
            assert before["rounds"] >= 3 if crashed else before["hop"] >= len(before["plan"])
        assert changed <= {"next", "reason"}
    elif choice.next == "Completed":
        assert (before["next"], before["delivered"]) == ("deliver", True)
    elif choice.next == "Deliver sampled answer":
        assert before["next"] == "deliver_sampled"
    else:
        assert choice.next == "Deliver answer"
        assert before["next"] == "deliver" or before["kept"]
        assert before["next"] != "deliver" or not before["delivered"]


def test_every_rule_of_the_choice_leads_where_it_may(machine: Machine) -> None:
    @settings(max_examples=500)
    @given(states)
    def over(state: dict[str, Any]) -> None:
        check_choice(state, machine.choose(HUB, state, NOW_MS))

    over()
    assert {name for name, state in machine.states.items() if state["Type"] == "Choice"} == {HUB}
    rules = range(len(machine.states[HUB]["Choices"]))
    assert {number for _, number in machine.taken} >= set(rules)


def test_plan_with_a_function_that_nobody_has_fails(machine: Machine) -> None:
    """After a deployment that drops one, say."""
    state = WorkflowState("t-1", 1, NOW + timedelta(minutes=1), (Hop("a", Tier.REASONING, Tier.REASONING),)).as_state()
    state["plan"][0]["function"] = "vision"
    choice = machine.choose(HUB, state, NOW_MS)
    assert (choice.rule, choice.next) == (None, "Deliver failure")
    assert (choice.state["next"], choice.state["reason"]) == ("fail", "no_model_left")


@settings(max_examples=300)
@given(states, st.integers(0, 600_000))
def test_wait_ends_by_the_deadline(state: dict[str, Any], late_ms: int) -> None:
    machine = Machine(json.loads(DEFINITION)["States"])
    now_ms = NOW_MS + late_ms
    seconds = machine.wait_seconds("Wait", state, now_ms)
    left = datetime.fromisoformat(state["deadline"]).timestamp() * 1000 - now_ms
    assert seconds == 0 or seconds * 1000 <= left
    assert seconds <= state["wait_seconds"]
    following, after = machine.leave("Wait", state, now_ms)
    assert (following, after["next"], after["wait_seconds"]) == (HUB, "run", 0)


def outcome_of(dice: random.Random) -> CallResult | None:
    """Return how an attempt ends; None for a crash of the function."""
    outcome = dice.choice([*Outcome, None, None])
    if outcome is None:
        return None
    hint = dice.choice([None, 0.5, 30.0, 4_000.0])
    return CallResult(outcome, retry_after=hint)


def go_on(machine: Machine, name: str, state: dict[str, Any], now: datetime) -> tuple[str, dict[str, Any], datetime]:
    """Leave the hub, or a wait when it is over; return the next state, its object and the time."""
    now_ms = int(now.timestamp() * 1000)
    if name == HUB:
        choice = machine.choose(HUB, state, now_ms)
        return choice.next, choice.state, now
    over = now + timedelta(seconds=machine.wait_seconds(name, state, now_ms))
    return *machine.leave(name, state, now_ms), over


def run_to_its_end(machine: Machine, state: dict[str, Any], dice: random.Random) -> tuple[str, int]:
    """Play an execution, with random outcomes and crashes; return its last state and its transitions."""
    name, now, transitions = HUB, NOW, 0
    while name not in ENDS:
        transitions += 1
        assert transitions * 5 < MOST_EVENTS, state
        now_ms = int(now.timestamp() * 1000)
        if name in (HUB, "Wait"):
            name, state, now = go_on(machine, name, state, now)
        elif name in RUN:
            assert to_text(now) < state["deadline"]
            if dice.random() < 0.1:
                name, state = machine.catch(name, state, now_ms, THROTTLED)
                continue
            result = outcome_of(dice)
            now += timedelta(seconds=dice.choice([0.2, 3, 290]))
            if result is None:
                name, state = machine.catch(name, state, now_ms)
            else:
                answer = next_state(WorkflowState.from_state(state), result, now, dice=dice).as_state()
                name, state = machine.leave(name, state, now_ms, {"Payload": answer})
        else:
            lead: Callable[..., tuple[str, dict[str, Any]]] = machine.catch if dice.random() < 0.1 else machine.leave
            name, state = lead(name, state, now_ms)
    return name, transitions


def test_every_run_ends_within_the_events_of_an_execution(machine: Machine) -> None:
    ends = set[str]()

    @settings(max_examples=300)
    @given(plans, st.sampled_from([1, 3_600, 86_400]), st.integers(0, 2**32))
    def over(plan: tuple[Hop, ...], seconds: int, seed: int) -> None:
        state = WorkflowState("t-1", 1, NOW + timedelta(seconds=seconds), plan).as_state()
        ends.add(run_to_its_end(machine, state, random.Random(seed))[0])

    over()
    assert ends == ENDS


def throttled(machine: Machine, state: dict[str, Any], minutes: float) -> tuple[str, dict[str, Any], datetime, int]:
    """Play a workflow whose function is throttled for so long; return where it is then, and its invocations."""
    name, now, invocations = HUB, NOW, 0
    while name not in RUN or now < NOW + timedelta(minutes=minutes):
        now_ms = int(now.timestamp() * 1000)
        if name in (HUB, "Wait"):
            name, state, now = go_on(machine, name, state, now)
        elif name in RUN:
            invocations += 1
            name, state = machine.catch(name, state, now_ms, THROTTLED)
        else:
            break
    return name, state, now, invocations


PLAN = (Hop("a", Tier.ORCHESTRATION, Tier.ORCHESTRATION), Hop("b", Tier.REASONING, Tier.ORCHESTRATION))


def test_throttled_function_is_waited_for_and_no_other_model_is_asked(machine: Machine) -> None:
    """Nothing was called: it is no crash of the model, and no attempt."""
    before = WorkflowState("t-1", 1, NOW + timedelta(hours=24), PLAN).as_state()
    name, state, now, invocations = throttled(machine, before, 180)
    assert name == "Run orchestration"
    assert {key for key in before if state[key] != before[key]} == {"throttles", "waiting_for"}
    assert timedelta(minutes=180) <= now - NOW < timedelta(minutes=190)
    assert 15 < invocations < 60
    what = Waiting.of_pause(Pause(now, {**state, "next": "wait"}))
    assert (what.what, what.view) == (WaitingFor.CAPACITY, "resting")


def test_task_that_is_throttled_until_its_deadline_fails_by_it(machine: Machine) -> None:
    before = WorkflowState("t-1", 1, NOW + timedelta(hours=1), PLAN).as_state()
    del before["throttles"]  # of an execution that began before the field was there
    name, state, now, _ = throttled(machine, before, 999)
    assert (name, state["reason"]) == ("Deliver failure", "deadline")
    assert NOW + timedelta(hours=1) - now < timedelta(seconds=2)


def test_answer_does_not_wait_long_for_a_throttled_second_try(machine: Machine) -> None:
    before = WorkflowState("t-1", 1, NOW + timedelta(hours=24), PLAN, has_answer=True).as_state()
    name, _, now, _ = throttled(machine, before, 999)
    assert (name, now - NOW < timedelta(minutes=1)) == ("Deliver answer", True)


def test_throttling_of_a_year_stays_within_the_events_of_an_execution(machine: Machine) -> None:
    before = WorkflowState("t-1", 1, NOW + timedelta(days=365), PLAN).as_state()
    name, _, _, invocations = throttled(machine, before, 60 * 24 * 366)
    assert name == "Deliver failure"
    assert invocations * 4 * 4 < MOST_EVENTS  # states on each round, and their events on average


def test_throttled_tasks_do_not_all_wake_at_once(machine: Machine) -> None:
    state = {**WorkflowState("t-1", 1, NOW + timedelta(hours=24), PLAN).as_state(), "throttles": 9}
    waits = [machine.catch("Run reasoning", state, NOW_MS, THROTTLED)[1]["wait_seconds"] for _ in range(60)]
    assert len(set(waits)) > 20
    assert 280 <= min(waits) < max(waits) <= 576
