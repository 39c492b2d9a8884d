"""A template as CloudFormation would deploy it: intrinsic functions evaluated, resources with names and ARNs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ACCOUNT, REGION = "123456789012", "eu-central-1"
SUFFIX = "ABCDEFGHIJKL1"
"""CloudFormation's own part of a generated name, at its longest."""
LONGEST_NAME = 64
"""Of a role or a function; CloudFormation cuts its generated names there."""

_ABSENT = object()
_ARNS = {
    "AWS::CloudWatch::Alarm": "cloudwatch:{region}:{account}:alarm:{name}",
    "AWS::CloudWatch::Dashboard": "cloudwatch::{account}:dashboard/{name}",
    "AWS::DynamoDB::Table": "dynamodb:{region}:{account}:table/{name}",
    "AWS::Events::EventBus": "events:{region}:{account}:event-bus/{name}",
    "AWS::Events::Rule": "events:{region}:{account}:rule/{name}",
    "AWS::IAM::ManagedPolicy": "iam::{account}:policy/{name}",
    "AWS::IAM::OIDCProvider": "iam::{account}:oidc-provider/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::Lambda::EventSourceMapping": "lambda:{region}:{account}:event-source-mapping:{name}",
    "AWS::Lambda::Function": "lambda:{region}:{account}:function:{name}",
    "AWS::Lambda::LayerVersion": "lambda:{region}:{account}:layer:{name}:1",
    "AWS::Logs::LogGroup": "logs:{region}:{account}:log-group:{name}:*",
    "AWS::S3::Bucket": "s3:::{name}",
    "AWS::SNS::Subscription": "sns:{region}:{account}:{name}:00000000-0000",
    "AWS::SNS::Topic": "sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "sqs:{region}:{account}:{name}",
    "AWS::Scheduler::Schedule": "scheduler:{region}:{account}:schedule/default/{name}",
    "AWS::StepFunctions::StateMachine": "states:{region}:{account}:stateMachine:{name}",
}
_HOLDERS = {
    "AWS::Lambda::Permission": "FunctionName",
    "AWS::Lambda::Url": "TargetFunctionArn",
    "AWS::Logs::MetricFilter": "LogGroupName",
    "AWS::S3::BucketPolicy": "Bucket",
    "AWS::SQS::QueuePolicy": "Queues",
}
"""Types that are part of another resource, with the property that names it."""
_NAMES = ("Name", "DashboardName", "LogGroupName", "LayerName")
_NAME_IS_ID = {
    "AWS::DynamoDB::Table",
    "AWS::Lambda::Function",
    "AWS::S3::Bucket",
    "AWS::IAM::Role",
    "AWS::Events::EventBus",
}


@dataclass(frozen=True)
class Deployed:
    """A template, already transformed, under a stack's name."""

    template: Mapping[str, Any]
    stack: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources whose condition holds."""
        entries = self.template["Resources"].items()
        return {name: entry for name, entry in entries if "Condition" not in entry or self._holds(entry["Condition"])}

    def name(self, logical: str) -> str:
        """Return a resource's physical name."""
        resource = self.template["Resources"][logical]
        kind = resource["Type"]
        for key in _NAMES:
            if key in resource.get("Properties", {}) and kind != "AWS::Logs::MetricFilter":
                return str(self.value(resource["Properties"][key]))
        if kind == "AWS::SNS::Subscription":
            return self.name(resource["Properties"]["TopicArn"]["Ref"])
        if kind == "AWS::StepFunctions::StateMachine":  # CloudFormation leaves the stack's name out
            return f"{logical}-{SUFFIX}"
        name = f"{self.stack}-{logical}-{SUFFIX}"
        return name.lower() if kind == "AWS::S3::Bucket" else name

    def arn(self, logical: str) -> str:
        """Return the ARN of a resource, or of the one that it is part of."""
        resource = self.template["Resources"][logical]
        kind = resource["Type"]
        if kind in _HOLDERS:
            reference = resource["Properties"][_HOLDERS[kind]]
            reference = reference[0] if isinstance(reference, list) else reference
            return self.arn(reference["Ref"] if "Ref" in reference else reference["Fn::GetAtt"][0])
        return "arn:aws:" + _ARNS[kind].format(region=REGION, account=ACCOUNT, name=self.name(logical))

    def value(self, value: Any) -> Any:
        """Return what CloudFormation makes of a value; entries that are `AWS::NoValue` are left out."""
        if isinstance(value, list):
            return [entry for entry in map(self.value, value) if entry is not _ABSENT]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if evaluate := getattr(self, f"_{function.removeprefix('Fn::').lower()}", None):
                return evaluate(argument)
        entries = {key: self.value(entry) for key, entry in value.items()}
        return {key: entry for key, entry in entries.items() if entry is not _ABSENT}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _ABSENT
        pseudo = {"StackName": self.stack, "Region": REGION, "AccountId": ACCOUNT, "Partition": "aws"}
        if name.startswith("AWS::"):
            return pseudo[name.removeprefix("AWS::")]
        if name in self.template.get("Parameters", {}):
            parameter = self.template["Parameters"][name]
            text = str(self.parameters.get(name, parameter.get("Default", "")))
            return text.split(",") if parameter["Type"] == "CommaDelimitedList" else text
        resource = self.template["Resources"][name]
        return self.name(name) if resource["Type"] in _NAME_IS_ID else self.arn(name)

    def _getatt(self, path: list[str]) -> str:
        logical, attribute = path
        return self.arn(logical) if attribute.endswith("Arn") else self.name(logical)

    def _sub(self, argument: Any) -> str:
        text, names = argument if isinstance(argument, list) else (argument, {})
        values = {name: self.value(entry) for name, entry in names.items()}

        def replace(match: re.Match[str]) -> str:
            name = match[1]
            if name in values:
                return str(values[name])
            return str(self._getatt(name.split(".")) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^!}]+)}", replace, text)

    def _join(self, argument: list[Any]) -> str:
        return str(argument[0]).join(map(str, self.value(argument[1])))

    def _split(self, argument: list[Any]) -> list[str]:
        return str(self.value(argument[1])).split(argument[0])

    def _select(self, argument: list[Any]) -> Any:
        return self.value(argument[1])[int(argument[0])]

    def _findinmap(self, argument: list[Any]) -> Any:
        mapping, first, second = map(self.value, argument)
        return self.template["Mappings"][mapping][first][second]

    def _if(self, argument: list[Any]) -> Any:
        condition, then, otherwise = argument
        return self.value(then if self._holds(condition) else otherwise)

    def _holds(self, condition: str) -> bool:
        return bool(self.value(self.template["Conditions"][condition]))

    def _equals(self, argument: list[Any]) -> bool:
        left, right = map(self.value, argument)
        return str(left) == str(right)

    def _not(self, argument: list[Any]) -> bool:
        return not self.value(argument[0])

    def _and(self, argument: list[Any]) -> bool:
        return all(map(self.value, argument))

    def _or(self, argument: list[Any]) -> bool:
        return any(map(self.value, argument))
