"""The alarm whose fault is an execution's: it says so when a task ends without an answer, and only then."""

from datetime import UTC, datetime, timedelta

import pytest

from devstack.supervisor.alarms import ALARM_OFF, ALARM_ON, Alarm, Datapoint
from tests.support.alarms import template_alarm
from tests.support.cloudformation import load
from tests.support.local_stack import Stack, eventually

pytestmark = pytest.mark.stack


def failed(stack: Stack, watch: Alarm, since: datetime) -> list[Datapoint]:
    """Return AWS's metric of the executions that failed since then."""
    pages = stack.client("stepfunctions").get_paginator("list_executions")
    result = pages.paginate(stateMachineArn=stack.info.outputs["StateMachineArn"], statusFilter="FAILED")
    ends = [execution["stopDate"] for page in result for execution in page["executions"]]
    return [Datapoint(watch.metric, end, 1.0) for end in ends if end >= since]


def test_failed_execution_raises_the_workflow_alarm(stack: Stack) -> None:
    arn = stack.info.outputs["StateMachineArn"]
    watch = template_alarm(load()["Resources"]["WorkflowFailedAlarm"]["Properties"], {"RunTaskStateMachine": arn})
    began = datetime.now(UTC)
    stack.ended(stack.send(prompt="Say which way the train goes.", tier="orchestration"))
    assert watch.state(failed(stack, watch, began), began + timedelta(seconds=30)) == ALARM_OFF
    stack.ended(stack.send(prompt="Too late.", tier="orchestration", deadline="2020-01-01T00:00:00Z"))
    policy = eventually(lambda: failed(stack, watch, began), "the execution to fail")
    assert watch.state(policy, began + timedelta(seconds=30)) == ALARM_ON
