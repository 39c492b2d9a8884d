"""The template after the transform that AWS applies to it, by the translator that SAM installs."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from devstack.toolchain import SAM
from tests.support.cloudformation import load

_PYTHON = SAM.with_name("python")
_TRANSFORM = """
import copy, json, sys
from samtranslator.translator.transform import transform
class NoManagedPolicies:
    def load(self):
        return {}
asked = json.load(sys.stdin)
json.dump(
    [transform(copy.deepcopy(asked["template"]), values, NoManagedPolicies()) for values in asked["deployments"]],
    sys.stdout,
)
"""
_SOURCES = ("CodeUri", "ContentUri", "DefinitionUri")


def transform(deployments: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return template.yaml as plain CloudFormation, once for the parameters of each deployment."""
    template = load()
    for resource in template["Resources"].values():
        for source in _SOURCES:
            if source in resource["Properties"]:
                resource["Properties"][source] = f"s3://artifacts/{source}"
    result = subprocess.run(
        [str(_PYTHON), "-c", _TRANSFORM],
        input=json.dumps({"template": template, "deployments": [dict(values) for values in deployments]}),
        env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def resolve(value: Any, parameters: Mapping[str, str]) -> Any:
    """Return a value with the parameters that it names replaced, as CloudFormation does after the transform."""
    if isinstance(value, dict):
        if set(value) == {"Ref"} and value["Ref"] in parameters:
            return parameters[value["Ref"]]
        return {key: resolve(entry, parameters) for key, entry in value.items()}
    if isinstance(value, list):
        return [resolve(entry, parameters) for entry in value]
    if isinstance(value, str):
        for name, text in parameters.items():
            value = value.replace(f"${{{name}}}", text)
    return value


def referenced(value: Any) -> set[str]:
    """Return the logical ids and parameters that a value names."""
    if isinstance(value, dict):
        if "Ref" in value:
            return {value["Ref"]}
        if "Fn::GetAtt" in value:
            return {value["Fn::GetAtt"][0]}
        return {name for entry in value.values() for name in referenced(entry)}
    if isinstance(value, list):
        return {name for entry in value for name in referenced(entry)}
    return set()
