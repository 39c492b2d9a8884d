import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pointsman.adapters.workflow import StepFunctions
from pointsman.execution.executions import Execution, Pause
from tests.support.aws import Aws
from tests.support.fakes import NOON

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
    executions = aws.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert [one["name"] for one in executions] == ["t-1"]


def test_a_name_in_use_is_answered_with_its_input(aws: Aws, machine: str) -> None:
    workflow = StepFunctions(aws.client("stepfunctions"), machine)
    workflow.start("t-1", '{"a": 1}')
    assert workflow.start("t-1", '{"a": 2}') == Execution(started=False, input='{"a": 1}')
    again = workflow.start("t-1", '{"a": 1}')
    assert again.started or again.input == '{"a": 1}'


def test_input_of_an_execution_is_read_by_its_name(aws: Aws, machine: str) -> None:
    workflow = StepFunctions(aws.client("stepfunctions"), machine)
    workflow.start("t-1", '{"a": 1}')
    assert (workflow.input_of("t-1"), workflow.input_of("t-2")) == ('{"a": 1}', None)


def test_a_machine_that_is_gone_is_an_error(aws: Aws, machine: str) -> None:
    with pytest.raises(ClientError, match="StateMachineDoesNotExist"):
        StepFunctions(aws.client("stepfunctions"), machine + "x").start("t-1", "{}")


def test_the_executions_that_died_in_a_time_are_found(aws: Aws, machine: str) -> None:
    client = aws.client("stepfunctions")
    workflow = StepFunctions(client, machine)
    for name in ("lives", "t-1", "ab.2"):
        workflow.start(name, '{"task_id": "t-2", "generation": 2}')
    for name in ("t-1", "ab.2"):
        client.stop_execution(executionArn=f"{machine.replace(':stateMachine:', ':execution:')}:{name}")
    now = datetime.now(UTC)
    statuses = {execution.name: execution.status for execution in workflow.dead(now - timedelta(minutes=1), now)}
    assert statuses == {"t-1": "ABORTED", "ab.2": "ABORTED"}
    assert list(workflow.dead(now - timedelta(hours=1), now - timedelta(minutes=1))) == []
    assert workflow.position("ab.2") == ("t-2", 2)


def entered(kind: str, state: str) -> dict[str, Any]:
    return {"type": f"{kind}StateEntered", "timestamp": NOON, "stateEnteredEventDetails": {"input": state}}


@pytest.mark.parametrize(
    ("events", "pause"),
    [
        ([], None),
        ([entered("Task", "{}")], None),
        ([entered("Wait", '{"next": "wait"}')], Pause(NOON, {"next": "wait"})),
        ("ExecutionDoesNotExist", None),
    ],
)
def test_pause_is_the_wait_that_the_execution_entered_last(events: Any, pause: Pause | None) -> None:
    asked: list[dict[str, Any]] = []

    class History:
        def get_execution_history(self, **query: Any) -> dict[str, Any]:
            asked.append(query)
            if isinstance(events, str):
                raise ClientError({"Error": {"Code": events}}, "GetExecutionHistory")
            return {"events": events}

    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:run-task"
    assert StepFunctions(History(), machine).pause("t-1") == pause
    arn = "arn:aws:states:us-east-1:123456789012:execution:run-task:t-1"
    assert asked == [{"executionArn": arn, "reverseOrder": True, "maxResults": 1}]
