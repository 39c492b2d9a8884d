"""The pipeline: pinned actions, no long-lived key, and roles that reach only the stack."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.cloudformation import Resource, as_list, load
from tests.support.paths import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
LOCAL = re.compile(r"uses: \./\.github/workflows/\w+\.yml$")
DEPLOY = ROOT / ".github/workflows/deploy.yml"
ROLES = ROOT / "examples/deploy/github-role.yaml"


def parse_workflow(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text())


def steps(workflow: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in workflow["jobs"].items():
        for step in job.get("steps", []):
            yield name, step


@pytest.fixture(scope="module", params=WORKFLOWS, ids=lambda path: path.name)
def path(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_workflows_for_check_and_deploy_exist() -> None:
    assert {"check.yml", "deploy.yml"} <= {workflow.name for workflow in WORKFLOWS}


def test_action_is_pinned_by_commit_with_its_release_as_a_comment(path: Path) -> None:
    used = [line.strip().removeprefix("- ") for line in path.read_text().splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not (PINNED.match(line) or LOCAL.match(line))] == []


def test_only_a_job_that_assumes_a_role_may_request_a_token(path: Path) -> None:
    workflow = parse_workflow(path)
    assert workflow["permissions"] == {"contents": "read"}
    takes = {name for name, step in steps(workflow) if "configure-aws-credentials" in step.get("uses", "")}
    asks = {name for name, job in workflow["jobs"].items() if "id-token" in job.get("permissions", {})}
    assert asks == takes
    for name in asks:
        assert workflow["jobs"][name]["permissions"] == {"contents": "read", "id-token": "write"}
        assert "environment" in workflow["jobs"][name]


def test_workflow_uses_no_secret(path: Path) -> None:
    text = path.read_text()
    assert "secrets." not in text
    assert "access-key" not in text.lower()


def test_no_expression_is_inserted_into_a_shell_command(path: Path) -> None:
    assert [step["run"] for _, step in steps(parse_workflow(path)) if "${{" in step.get("run", "")] == []


def test_checkout_persists_no_credentials(path: Path) -> None:
    checkouts = [step for _, step in steps(parse_workflow(path)) if "actions/checkout@" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_make_targets_of_a_workflow_exist(path: Path) -> None:
    ran = {
        target for _, step in steps(parse_workflow(path)) for target in re.findall(r"\bmake (\w+)", step.get("run", ""))
    }
    there = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert ran <= there


def test_deploy_job_needs_the_check_job() -> None:
    workflow = parse_workflow(DEPLOY)
    assert workflow["jobs"]["check"] == {"uses": "./.github/workflows/check.yml"}
    assert workflow["jobs"]["build"]["needs"] == "check"
    assert workflow["jobs"]["deploy"]["needs"] == "build"
    assert workflow["concurrency"]["cancel-in-progress"] is False


def test_job_that_can_assume_the_role_does_not_build() -> None:
    """What a build installs and runs must not find a token for AWS."""
    jobs = parse_workflow(DEPLOY)["jobs"]
    assert "permissions" not in jobs["build"]
    assert jobs["deploy"]["permissions"]["id-token"] == "write"
    ran = {name: " ".join(step.get("run", "") for step in job.get("steps", [])) for name, job in jobs.items()}
    assert "make build" in ran["build"]
    assert "make build" not in ran["deploy"]
    packed = next(step for step in jobs["build"]["steps"] if "upload-artifact@" in step.get("uses", ""))["with"]
    unpacked = next(step for step in jobs["deploy"]["steps"] if "download-artifact@" in step.get("uses", ""))["with"]
    assert packed["name"] == unpacked["name"]
    assert packed["path"] in ran["deploy"]


def test_used_variables_are_documented() -> None:
    text = DEPLOY.read_text()
    used = set(re.findall(r"vars\.([A-Z_]+)", text)) - {"DEPLOY_TO"}
    assert used == set(re.findall(r"^#   ([A-Z_]+) ", text, re.MULTILINE))
    outputs = {output["Description"] for output in load(ROLES)["Outputs"].values()}
    assert outputs <= used


def test_profile_of_the_pipeline_exists_and_asks_nothing() -> None:
    (name,) = re.findall(r"--config-env (\w+)", DEPLOY.read_text())
    profile = tomllib.loads((ROOT / "samconfig.toml").read_text())[name]["deploy"]["parameters"]
    assert profile["confirm_changeset"] is False
    assert "resolve_s3" not in profile  # sam refuses it beside --s3-bucket


def statements(role: str) -> list[dict[str, Any]]:
    resource: Resource = load(ROLES)["Resources"][role]
    policies = resource["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


@pytest.mark.parametrize("role", ["DeployRole", "ExecutionRole"])
def test_role_has_wildcard_resources_only_for_actions_without_resources(role: str) -> None:
    allowed = [statement for statement in statements(role) if statement["Effect"] == "Allow"]
    wide = {statement["Sid"] for statement in allowed if "*" in as_list(statement["Resource"])}
    assert (
        wide
        == {
            "DeployRole": {"LookAround"},
            "ExecutionRole": {"EventSources", "ReadEventSources", "LogDelivery"},
        }[role]
    )
    for statement in allowed:
        assert "*" not in as_list(statement["Action"])
        if statement["Sid"] in wide and "Condition" not in statement:
            assert not any(action.endswith(":*") for action in statement["Action"])


def test_deploy_role_can_change_only_the_stack() -> None:
    allowed = [statement for statement in statements("DeployRole") if statement["Effect"] == "Allow"]
    actions = {action for statement in allowed for action in as_list(statement["Action"])}
    assert not any(action.endswith("*") for action in actions)
    assert {action for action in actions if action.startswith("iam:")} == {"iam:PassRole"}
    assert "ssm:GetParameter" not in actions


def test_roles_can_be_passed_only_to_named_services() -> None:
    for role in ("DeployRole", "ExecutionRole"):
        (passing,) = [statement for statement in statements(role) if "iam:PassRole" in as_list(statement["Action"])]
        assert "iam:PassedToService" in passing["Condition"]["StringEquals"]


def test_deployed_resources_have_a_cost_allocation_tag() -> None:
    profiles = tomllib.loads((ROOT / "samconfig.toml").read_text())
    for name in ("default", "prod"):
        assert "Project=pointsman" in profiles[name]["deploy"]["parameters"]["tags"]
    assert "Project=pointsman" in DEPLOY.read_text()
