"""Each check of `pointsman doctor` on the responses that AWS and the providers can give."""

import json
import os
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

from devstack import FakedProviders, StackInfo
from devstack.supervisor import SupervisorSettings
from devstack.supervisor.control import hold_lock
from pointsman.execution.batch import LaneBatch, OpenBatches, ProviderBatch
from pointsman.execution.model_health import ModelState
from pointsman.execution.outcome import AccountTrouble, Shortfall
from pointsman.execution.waiting import Waiting, WaitingFor
from pointsman.report.figures.day_tasks import DayTask, day_tasks
from pointsman.routing import catalog
from pointsman.routing import config as openclaw
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.times import to_ms
from pointsman_cli.doctor import deployment, examine, lane, limits, models, tasks, traffic
from pointsman_cli.doctor.providers import ProviderAnswer
from pointsman_cli.doctor.stack_probe import Finding, FindingState, StackProbe
from pointsman_cli.stacks import Settings, StackConnection

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
GEMINI, HAIKU, SONNET = "gemini-3.5-flash-lite", "claude-haiku-5-5", "claude-sonnet-5-5"
ROUTING = {"orchestration": GEMINI, "implementation": HAIKU, "reasoning": SONNET}
STACK = {"StackStatus": "UPDATE_COMPLETE", "CreationTime": NOW, "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"}}
STAND_IN = FakedProviders(gemini=True, anthropic=True)
FUNCTIONS = {"RouterFunctionName": "router"}
KEYS = ("/pointsman/gemini-api-key", "/pointsman/anthropic-api-key")


class Aws:
    """Clients with a prepared response for each call; a call without one is denied."""

    def __init__(self, **responses: Any) -> None:
        self.responses = responses

    def client(self, service: str, config: Any = None) -> Any:
        return _Client(self.responses)


class _Client:
    meta = SimpleNamespace(endpoint_url="https://cloudformation.eu-central-1.amazonaws.com")

    def __init__(self, responses: dict[str, Any]) -> None:
        self._responses = responses

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            if name not in self._responses:
                raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, name)
            answer = self._responses[name]
            return answer(**arguments) if callable(answer) else answer

        return call

    def get_paginator(self, name: str) -> Any:
        return SimpleNamespace(paginate=lambda **arguments: [getattr(self, name)(**arguments)])


def stack_probe_of(
    *,
    config: dict[str, Any] | None = None,
    answers: dict[str, ProviderAnswer] | None = None,
    states: dict[str, ModelState] | None = None,
    counters: dict[str, int] | None = None,
    detect_drift: bool = False,
    **responses: Any,
) -> StackProbe:
    text = json.dumps({"routing": ROUTING, **({"pointsman": config} if config else {})})
    connection = StackConnection(
        "stack p", Aws(**responses), Settings(task_queue_url="tasks", dlq_url="dead"), FUNCTIONS, text, "p"
    )
    reader = SimpleNamespace(
        counters=lambda month, day=None: (counters or {}) if (month, day) == ("2026-11", 22) else {}
    )

    def refused(*_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Query")

    connection.__dict__["runtime"] = SimpleNamespace(
        part=lambda _: SimpleNamespace(read=refused),
        context=SimpleNamespace(policy=RoutingPolicy(openclaw.parse(text), catalog.load_catalog())),
        stores=SimpleNamespace(
            model_health=SimpleNamespace(states=lambda _: states or {}),
            ledger_reader=reader,
        ),
    )
    probe = StackProbe(connection, NOW, ask_providers=answers is not None, detect_drift=detect_drift)
    probe.__dict__["answers"] = answers or {}
    return probe


@pytest.mark.parametrize(
    ("kind", "state", "says"),
    [
        (None, FindingState.TO_DO, "is not in Parameter Store"),
        ("String", FindingState.TO_DO, "plain String"),
        ("SecureString", FindingState.OK, "a.example"),
    ],
)
def test_missing_or_plain_webhook_secret_is_to_do(kind: str | None, state: FindingState, says: str) -> None:
    stored = [{"Name": "/pointsman/webhook-key", "Type": kind, "Value": "whsec_secret"}] if kind else []
    probe = stack_probe_of(get_parameters={"Parameters": stored})
    assert list(models.webhook_key_findings(probe)) == []
    settings = Settings(webhook_hosts="a.example")
    finding = only(models.webhook_key_findings(replace(probe, connection=replace(probe.connection, settings=settings))))
    assert (finding.state, says in finding.says, "secret" in finding.says) == (state, True, False)


@pytest.mark.parametrize(
    ("listed", "state", "says"),
    [
        (["ours", "found"], FindingState.OK, "no one else's message batches in the last 24 hours, 1 open"),
        (["ours", "found", "theirs"], FindingState.TO_DO, "1 message batches of the last 24 hours"),
        (None, FindingState.UNCHECKED, "the provider was not asked"),
    ],
)
def test_lane_recommends_a_workspace_of_its_own(listed: list[str] | None, state: FindingState, says: str) -> None:
    probe = stack_probe_of()
    probe.connection.functions["EconomyFunctionName"] = "economy"
    open_one = LaneBatch("b-1", HAIKU, NOW, (), provider_ids=("found",))
    store = SimpleNamespace(look=lambda: OpenBatches(("b-1",), ("ours",)), read=lambda _: open_one)
    probe.connection.runtime.stores.batches = store
    batches = None if listed is None else [ProviderBatch(name, NOW, 3) for name in listed]
    probe.__dict__["provider_batches"] = batches
    try:
        finding = only(lane.lane_findings(probe))
    finally:
        del probe.connection.functions["EconomyFunctionName"]
    assert (finding.state, says in finding.says) == (state, True)


def test_rules_of_a_lane_that_is_not_deployed_are_to_do() -> None:
    assert list(lane.lane_findings(stack_probe_of())) == []
    finding = only(lane.lane_findings(stack_probe_of(config={"lanes": {"documentation": "economy"}})))
    assert (finding.state, finding.do) == (FindingState.TO_DO, "deploy with EconomyLane=true")


def test_failed_and_held_tasks_of_today_are_to_do() -> None:
    probe = stack_probe_of()
    waiting = Waiting(WaitingFor.BUDGET, NOW, NOW, HAIKU, None, Shortfall("month", 900, 300, 0))
    received = [
        DayTask("t1", "2026-11-22T08:00:00.000Z", "completed"),
        DayTask("t2", "2026-11-22T08:00:00.000Z", "failed", reason="deadline"),
        DayTask("t3", "2026-11-22T08:00:00.000Z", "started", waiting=waiting),
    ]
    days = {22: day_tasks(received, NOW, dead_letters=1), 21: day_tasks(received[:1], NOW)}
    reader = SimpleNamespace(read=lambda since, until, now: days[since.day])
    probe.connection.runtime.__dict__["part"] = lambda build: reader
    held, failed, yesterday = tasks.task_findings(probe)
    assert (held.state, held.subject, held.says) == ("to do", "today", "1 task is held by a used-up budget (month)")
    assert failed.says == "1 task failed (deadline)"
    assert "pointsman list --status failed --since 2026-11-22" in str(failed.do)
    assert (yesterday.state, yesterday.says) == ("ok", "1 received: 1 completed")


def test_reply_queue_that_can_take_no_reply_is_to_do() -> None:
    good = "arn:aws:sqs:eu-central-1:123456789012:answers"
    bad = [f"{good}.fifo", good.replace("eu-central-1", "us-east-1"), good.replace("sqs", "sns")]
    settings = Settings(
        reply_queue_arns=",".join([good, *bad]),
        state_machine_arn="arn:aws:states:eu-central-1:123456789012:stateMachine:run-task",
    )
    probe = stack_probe_of()
    probe = replace(probe, connection=replace(probe.connection, settings=settings))
    findings = list(traffic.reply_queue_findings(probe))
    assert [(it.subject, it.state) for it in findings] == [
        ("answers", FindingState.OK),
        *((arn, FindingState.TO_DO) for arn in bad),
    ]


def only(findings: Any) -> Finding:
    (finding,) = findings
    assert isinstance(finding, Finding)
    return finding


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
def test_stack_status_decides_whether_there_is_something_to_do(
    status: str, state: FindingState, step: str | None
) -> None:
    finding = only(
        deployment.stack_findings(stack_probe_of(describe_stacks={"Stacks": [STACK | {"StackStatus": status}]}))
    )
    assert (finding.state, status in finding.says) == (state, True)
    assert (finding.do is None) if step is None else (step in (finding.do or ""))


@pytest.mark.parametrize(
    ("drift_status", "state"),
    [("NOT_CHECKED", FindingState.UNCHECKED), ("IN_SYNC", FindingState.OK), ("DRIFTED", FindingState.TO_DO)],
)
def test_drift_without_a_new_comparison_is_that_of_the_last_one(drift_status: str, state: FindingState) -> None:
    stack = STACK | {"DriftInformation": {"StackDriftStatus": drift_status, "LastCheckTimestamp": NOW}}
    assert only(deployment.drift_findings(stack_probe_of(describe_stacks={"Stacks": [stack]}))).state == state


def drift_detected(status: str, *resources: dict[str, Any]) -> list[Finding]:
    probe = stack_probe_of(
        detect_drift=True,
        describe_stacks={"Stacks": [STACK]},
        detect_stack_drift={"StackDriftDetectionId": "d"},
        describe_stack_drift_detection_status={"DetectionStatus": status, "DetectionStatusReason": "because"},
        describe_stack_resource_drifts={"StackResourceDrifts": list(resources)},
    )
    return list(deployment.drift_findings(probe))


def drifted(name: str, state: str, *paths: str) -> dict[str, Any]:
    differences = [{"PropertyPath": path} for path in paths]
    return {"LogicalResourceId": name, "StackResourceDriftStatus": state, "PropertyDifferences": differences}


def test_drift_detection_names_the_resources_changed_by_hand() -> None:
    whole, unseen = drifted("Bus", "IN_SYNC"), drifted("Layer", "NOT_CHECKED")
    findings = drift_detected("DETECTION_COMPLETE", whole, unseen)
    assert (only(findings).state, only(findings).says) == (
        FindingState.OK,
        "none in the 1 resources that CloudFormation can compare",
    )
    findings = drift_detected(
        "DETECTION_COMPLETE", whole, drifted("Queue", "MODIFIED", "/VisibilityTimeout"), drifted("Alarm", "DELETED")
    )
    assert [(finding.subject, finding.state) for finding in findings] == [
        ("Queue", FindingState.TO_DO),
        ("Alarm", FindingState.TO_DO),
    ]
    assert "/VisibilityTimeout" in findings[0].says


def test_failed_drift_detection_is_not_checked() -> None:
    assert only(drift_detected("DETECTION_FAILED", drifted("Bus", "IN_SYNC"))).state == FindingState.UNCHECKED


CORE = "arn:aws:lambda:eu-central-1:123456789012:layer:CoreLayer:3"


def config_finding(archive: Path, *, detect_drift: bool = True, layers: tuple[str, ...] = (CORE,)) -> Finding:
    probe = stack_probe_of(
        detect_drift=detect_drift,
        get_function_configuration={"Layers": [{"Arn": arn} for arn in layers]},
        get_layer_version_by_arn={"Content": {"Location": archive.as_uri()}},
    )
    return only(deployment.config_findings(probe))


def layer(folder: Path, text: str) -> Path:
    with zipfile.ZipFile(folder / "core.zip", "w") as archive:
        archive.writestr("python/pointsman/openclaw.json", text)
    return folder / "core.zip"


def test_deployed_openclaw_json_that_differs_is_to_do(tmp_path: Path) -> None:
    same = layer(tmp_path, json.dumps({"routing": ROUTING}, indent=4))
    assert config_finding(same).state == FindingState.OK
    assert config_finding(same, detect_drift=False).state == FindingState.UNCHECKED
    assert config_finding(same, layers=("arn:aws:lambda:x:1:layer:Other:1",)).state == FindingState.TO_DO
    other = layer(tmp_path, json.dumps({"routing": ROUTING | {"reasoning": HAIKU}}))
    assert config_finding(other).state == FindingState.TO_DO


def test_unreadable_deployed_openclaw_json_is_not_checked(tmp_path: Path) -> None:
    (tmp_path / "broken.zip").write_bytes(b"nothing")
    for archive in (tmp_path / "broken.zip", tmp_path / "none.zip", layer(tmp_path, "{")):
        assert config_finding(archive).state == FindingState.UNCHECKED


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
def test_clock_far_from_the_date_of_a_response_is_to_do(seconds: int, state: FindingState) -> None:
    def describe(**_: Any) -> dict[str, Any]:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
        return {"ResponseMetadata": {"HTTPHeaders": {"date": date}}}

    assert only(deployment.clock_findings(stack_probe_of(describe_stacks=describe))).state == state


def test_clock_is_not_checked_without_a_date() -> None:
    answer = {"ResponseMetadata": {"HTTPHeaders": {}}}
    assert only(deployment.clock_findings(stack_probe_of(describe_stacks=answer))).state == FindingState.UNCHECKED


def queues(dead: int, *mappings: str) -> list[Finding]:
    def attributes(QueueUrl: str, **_: Any) -> dict[str, Any]:
        waiting = str(dead if QueueUrl == "dead" else 7)
        names = {"ApproximateNumberOfMessages": waiting, "ApproximateNumberOfMessagesNotVisible": "0", "QueueArn": "q"}
        return {"Attributes": names}

    polling = [{"UUID": "u-1", "State": state} for state in mappings]
    probe = stack_probe_of(get_queue_attributes=attributes, list_event_source_mappings={"EventSourceMappings": polling})
    return list(traffic.queue_findings(probe))


def test_polled_queue_without_dead_letters_is_ok() -> None:
    findings = queues(0, "Enabled")
    assert {finding.state for finding in findings} == {FindingState.OK}
    assert findings[0].says.startswith("7 waiting")


def test_dead_letters_and_a_router_that_does_not_poll_are_to_do() -> None:
    _, dead, router = queues(3, "Disabled")
    assert (dead.state, dead.do) == (FindingState.TO_DO, "see why with `pointsman replay`")
    assert (router.state, "--uuid u-1 --enabled" in (router.do or "")) == (FindingState.TO_DO, True)
    assert queues(0)[-1].state == FindingState.TO_DO


def alarm(name: str, state: str, **fields: Any) -> dict[str, Any]:
    described = {"AlarmDescription": "Read the log.", "StateUpdatedTimestamp": NOW}
    return {"AlarmName": f"p-{name}Alarm-AB12", "StateValue": state, **described, **fields}


def alarms(*described: dict[str, Any]) -> list[Finding]:
    resources = [
        {"ResourceType": "AWS::CloudWatch::Alarm", "PhysicalResourceId": alarm["AlarmName"]} for alarm in described
    ]
    probe = stack_probe_of(
        list_stack_resources={"StackResourceSummaries": [{"ResourceType": "AWS::SQS::Queue"}, *resources]},
        describe_alarms=lambda AlarmNames: {
            "MetricAlarms": [alarm for alarm in described if alarm["AlarmName"] in AlarmNames]
        },
    )
    return list(traffic.alarm_findings(probe))


def test_firing_alarm_gives_its_description_as_next_step() -> None:
    finding = only(alarms(alarm("DeadLetters", "ALARM"), alarm("QuotaUsed", "OK")))
    assert (finding.subject, finding.state, finding.do) == ("DeadLetters", FindingState.TO_DO, "Read the log.")


def test_quiet_alarms_are_ok_and_alarms_without_data_are_counted() -> None:
    finding = only(alarms(alarm("DeadLetters", "INSUFFICIENT_DATA"), alarm("QuotaUsed", "OK")))
    assert (finding.state, finding.says) == (FindingState.OK, "2, none firing; 1 without data yet")


def local_probe(folder: Path) -> StackProbe:
    info = StackInfo(state_dir=folder, token="t", endpoint="http://127.0.0.1:1", stand_in=STAND_IN)
    connection = StackConnection("the local stack", info, Settings(), FUNCTIONS, json.dumps({"routing": ROUTING}), "p")
    return StackProbe(connection, NOW, ask_providers=False, detect_drift=False)


def test_local_stack_without_its_supervisor_is_to_do(tmp_path: Path) -> None:
    finding = only(list(traffic.alarm_findings(local_probe(tmp_path))))
    assert (finding.subject, finding.state) == ("supervisor", FindingState.TO_DO)
    assert finding.do == "start it with `pointsman up`"


def test_local_stack_with_its_supervisor_has_alarms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe, on = local_probe(tmp_path), alarm("DeadLetters", "ALARM")
    resources = [{"ResourceType": "AWS::CloudWatch::Alarm", "PhysicalResourceId": on["AlarmName"]}]
    answers = Aws(
        list_stack_resources={"StackResourceSummaries": resources},
        describe_alarms=lambda AlarmNames: {"MetricAlarms": [on]},
    )
    monkeypatch.setattr(StackInfo, "client", lambda _, service: answers.client(service))
    lock = hold_lock(tmp_path)
    assert lock is not None
    try:
        supervisor, firing = traffic.alarm_findings(probe)
    finally:
        os.close(lock)
    assert (supervisor.state, firing.subject, firing.do) == (FindingState.OK, "DeadLetters", "Read the log.")


def test_recipient_on_the_local_stack_is_the_users_command(tmp_path: Path) -> None:
    probe = local_probe(tmp_path)
    assert only(list(traffic.subscription_findings(probe))).state == FindingState.UNCHECKED
    SupervisorSettings(on_alarm=("notify-send", "an alarm")).save(tmp_path)
    finding = only(list(traffic.subscription_findings(probe)))
    assert (finding.state, finding.says) == (FindingState.OK, "the command notify-send 'an alarm'")


def test_missing_or_disabled_alarms_are_to_do() -> None:
    assert only(alarms()).state == FindingState.TO_DO
    assert alarms(alarm("QuotaUsed", "OK", ActionsEnabled=False))[0].state == FindingState.TO_DO


@pytest.mark.parametrize(
    ("arns", "state"),
    [([], FindingState.TO_DO), (["PendingConfirmation"], FindingState.TO_DO), (["arn:aws:sns:x"], FindingState.OK)],
)
def test_alarms_without_a_confirmed_subscription_are_to_do(arns: list[str], state: FindingState) -> None:
    subscriptions = [{"SubscriptionArn": arn, "Endpoint": "a@example.com"} for arn in arns]
    probe = stack_probe_of(list_subscriptions_by_topic={"Subscriptions": subscriptions})
    assert only(traffic.subscription_findings(probe)).state == state


SERVED = {GEMINI: ProviderAnswer("served"), HAIKU: ProviderAnswer("served"), SONNET: ProviderAnswer("served")}


def keys(answers: dict[str, ProviderAnswer] | None, *kinds: str | None) -> list[Finding]:
    stored = [{"Name": name, "Type": kind, "Value": "v"} for name, kind in zip(KEYS, kinds, strict=True) if kind]
    return list(models.key_findings(stack_probe_of(answers=answers, get_parameters={"Parameters": stored})))


@pytest.mark.parametrize(
    ("answers", "kind", "state", "says"),
    [
        (SERVED, "SecureString", FindingState.OK, "accepted"),
        (SERVED, None, FindingState.TO_DO, "is not in Parameter Store"),
        (SERVED, "String", FindingState.TO_DO, "plain String"),
        (
            {**SERVED, HAIKU: ProviderAnswer("account_refused", "401", trouble=AccountTrouble.KEY)},
            *("SecureString", FindingState.TO_DO, "rejects"),
        ),
        (
            {HAIKU: ProviderAnswer("account_refused", "403 place", trouble=AccountTrouble.PLACE)},
            *("SecureString", FindingState.UNCHECKED, "place"),
        ),
        ({**SERVED, HAIKU: ProviderAnswer("gone", "404")}, "SecureString", FindingState.OK, "accepted"),
        ({HAIKU: ProviderAnswer("gone", "404")}, "SecureString", FindingState.UNCHECKED, "404"),
        ({HAIKU: ProviderAnswer("no_answer", "503")}, "SecureString", FindingState.UNCHECKED, "503"),
        (None, "SecureString", FindingState.UNCHECKED, "was not asked"),
    ],
)
def test_key_finding_follows_from_parameter_and_provider(
    answers: dict[str, ProviderAnswer] | None, kind: str | None, state: FindingState, says: str
) -> None:
    finding = keys(answers, "SecureString", kind)[1]
    assert (finding.subject, finding.state, says in finding.says) == ("anthropic", state, True)


def test_keys_are_decrypted_only_to_ask_the_providers() -> None:
    decryptions = []

    def parameters(Names: list[str], WithDecryption: bool) -> dict[str, Any]:
        decryptions.append(WithDecryption)
        return {"Parameters": []}

    for answers in (None, SERVED):
        list(models.key_findings(stack_probe_of(answers=answers, get_parameters=parameters)))
    assert decryptions == [False, True]


def test_served_models_are_ok_and_show_their_price() -> None:
    findings = list(models.model_findings(stack_probe_of(answers=SERVED)))
    assert [(finding.subject, finding.state) for finding in findings] == [
        (name, FindingState.OK) for name in (GEMINI, HAIKU, SONNET)
    ]
    assert all("$" in finding.says and "its provider serves it" in finding.says for finding in findings)


def test_retired_model_is_to_do_and_names_its_successor() -> None:
    config = {"chains": {"reasoning": ["claude-sonnet-4-5"], "orchestration": ["gemini-2.0-flash"]}}
    findings = {finding.subject: finding for finding in models.model_findings(stack_probe_of(config=config))}
    assert (findings["claude-sonnet-4-5"].state, findings["gemini-2.0-flash"].state) == (
        FindingState.TO_DO,
        FindingState.TO_DO,
    )
    assert "2026-11-30" in findings["claude-sonnet-4-5"].says
    assert "claude-sonnet-5-5" in (findings["claude-sonnet-4-5"].do or "")
    by_provider = {
        finding.subject: finding
        for finding in models.model_findings(stack_probe_of(answers={**SERVED, HAIKU: ProviderAnswer("gone")}))
    }
    by_stack = {
        finding.subject: finding
        for finding in models.model_findings(
            stack_probe_of(states={HAIKU: ModelState(HAIKU, retired=True, retired_at=to_ms(NOW))})
        )
    }
    assert by_provider[HAIKU].state == by_stack[HAIKU].state == FindingState.TO_DO


def test_account_trouble_is_the_first_finding_and_says_what_to_do() -> None:
    since, until = to_ms(NOW) - 60_000, to_ms(NOW) + 240_000
    resting = {
        name: ModelState(name, account="credit", account_since=since, account_until=until) for name in (HAIKU, SONNET)
    }
    (finding,) = models.account_findings(stack_probe_of(states=resting))
    assert (finding.subject, finding.state) == ("anthropic", FindingState.TO_DO)
    assert "(credit)" in finding.says
    assert "2026-11-22T12:04:00.000Z" in finding.says
    assert "buy credit" in (finding.do or "")
    assert examine.CHECKS[0][1] is models.account_findings
    over = {HAIKU: ModelState(HAIKU, account="credit", account_since=since, account_until=to_ms(NOW))}
    assert [served.state for served in models.account_findings(stack_probe_of(states=over))] == [FindingState.OK]


def test_account_trouble_by_the_providers_word_is_the_first_finding_too() -> None:
    answers = {**SERVED, HAIKU: ProviderAnswer("account_refused", "403 place", trouble=AccountTrouble.PLACE)}
    finding = only(models.account_findings(stack_probe_of(answers=answers)))
    assert (finding.subject, finding.state, "(place)" in finding.says) == ("anthropic", FindingState.TO_DO, True)
    assert "deploy to a region" in (finding.do or "")


@pytest.mark.parametrize(
    ("answer", "again", "state", "says"),
    [
        (ProviderAnswer("served"), True, FindingState.OK, "serves it again"),
        (ProviderAnswer("served"), False, FindingState.TO_DO, "withdrawn"),
        (ProviderAnswer("gone", "404"), True, FindingState.TO_DO, "withdrawn"),
        (ProviderAnswer("no_answer", "503"), True, FindingState.TO_DO, "withdrawn"),
    ],
)
def test_model_that_its_provider_serves_again_is_no_longer_held_for_retired(
    answer: ProviderAnswer, again: bool, state: FindingState, says: str
) -> None:
    retired = ModelState(HAIKU, retired=True, retired_at=to_ms(NOW))
    probe = stack_probe_of(answers={**SERVED, HAIKU: answer}, states={HAIKU: retired})
    cleared: list[ModelState] = []

    def clear(marked: ModelState) -> bool:
        cleared.append(marked)
        return again

    probe.connection.runtime.stores.model_health.clear_retired = clear
    findings = [finding for finding in models.model_findings(probe) if finding.subject == HAIKU]
    assert (findings[0].state, says in findings[0].says) == (state, True)
    assert cleared == ([retired] if answer.state == "served" else [])


@pytest.mark.parametrize(
    ("option", "shown", "state", "says"),
    [
        (None, None, FindingState.UNCHECKED, 'set pointsman.gemini_billing to "none" or "linked"'),
        (None, False, FindingState.OK, "free: a quota of the free tier"),
        (None, True, FindingState.TO_DO, "booked as free, but a quota of the paid tier"),
        ("none", None, FindingState.OK, "none, by openclaw.json"),
        ("none", True, FindingState.TO_DO, "booked as free, but a quota of the paid tier"),
        ("linked", None, FindingState.OK, "linked, by openclaw.json"),
        ("linked", True, FindingState.OK, "linked, by openclaw.json"),
        ("linked", False, FindingState.TO_DO, "booked as paid, but a quota of the free tier"),
    ],
)
def test_billing_of_gemini_is_checked_against_what_a_quota_has_shown(
    option: str | None, shown: bool | None, state: FindingState, says: str
) -> None:
    states = {GEMINI: ModelState(GEMINI, paid_project=shown)}
    probe = stack_probe_of(config={"gemini_billing": option} if option else None, states=states)
    finding = only(models.billing_findings(probe))
    assert (finding.subject, finding.state, says in finding.says) == ("gemini", state, True)


def test_billing_of_gemini_is_no_question_without_its_models_or_on_stand_ins() -> None:
    assert list(models.billing_findings(stack_probe_of(config={"chains": {"orchestration": [HAIKU]}}))) == []
    probe = stack_probe_of()
    on_stand_ins = replace(probe.connection, settings=Settings(stand_in=True))
    on_stand_ins.__dict__["runtime"] = probe.connection.runtime
    assert list(models.billing_findings(replace(probe, connection=on_stand_ins))) == []
    paid = only(models.billing_findings(stack_probe_of(config={"gemini_billing": "linked"})))
    assert paid.state == FindingState.OK


def test_retirement_known_only_to_the_provider_is_to_do() -> None:
    answers = {**SERVED, HAIKU: ProviderAnswer("served", retires=NOW.date())}
    findings = {finding.subject: finding for finding in models.model_findings(stack_probe_of(answers=answers))}
    assert (findings[HAIKU].state, "2026-11-22" in findings[HAIKU].says) == (FindingState.TO_DO, True)


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
def test_quota_finding_shows_the_free_requests_left(state: ModelState, expected: FindingState, says: str) -> None:
    finding = only(limits.quota_findings(stack_probe_of(states={GEMINI: state})))
    assert (finding.state, says in finding.says) == (expected, True)


@pytest.mark.parametrize(
    ("counters", "state", "says"),
    [
        ({}, FindingState.OK, "$5.0000 of $5.0000 left"),
        ({"month": 2_000_000_000, "month_open": 500_000_000}, FindingState.OK, "$3.5000 of $5.0000 left"),
        ({"month": 4_100_000_000}, FindingState.TO_DO, "$0.9000 of $5.0000 left"),
        ({"month": 6_000_000_000}, FindingState.TO_DO, "$0 of $5.0000 left"),
    ],
)
def test_budget_finding_shows_the_amount_left(counters: dict[str, int], state: FindingState, says: str) -> None:
    finding = only(limits.budget_findings(stack_probe_of(counters=counters)))
    assert (finding.subject, finding.state, finding.says) == ("month", state, says)


def test_every_cap_has_a_finding_and_no_cap_is_to_do() -> None:
    config = {"budget": {"day_usd": 1, "tiers": {"reasoning": {"month_usd": 2}}}}
    findings = list(limits.budget_findings(stack_probe_of(config=config, counters={"day_22": 950_000_000})))
    assert [(finding.subject, finding.state) for finding in findings] == [
        ("month", FindingState.OK), ("month_reasoning", FindingState.OK), ("day_22", FindingState.TO_DO)
    ]  # fmt: skip
    assert (
        only(limits.budget_findings(stack_probe_of(config={"budget": {"month_usd": None}}))).state == FindingState.TO_DO
    )


def test_refused_check_is_not_checked_and_the_others_run() -> None:
    findings = list(examine.examine(stack_probe_of(detect_drift=True), lambda _: None))
    lane_nobody_asks_for = {"lane"}
    assert {finding.check for finding in findings} == {name for name, _ in examine.CHECKS} - lane_nobody_asks_for
    assert {finding.check for finding in findings if finding.state == FindingState.OK} == {
        "account",
        "model",
        "quota",
        "budget",
    }
    unchecked = [finding for finding in findings if finding.state == FindingState.UNCHECKED]
    refused = {finding.check for finding in unchecked if "AccessDenied" in finding.says}
    assert {finding.check for finding in unchecked} - refused == {"billing"}
    assert all((finding.do is not None) == (finding.state == FindingState.TO_DO) for finding in findings)


@pytest.mark.parametrize(
    ("most", "unreserved", "state"),
    [(10, 10, FindingState.TO_DO), (1000, 1000, FindingState.OK), (1000, 40, FindingState.TO_DO)],
)
def test_concurrency_finding_shows_the_limit_of_the_account(most: int, unreserved: int, state: FindingState) -> None:
    account = {"ConcurrentExecutions": most, "UnreservedConcurrentExecutions": unreserved}
    finding = only(limits.concurrency_findings(stack_probe_of(get_account_settings={"AccountLimit": account})))
    assert (finding.check, finding.state) == ("concurrency", state)
    assert finding.says == f"{most} invocations at once in the account and region, {unreserved} of them not reserved"
