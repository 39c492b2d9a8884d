"""The pipeline's roles, simulated: CloudFormation can deploy the template, and nobody can read a key or become more."""

from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from tests.support.cloudformation import as_list, load
from tests.support.deployed import ACCOUNT, LONGEST_NAME, REGION, SUFFIX, Deployed
from tests.support.iam import Statement, allows
from tests.support.paths import ROOT
from tests.support.sam import transform

ROLES = ROOT / "examples/deploy/github-role.yaml"
STACK = "pointsman-stage1"
"""As long as the roles allow."""
REPLIES = f"arn:aws:sqs:{REGION}:{ACCOUNT}:replies"
PROMPTS = "arn:aws:s3:::prompts"
NAMED = {"ReplyQueueArns": REPLIES, "PromptBucketArns": PROMPTS}
EVERYTHING = NAMED | {
    "FrontDoor": "true",
    "WebhookHosts": "a.example",
    "AlarmEmail": "a@example.com",
    "KeepWarm": "true",
    "EconomyLane": "true",
}
KEYS = [f"/{STACK}/{name}" for name in ("gemini-api-key", "anthropic-api-key", "webhook-key")]
KEY_PARAMETERS = dict(zip(("GeminiKeyParameter", "AnthropicKeyParameter", "WebhookKeyParameter"), KEYS, strict=True))
TRANSFORMS = [f"arn:aws:cloudformation:{REGION}:aws:transform/{name}" for name in ("Serverless-2016-10-31", "Include")]
NOT_USED = {
    "ec2": "no VPC",
    "elasticfilesystem": "no file system",
    "firehose": "no delivery stream",
    "kinesis": "no stream of a table",
    "kms": "keys that AWS owns",
    "s3files": "no file system",
    "s3tables": "no metadata table",
}
"""Services whose actions a handler needs for features that the template does not use."""
NOT_USED_OF_A_TABLE = ("logs", "s3")
"""Services of a table's import from a bucket."""
NOT_USED_ACTIONS = {
    "cloudwatch:ListTagsForResource",  # of a dashboard, which has no tags
    "dynamodb:ImportTable",
    "iam:CreateServiceLinkedRole",  # for replicas
    "iam:DeleteRolePermissionsBoundary",  # denied: no role leaves the boundary
    "lambda:GetCodeSigningConfig",
    "lambda:PassCapacityProvider",
    "logs:PutBearerTokenAuthentication",
    "s3:REST.PUT.OBJECT",
}
LOGS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
MANAGED = {
    "AWSLambdaBasicExecutionRole": LOGS,
    "AWSLambdaSQSQueueExecutionRole": [
        *LOGS,
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    ],
    "AWSXrayWriteOnlyAccess": [
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
        "xray:GetSamplingStatisticSummaries",
    ],
    "AWSXRayDaemonWriteAccess": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
}
"""What the AWS managed policies that SAM attaches allow."""


@pytest.fixture(scope="module")
def stack() -> Deployed:
    """The stack with everything that parameters can turn on."""
    template = load()
    (transformed,) = transform([EVERYTHING])
    return Deployed({**template, **transformed}, STACK, EVERYTHING | KEY_PARAMETERS)


@pytest.fixture(scope="module")
def pipeline() -> Deployed:
    parameters = {"Repository": "example/pointsman", "OwnerId": "12", "RepositoryId": "34", "StackName": STACK, **NAMED}
    return Deployed(load(ROLES), "deploy-pointsman", parameters)


def statements(pipeline: Deployed, role: str) -> list[Statement]:
    policies = pipeline.value(pipeline.template["Resources"][role]["Properties"]["Policies"])
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def boundary(pipeline: Deployed) -> list[Statement]:
    properties = pipeline.value(pipeline.template["Resources"]["FunctionBoundary"]["Properties"])
    return list(properties["PolicyDocument"]["Statement"])


def roles_of(stack: Deployed) -> list[str]:
    return [name for name, resource in stack.resources.items() if resource["Type"] == "AWS::IAM::Role"]


def handler_actions(kind: str) -> set[str]:
    """Return the actions that CloudFormation's handlers of a type need, by its registry schema."""
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
    verbs = [handlers[verb] for verb in ("create", "read", "update", "delete") if verb in handlers]
    return {action for verb in verbs for action in verb["permissions"]}


def test_execution_role_may_call_what_cloudformations_handlers_call(stack: Deployed, pipeline: Deployed) -> None:
    allowed = statements(pipeline, "ExecutionRole")
    artifact = f"{pipeline.arn('ArtifactBucket')}/template"
    elsewhere = {
        "s3:GetObject": artifact,
        "s3:GetObjectVersion": artifact,
        "iam:PassRole": stack.arn("RouterFunctionRole"),
        "iam:GetRole": stack.arn("RouterFunctionRole"),
        "lambda:GetLayerVersion": stack.arn("RouterFunctionTasks").replace("event-source-mapping", "layer:CoreLayer"),
        "cloudwatch:DescribeAlarms": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*",
        "logs:DescribeLogGroups": "*",
        "logs:DescribeResourcePolicies": "*",
        "logs:CreateLogDelivery": "*",
        "logs:PutResourcePolicy": "*",
    }
    context = {
        "iam:PassedToService": "lambda.amazonaws.com",
        "iam:PermissionsBoundary": pipeline.arn("FunctionBoundary"),
        "iam:PolicyARN": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
        "lambda:FunctionArn": stack.arn("RouterFunction"),
    }
    refused = set()
    for logical, resource in stack.resources.items():
        for action in handler_actions(resource["Type"]):
            service = action.partition(":")[0]
            if service in NOT_USED or action in NOT_USED_ACTIONS:
                continue
            if resource["Type"] == "AWS::DynamoDB::Table" and service in NOT_USED_OF_A_TABLE:
                continue
            if not allows(allowed, action, elsewhere.get(action, stack.arn(logical)), context):
                refused.add((resource["Type"], action))
    assert refused == set()


def test_execution_role_may_expand_every_transform_of_the_template(pipeline: Deployed) -> None:
    template = load()
    used = {template["Transform"], "AWS::Include"}
    assert {f"AWS::{arn.rpartition('/')[2]}" for arn in TRANSFORMS} == used
    for arn in TRANSFORMS:
        assert allows(statements(pipeline, "ExecutionRole"), "cloudformation:CreateChangeSet", arn)


def test_boundary_allows_all_that_the_stacks_roles_are_given(stack: Deployed, pipeline: Deployed) -> None:
    refused = set()
    needed = {
        "logs": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{STACK}-router:log-stream:1",
        "sqs": stack.arn("TaskQueue"),
    }
    for role in roles_of(stack):
        properties = stack.value(stack.resources[role]["Properties"])
        for policy in properties.get("Policies", []):
            for statement in as_list(policy["PolicyDocument"]["Statement"]):
                for action in as_list(statement["Action"]):
                    for resource in as_list(statement["Resource"]):
                        if not allows(boundary(pipeline), action, resource):
                            refused.add((role, action, resource))
        for arn in properties.get("ManagedPolicyArns", []):
            for action in MANAGED[arn.rpartition("/")[2]]:
                if not allows(boundary(pipeline), action, needed.get(action.partition(":")[0], "*")):
                    refused.add((role, action, arn))
    assert refused == set()


def test_boundary_reaches_no_other_stack(pipeline: Deployed) -> None:
    bounds = boundary(pipeline)
    for action, resource in [
        ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/{STACK}-x"),
        ("dynamodb:GetItem", f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/other-TaskTable-X"),
        ("s3:GetObject", "arn:aws:s3:::other-bucket/key"),
        ("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:other"),
        ("ssm:GetParameter", f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/other/gemini-api-key"),
        ("kms:Decrypt", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"),
        ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
    ]:
        assert not allows(bounds, action, resource), action


@pytest.mark.parametrize("role", ["DeployRole", "ExecutionRole"])
@pytest.mark.parametrize("key", KEYS)
def test_pipeline_can_read_no_key(pipeline: Deployed, role: str, key: str) -> None:
    """GetParameters without decryption remains for `doctor`; with decryption, it needs kms:Decrypt."""
    policy, arn = statements(pipeline, role), f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{key}"
    denied = [statement for statement in policy if statement["Effect"] == "Deny"]
    anything = [*denied, {"Effect": "Allow", "Action": "*", "Resource": "*"}]  # as AWS's own key policy allows it
    for action in ("ssm:GetParameter", "ssm:GetParametersByPath", "ssm:GetParameterHistory"):
        assert not allows(anything, action, arn)
    assert not allows(anything, "kms:Decrypt", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/aws-ssm")


def test_doctor_sees_that_the_keys_exist(stack: Deployed, pipeline: Deployed) -> None:
    for key in KEYS:
        arn = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter{key}"
        assert allows(statements(pipeline, "DeployRole"), "ssm:GetParameters", arn)


@pytest.mark.parametrize("action", ["iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary"])
def test_execution_role_gives_rights_only_within_the_boundary(pipeline: Deployed, action: str) -> None:
    policy, role = statements(pipeline, "ExecutionRole"), f"arn:aws:iam::{ACCOUNT}:role/{STACK}-RouterFunctionRole-X"
    assert allows(policy, action, role, {"iam:PermissionsBoundary": pipeline.arn("FunctionBoundary")})
    assert not allows(policy, action, role)
    administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert not allows(policy, action, role, {"iam:PermissionsBoundary": administrator})
    assert not allows(policy, "iam:AttachRolePolicy", role, {"iam:PolicyARN": administrator})
    assert not allows(policy, "iam:DeleteRolePermissionsBoundary", role)
    assert not allows(policy, action, pipeline.arn("ExecutionRole"))


@pytest.mark.parametrize("action", ["iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:SetDefaultPolicyVersion"])
def test_execution_role_cannot_change_the_boundary(pipeline: Deployed, action: str) -> None:
    assert not allows(statements(pipeline, "ExecutionRole"), action, pipeline.arn("FunctionBoundary"))


def test_stack_takes_the_boundary_that_the_pipeline_names(stack: Deployed, pipeline: Deployed) -> None:
    bounded = Deployed(stack.template, STACK, {**stack.parameters, "PermissionsBoundary": "arn:boundary"})
    for role in roles_of(stack):
        assert bounded.value(stack.resources[role]["Properties"])["PermissionsBoundary"] == "arn:boundary", role
        assert "PermissionsBoundary" not in stack.value(stack.resources[role]["Properties"])
    assert "PermissionsBoundary=$PERMISSIONS_BOUNDARY" in (ROOT / ".github/workflows/deploy.yml").read_text()


def test_keys_of_the_pipeline_follow_the_stacks_name() -> None:
    workflow = (ROOT / ".github/workflows/deploy.yml").read_text()
    for parameter, key in KEY_PARAMETERS.items():
        assert f"{parameter}={key.replace(STACK, '$STACK_NAME')}" in workflow


def test_generated_names_fit_uncut_for_the_longest_stack_name(stack: Deployed) -> None:
    """A name that CloudFormation cuts may lose the end of the stack's name, by which the roles match."""
    pattern = load(ROLES)["Parameters"]["StackName"]["AllowedPattern"]
    (longest,) = [1 + int(pattern[pattern.rindex(",") + 1 : pattern.rindex("}")])]
    assert longest == len(STACK)
    for logical, resource in stack.resources.items():
        if resource["Type"] in ("AWS::IAM::Role", "AWS::Lambda::Function"):
            assert len(f"{STACK}-{logical}-{SUFFIX}") <= LONGEST_NAME, logical


@pytest.mark.parametrize(
    ("ids", "subject"),
    [
        ({}, "repo:example/pointsman:environment:production"),
        ({"OwnerId": "12", "RepositoryId": "34"}, "repo:example@12/pointsman@34:environment:production"),
    ],
)
def test_only_one_environment_of_one_repository_can_assume_the_deploy_role(ids: dict[str, str], subject: str) -> None:
    pipeline = Deployed(load(ROLES), "deploy-pointsman", {"Repository": "example/pointsman", **ids})
    properties: Any = pipeline.value(pipeline.resources["DeployRole"]["Properties"])
    (trust,) = properties["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert trust["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": subject,
        }
    }
