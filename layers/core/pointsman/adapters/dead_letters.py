"""The dead-letter queue, with a claim check for what no longer fits beside its reason."""

from collections.abc import Iterable

from pointsman.adapters.dynamo import AwsClient
from pointsman.execution.dead_letter import DeadLetter
from pointsman.values import strict_json
from pointsman.values.limits import LARGEST_BODY
from pointsman.values.strict_json import NotStrictJson

_HIDDEN = 300
"""Seconds for which a message that was read is invisible to others; after a crash of the reader it comes back."""
_PAGE = 10
"""Messages that SQS gives at once."""
_OURS = ("reason", "code", "task_id", "message_id")
"""Attributes that the router writes."""
_MOVED = "DeadLetterQueueSourceArn"
"""What SQS says of a message that it moved itself: its attributes are its sender's, and say nothing."""


def count_letters(sqs: AwsClient, url: str) -> int:
    """Return about how many messages lie in a dead-letter queue, those included that somebody reads now."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


class SqsDeadLetterQueue:
    """`DeadLetterQueue` on SQS and the bucket of the claim checks."""

    def __init__(self, sqs: AwsClient, url: str, s3: AwsClient, bucket: str, *, patience: int = 1) -> None:
        """`patience` is the seconds for which an empty queue is asked: with any, SQS asks all its servers."""
        self._sqs, self._url, self._s3, self._bucket, self._patience = sqs, url, s3, bucket, patience
        self._held: dict[str, str] = {}

    def put(self, body: str, attributes: dict[str, str], message_id: str) -> None:
        """Send the message with its reason as attributes."""
        size = len(body.encode()) + sum(len(name) + len(value.encode()) + 6 for name, value in attributes.items())
        if size > LARGEST_BODY:
            key = f"rejected/{message_id}"
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body.encode())
            body = strict_json.dumps({"claim_check": {"bucket": self._bucket, "key": key}})
        message_attributes = {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
        }
        self._sqs.send_message(QueueUrl=self._url, MessageBody=body, MessageAttributes=message_attributes)

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
                self._sqs.change_message_visibility(QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=0)
            self._held.clear()

    def drop(self, letter: DeadLetter) -> None:
        """Delete the message."""
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=letter.receipt)
        self._held.pop(letter.message_id, None)

    def _receive(self) -> list[dict[str, str]]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=_PAGE,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=[_MOVED],
            VisibilityTimeout=_HIDDEN,
            WaitTimeSeconds=self._patience,
        )
        messages = list(answer.get("Messages", []))
        self._held |= {message["MessageId"]: message["ReceiptHandle"] for message in messages}
        return messages

    def _letter(self, message: AwsClient) -> DeadLetter:
        message_attributes = message.get("MessageAttributes", {})
        attributes = {
            name: str(message_attributes[name].get("StringValue", "")) for name in _OURS if name in message_attributes
        }
        ours = {"code", "message_id"} <= attributes.keys() and _MOVED not in message.get("Attributes", {})
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
