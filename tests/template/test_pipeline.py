"""The pipeline that others copy: pinned actions, no long-lived key, and roles that reach no further than the stack."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cloudformation import Resource, load
from tests.support.paths import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
LOCAL = re.compile(r"uses: \./\.github/workflows/\w+\.yml$")
DEPLOY = ROOT / ".github/workflows/deploy.yml"
ROLES = ROOT / "examples/deploy/github-role.yaml"
SERVICES = {
    "AWS::CloudWatch": "cloudwatch",
    "AWS::DynamoDB": "dynamodb",
    "AWS::Events": "events",
    "AWS::Logs": "logs",
    "AWS::S3": "s3",
    "AWS::SNS": "sns",
    "AWS::SQS": "sqs",
    "AWS::Serverless::Function": "lambda",
    "AWS::Serverless::LayerVersion": "lambda",
    "AWS::Serverless::StateMachine": "states",
    "AWS::Lambda": "lambda",
}
"""Whose actions CloudFormation needs for a type of resource."""
FROM_EVENTS = {"ScheduleV2": "scheduler", "EventBridgeRule": "events", "SQS": "lambda"}


def parsed(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


def steps(workflow: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in workflow["jobs"].items():
        for step in job.get("steps", []):
            yield name, step


@pytest.fixture(scope="module", params=WORKFLOWS, ids=lambda path: path.name)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_there_are_workflows_to_check_and_to_deploy() -> None:
    assert {"check.yml", "deploy.yml"} <= {each.name for each in WORKFLOWS}


def test_every_action_is_pinned_by_commit_with_its_release_beside_it(path: Path) -> None:
    used = [line.strip().removeprefix("- ") for line in path.read_text().splitlines() if "uses:" in line]
    assert used
    assert [each for each in used if not (PINNED.match(each) or LOCAL.match(each))] == []


def test_a_job_may_ask_for_a_token_only_where_it_takes_a_role(path: Path) -> None:
    workflow = parsed(path)
    assert workflow["permissions"] == {"contents": "read"}
    takes = {name for name, step in steps(workflow) if "configure-aws-credentials" in step.get("uses", "")}
    asks = {name for name, job in workflow["jobs"].items() if "id-token" in job.get("permissions", {})}
    assert asks == takes
    for name in asks:
        assert workflow["jobs"][name]["permissions"] == {"contents": "read", "id-token": "write"}
        assert "environment" in workflow["jobs"][name]


def test_no_workflow_has_a_secret(path: Path) -> None:
    text = path.read_text()
    assert "secrets." not in text
    assert "access-key" not in text.lower()


def test_nothing_is_pasted_into_a_shell(path: Path) -> None:
    assert [step["run"] for _, step in steps(parsed(path)) if "${{" in step.get("run", "")] == []


def test_a_checkout_leaves_no_token_behind(path: Path) -> None:
    found = [step for _, step in steps(parsed(path)) if "actions/checkout@" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in found)


def test_every_make_target_that_runs_there_exists(path: Path) -> None:
    ran = {target for _, step in steps(parsed(path)) for target in re.findall(r"\bmake (\w+)", step.get("run", ""))}
    there = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert ran <= there


def test_deploying_waits_for_the_checks() -> None:
    workflow = parsed(DEPLOY)
    assert workflow["jobs"]["check"] == {"uses": "./.github/workflows/check.yml"}
    assert workflow["jobs"]["deploy"]["needs"] == "check"
    assert workflow["concurrency"]["cancel-in-progress"] is False


def test_the_variables_that_are_used_are_the_ones_that_are_explained() -> None:
    text = DEPLOY.read_text()
    used = set(re.findall(r"vars\.([A-Z_]+)", text)) - {"DEPLOY_TO"}
    assert used == set(re.findall(r"^#   ([A-Z_]+) ", text, re.MULTILINE))
    outputs = {each["Description"] for each in load(ROLES)["Outputs"].values()}
    assert outputs <= used


def test_the_profile_that_the_pipeline_names_is_there_and_asks_nothing() -> None:
    (name,) = re.findall(r"--config-env (\w+)", DEPLOY.read_text())
    profile = tomllib.loads((ROOT / "samconfig.toml").read_text())[name]["deploy"]["parameters"]
    assert profile["confirm_changeset"] is False
    assert "resolve_s3" not in profile  # sam refuses it beside --s3-bucket


def statements(role: str) -> list[dict[str, Any]]:
    found: Resource = load(ROLES)["Resources"][role]
    return [each for policy in found["Properties"]["Policies"] for each in policy["PolicyDocument"]["Statement"]]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_only_one_environment_of_one_repository_takes_the_role() -> None:
    (trust,) = load(ROLES)["Resources"]["DeployRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": {"Fn::Sub": "repo:${Repository}:environment:${Environment}"},
        }
    }


@pytest.mark.parametrize("role", ["DeployRole", "ExecutionRole"])
def test_a_role_reaches_everything_only_by_actions_that_know_no_resource(role: str) -> None:
    wide = {each["Sid"] for each in statements(role) if "*" in listed(each["Resource"])}
    assert (
        wide
        == {
            "DeployRole": {"LookAround"},
            "ExecutionRole": {"EventSources", "ReadEventSources", "LogDelivery"},
        }[role]
    )
    for each in statements(role):
        assert "*" not in listed(each["Action"])
        if each["Sid"] in wide and "Condition" not in each:
            assert not any(action.endswith(":*") for action in each["Action"])


def test_the_job_itself_changes_nothing_but_the_stack() -> None:
    actions = {action for each in statements("DeployRole") for action in listed(each["Action"])}
    assert not any(action.endswith("*") for action in actions)
    assert {action for action in actions if action.startswith("iam:")} == {"iam:PassRole"}
    assert "ssm:GetParameter" not in actions


def test_roles_are_handed_only_to_the_services_that_run_as_them() -> None:
    for role in ("DeployRole", "ExecutionRole"):
        (passing,) = [each for each in statements(role) if "iam:PassRole" in listed(each["Action"])]
        assert "iam:PassedToService" in passing["Condition"]["StringEquals"]


def test_cloudformation_may_manage_every_type_that_the_template_has() -> None:
    resources = load()["Resources"].values()
    needed = {"iam"}
    for each in resources:
        kind = each["Type"]
        needed.add(SERVICES[kind] if kind in SERVICES else SERVICES[kind.rpartition("::")[0]])
        for event in each["Properties"].get("Events", {}).values():
            needed.add(FROM_EVENTS[event["Type"]])
    may = {action.partition(":")[0] for each in statements("ExecutionRole") for action in listed(each["Action"])}
    assert needed <= may


def test_two_stacks_of_one_region_take_no_name_of_each_other() -> None:
    """SAM names a schedule after its logical id, unless it is told otherwise."""
    schedules = [
        event["Properties"]["Name"]
        for each in load()["Resources"].values()
        for event in each["Properties"].get("Events", {}).values()
        if event["Type"] == "ScheduleV2"
    ]
    assert len(schedules) == 5
    assert all(name["Fn::Sub"].startswith("${AWS::StackName}-") for name in schedules)


def test_what_is_deployed_bears_a_tag_for_the_bill() -> None:
    profiles = tomllib.loads((ROOT / "samconfig.toml").read_text())
    for name in ("default", "prod"):
        assert "Project=pointsman" in profiles[name]["deploy"]["parameters"]["tags"]
    assert "Project=pointsman" in DEPLOY.read_text()
