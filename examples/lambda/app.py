"""Requests a commit's review: the task goes to Pointsman's queue, the answer comes as an event."""

import json
import os
from typing import Any

import boto3

sqs = boto3.client("sqs")


def handler(event: dict[str, Any], _: object) -> dict[str, str]:
    """Request a review of `event["diff"]` and return the task's id, made from the commit: a retry is the same task."""
    task = {
        "task_id": f"review-{event['commit']}",
        "prompt": f"Review this change. What breaks first?\n\n{event['diff']}",
        "type": "design_review",
        "metadata": {"agent": "reviewer"},
    }
    sqs.send_message(QueueUrl=os.environ["TASK_QUEUE_URL"], MessageBody=json.dumps(task))
    return {"task_id": task["task_id"]}
