"""The dead-letter queue as its reader sees it."""

from collections.abc import Iterable

from pointsman.adapters.dynamo import AwsClient
from pointsman.ports import DeadLetter
from pointsman.values import strict_json
from pointsman.values.strict_json import NotStrictJson

HIDDEN = 300
"""Seconds for which a message that was read is invisible to others; after a crash of the reader it comes back."""
PAGE = 10
"""Messages that SQS gives at once."""
OURS = ("reason", "code", "task_id", "message_id")
"""Attributes that the router writes."""


class DeadLetterQueueReader:
    """`DeadLetterReader` on two SQS queues and the bucket of the claim checks."""

    def __init__(
        self, sqs: AwsClient, dead_letters: str, tasks: str, s3: AwsClient, bucket: str, *, patience: int = 1
    ) -> None:
        """Urls of the queues, and the seconds for which an empty queue is asked: with any, SQS asks all its servers."""
        self._patience = patience
        self._sqs, self._dead, self._tasks, self._s3, self._bucket = sqs, dead_letters, tasks, s3, bucket
        self._held: dict[str, str] = {}

    def letters(self) -> Iterable[DeadLetter]:
        """Yield every message once, until the queue gives none that is new; give back what was not dropped."""
        seen: set[str] = set()
        try:
            while page := [message for message in self._receive() if message["MessageId"] not in seen]:
                for message in page:
                    seen.add(message["MessageId"])
                    yield self._letter(message)
        finally:
            for receipt in self._held.values():
                self._sqs.change_message_visibility(QueueUrl=self._dead, ReceiptHandle=receipt, VisibilityTimeout=0)
            self._held.clear()

    def send_back(self, body: str) -> None:
        """Send the body to the task queue."""
        self._sqs.send_message(QueueUrl=self._tasks, MessageBody=body)

    def drop(self, letter: DeadLetter) -> None:
        """Delete the message."""
        self._sqs.delete_message(QueueUrl=self._dead, ReceiptHandle=letter.receipt)
        self._held.pop(letter.message_id, None)

    def _receive(self) -> list[dict[str, str]]:
        answer = self._sqs.receive_message(
            QueueUrl=self._dead,
            MaxNumberOfMessages=PAGE,
            MessageAttributeNames=["All"],
            VisibilityTimeout=HIDDEN,
            WaitTimeSeconds=self._patience,
        )
        messages = list(answer.get("Messages", []))
        self._held |= {message["MessageId"]: message["ReceiptHandle"] for message in messages}
        return messages

    def _letter(self, message: AwsClient) -> DeadLetter:
        message_attributes = message.get("MessageAttributes", {})
        attributes = {
            name: str(message_attributes[name].get("StringValue", "")) for name in OURS if name in message_attributes
        }
        ours = {"code", "message_id"} <= attributes.keys()
        return DeadLetter(
            message_id=message["MessageId"],
            body=self._body(message["Body"]) if ours else message["Body"],
            attributes=attributes if ours else {},
            receipt=message["ReceiptHandle"],
        )

    def _body(self, body: str) -> str:
        """Return the body itself, or what its claim check stands for."""
        try:
            reference = strict_json.loads(body)
        except NotStrictJson:
            return body
        check = reference.get("claim_check") if isinstance(reference, dict) and len(reference) == 1 else None
        key = check.get("key") if isinstance(check, dict) else None
        if not isinstance(key, str) or not key.startswith("rejected/"):
            return body
        return bytes(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()).decode()
