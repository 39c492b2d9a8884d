"""The event bus, the replies and the task queue."""

from collections.abc import Callable

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import AwsClient, code_of
from pointsman.contracts.reply_to import WEBHOOK, in_region
from pointsman.contracts.sender import sender_attribute
from pointsman.execution import events
from pointsman.ports import ReplySender
from pointsman.values.errors import PublishError

SOURCE = "pointsman"


class EventBridgeBus:
    """`EventPublisher` on one EventBridge bus."""

    def __init__(self, client: AwsClient, bus: str) -> None:
        self._client, self._bus = client, bus

    def publish(self, detail_type: str, detail: str) -> None:
        """Put one event."""
        entry = {"Source": SOURCE, "DetailType": detail_type, "Detail": detail, "EventBusName": self._bus}
        answer = self._client.put_events(Entries=[entry])
        if answer.get("FailedEntryCount"):
            raise PublishError(str(answer["Entries"][0].get("ErrorCode", "refused")))


class QueueAndTokenReplies:
    """`ReplySender` to SQS queues and Step Functions task tokens."""

    def __init__(self, sqs: AwsClient, states: AwsClient) -> None:
        self._sqs, self._states = sqs, states

    def reply(self, reply_to: str, detail: str, failed_with: str | None, event_id: str) -> bool:
        """Send the detail; False when the token's task has ended without us."""
        del event_id  # the detail's own fields tell it
        if reply_to.startswith("arn:"):
            if not in_region(reply_to, self._sqs.meta.partition, self._sqs.meta.region_name):
                raise PublishError("its queue is in another region")  # ours may have one of that name
            *_, account, name = reply_to.split(":")
            url = f"{self._sqs.meta.endpoint_url}/{account}/{name}"
            try:
                self._sqs.send_message(QueueUrl=url, MessageBody=detail)
            except ClientError as error:
                raise PublishError(code_of(error)) from None
            return True
        try:
            if failed_with is None:
                self._states.send_task_success(taskToken=reply_to, output=detail)
            else:
                self._states.send_task_failure(
                    taskToken=reply_to, error=f"Pointsman.{failed_with}"[:256], cause=events.as_cause(detail)
                )
        except ClientError as error:
            if code_of(error) in {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}:
                return False
            raise PublishError(code_of(error)) from None
        return True


class SqsTaskQueue:
    """`TaskQueue` on SQS."""

    def __init__(self, client: AwsClient, url: str) -> None:
        self._client, self._url = client, url

    def send(self, body: str, sender: str | None = None) -> None:
        """Send one message, with whom it is sent for as an attribute."""
        stated = {"MessageAttributes": sender_attribute(sender)} if sender else {}
        self._client.send_message(QueueUrl=self._url, MessageBody=body, **stated)


class RepliesByKind:
    """`ReplySender` to wherever; what calls webhooks is imported and built when one is called first."""

    def __init__(self, direct: ReplySender, webhooks: Callable[[], ReplySender]) -> None:
        self._direct, self._build = direct, webhooks
        self._webhooks: ReplySender | None = None

    def reply(self, reply_to: str, detail: str, failed_with: str | None, event_id: str) -> bool:
        """Send the detail to a webhook, or to whom it is else."""
        if not reply_to.startswith(WEBHOOK):
            return self._direct.reply(reply_to, detail, failed_with, event_id)
        self._webhooks = self._webhooks or self._build()
        return self._webhooks.reply(reply_to, detail, failed_with, event_id)
