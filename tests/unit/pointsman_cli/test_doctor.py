"""Each check of `pointsman doctor` on what AWS and the providers can say: ok, what to do, or not checked."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pointsman.execution.model_health import ModelState
from pointsman.routing import catalog
from pointsman.routing import config as openclaw
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.times import to_ms
from pointsman_cli.doctor import deployment, examine, limits, models, traffic
from pointsman_cli.doctor.finding import Finding, FindingState
from pointsman_cli.doctor.providers import Heard
from pointsman_cli.doctor.stack_probe import StackProbe
from pointsman_cli.stacks import Settings, StackConnection

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
GEMINI, HAIKU, SONNET = "gemini-3.5-flash-lite", "claude-haiku-5-5", "claude-sonnet-5-5"
ROUTING = {"orchestration": GEMINI, "implementation": HAIKU, "reasoning": SONNET}
STACK = {"StackStatus": "UPDATE_COMPLETE", "CreationTime": NOW, "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"}}
FUNCTIONS = {"RouterFunctionName": "router"}
KEYS = ("/pointsman/gemini-api-key", "/pointsman/anthropic-api-key")


class Aws:
    """Clients that answer each call with what it was given; a call without an answer is refused."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def client(self, service: str, config: Any = None) -> Any:
        return _Client(self.answers)


class _Client:
    meta = SimpleNamespace(endpoint_url="https://cloudformation.eu-central-1.amazonaws.com")

    def __init__(self, answers: dict[str, Any]) -> None:
        self._answers = answers

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**stated: Any) -> Any:
            if name not in self._answers:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, name)
            answer = self._answers[name]
            return answer(**stated) if callable(answer) else answer

        return call

    def get_paginator(self, name: str) -> Any:
        return SimpleNamespace(paginate=lambda **stated: [getattr(self, name)(**stated)])


def patient(
    *,
    config: dict[str, Any] | None = None,
    heard: dict[str, Heard] | None = None,
    states: dict[str, ModelState] | None = None,
    counters: dict[str, int] | None = None,
    compares: bool = False,
    **answers: Any,
) -> StackProbe:
    text = json.dumps({"routing": ROUTING, **({"pointsman": config} if config else {})})
    target = StackConnection(
        "stack p", Aws(**answers), Settings(task_queue_url="tasks", dlq_url="dead"), FUNCTIONS, text, "p"
    )
    reader = SimpleNamespace(counters=lambda month: (counters or {}) if month == "2026-11" else {})
    target.__dict__["runtime"] = SimpleNamespace(
        context=SimpleNamespace(policy=RoutingPolicy(openclaw.parse(text), catalog.load_catalog())),
        stores=SimpleNamespace(
            model_health=SimpleNamespace(states=lambda _: states or {}),
            ledger_reader=reader,
        ),
    )
    built = StackProbe(target, NOW, asks=heard is not None, compares=compares)
    built.__dict__["heard"] = heard or {}
    return built


@pytest.mark.parametrize(
    ("kind", "state", "says"),
    [
        (None, FindingState.TO_DO, "there is no"),
        ("String", FindingState.TO_DO, "plain String"),
        ("SecureString", FindingState.OK, "a.example"),
    ],
)
def test_webhooks_can_be_signed_or_there_is_something_to_do(kind: str | None, state: FindingState, says: str) -> None:
    stored = [{"Name": "/pointsman/webhook-key", "Type": kind, "Value": "whsec_secret"}] if kind else []
    parameters = patient(get_parameters={"Parameters": stored})
    assert list(models.webhook_key_findings(parameters)) == []
    settings = Settings(webhook_hosts="a.example")
    result = only(
        models.webhook_key_findings(replace(parameters, target=replace(parameters.target, settings=settings)))
    )
    assert (result.state, says in result.says, "secret" in result.says) == (state, True, False)


def only(findings: Any) -> Finding:
    (result,) = findings
    assert isinstance(result, Finding)
    return result


@pytest.mark.parametrize(
    ("status", "state", "step"),
    [
        ("CREATE_COMPLETE", FindingState.OK, None),
        ("UPDATE_COMPLETE", FindingState.OK, None),
        ("UPDATE_IN_PROGRESS", FindingState.TO_DO, "wait"),
        ("UPDATE_ROLLBACK_COMPLETE", FindingState.TO_DO, "describe-stack-events --stack-name p"),
        ("ROLLBACK_FAILED", FindingState.TO_DO, "describe-stack-events --stack-name p"),
    ],
)
def test_how_the_last_deployment_ended(status: str, state: FindingState, step: str | None) -> None:
    result = only(deployment.stack_findings(patient(describe_stacks={"Stacks": [STACK | {"StackStatus": status}]})))
    assert (result.state, status in result.says) == (state, True)
    assert (result.do is None) if step is None else (step in (result.do or ""))


@pytest.mark.parametrize(
    ("known", "state"),
    [("NOT_CHECKED", FindingState.UNCHECKED), ("IN_SYNC", FindingState.OK), ("DRIFTED", FindingState.TO_DO)],
)
def test_without_comparing_the_last_comparison_counts(known: str, state: FindingState) -> None:
    stack = STACK | {"DriftInformation": {"StackDriftStatus": known, "LastCheckTimestamp": NOW}}
    assert only(deployment.drift(patient(describe_stacks={"Stacks": [stack]}))).state == state


def compared(status: str, *resources: dict[str, Any]) -> list[Finding]:
    built = patient(
        compares=True,
        describe_stacks={"Stacks": [STACK]},
        detect_stack_drift={"StackDriftDetectionId": "d"},
        describe_stack_drift_detection_status={"DetectionStatus": status, "DetectionStatusReason": "because"},
        describe_stack_resource_drifts={"StackResourceDrifts": list(resources)},
    )
    return list(deployment.drift(built))


def drifted(name: str, state: str, *paths: str) -> dict[str, Any]:
    differences = [{"PropertyPath": path} for path in paths]
    return {"LogicalResourceId": name, "StackResourceDriftStatus": state, "PropertyDifferences": differences}


def test_a_comparison_names_what_was_changed_by_hand() -> None:
    whole, unseen = drifted("Bus", "IN_SYNC"), drifted("Layer", "NOT_CHECKED")
    result = compared("DETECTION_COMPLETE", whole, unseen)
    assert (only(result).state, only(result).says) == (
        FindingState.OK,
        "none in the 1 resources that CloudFormation can compare",
    )
    result = compared(
        "DETECTION_COMPLETE", whole, drifted("Queue", "MODIFIED", "/VisibilityTimeout"), drifted("Alarm", "DELETED")
    )
    assert [(entry.subject, entry.state) for entry in result] == [
        ("Queue", FindingState.TO_DO),
        ("Alarm", FindingState.TO_DO),
    ]
    assert "/VisibilityTimeout" in result[0].says


def test_a_comparison_that_failed_is_not_taken_for_ok() -> None:
    assert only(compared("DETECTION_FAILED", drifted("Bus", "IN_SYNC"))).state == FindingState.UNCHECKED


CORE = "arn:aws:lambda:eu-central-1:123456789012:layer:CoreLayer:3"


def configuration(archive: Path, *, compares: bool = True, layers: tuple[str, ...] = (CORE,)) -> Finding:
    built = patient(
        compares=compares,
        get_function_configuration={"Layers": [{"Arn": arn} for arn in layers]},
        get_layer_version_by_arn={"Content": {"Location": archive.as_uri()}},
    )
    return only(deployment.configuration(built))


def layer(folder: Path, text: str) -> Path:
    with zipfile.ZipFile(folder / "core.zip", "w") as archive:
        archive.writestr("python/pointsman/openclaw.json", text)
    return folder / "core.zip"


def test_the_deployed_openclaw_json_is_compared_with_the_one_here(tmp_path: Path) -> None:
    same = layer(tmp_path, json.dumps({"routing": ROUTING}, indent=4))
    assert configuration(same).state == FindingState.OK
    assert configuration(same, compares=False).state == FindingState.UNCHECKED
    assert configuration(same, layers=("arn:aws:lambda:x:1:layer:Other:1",)).state == FindingState.TO_DO
    other = layer(tmp_path, json.dumps({"routing": ROUTING | {"reasoning": HAIKU}}))
    assert configuration(other).state == FindingState.TO_DO


def test_a_deployed_openclaw_json_that_cannot_be_read_is_not_taken_for_ok(tmp_path: Path) -> None:
    (tmp_path / "broken.zip").write_bytes(b"nothing")
    for archive in (tmp_path / "broken.zip", tmp_path / "none.zip", layer(tmp_path, "{")):
        assert configuration(archive).state == FindingState.UNCHECKED


@pytest.mark.parametrize(
    ("seconds", "state"),
    [
        (0, FindingState.OK),
        (20, FindingState.OK),
        (-20, FindingState.OK),
        (400, FindingState.TO_DO),
        (-400, FindingState.TO_DO),
    ],
)
def test_the_clock_is_compared_with_the_date_of_an_answer(seconds: int, state: FindingState) -> None:
    def describe(**_: Any) -> dict[str, Any]:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
        return {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}

    assert only(deployment.clock(patient(describe_stacks=describe))).state == state


def test_without_a_date_the_clock_is_not_checked() -> None:
    answer = {"ResponseMetadata": {"HTTPHeaders": {}}}
    assert only(deployment.clock(patient(describe_stacks=answer))).state == FindingState.UNCHECKED


def queues(dead: int, *mappings: str) -> list[Finding]:
    def attributes(QueueUrl: str, **_: Any) -> dict[str, Any]:
        waiting = str(dead if QueueUrl == "dead" else 7)
        names = {"ApproximateNumberOfMessages": waiting, "ApproximateNumberOfMessagesNotVisible": "0", "QueueArn": "q"}
        return {"Attributes": names}

    result = [{"UUID": "u-1", "State": state} for state in mappings]
    built = patient(get_queue_attributes=attributes, list_event_source_mappings={"EventSourceMappings": result})
    return list(traffic.queues(built))


def test_queues_that_work_are_ok() -> None:
    result = queues(0, "Enabled")
    assert {entry.state for entry in result} == {FindingState.OK}
    assert result[0].says.startswith("7 waiting")


def test_dead_letters_and_a_router_that_does_not_read_are_something_to_do() -> None:
    _, dead, router = queues(3, "Disabled")
    assert (dead.state, dead.do) == (FindingState.TO_DO, "see why with `pointsman replay`")
    assert (router.state, "--uuid u-1 --enabled" in (router.do or "")) == (FindingState.TO_DO, True)
    assert queues(0)[-1].state == FindingState.TO_DO


def alarm(name: str, state: str, **fields: Any) -> dict[str, Any]:
    described = {"AlarmDescription": "Read the log.", "StateUpdatedTimestamp": NOW}
    return {"AlarmName": f"p-{name}Alarm-AB12", "StateValue": state, **described, **fields}


def alarms(*found: dict[str, Any]) -> list[Finding]:
    resources = [
        {"ResourceType": "AWS::CloudWatch::Alarm", "PhysicalResourceId": entry["AlarmName"]} for entry in found
    ]
    built = patient(
        list_stack_resources={"StackResourceSummaries": [{"ResourceType": "AWS::SQS::Queue"}, *resources]},
        describe_alarms=lambda AlarmNames: {
            "MetricAlarms": [entry for entry in found if entry["AlarmName"] in AlarmNames]
        },
    )
    return list(traffic.alarms(built))


def test_an_alarm_that_rings_says_what_to_do() -> None:
    result = only(alarms(alarm("DeadLetters", "ALARM"), alarm("QuotaUsed", "OK")))
    assert (result.subject, result.state, result.do) == ("DeadLetters", FindingState.TO_DO, "Read the log.")


def test_quiet_alarms_are_ok_and_those_without_data_are_counted() -> None:
    result = only(alarms(alarm("DeadLetters", "INSUFFICIENT_DATA"), alarm("QuotaUsed", "OK")))
    assert (result.state, result.says) == (FindingState.OK, "2, none rings; 1 without data yet")


def test_alarms_that_are_missing_or_silenced_are_something_to_do() -> None:
    assert only(alarms()).state == FindingState.TO_DO
    assert alarms(alarm("QuotaUsed", "OK", ActionsEnabled=False))[0].state == FindingState.TO_DO


@pytest.mark.parametrize(
    ("arns", "state"),
    [([], FindingState.TO_DO), (["PendingConfirmation"], FindingState.TO_DO), (["arn:aws:sns:x"], FindingState.OK)],
)
def test_somebody_has_to_get_the_alarms(arns: list[str], state: FindingState) -> None:
    subscriptions = [{"SubscriptionArn": arn, "Endpoint": "a@example.com"} for arn in arns]
    built = patient(list_subscriptions_by_topic={"Subscriptions": subscriptions})
    assert only(traffic.told(built)).state == state


SERVED = {GEMINI: Heard("served"), HAIKU: Heard("served"), SONNET: Heard("served")}


def keys(heard: dict[str, Heard] | None, *kinds: str | None) -> list[Finding]:
    stored = [{"Name": name, "Type": kind, "Value": "v"} for name, kind in zip(KEYS, kinds, strict=True) if kind]
    return list(models.keys(patient(heard=heard, get_parameters={"Parameters": stored})))


@pytest.mark.parametrize(
    ("heard", "kind", "state", "says"),
    [
        (SERVED, "SecureString", FindingState.OK, "accepted"),
        (SERVED, None, FindingState.TO_DO, "there is no"),
        (SERVED, "String", FindingState.TO_DO, "plain String"),
        ({**SERVED, HAIKU: Heard("key_refused", "401")}, "SecureString", FindingState.TO_DO, "refuses"),
        ({**SERVED, HAIKU: Heard("gone", "404")}, "SecureString", FindingState.OK, "accepted"),
        ({HAIKU: Heard("gone", "404")}, "SecureString", FindingState.UNCHECKED, "404"),
        ({HAIKU: Heard("no_answer", "503")}, "SecureString", FindingState.UNCHECKED, "503"),
        (None, "SecureString", FindingState.UNCHECKED, "was not asked"),
    ],
)
def test_a_key_is_stored_and_accepted_or_there_is_something_to_do(
    heard: dict[str, Heard] | None, kind: str | None, state: FindingState, says: str
) -> None:
    result = keys(heard, "SecureString", kind)[1]
    assert (result.subject, result.state, says in result.says) == ("anthropic", state, True)


def test_values_of_keys_are_read_only_to_ask_the_providers() -> None:
    recorded = []

    def parameters(Names: list[str], WithDecryption: bool) -> dict[str, Any]:
        recorded.append(WithDecryption)
        return {"Parameters": []}

    for heard in (None, SERVED):
        list(models.keys(patient(heard=heard, get_parameters=parameters)))
    assert recorded == [False, True]


def test_models_are_alive_and_priced() -> None:
    result = list(models.model_findings(patient(heard=SERVED)))
    assert [(entry.subject, entry.state) for entry in result] == [
        (name, FindingState.OK) for name in (GEMINI, HAIKU, SONNET)
    ]
    assert all("$" in entry.says and "its provider serves it" in entry.says for entry in result)


def test_a_model_that_ends_or_is_gone_names_its_successor() -> None:
    config = {"chains": {"reasoning": ["claude-sonnet-4-5"], "orchestration": ["gemini-2.0-flash"]}}
    by_subject = {entry.subject: entry for entry in models.model_findings(patient(config=config))}
    assert (by_subject["claude-sonnet-4-5"].state, by_subject["gemini-2.0-flash"].state) == (
        FindingState.TO_DO,
        FindingState.TO_DO,
    )
    assert "2026-11-30" in by_subject["claude-sonnet-4-5"].says
    assert "claude-sonnet-5-5" in (by_subject["claude-sonnet-4-5"].do or "")
    by_word = {entry.subject: entry for entry in models.model_findings(patient(heard={**SERVED, HAIKU: Heard("gone")}))}
    by_mark = {
        entry.subject: entry
        for entry in models.model_findings(patient(states={HAIKU: ModelState(HAIKU, retired=True)}))
    }
    assert by_word[HAIKU].state == by_mark[HAIKU].state == FindingState.TO_DO


def test_a_retirement_that_only_the_provider_knows_is_told() -> None:
    heard = {**SERVED, HAIKU: Heard("served", retires=NOW.date())}
    by_subject = {entry.subject: entry for entry in models.model_findings(patient(heard=heard))}
    assert (by_subject[HAIKU].state, "2026-11-22" in by_subject[HAIKU].says) == (FindingState.TO_DO, True)


@pytest.mark.parametrize(
    ("state", "expected", "says"),
    [
        (ModelState(GEMINI), FindingState.OK, "500 of 500"),
        (ModelState(GEMINI, day="2026-11-22", day_count=120), FindingState.OK, "380 of 500"),
        (ModelState(GEMINI, day="2026-11-21", day_count=500), FindingState.OK, "500 of 500"),
        (ModelState(GEMINI, day="2026-11-22", day_count=500), FindingState.TO_DO, "0 of 500"),
        (ModelState(GEMINI, quota_exhausted_until=to_ms(NOW) + 60_000), FindingState.TO_DO, "until 12:01 UTC"),
        (ModelState(GEMINI, opens=1, open_until=to_ms(NOW) + 60_000), FindingState.TO_DO, "circuit breaker"),
    ],
)
def test_what_is_left_of_a_free_quota(state: ModelState, expected: FindingState, says: str) -> None:
    result = only(limits.quotas(patient(states={GEMINI: state})))
    assert (result.state, says in result.says) == (expected, True)


@pytest.mark.parametrize(
    ("counters", "state", "says"),
    [
        ({}, FindingState.OK, "$5.0000 of $5.0000 left"),
        ({"month": 2_000_000_000, "month_open": 500_000_000}, FindingState.OK, "$3.5000 of $5.0000 left"),
        ({"month": 4_100_000_000}, FindingState.TO_DO, "$0.9000 of $5.0000 left"),
        ({"month": 6_000_000_000}, FindingState.TO_DO, "$0 of $5.0000 left"),
    ],
)
def test_what_is_left_of_the_budget(counters: dict[str, int], state: FindingState, says: str) -> None:
    result = only(limits.budget_findings(patient(counters=counters)))
    assert (result.subject, result.state, result.says) == ("month", state, says)


def test_every_cap_is_looked_at_and_none_at_all_is_something_to_do() -> None:
    config = {"budget": {"day_usd": 1, "tiers": {"reasoning": {"month_usd": 2}}}}
    result = list(limits.budget_findings(patient(config=config, counters={"day_22": 950_000_000})))
    assert [(entry.subject, entry.state) for entry in result] == [
        ("month", FindingState.OK), ("month_reasoning", FindingState.OK), ("day_22", FindingState.TO_DO)
    ]  # fmt: skip
    assert only(limits.budget_findings(patient(config={"budget": {"month_usd": None}}))).state == FindingState.TO_DO


def test_what_aws_refuses_is_not_checked_and_the_rest_goes_on() -> None:
    findings = list(examine.examine(patient(compares=True), lambda _: None))
    assert {finding.check for finding in findings} == {name for name, _ in examine.CHECKS}
    assert {finding.check for finding in findings if finding.state == FindingState.OK} == {"model", "quota", "budget"}
    refused = [finding for finding in findings if finding.state == FindingState.UNCHECKED]
    assert all("AccessDenied" in entry.says for entry in refused)
    assert all((finding.do is not None) == (finding.state == FindingState.TO_DO) for finding in findings)
