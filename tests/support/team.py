"""The team that notices go to."""

import json
from dataclasses import dataclass
from typing import Any

from tests.support.aws import Aws


@dataclass
class Team:
    """Whoever listens on the bus and at the topic."""

    aws: Aws
    urls: tuple[str, str]

    @classmethod
    def listening(cls, aws: Aws, detail_type: str) -> "Team":
        sqs, events = aws.client("sqs"), aws.client("events")
        urls = tuple(sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("bus-inbox", "topic-inbox"))
        arns = [
            sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            for url in urls
        ]
        pattern = json.dumps({"source": ["pointsman"], "detail-type": [detail_type]})
        events.put_rule(Name="notices", EventBusName=aws.event_bus, EventPattern=pattern)
        events.put_targets(Rule="notices", EventBusName=aws.event_bus, Targets=[{"Id": "inbox", "Arn": arns[0]}])
        aws.client("sns").subscribe(TopicArn=aws.topic_arn, Protocol="sqs", Endpoint=arns[1])
        return cls(aws, (urls[0], urls[1]))

    def events(self) -> list[dict[str, Any]]:
        """Return the details of the events since the last time."""
        return [message["detail"] for message in self._read(self.urls[0])]

    def messages(self) -> list[tuple[str, str]]:
        """Return subjects and texts since the last time."""
        return [(message["Subject"], message["Message"]) for message in self._read(self.urls[1])]

    def _read(self, url: str) -> list[dict[str, Any]]:
        sqs = self.aws.client("sqs")
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]
