"""The state machine on Step Functions."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import AwsClient, code_of
from pointsman.execution.executions import DeadExecution, Execution, Pause
from pointsman.values.strict_json import loads

ENDED_BADLY = ("FAILED", "TIMED_OUT", "ABORTED")
_LONGEST_LOOK_BACK = timedelta(days=3)
"""The list comes in the order of starts: how far back an execution may have started that has just stopped."""


class StepFunctions:
    """`Workflow` on one Standard state machine."""

    def __init__(self, client: AwsClient, machine_arn: str) -> None:
        self._client, self._machine = client, machine_arn

    def start(self, name: str, execution_input: str) -> Execution:
        """Start an execution; a name in use is answered with that execution's input."""
        try:
            self._client.start_execution(stateMachineArn=self._machine, name=name, input=execution_input)
        except ClientError as error:
            if code_of(error) != "ExecutionAlreadyExists":
                raise
            return Execution(started=False, input=self._input(name))
        return Execution(started=True)

    def input_of(self, name: str) -> str | None:
        """Return the input of the execution that has the name; None when there is none."""
        try:
            return self._input(name)
        except ClientError as error:
            if code_of(error) != "ExecutionDoesNotExist":
                raise
            return None

    def dead(self, since: datetime, until: datetime) -> Iterable[DeadExecution]:
        """Return the executions that failed, timed out or were aborted in that time."""
        for status in ENDED_BADLY:
            pages = self._client.get_paginator("list_executions").paginate(
                stateMachineArn=self._machine, statusFilter=status
            )
            for summary in (summary for page in pages for summary in page["executions"]):
                if summary["startDate"] < since - _LONGEST_LOOK_BACK:
                    break
                if since <= summary["stopDate"] <= until:
                    yield DeadExecution(summary["name"], status)

    def stop(self, name: str, cause: str) -> None:
        """Stop an execution, if there is one; one that has ended stays as it is."""
        try:
            self._client.stop_execution(executionArn=self._arn(name), cause=cause)
        except ClientError as error:
            if code_of(error) not in ("ExecutionDoesNotExist", "ValidationException"):  # the second: it has ended
                raise

    def position(self, name: str) -> tuple[str, int]:
        """Return the task and the generation that an execution runs."""
        state: Any = loads(self._input(name))
        return state["task_id"], state["generation"]

    def pause(self, name: str) -> Pause | None:
        """Return the wait that an execution entered last, by its history's last event; None when it has left it, or
        there is no such execution.
        """
        query = {"executionArn": self._arn(name), "reverseOrder": True, "maxResults": 1}
        try:
            events = self._client.get_execution_history(**query)["events"]
        except ClientError as error:
            if code_of(error) != "ExecutionDoesNotExist":
                raise
            return None
        if not events or events[0]["type"] != "WaitStateEntered":
            return None
        state: Any = loads(events[0]["stateEnteredEventDetails"]["input"])
        return Pause(events[0]["timestamp"], state)

    def _input(self, name: str) -> str:
        return str(self._client.describe_execution(executionArn=self._arn(name))["input"])

    def _arn(self, name: str) -> str:
        return f"{self._machine.replace(':stateMachine:', ':execution:')}:{name}"
