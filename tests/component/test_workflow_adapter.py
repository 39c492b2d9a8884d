import json

import pytest
from botocore.exceptions import ClientError

from pointsman.adapters.workflow import StepFunctions
from pointsman.ports import Execution
from tests.component.conftest import Aws

DEFINITION = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}


@pytest.fixture
def machine(aws: Aws) -> str:
    role = "arn:aws:iam::123456789012:role/workflow"
    created = aws.client("stepfunctions").create_state_machine(
        name="run-task", definition=json.dumps(DEFINITION), roleArn=role
    )
    return str(created["stateMachineArn"])


def test_an_execution_is_named_as_asked(aws: Aws, machine: str) -> None:
    assert StepFunctions(aws.client("stepfunctions"), machine).start("t-1", '{"a": 1}') == Execution(started=True)
    found = aws.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert [one["name"] for one in found] == ["t-1"]


def test_a_name_in_use_is_answered_with_its_input(aws: Aws, machine: str) -> None:
    workflow = StepFunctions(aws.client("stepfunctions"), machine)
    workflow.start("t-1", '{"a": 1}')
    assert workflow.start("t-1", '{"a": 2}') == Execution(started=False, input='{"a": 1}')
    again = workflow.start("t-1", '{"a": 1}')
    assert again.started or again.input == '{"a": 1}'


def test_a_machine_that_is_gone_is_an_error(aws: Aws, machine: str) -> None:
    with pytest.raises(ClientError, match="StateMachineDoesNotExist"):
        StepFunctions(aws.client("stepfunctions"), machine + "x").start("t-1", "{}")
