import json
from typing import Any

import pytest

from tests.support.cloudformation import Resource, load
from tests.support.paths import ROOT


@pytest.fixture(scope="session")
def template() -> dict[str, Any]:
    return load()


@pytest.fixture(scope="session")
def resources(template: dict[str, Any]) -> dict[str, Resource]:
    return template["Resources"]


@pytest.fixture(scope="session")
def functions(resources: dict[str, Resource]) -> dict[str, Resource]:
    return {name: resource for name, resource in resources.items() if resource["Type"] == "AWS::Serverless::Function"}


@pytest.fixture(scope="session")
def workflow() -> dict[str, Any]:
    return json.loads((ROOT / "statemachines/run_task.asl.json").read_text(encoding="ascii"))
