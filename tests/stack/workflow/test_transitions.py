"""Every transition of statemachines/run_task.asl.json, on the deployed local stack."""

import json
import os
import signal
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pointsman.adapters.task_item import to_item
from pointsman.execution.calls import Purpose
from pointsman.execution.records import CheckedAnswer, Payload, TaskRecord
from pointsman.execution.workflow_state import MOST_ROUNDS_OF_UNKNOWN, Next, WorkflowState
from pointsman.routing.decision import Decision, Source
from pointsman.routing.policy import Hop
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import to_text
from tests.support.local_stack import Stack, eventually, worker_commands
from tests.support.paths import ROOT

pytestmark = pytest.mark.stack

HAIKU, SONNET, GEMINI = "claude-haiku-5-5", "claude-sonnet-5-5", "gemini-3.5-flash-lite"
NEXT = "What next?"
HERE = Hop(HAIKU, Tier.IMPLEMENTATION, Tier.IMPLEMENTATION)
JUDGE = Hop(GEMINI, Tier.ORCHESTRATION, Tier.ORCHESTRATION)
ABOVE = Hop(SONNET, Tier.REASONING, Tier.REASONING)


def word() -> str:
    return f"marker-{uuid.uuid4().hex[:10]}"


@pytest.mark.parametrize(
    ("tier", "state", "model"),
    [
        ("orchestration", "Run orchestration", GEMINI),
        ("implementation", "Run implementation", HAIKU),
        ("reasoning", "Run reasoning", SONNET),
    ],
)
def test_answered_task_passes_four_states(stack: Stack, tier: str, state: str, model: str) -> None:
    task_id = stack.send(prompt="Say which way the train goes.", tier=tier)
    record = stack.ended(task_id)
    assert (record.status, record.model, record.attempts) == (Status.COMPLETED, model, 1)
    assert stack.path(stack.execution(task_id)) == [NEXT, state, NEXT, "Completed"]
    assert record.delivered_at
    assert [entry["model"] for entry in stack.requests(task_id)] == [model]


def test_task_that_asks_for_a_reply_passes_the_delivery(stack: Stack) -> None:
    task_id = stack.send(prompt="Say which way.", tier="implementation", reply_to="no-such-token-anywhere")
    stack.ended(task_id)
    path = stack.path(stack.execution(task_id))
    assert path == [NEXT, "Run implementation", NEXT, "Deliver answer", "Completed"]


def test_rate_limited_task_waits_then_calls_the_same_model(stack: Stack) -> None:
    mark = word()
    stack.fault("anthropic", {"rate_limit": {"retry_after": 1.5}}, contains=mark, times=1)
    task_id = stack.send(prompt=f"Write a parser. {mark}", tier="implementation")
    record = stack.ended(task_id)
    assert (record.status, record.model, record.attempts) == (Status.COMPLETED, HAIKU, 2)
    path = stack.path(stack.execution(task_id))
    run = "Run implementation"
    assert path == [NEXT, run, NEXT, "Wait", NEXT, run, NEXT, "Completed"]
    first, second = stack.requests(task_id)
    assert second["started"] - first["ended"] >= 1.5


def test_throttled_function_is_waited_for_and_no_other_model_is_asked(stack: Stack) -> None:
    lambdas, function = stack.client("lambda"), stack.info.outputs["ImplementationFunctionName"]
    lambdas.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    try:
        task_id = stack.send(prompt="Write a parser.", tier="implementation")
        history = stack.client("stepfunctions").get_execution_history
        eventually(lambda: "Wait" in str(_history(history, stack.execution(task_id))) or None, f"{task_id} to wait")
    finally:
        lambdas.delete_function_concurrency(FunctionName=function)
    record = stack.ended(task_id)
    assert (record.status, record.model, record.attempts, record.last_attempt) == (
        *(Status.COMPLETED, HAIKU, 1),
        "000001.000001",
    )
    path = stack.path(stack.execution(task_id))
    assert path[:4] == [NEXT, "Run implementation", NEXT, "Wait"]
    assert set(path) == {NEXT, "Run implementation", "Wait", "Completed"}


def _history(read: Any, execution: str) -> list[Any]:
    try:
        return list(read(executionArn=execution)["events"])
    except ClientError:  # it has not begun
        return []


def test_exhausted_quota_falls_back_and_skips_the_model_afterwards(stack: Stack) -> None:
    mark = word()
    stack.fault("gemini", "gemini_day_quota", contains=mark, times=1)
    first = stack.ended(stack.send(prompt=f"Which build goes first? {mark}", tier="orchestration"))
    assert (first.status, first.model, first.attempts) == (Status.COMPLETED, HAIKU, 2)
    path = stack.path(stack.execution(first.task_id))
    assert path == [
        NEXT,
        "Run orchestration",
        NEXT,
        "Run implementation",
        NEXT,
        "Completed",
    ]
    second = stack.ended(stack.send(prompt="And which build goes second?", tier="orchestration"))
    assert (second.model, second.attempts) == (HAIKU, 1)
    assert [entry["provider"] for entry in stack.requests(second.task_id)] == ["anthropic"]


def test_retired_model_falls_back_to_the_next_function(stack: Stack) -> None:
    mark = word()
    stack.fault("anthropic", {"status": {"code": 404}}, contains=mark, model=HAIKU, times=1)
    record = stack.ended(stack.send(prompt=f"Write the class. {mark}", tier="implementation"))
    assert (record.status, record.model) == (Status.COMPLETED, SONNET)
    assert stack.path(stack.execution(record.task_id))[-3:] == ["Run implementation", NEXT, "Completed"]


def test_refused_task_fails_and_is_delivered(stack: Stack) -> None:
    mark = word()
    stack.fault("anthropic", "refusal", contains=mark)
    record = stack.ended(stack.send(prompt=f"Do it. {mark}", tier="reasoning"))
    assert (record.status, record.reason) == (Status.FAILED, "refused")
    execution = stack.execution(record.task_id)
    assert stack.path(execution) == [NEXT, "Run reasoning", NEXT, "Deliver failure", "Failed"]
    assert stack.status(execution) == "FAILED"


def test_task_past_its_deadline_fails_before_any_call(stack: Stack) -> None:
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    record = stack.ended(stack.send(prompt="Too late.", tier="implementation", deadline=past))
    assert (record.status, record.reason, record.attempts) == (Status.FAILED, "deadline", 0)
    assert stack.path(stack.execution(record.task_id)) == [NEXT, "Deliver failure", "Failed"]
    assert stack.requests(record.task_id) == []


def test_empty_plan_fails(stack: Stack) -> None:
    task_id = f"t-{uuid.uuid4().hex[:10]}"
    execution = stack.start(
        task_id=task_id, generation=1, deadline=_soon(), plan=[], hop=0, attempt=1, tries=0, crashes=0, next="run"
    )
    assert stack.path(execution) == [NEXT, "Deliver failure", "Failed"]


def test_unknown_function_fails(stack: Stack) -> None:
    plan = [{"model": "m", "function": "elsewhere", "tier": "reasoning"}]
    execution = stack.start(
        task_id="nobody", generation=1, deadline=_soon(), plan=plan, hop=0, attempt=1, tries=0, crashes=0, next="run"
    )
    assert stack.path(execution) == [NEXT, "Deliver failure", "Failed"]


@pytest.mark.parametrize(
    ("tier", "state", "worker"),
    [
        ("orchestration", "Run orchestration", "OrchestrationFunction"),
        ("implementation", "Run implementation", "ImplementationFunction"),
        ("reasoning", "Run reasoning", "ReasoningFunction"),
    ],
)
def test_killed_function_runs_again_and_books_the_unknown_call(
    stack: Stack, tier: str, state: str, worker: str
) -> None:
    mark = word()
    provider = "gemini" if tier == "orchestration" else "anthropic"
    stack.fault(provider, "hang", contains=mark, times=1)
    task_id = stack.send(prompt=f"Think. {mark}", tier=tier)
    eventually(lambda: stack.requests(task_id) or None, "the call to arrive")
    assert kill_workers(stack, worker)
    record = stack.ended(task_id)
    assert (record.status, record.attempts) == (Status.COMPLETED, 2)
    assert record.cost_known is (tier == "orchestration") or record.cost_known is False
    assert stack.path(stack.execution(task_id)) == [NEXT, state, NEXT, state, NEXT, "Completed"]
    assert len(stack.requests(task_id)) == 2


def test_function_killed_twice_falls_back_to_the_next_model(stack: Stack) -> None:
    mark = word()
    stack.fault("anthropic", "hang", contains=mark, model=HAIKU, times=2)
    task_id = stack.send(prompt=f"Think. {mark}", tier="implementation")
    for calls in (1, 2):
        eventually(lambda: len(stack.requests(task_id)) >= calls or None, f"call {calls} to arrive")  # noqa: B023
        assert kill_workers(stack, "ImplementationFunction")
    record = stack.ended(task_id)
    assert (record.status, record.model, record.attempts) == (Status.COMPLETED, SONNET, 3)


def store_answer(stack: Stack, prompt: str) -> WorkflowState:
    """Put a task as it is when its first answer is stored, and return where it stands."""
    run = WorkflowState(f"t-{uuid.uuid4().hex[:10]}", 1, datetime.now(UTC) + timedelta(minutes=5), (HERE,))
    record = TaskRecord(
        run.task_id,
        Status.STARTED,
        body=Payload(json.dumps({"prompt": prompt, "tier": "implementation"})),
        decision=Decision(TaskType.CODE_GENERATION, Tier.IMPLEMENTATION, Source.EXPLICIT, 1.0, "stated"),
        received_at=to_text(datetime.now(UTC)),
        last_attempt=run.attempt_id,
        answer=Payload("half of it"),
        checked=CheckedAnswer(None, None, HAIKU, run.attempt_id),
    )
    stack.client("dynamodb").put_item(TableName=stack.info.outputs["TaskTableName"], Item=to_item(record))
    return run


def test_answer_that_the_judge_rejects_escalates_one_tier(stack: Stack) -> None:
    run = store_answer(stack, "Write the class, the answer being incomplete.").beyond(JUDGE, Purpose.JUDGE, None)
    path = stack.path(stack.start(**run.as_state()))
    assert path == [
        NEXT,
        "Run orchestration",
        NEXT,
        "Run reasoning",
        NEXT,
        "Completed",
    ]
    record = stack.ended(run.task_id)
    assert (record.status, record.model) == (Status.COMPLETED, SONNET)
    assert record.checked is not None
    assert record.checked.escalated_after == "judge"


def test_stored_answer_is_delivered_at_the_deadline(stack: Stack) -> None:
    run = store_answer(stack, "Write the class.").beyond(ABOVE, Purpose.TASK, "failed_check:language")
    late = replace(run, deadline=datetime.now(UTC) - timedelta(seconds=1))
    assert stack.path(stack.start(**late.as_state())) == [NEXT, "Deliver answer", "Completed"]
    record = stack.ended(run.task_id)
    assert (record.status, record.model, record.answer.inline) == (Status.COMPLETED, HAIKU, "half of it")
    assert stack.requests(run.task_id) == []


def test_sampled_task_is_audited_after_its_delivery(stack: Stack) -> None:
    record = stack.ended(stack.send(prompt="Write the class.", tier="implementation"))
    run = WorkflowState(record.task_id, 1, datetime.now(UTC) + timedelta(minutes=5), (HERE,)).beyond(
        ABOVE, Purpose.AUDIT, None
    )
    path = stack.path(stack.start(**replace(run, next=Next.DELIVER_SAMPLED).as_state()))
    audited = [NEXT, "Deliver sampled answer", NEXT, "Run reasoning", NEXT, "Completed"]
    assert path == audited
    after = stack.tasks.read(record.task_id)
    assert after is not None
    assert after.audit is not None
    assert (after.audit.model, after.audit.outcome) == (SONNET, "answered")
    assert (after.model, after.attempts, after.delivered_at) == (HAIKU, 1, record.delivered_at)
    assert [entry["model"] for entry in stack.requests(record.task_id)] == [HAIKU, SONNET]


def test_failing_delivery_ends_left_undelivered(stack: Stack) -> None:
    """The definition as deployed, its hour of retries cut to a second and its delivery function gone."""
    states = stack.client("stepfunctions")
    deployed = states.describe_state_machine(stateMachineArn=stack.info.outputs["StateMachineArn"])
    definition: dict[str, Any] = json.loads(deployed["definition"])
    for name in ("Announce hold", "Deliver answer", "Deliver sampled answer", "Deliver failure"):
        definition["States"][name]["Arguments"]["FunctionName"] = "arn:aws:lambda:us-east-1:000000000000:function:gone"
        definition["States"][name]["Retry"][0] |= {"IntervalSeconds": 1, "MaxAttempts": 1}
    machine = states.create_state_machine(
        name=f"cut-{uuid.uuid4().hex[:8]}", definition=json.dumps(definition), roleArn=deployed["roleArn"]
    )["stateMachineArn"]
    for step, expected in (
        ("deliver", "Deliver answer"),
        ("deliver_sampled", "Deliver sampled answer"),
        ("fail", "Deliver failure"),
    ):
        state = {"task_id": "x", "generation": 1, "deadline": _soon(), "plan": [], "next": step, "reason": "refused"}
        started = states.start_execution(stateMachineArn=machine, name=step, input=json.dumps(state))
        assert stack.path(started["executionArn"]) == [NEXT, expected, "Left undelivered"]
    held = {**state, "crashes": 0, "hop": 0, "kept": False, "next": "wait", "announce_hold": True, "wait_seconds": 0}
    started = states.start_execution(stateMachineArn=machine, name="held", input=json.dumps(held))
    expected_path = [NEXT, "Announce hold", "Wait", NEXT, "Deliver failure", "Left undelivered"]
    assert stack.path(started["executionArn"]) == expected_path


def test_crashing_functions_are_retried_after_a_wait_then_fail(stack: Stack) -> None:
    """The definition as deployed, its waits cut to nothing and two of its functions gone."""
    states = stack.client("stepfunctions")
    deployed = states.describe_state_machine(stateMachineArn=stack.info.outputs["StateMachineArn"])
    definition: dict[str, Any] = json.loads(deployed["definition"])
    definition["States"]["Wait"]["Seconds"] = 0
    for name in ("Run implementation", "Run reasoning"):
        definition["States"][name]["Arguments"]["FunctionName"] = "arn:aws:lambda:us-east-1:000000000000:function:gone"
        del definition["States"][name]["Retry"]
    machine = states.create_state_machine(
        name=f"cut-{uuid.uuid4().hex[:8]}", definition=json.dumps(definition), roleArn=deployed["roleArn"]
    )["stateMachineArn"]
    plan = [{"model": "m", "function": name, "tier": "reasoning"} for name in ("implementation", "reasoning")]
    state = WorkflowState("nobody", 1, datetime.now(UTC) + timedelta(minutes=5), (), rounds=MOST_ROUNDS_OF_UNKNOWN - 1)
    started = states.start_execution(stateMachineArn=machine, input=json.dumps(state.as_state() | {"plan": plan}))
    one = [NEXT, "Run implementation", NEXT, "Run implementation", NEXT]
    other = [NEXT, "Run reasoning", NEXT, "Run reasoning", NEXT]
    path = stack.path(started["executionArn"])
    assert path == [*one, *other, "Wait", *one, *other, "Deliver failure", "Failed"]
    assert states.describe_execution(executionArn=started["executionArn"])["cause"] == "no_model_left"


def test_every_transition_of_the_definition_has_a_test() -> None:
    """The transitions, by hand: a new one must come with a test."""
    definition = json.loads((ROOT / "statemachines/run_task.asl.json").read_text())
    transitions = set()
    for name, state in definition["States"].items():
        targets = [choice["Next"] for choice in state.get("Choices", [])]
        targets += [caught["Next"] for caught in state.get("Catch", [])]
        targets += [state[key] for key in ("Next", "Default") if key in state]
        transitions |= {(name, target) for target in targets}
    runs = {"Run orchestration", "Run implementation", "Run reasoning"}
    assert transitions == {
        (NEXT, NEXT),
        *((NEXT, run) for run in runs),
        *((run, NEXT) for run in runs),
        (NEXT, "Completed"),
        (NEXT, "Deliver answer"),
        (NEXT, "Deliver sampled answer"),
        ("Deliver sampled answer", NEXT),
        ("Deliver sampled answer", "Left undelivered"),
        (NEXT, "Deliver failure"),
        (NEXT, "Announce hold"),
        ("Announce hold", "Wait"),
        (NEXT, "Wait"),
        ("Wait", NEXT),
        ("Deliver answer", "Completed"),
        ("Deliver answer", "Left undelivered"),
        ("Deliver failure", "Failed"),
        ("Deliver failure", "Left undelivered"),
    }


def _soon() -> str:
    return (datetime.now(UTC) + timedelta(minutes=5)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def kill_workers(stack: Stack, function: str) -> int:
    """Kill the processes that run a function, as a crash would; return how many."""
    running = [pid for pid, command in worker_commands(stack) if function in command]
    for pid in running:
        os.kill(pid, signal.SIGKILL)
    return len(running)
