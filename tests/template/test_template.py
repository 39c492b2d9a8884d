"""The template's invariants: least privilege, a bounded bill, no lost message or data, consistent timeouts."""

import re
from typing import Any

import pytest

from devstack import providers
from pointsman.adapters.api_keys import ITEM
from pointsman.adapters.hand_outs import PREFIX
from pointsman.adapters.limited_items import grant_key, pace_key
from pointsman.chat_api.chat_api import LONGEST_WAIT
from pointsman.entrypoints.lambda_context import TIMEOUT_MARGIN
from tests.support.cloudformation import Resource, as_list, load, statements
from tests.support.paths import ROOT

Resources = dict[str, Resource]

LAYERS = {
    "EconomyFunction": {"CoreLayer", "ClaudeLayer"},
    "FrontDoorFunction": {"CoreLayer"},
    "RouterFunction": {"CoreLayer", "GeminiLayer", "ClaudeLayer"},
    "OrchestrationFunction": {"CoreLayer", "GeminiLayer"},
    "ImplementationFunction": {"CoreLayer", "ClaudeLayer"},
    "ReasoningFunction": {"CoreLayer", "ClaudeLayer"},
    "DeliveryFunction": {"CoreLayer"},
    "SweepFunction": {"CoreLayer"},
    "CostReportFunction": {"CoreLayer"},
}
KEYS = {
    "RouterFunction": {"GeminiKeyParameter", "AnthropicKeyParameter", "WebhookKeyParameter"},
    "OrchestrationFunction": {"GeminiKeyParameter"},
    "EconomyFunction": {"AnthropicKeyParameter"},
    "ImplementationFunction": {"AnthropicKeyParameter"},
    "ReasoningFunction": {"AnthropicKeyParameter"},
    "DeliveryFunction": {"WebhookKeyParameter"},
    "SweepFunction": {"WebhookKeyParameter"},
}
NAMESPACE = {"Fn::Sub": "Pointsman/${AWS::StackName}"}
"""Of the stack's metrics: another stack of the account has another one."""
DATA = ("AWS::DynamoDB::Table", "AWS::S3::Bucket")


def of_type(resources: Resources, *types: str) -> Resources:
    return {name: resource for name, resource in resources.items() if resource["Type"] in types}


def test_each_folder_has_a_function(functions: Resources) -> None:
    folders = {f"functions/{path.parent.name}/" for path in ROOT.glob("functions/*/app.py")}
    assert {function["Properties"]["CodeUri"] for function in functions.values()} == folders


def test_each_function_has_its_own_role(functions: Resources, template: dict[str, Any]) -> None:
    assert "Role" not in template["Globals"]["Function"]
    for function in functions.values():
        assert "Role" not in function["Properties"]
        assert statements(function)


def test_statement_allows_only_named_actions(functions: Resources, resources: Resources) -> None:
    for name, holder in {**functions, "RunTaskStateMachine": resources["RunTaskStateMachine"]}.items():
        for statement in statements(holder):
            assert statement["Effect"] == "Allow" or statement["Sid"] == "GrantNoAccess"
            for action in as_list(statement["Action"]):
                assert re.fullmatch(r"[a-z0-9]+:[A-Za-z]+", action), f"{name}: {action}"


def test_only_an_operator_changes_the_front_door_s_keys(functions: Resources) -> None:
    """They stand in items of the limit table, which seven functions write. IAM compares the items' keys as a set."""
    table, keys = {"Fn::GetAtt": ["LimitTable", "Arn"]}, {"dynamodb:LeadingKeys": [ITEM, f"{grant_key('')}*"]}
    writes = {f"dynamodb:{verb}" for verb in ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")}
    writers = set()
    for name, function in functions.items():
        on_table = [it for it in statements(function) if table in as_list(it["Resource"])]
        if any(it["Effect"] == "Allow" and writes & set(as_list(it["Action"])) for it in on_table):
            writers.add(name)
            (denied,) = [it for it in on_table if it["Effect"] == "Deny"]
            assert set(denied["Action"]) == writes, name
            assert denied["Condition"] == {"ForAnyValue:StringLike": keys}, name
    assert len(writers) == 8


def test_only_log_delivery_has_a_wildcard_resource(functions: Resources, resources: Resources) -> None:
    for function in functions.values():
        assert all("*" not in as_list(statement["Resource"]) for statement in statements(function))
    policy = statements(resources["RunTaskStateMachine"])
    wide = [statement for statement in policy if "*" in as_list(statement["Resource"])]
    assert [statement["Sid"] for statement in wide] == ["DeliverLogs"]
    assert all(action.startswith("logs:") for action in wide[0]["Action"])


def test_function_has_only_the_layers_that_it_calls(functions: Resources, template: dict[str, Any]) -> None:
    common = template["Globals"]["Function"]["Layers"]
    carried = {
        name: {layer["Ref"] for layer in [*common, *function["Properties"].get("Layers", [])]}
        for name, function in functions.items()
    }
    assert carried == LAYERS


def test_function_can_read_only_the_keys_that_it_uses(functions: Resources) -> None:
    read: dict[str, set[str]] = {}
    for name, function in functions.items():
        for statement in statements(function):
            if "ssm:GetParameter" in as_list(statement["Action"]):
                parameters = re.findall(r"\$\{(\w+KeyParameter)}", str(statement["Resource"]))
                read.setdefault(name, set()).update(parameters)
    assert read == KEYS


def test_no_parameter_is_a_key(template: dict[str, Any]) -> None:
    names = {name for name in template["Parameters"] if "key" in name.lower()}
    assert names == {"GeminiKeyParameter", "AnthropicKeyParameter", "WebhookKeyParameter"}
    assert template["Parameters"]["GeminiKeyParameter"]["Default"] == providers.GEMINI_KEY_PARAMETER
    assert template["Parameters"]["AnthropicKeyParameter"]["Default"] == providers.ANTHROPIC_KEY_PARAMETER


def test_page_on_removal_names_every_log_group_that_may_be_left(resources: Resources) -> None:
    """A group that AWS creates again after the removal makes the next deployment of that name fail.

    Reported in aws-solutions-library-samples/accelerated-intelligent-document-processing-on-aws 564 and in
    serverless/serverless 10002.
    """
    page = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
    prefixes = re.search(r"for prefix in (.*); do", page)
    assert prefixes
    names = [group["Properties"]["LogGroupName"] for group in of_type(resources, "AWS::Logs::LogGroup").values()]
    left = [str(name["Fn::Sub"]).replace("${AWS::StackName}", "pointsman") for name in names]
    assert [name for name in left if not name.startswith(tuple(prefixes[1].split()))] == []


def test_each_function_has_its_own_log_group_with_retention(functions: Resources, resources: Resources) -> None:
    groups = [function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] for function in functions.values()]
    assert len(set(groups)) == len(functions)
    assert set(groups) | {"RunTaskLogGroup"} == set(of_type(resources, "AWS::Logs::LogGroup"))
    for group in of_type(resources, "AWS::Logs::LogGroup").values():
        assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_crashes_of_all_functions_count_in_one_metric(functions: Resources, resources: Resources) -> None:
    filters = of_type(resources, "AWS::Logs::MetricFilter").values()
    watched = [metric_filter["Properties"]["LogGroupName"]["Ref"] for metric_filter in filters]
    groups = [function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] for function in functions.values()]
    assert sorted(watched) == sorted(groups)
    metrics = [metric_filter["Properties"]["MetricTransformations"] for metric_filter in filters]
    names = {(metric["MetricNamespace"]["Fn::Sub"], metric["MetricName"]) for (metric,) in metrics}
    assert names == {(NAMESPACE["Fn::Sub"], "FunctionErrors")}


def test_visibility_timeout_is_six_router_timeouts(resources: Resources) -> None:
    queue = resources["TaskQueue"]["Properties"]
    router = resources["RouterFunction"]["Properties"]
    assert queue["VisibilityTimeout"] == 6 * router["Timeout"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5
    source = router["Events"]["Tasks"]["Properties"]
    assert source["BatchSize"] == 10
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "RouterConcurrency"}}
    assert source["MaximumBatchingWindowInSeconds"] == {"Ref": "RouterBatchSeconds"}


def test_routers_limits_are_those_of_lambda_and_by_default_nothing_waits() -> None:
    parameters = load()["Parameters"]
    concurrency, window = (parameters[name] for name in ("RouterConcurrency", "RouterBatchSeconds"))
    assert (concurrency["Default"], concurrency["MinValue"], concurrency["MaxValue"]) == (2, 2, 1000)
    assert (window["Default"], window["MinValue"], window["MaxValue"]) == (0, 0, 300)


def test_dead_letter_queue_retains_longer_than_the_task_queue(resources: Resources) -> None:
    retention = resources["TaskQueue"]["Properties"]["MessageRetentionPeriod"]
    assert resources["DeadLetterQueue"]["Properties"]["MessageRetentionPeriod"] > retention


def test_template_has_one_polled_event_source(functions: Resources) -> None:
    events = [event for function in functions.values() for event in function["Properties"].get("Events", {}).values()]
    assert [event["Type"] for event in events].count("SQS") == 1


@pytest.mark.parametrize(("parameter", "parts"), [("FrontDoor", 5), ("EconomyLane", 4)])
def test_optional_part_exists_only_if_enabled(
    resources: Resources, template: dict[str, Any], parameter: str, parts: int
) -> None:
    assert template["Parameters"][parameter]["Default"] == "false"
    assert template["Conditions"][f"Has{parameter}"] == {"Fn::Equals": [{"Ref": parameter}, "true"]}
    everything = {**resources, **template["Outputs"]}
    prefix = parameter.removesuffix("Lane")
    named = {name: part for name, part in everything.items() if name.startswith(prefix)}
    assert len(named) == parts
    assert all(part["Condition"] == f"Has{parameter}" for part in named.values())


def test_front_door_reads_only_keys_tasks_and_answers(functions: Resources) -> None:
    door = functions["FrontDoorFunction"]
    allowing = [statement for statement in statements(door) if statement["Effect"] == "Allow"]
    allowed = {action for statement in allowing for action in as_list(statement["Action"])}
    reads = {"dynamodb:GetItem", "dynamodb:BatchGetItem", "s3:GetObject"}
    assert allowed == {*reads, "sqs:SendMessage", "dynamodb:UpdateItem"}
    conditions = {statement["Sid"]: statement.get("Condition") for statement in allowing}
    limits = [f"{pace_key('')}*", f"{grant_key('')}*"]
    assert conditions["HoldToLimits"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": limits}}
    assert conditions["RememberAnswered"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{PREFIX}*"]}}
    assert conditions["KnowKeys"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [ITEM]}}
    assert door["Properties"]["Timeout"] >= LONGEST_WAIT + TIMEOUT_MARGIN
    assert load()["Parameters"]["FrontDoorWaitSeconds"]["Default"] == LONGEST_WAIT
    assert [name for name, function in functions.items() if "FunctionUrlConfig" in function["Properties"]] == [
        "FrontDoorFunction"
    ]


def test_queues_bucket_and_ledger_are_protected(resources: Resources) -> None:
    for queue in of_type(resources, "AWS::SQS::Queue").values():
        assert queue["Properties"]["SqsManagedSseEnabled"] is True
    bucket = resources["DataBucket"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert {rule.get("Prefix") for rule in bucket["LifecycleConfiguration"]["Rules"]} >= {"tasks/", "rejected/"}
    ledger = resources["UsageTable"]["Properties"]
    assert ledger["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True


def test_data_outlives_the_stack_and_tables_are_paid_per_request(resources: Resources) -> None:
    for resource in of_type(resources, *DATA).values():
        assert resource["UpdateReplacePolicy"] == "Retain"
        # A first deployment that fails deletes what it created; the next one starts afresh.
        assert resource["DeletionPolicy"] == "RetainExceptOnCreate"
    for table in of_type(resources, "AWS::DynamoDB::Table").values():
        assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"
        assert table["Properties"]["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_router_knows_every_function_that_sends_tasks(functions: Resources) -> None:
    queue = {"Fn::GetAtt": ["TaskQueue", "Arn"]}
    senders = {
        name
        for name, function in functions.items()
        for statement in function["Properties"]["Policies"][0]["Statement"]
        if (statement.get("Action"), statement.get("Resource")) == ("sqs:SendMessage", queue)
    }
    assert senders == {"FrontDoorFunction", "DeliveryFunction", "SweepFunction"}
    environment = functions["RouterFunction"]["Properties"]["Environment"]["Variables"]
    assert environment["SUBTASK_ROLE_IDS"] == {"Fn::Sub": "${DeliveryFunctionRole.RoleId},${SweepFunctionRole.RoleId}"}
    door = {"Fn::GetAtt": ["FrontDoorFunctionRole", "RoleId"]}
    assert environment["FRONT_DOOR_ROLE_ID"] == {"Fn::If": ["HasFrontDoor", door, ""]}


def test_only_named_senders_are_admitted(resources: Resources) -> None:
    policy = resources["TaskQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    conditional = [statement["Fn::If"] for statement in policy if "Fn::If" in statement]
    admitted = {condition: statement for condition, statement, _ in conditional}
    assert all(otherwise == {"Ref": "AWS::NoValue"} for _, _, otherwise in conditional)
    assert all(statement["Action"] == "sqs:SendMessage" for statement in admitted.values())
    named, buckets, roles = (admitted[name] for name in ("HasSenders", "HasPromptBuckets", "HasSenderRoles"))
    assert named["Condition"] == {"ArnLike": {"aws:SourceArn": {"Ref": "SenderArns"}}}
    assert named["Principal"] == {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]}
    assert buckets["Principal"] == {"Service": "s3.amazonaws.com"}
    assert buckets["Condition"] == {
        "ArnEquals": {"aws:SourceArn": {"Ref": "PromptBucketArns"}},
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
    }
    assert roles["Principal"] == {"AWS": {"Ref": "SenderRoleArns"}}


@pytest.mark.parametrize(
    ("policy", "action", "resource"),
    [
        ("TaskQueuePolicy", "sqs:*", {"Fn::GetAtt": ["TaskQueue", "Arn"]}),
        ("DeadLetterQueuePolicy", "sqs:*", {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}),
        ("DataBucketPolicy", "s3:*", [{"Fn::GetAtt": ["DataBucket", "Arn"]}, {"Fn::Sub": "${DataBucket.Arn}/*"}]),
    ],
)
def test_policy_refuses_plain_http(resources: Resources, policy: str, action: str, resource: Any) -> None:
    assert resources[policy]["Properties"]["PolicyDocument"]["Statement"][0] == {
        "Sid": "RefusePlainHttp",
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def test_stored_data_is_encrypted_without_a_customer_key(resources: Resources) -> None:
    for queue in of_type(resources, "AWS::SQS::Queue").values():
        assert queue["Properties"]["SqsManagedSseEnabled"] is True
    (rule,) = resources["DataBucket"]["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    # DynamoDB always encrypts; without SSESpecification, by a key that AWS owns and does not bill.
    assert all("SSESpecification" not in table["Properties"] for table in of_type(resources, DATA[0]).values())
    # CloudWatch cannot publish alarms to a topic under the AWS managed key, which it may not use.
    assert "KmsMasterKeyId" not in resources["ReportTopic"]["Properties"]


def test_alarms_stay_within_the_free_tier(resources: Resources) -> None:
    alarms = of_type(resources, "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    assert len(alarms) <= 10
    for alarm in alarms.values():
        assert "Metrics" not in alarm["Properties"]
        assert alarm["Properties"]["Period"] >= 60
        assert alarm["Properties"]["AlarmActions"] == [{"Ref": "ReportTopic"}]


def test_product_metrics_have_one_set_of_dimensions(resources: Resources, template: dict[str, Any]) -> None:
    service = template["Globals"]["Function"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]
    alarms = [
        alarm["Properties"]
        for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values()
        if alarm["Properties"]["Namespace"] == NAMESPACE and alarm["Properties"]["MetricName"] != "FunctionErrors"
    ]
    assert alarms
    assert all(alarm["Dimensions"] == [{"Name": "service", "Value": service}] for alarm in alarms)


def test_each_watched_metric_is_emitted_by_the_code(resources: Resources) -> None:
    code = "".join(path.read_text() for path in (ROOT / "layers/core/pointsman").rglob("*.py"))
    shown = set(re.findall(r'"Pointsman/\${AWS::StackName}", "(\w+)"', load(ROOT / "dashboard.yaml")["Fn::Sub"]))
    alarmed = {
        alarm["Properties"]["MetricName"]
        for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values()
        if alarm["Properties"]["Namespace"] == NAMESPACE
    }
    counted_by_log_filter = {"FunctionErrors"}
    assert {name for name in shown | alarmed if f'"{name}"' not in code} <= counted_by_log_filter


@pytest.mark.parametrize("kind", ["AWS::KMS::Key", "AWS::SecretsManager::Secret", "AWS::EC2::VPC"])
def test_template_has_no_resource_with_a_monthly_fee(resources: Resources, kind: str) -> None:
    assert not of_type(resources, kind)


def test_no_function_has_paid_warm_capacity(functions: Resources, template: dict[str, Any]) -> None:
    for properties in [template["Globals"]["Function"], *(function["Properties"] for function in functions.values())]:
        assert not {"SnapStart", "ProvisionedConcurrencyConfig"} & properties.keys()


def test_dashboard_shows_metrics_of_this_stack(resources: Resources) -> None:
    body = load(ROOT / "dashboard.yaml")["Fn::Sub"]
    names = {name.split(".")[0] for name in re.findall(r"\$\{([\w.]+)}", body)}
    assert names <= resources.keys()
    assert "AWS::Region" in body
    assert '["Pointsman"' not in body


def test_no_other_stack_of_the_account_shares_dashboard_or_metrics(
    resources: Resources, template: dict[str, Any]
) -> None:
    # A dashboard belongs to the account: two regions must not name it alike.
    name = resources["Dashboard"]["Properties"]["DashboardName"]
    assert name == {"Fn::Sub": "${AWS::StackName}-${AWS::Region}"}
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == NAMESPACE
    used = [alarm["Properties"]["Namespace"] for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values()]
    assert all(namespace == NAMESPACE or namespace.startswith("AWS/") for namespace in used)


def test_outputs_cover_what_clients_need(template: dict[str, Any], functions: Resources) -> None:
    outputs = set(template["Outputs"])
    assert outputs >= {f"{name}Name" for name in functions}
    assert outputs >= {
        "TaskQueueUrl",
        "TaskQueueArn",
        "DeadLetterQueueUrl",
        "TaskTableName",
        "UsageTableName",
        "LimitTableName",
        "DataBucketName",
        "EventBusName",
        "StateMachineArn",
        "ReportTopicArn",
    }


def test_no_function_logs_its_event_or_traces_what_it_returns_or_raises(
    functions: Resources, template: dict[str, Any]
) -> None:
    for path in ROOT.glob("functions/*/app.py"):
        code = path.read_text()
        assert "\n@function(" in code
        assert "Tracer" not in code
        assert "log_event" not in code
    frame = (ROOT / "layers/core/pointsman/entrypoints/lambda_frame.py").read_text()
    assert "Tracer" not in frame  # Lambda's own tracing has neither results nor errors
    assert "log_event" not in frame
    environments = [template["Globals"]["Function"], *(function["Properties"] for function in functions.values())]
    for properties in environments:
        names = set(properties.get("Environment", {}).get("Variables", {}))
        assert not {name for name in names if re.search("LOG_EVENT|TRACER_CAPTURE|DEV|DEBUG|LOG_LEVEL", name)}
