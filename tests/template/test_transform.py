"""The template as CloudFormation deploys it: a changed parameter changes the code that runs."""

from typing import Any

import pytest

from tests.support.cloudformation import load
from tests.support.sam import referenced, resolve, transform

Resources = dict[str, Any]

FUNCTION = "AWS::Lambda::Function"
INVOKERS = {
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Url",
    "AWS::Lambda::Permission",
    "AWS::Scheduler::Schedule",
    "AWS::Events::Rule",
    "AWS::StepFunctions::StateMachine",
}
"""Types of resources that invoke a function, or let someone invoke it."""


def _parameters_of_functions() -> list[str]:
    template = load()
    functions = [entry for entry in template["Resources"].values() if entry["Type"] == "AWS::Serverless::Function"]
    environments = [part["Properties"].get("Environment") for part in functions]
    named = referenced([template["Globals"]["Function"]["Environment"], environments])
    return sorted(named & template["Parameters"].keys())


PARAMETERS = _parameters_of_functions()


@pytest.fixture(scope="module")
def deployments() -> dict[str, Resources]:
    """The resources of one deployment per changed parameter, and with key "" those of the deployment before."""
    changes = [{}, *({name: "changed"} for name in PARAMETERS)]
    return dict(zip(["", *PARAMETERS], (entry["Resources"] for entry in transform(changes)), strict=True))


def code_that_runs(resources: Resources, parameters: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return what each invoker runs, by invoker and logical id.

    A function is what its properties say. A version is a snapshot of when it was published: CloudFormation publishes
    another one only under another logical id.
    """
    runs: dict[str, dict[str, Any]] = {}
    for invoker, resource in resources.items():
        if resource["Type"] not in INVOKERS:
            continue
        for name in referenced(resource["Properties"]) & resources.keys():
            properties = resources[name]["Properties"]
            if resources[name]["Type"] == FUNCTION:
                runs.setdefault(invoker, {})[name] = resolve(properties, parameters)
            elif resources[name]["Type"] == "AWS::Lambda::Alias":
                version = properties["FunctionVersion"]["Fn::GetAtt"][0]
                runs.setdefault(invoker, {})[properties["FunctionName"]["Ref"]] = {"snapshot": version}
    return runs


def test_every_function_is_invoked(deployments: dict[str, Resources]) -> None:
    functions = {name for name, resource in deployments[""].items() if resource["Type"] == FUNCTION}
    assert {name for runs in code_that_runs(deployments[""], {}).values() for name in runs} == functions


def test_concurrency_is_reserved_for_tiers_only_on_request() -> None:
    template = load()
    assert template["Parameters"]["TierConcurrency"]["Default"] == 0
    for tier in ("Orchestration", "Implementation", "Reasoning"):
        reserved = template["Resources"][f"{tier}Function"]["Properties"]["ReservedConcurrentExecutions"]
        assert reserved == {"Fn::If": ["HasTierConcurrency", {"Ref": "TierConcurrency"}, {"Ref": "AWS::NoValue"}]}
    zero = {"Fn::Equals": [{"Ref": "TierConcurrency"}, 0]}
    assert template["Conditions"]["HasTierConcurrency"] == {"Fn::Not": [zero]}


@pytest.mark.parametrize("parameter", PARAMETERS)
def test_changed_parameter_changes_what_every_invoker_runs(deployments: dict[str, Resources], parameter: str) -> None:
    before = code_that_runs(deployments[""], {})
    after = code_that_runs(deployments[parameter], {parameter: "changed"})
    assert before.keys() == after.keys()
    users = {
        name
        for name, resource in deployments[""].items()
        if resource["Type"] == FUNCTION and parameter in referenced(resource["Properties"]["Environment"])
    }
    assert users
    old = {(invoker, name) for invoker, runs in before.items() for name in users & runs.keys()}
    assert old
    assert {pair for pair in old if before[pair[0]][pair[1]] == after[pair[0]][pair[1]]} == set()
