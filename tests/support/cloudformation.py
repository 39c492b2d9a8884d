"""Reads template.yaml with its intrinsic functions as mappings: `!Ref X` is `{"Ref": "X"}`."""

from pathlib import Path
from typing import Any

import yaml

from tests.support.paths import ROOT

Resource = dict[str, Any]


class _Loader(yaml.SafeLoader):
    pass


def _intrinsic(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name: value.split(".", 1) if suffix == "GetAtt" and isinstance(value, str) else value}


_Loader.add_multi_constructor("!", _intrinsic)


def load(path: Path = ROOT / "template.yaml") -> dict[str, Any]:
    return yaml.load(path.read_text(), _Loader)


def statements(resource: Resource) -> list[dict[str, Any]]:
    """Return all policy statements of a function or state machine, conditional ones included."""
    policy_statements = []
    for policy in resource["Properties"].get("Policies", []):
        for statement in policy["Statement"]:
            policy_statements.append(statement["Fn::If"][1] if "Fn::If" in statement else statement)
    return policy_statements


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
