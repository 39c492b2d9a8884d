"""`pointsman init` on moto's stores; building and deploying is replaced."""

import getpass
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from moto import mock_aws

from devstack.toolchain import ROOT
from pointsman.contracts.webhook import keys_of
from pointsman.routing import config
from pointsman.routing.catalog import Provider
from pointsman_cli.errors import CommandError
from pointsman_cli.first_deploy import keys, options, steps
from pointsman_cli.first_deploy import options as deploy_options
from pointsman_cli.first_deploy.options import DeployOptions
from pointsman_cli.main import main
from tests.support.cloudformation import load
from tests.support.schemas import check_document

GEMINI, CLAUDE = "gemini-key-of-this-test-4711", "claude-key-of-this-test-0815"
CONFIG = (ROOT / "openclaw.json").read_text()


@pytest.fixture
def deployed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[DeployOptions]]:
    """What would have been built and deployed; `openclaw.json` is a copy."""
    deployments: list[DeployOptions] = []
    (tmp_path / "openclaw.json").write_text(CONFIG)
    monkeypatch.setattr(steps, "CONFIG", tmp_path / "openclaw.json")
    monkeypatch.setattr(steps, "build_and_deploy", deployments.append)
    monkeypatch.setattr(deploy_options, "_describe", lambda *_: {})  # no such stack
    for name in ("GEMINI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for service in ("CLOUDFORMATION", "S3"):  # where sam begins: should a test ever start it, it gets no further
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", "http://127.0.0.1:9")
    with mock_aws():
        yield deployments


def stored(*names: str) -> dict[str, tuple[str, str]]:
    ssm = boto3.client("ssm", region_name="eu-central-1")
    parameters = ssm.get_parameters(Names=names, WithDecryption=True)["Parameters"]
    return {parameter["Name"]: (parameter["Type"], parameter["Value"]) for parameter in parameters}


def test_options_and_environment_deploy_without_a_prompt(
    deployed: list[DeployOptions], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", GEMINI)
    monkeypatch.setenv("ANTHROPIC_API_KEY", f" {CLAUDE}\n")
    options = ["--region", "eu-central-1", "--stack", "team-a", "--email", "a@example.com", "--budget", "7.5"]
    assert main(["init", "--yes", *options, "--time-zone", "Europe/Berlin", "--json"]) == 0
    printed = capfd.readouterr()
    assert not any(key in printed.out + printed.err for key in (GEMINI, CLAUDE))
    assert stored("/team-a/gemini-api-key", "/team-a/anthropic-api-key") == {
        "/team-a/gemini-api-key": ("SecureString", GEMINI),
        "/team-a/anthropic-api-key": ("SecureString", CLAUDE),
    }
    assert config.parse(steps.CONFIG.read_text()).pointsman.budget.month_usd == Decimal("7.5")
    (options_used,) = deployed
    assert options_used.overrides() == {
        "Architecture": "arm64",
        "AlarmEmail": "a@example.com",
        "ReportTimeZone": "Europe/Berlin",
        "GeminiKeyParameter": "/team-a/gemini-api-key",
        "AnthropicKeyParameter": "/team-a/anthropic-api-key",
    }
    assert not any(key in repr(options_used) for key in (GEMINI, CLAUDE))
    assert json.loads(printed.out)["stack"] == "team-a"


def test_plan_changes_nothing_and_shows_no_key(
    deployed: list[DeployOptions], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", GEMINI)
    assert main(["init", "--yes", "--plan", "--region", "eu-central-1", "--budget", "9", "--json"]) == 0
    printed = capfd.readouterr()
    plan = json.loads(printed.out)["steps"]
    assert plan[:3] == [
        "store the gemini key as SecureString /pointsman/gemini-api-key",
        "store no anthropic key: none was given",
        f"change the monthly budget in {steps.CONFIG} from $5 to $9",
    ]
    assert "sam deploy" in plan[-1]
    assert GEMINI not in printed.out + printed.err
    assert (stored("/pointsman/gemini-api-key"), deployed, steps.CONFIG.read_text()) == ({}, [], CONFIG)


def test_plan_works_without_credentials_and_terminal(
    deployed: list[DeployOptions], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any) -> None:
        raise NoCredentialsError

    monkeypatch.setattr(boto3.Session, "client", refuse)
    assert main(["init", "--plan", "--region", "eu-central-1", "--json"]) == 0
    plan = json.loads(capfd.readouterr().out)
    check_document("init", plan)
    assert (plan["account"], plan["stack"], len(plan["steps"])) == (None, "pointsman", 4)
    assert main(["init", "--yes", "--region", "eu-central-1"]) == 1
    assert "credentials" in capfd.readouterr().err
    assert deployed == []


def test_update_deploys_what_is_there_and_asks_for_nothing(
    deployed: list[DeployOptions], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    parameters = {"AlarmEmail": "a@example.com", "ReportTimeZone": "Europe/Berlin"}
    monkeypatch.setattr(deploy_options, "deployed_parameters", lambda *_: parameters)
    monkeypatch.setenv("GEMINI_API_KEY", GEMINI)
    assert main(["init", "--update", "--yes", "--region", "eu-central-1", "--stack", "team"]) == 0
    (options_used,) = deployed
    assert (options_used.email, options_used.zone, options_used.stack) == ("a@example.com", "Europe/Berlin", "team")
    assert stored("/team/gemini-api-key") == {}
    assert steps.CONFIG.read_text() == CONFIG
    assert "store" not in capfd.readouterr().err
    assert main(["init", "--update", "--yes", "--budget", "9"]) == 2


@pytest.mark.parametrize("region", ["eusc-de-east-1", "us-gov-west-1", "cn-north-1"])
def test_plan_takes_a_region_of_another_partition(
    deployed: list[DeployOptions], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], region: str
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    for where in (["--region", region], []):
        assert main(["init", "--yes", "--plan", "--json", *where]) == 0
        assert json.loads(capfd.readouterr().out)["region"] == region
    assert deployed == []


def test_second_run_keeps_the_stored_keys(deployed: list[DeployOptions], capfd: pytest.CaptureFixture[str]) -> None:
    ssm = boto3.client("ssm", region_name="eu-central-1")
    ssm.put_parameter(Name="/pointsman/gemini-api-key", Value=GEMINI, Type="SecureString")
    assert main(["init", "--yes", "--region", "eu-central-1"]) == 0
    assert "keep the gemini key in /pointsman/gemini-api-key" in capfd.readouterr().err
    assert stored("/pointsman/gemini-api-key") == {"/pointsman/gemini-api-key": ("SecureString", GEMINI)}
    assert steps.CONFIG.read_text() == CONFIG
    assert len(deployed) == 1


def test_webhook_secret_is_created_once_if_the_stack_allows_hosts(
    deployed: list[DeployOptions], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    parameters = {"WebhookHosts": "a.example", "WebhookKeyParameter": "/s/webhook-key"}
    monkeypatch.setattr(deploy_options, "deployed_parameters", lambda *_: parameters)
    assert main(["init", "--yes", "--keys-only", "--region", "eu-central-1"]) == 0
    ((kind, secret),) = stored("/s/webhook-key").values()
    assert kind == "SecureString"
    assert len(keys_of(secret)[0]) == 32
    assert main(["init", "--yes", "--keys-only", "--region", "eu-central-1"]) == 0
    printed = "".join(capfd.readouterr())
    assert "keep the webhook key in /s/webhook-key" in printed
    assert secret not in printed
    assert stored("/s/webhook-key") == {"/s/webhook-key": (kind, secret)}


def test_keys_only_stores_keys_and_deploys_nothing(
    deployed: list[DeployOptions], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", CLAUDE)
    assert main(["init", "--yes", "--keys-only", "--region", "eu-central-1"]) == 0
    assert stored("/pointsman/anthropic-api-key") == {"/pointsman/anthropic-api-key": ("SecureString", CLAUDE)}
    assert deployed == []
    assert CLAUDE not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--region", "Frankfurt"),
        ("--region", "eu-central"),
        ("--region", "xx-north-1"),
        ("--region", "aws-global"),
        ("--stack", "1st"),
        ("--stack", "a" * 41),
        ("--email", "nobody"),
        ("--budget", "much"),
        ("--budget", "-1"),
        ("--time-zone", "Mars/Olympus"),
        ("--time-zone", "../etc/passwd"),
        ("--architecture", "mips"),
    ],
)
def test_invalid_option_is_refused_before_anything_changes(
    deployed: list[DeployOptions], option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--yes", option, value]) == 2
    assert capsys.readouterr().err.startswith(f"pointsman: {option}: ")
    assert deployed == []


def test_init_without_a_terminal_names_yes_and_exits_with_2(
    deployed: list[DeployOptions], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init"]) == 2
    assert "--yes" in capsys.readouterr().err


def test_ctrl_c_at_a_key_prompt_changes_nothing(
    deployed: list[DeployOptions], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any, **__: Any) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("pointsman_cli.first_deploy.options.getpass", interrupted)
    options = ["--region", "eu-central-1", "--stack", "s", "--email", "-", "--budget", "5", "--time-zone", "UTC"]
    assert main(["init", *options]) == 130
    assert (deployed, stored("/s/gemini-api-key")) == ([], {})
    assert getpass.getpass is not interrupted


class Quoting:
    """An AWS whose refusal quotes what it was sent."""

    def put_parameter(self, **arguments: Any) -> None:
        raise ClientError(
            {"Error": {"Code": "ValidationException", "Message": f"Value {arguments['Value']}"}}, "PutParameter"
        )


def test_refusal_that_quotes_the_key_is_not_repeated() -> None:
    with pytest.raises(CommandError, match="ValidationException") as caught:
        keys.store_key(Quoting(), keys.KeyPlan(Provider.GEMINI, "/p/k", stored=False, value=GEMINI))
    assert GEMINI not in str(caught.value)


@pytest.mark.parametrize("amount", ["0", "5", "12", "7.5", None])
def test_budget_is_written_and_the_rest_of_the_file_stays(amount: str | None) -> None:
    budget = Decimal(amount) if amount else None
    changed = steps.with_budget(CONFIG, budget)
    assert steps.budget_in(changed) == budget
    assert {**json.loads(changed), "pointsman": None} == {**json.loads(CONFIG), "pointsman": None}
    assert (changed == CONFIG) is (amount == "5")


class Deployed:
    """CloudFormation with one stack."""

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        if StackName != "there":
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "does not exist"}}, "DescribeStacks")
        keys = {"GeminiKeyParameter": "/mine/g", "AlarmEmail": "a@example.com"}
        return {"Stacks": [{"Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in keys.items()]}]}


def test_deployed_parameters_are_the_defaults() -> None:
    parameters = deploy_options.deployed_parameters(Deployed(), "there")
    assert parameters["AlarmEmail"] == "a@example.com"
    assert deploy_options.key_names("there", parameters) == {
        Provider.GEMINI: "/mine/g",
        Provider.ANTHROPIC: "/there/anthropic-api-key",
    }
    assert deploy_options.deployed_parameters(Deployed(), "new") == {}


def test_sam_gets_no_key_in_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = {"GEMINI_API_KEY": GEMINI, "ANTHROPIC_API_KEY": CLAUDE, "AWS_PROFILE": "team"}
    passed = steps.sam_environment(environ)
    assert passed["AWS_PROFILE"] == "team"
    assert not any(key in value for key in (GEMINI, CLAUDE) for value in passed.values())


def test_every_region_that_the_sdk_knows_is_accepted() -> None:
    session = boto3.Session()
    regions = [
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("cloudformation", partition)
    ]
    assert {"eusc-de-east-1", "us-gov-west-1", "cn-north-1", "us-isob-east-1", "eu-central-1"} <= set(regions)
    assert [options.parse_region(region) for region in regions] == regions


LONGEST_NAMES = {"LogGroupName": 512, "DashboardName": 255}
"""Characters, by CloudFormation's registry; 64 for all others, as Lambda, IAM and Scheduler have it."""


def names_of_stack(here: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield the properties that are named after the stack, and their names."""
    if isinstance(here, dict):
        text = here.get("Fn::Sub")
        if key.endswith("Name") and isinstance(text, str) and "${AWS::StackName}" in text:
            yield key, text
        for name, inner in here.items():
            yield from names_of_stack(inner, name)
    elif isinstance(here, list):
        for inner in here:
            yield from names_of_stack(inner, key)


def test_longest_stack_name_leaves_room_for_every_name_in_the_template() -> None:
    model = boto3.client("scheduler", region_name="us-east-1").meta.service_model.shape_for("Name")
    assert model.metadata["max"] == 64
    names = list(names_of_stack(load()["Resources"]))
    assert {"Name", "LogGroupName", "DashboardName"} <= {key for key, _ in names}
    for key, text in names:
        stack, region = "a" * options.LONGEST_STACK_NAME, "ap-southeast-1"
        name = text.replace("${AWS::StackName}", stack).replace("${AWS::Region}", region)
        assert len(name) <= LONGEST_NAMES.get(key, 64), name
    assert options.parse_stack_name("a" * options.LONGEST_STACK_NAME)


class InState:
    """A CloudFormation that has the stack in a state."""

    def __init__(self, status: str) -> None:
        self.status = status

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        return {"Stacks": [{"StackName": StackName, "StackStatus": self.status}]}


@pytest.mark.parametrize(
    ("status", "command"),
    [
        ("ROLLBACK_COMPLETE", "delete-stack --stack-name s --region r"),
        ("ROLLBACK_FAILED", "delete-stack --stack-name s --region r"),
        ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback --stack-name s --region r"),
        ("UPDATE_IN_PROGRESS", "wait until CloudFormation has finished"),
    ],
)
def test_stack_that_cannot_be_deployed_says_what_to_do(status: str, command: str) -> None:
    step = deploy_options.step_before_deployment(InState(status), "s", " --region r")
    assert step is not None
    assert (status in step, command in step) == (True, True)


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"])
def test_stack_that_can_be_deployed_needs_no_step(status: str) -> None:
    assert deploy_options.step_before_deployment(InState(status), "s", "") is None


def test_first_deployment_that_failed_before_is_explained_and_changes_nothing(
    deployed: list[DeployOptions], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", GEMINI)
    monkeypatch.setattr(deploy_options, "_describe", lambda *_: {"StackStatus": "ROLLBACK_COMPLETE"})
    assert main(["init", "--yes", "--region", "eu-central-1"]) == 1
    error = capsys.readouterr().err
    assert "stack pointsman is in ROLLBACK_COMPLETE" in error
    assert "aws cloudformation delete-stack --stack-name pointsman --region eu-central-1 && " in error
    assert (stored("/pointsman/gemini-api-key"), deployed) == ({}, [])
    assert main(["init", "--yes", "--keys-only", "--region", "eu-central-1"]) == 0


def test_first_deployment_that_fails_now_says_how_to_go_on(
    deployed: list[DeployOptions], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: DeployOptions) -> None:
        monkeypatch.setattr(deploy_options, "_describe", lambda *_: {"StackStatus": "ROLLBACK_COMPLETE"})
        raise CommandError("sam deploy failed: fix the cause above")

    monkeypatch.setattr(steps, "build_and_deploy", fail)
    assert main(["init", "--yes", "--region", "eu-central-1"]) == 1
    error = capsys.readouterr().err
    assert "sam deploy failed: fix the cause above; stack pointsman is in ROLLBACK_COMPLETE" in error
    assert error.rstrip().endswith("then run `pointsman init` again")
    assert deployed == []
