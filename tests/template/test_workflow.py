"""The workflow definition matches the template and keeps its invariants."""

import itertools
import re
from typing import Any

import pytest

from tests.support.cloudformation import Resource
from tests.support.paths import ROOT

Resources = dict[str, Resource]
Workflow = dict[str, Any]

RUN_STATES = {
    "Run orchestration": "OrchestrationFunction",
    "Run implementation": "ImplementationFunction",
    "Run reasoning": "ReasoningFunction",
}
DELIVER_STATES = dict.fromkeys(["Deliver answer", "Deliver sampled answer", "Deliver failure"], "DeliveryFunction")


def targets(state: dict[str, Any]) -> set[str]:
    rules = [*state.get("Choices", []), *state.get("Catch", []), state]
    return {rule[key] for rule in rules for key in ("Next", "Default") if key in rule}


def test_every_state_is_reachable_and_has_a_comment(workflow: Workflow) -> None:
    states = workflow["States"]
    reached, unvisited = set(), {workflow["StartAt"]}
    while unvisited:
        reached |= unvisited
        unvisited = {target for name in unvisited for target in targets(states[name])} - reached
    assert reached == set(states)
    assert all(state["Comment"] for state in states.values())


def test_choice_state_is_named_as_a_question(workflow: Workflow) -> None:
    for name, state in workflow["States"].items():
        assert name.endswith("?") == (state["Type"] == "Choice")


@pytest.mark.parametrize(
    ("state", "function"),
    [*RUN_STATES.items(), *DELIVER_STATES.items(), ("Announce hold", "DeliveryFunction")],
)
def test_state_timeout_exceeds_its_functions_timeout(
    workflow: Workflow, resources: Resources, state: str, function: str
) -> None:
    task = workflow["States"][state]
    assert task["Arguments"]["FunctionName"] == f"${{{function}}}"
    assert task["TimeoutSeconds"] == resources[function]["Properties"]["Timeout"] + 10


def test_substitutions_are_the_partition_and_the_functions_themselves(workflow: Workflow, resources: Resources) -> None:
    substitutions = resources["RunTaskStateMachine"]["Properties"]["DefinitionSubstitutions"]
    used = set(re.findall(r"\$\{(\w+)}", str(workflow)))
    assert used == set(substitutions)
    functions = used - {"Partition"}
    assert substitutions == {
        "Partition": {"Ref": "AWS::Partition"},
        **{name: {"Fn::GetAtt": [name, "Arn"]} for name in functions},
    }


@pytest.mark.parametrize("file", ["template.yaml", "dashboard.yaml", "statemachines/run_task.asl.json"])
def test_no_arn_names_a_partition(file: str) -> None:
    """The stack can be deployed in China, GovCloud and the European Sovereign Cloud as well."""
    assert "arn:aws" not in (ROOT / file).read_text(encoding="utf-8")


@pytest.mark.parametrize("state", RUN_STATES)
def test_model_call_is_retried_only_after_an_error_of_lambda(workflow: Workflow, state: str) -> None:
    task = workflow["States"][state]
    retried = {error for retry in task["Retry"] for error in retry["ErrorEquals"]}
    assert all(error.startswith("Lambda.") for error in retried)
    throttled, crashed = task["Catch"]
    assert crashed["ErrorEquals"] == ["States.ALL"]
    assert "Lambda.TooManyRequestsException" in set(throttled["ErrorEquals"]) - retried
    assert throttled["Next"] == crashed["Next"] == task["Next"] == "What next?"


def test_tier_states_differ_only_in_function_and_timeout(workflow: Workflow) -> None:
    varying = {"Arguments", "TimeoutSeconds", "Comment"}
    same = [
        {key: value for key, value in workflow["States"][name].items() if key not in varying} for name in RUN_STATES
    ]
    assert same[0] == same[1] == same[2]


@pytest.mark.parametrize("state", DELIVER_STATES)
def test_delivery_is_retried_for_about_an_hour(workflow: Workflow, state: str) -> None:
    (retry,) = workflow["States"][state]["Retry"]
    assert retry["ErrorEquals"] == ["States.ALL"]
    assert retry["JitterStrategy"] == "FULL"
    delays = [
        min(retry["IntervalSeconds"] * retry["BackoffRate"] ** n, retry["MaxDelaySeconds"])
        for n in range(retry["MaxAttempts"])
    ]
    assert 3000 <= sum(delays) / 2 <= 4200


def test_hold_is_announced_within_a_minute_and_never_in_the_way(workflow: Workflow) -> None:
    state = workflow["States"]["Announce hold"]
    (retry,), (caught,) = state["Retry"], state["Catch"]
    assert sum(retry["IntervalSeconds"] * retry["BackoffRate"] ** n for n in range(retry["MaxAttempts"])) <= 75
    assert caught["ErrorEquals"] == retry["ErrorEquals"] == ["States.ALL"]
    assert (caught["Next"], caught["Output"]) == (state["Next"], state["Output"])
    assert state["Next"] == "Wait"


@pytest.mark.parametrize("by", [[], ["Deliver answer"]])
def test_shortest_path_has_four_states_and_one_more_where_another_function_delivers(
    workflow: Workflow, by: list[str]
) -> None:
    states = workflow["States"]
    path = ["What next?", "Run orchestration", "What next?", *by, "Completed"]
    assert workflow["StartAt"] == path[0]
    assert all(after in targets(states[before]) for before, after in itertools.pairwise(path))
    assert states[path[-1]]["Type"] == "Succeed"


def test_deadline_is_checked_before_any_further_attempt(workflow: Workflow) -> None:
    conditions = [rule["Condition"] for rule in workflow["States"]["What next?"]["Choices"]]
    variables = ("next", "deadline", "crashes", "hop")
    kinds = [next(variable for variable in variables if variable in condition) for condition in conditions]
    assert kinds == [*["next"] * 4, *["deadline"] * 2, *["next"] * 2, *["crashes"] * 3, *["hop"] * 4]
    assert "deadline" in workflow["States"]["Wait"]["Seconds"]


def test_workflow_input_has_neither_prompt_nor_answer(workflow: Workflow) -> None:
    expressions = re.findall(r"\{%(.*?)%}", str(workflow))
    fields = {field for expression in expressions for field in re.findall(r"\$states\.input\.(\w+)", expression)}
    state_fields = {"plan", "hop", "attempt", "tries", "crashes", "throttles", "rounds", "kept", "healing"}
    assert fields <= state_fields | {"next", "deadline", "wait_seconds", "reason", "announce_hold", "delivered"}
