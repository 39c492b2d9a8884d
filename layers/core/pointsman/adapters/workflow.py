"""The state machine on Step Functions."""

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import AwsClient, code_of
from pointsman.ports import Execution


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
            arn = f"{self._machine.replace(':stateMachine:', ':execution:')}:{name}"
            return Execution(started=False, input=self._client.describe_execution(executionArn=arn)["input"])
        return Execution(started=True)
