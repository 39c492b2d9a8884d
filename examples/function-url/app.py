"""Sends a task from an HTTP request to Pointsman's queue. IAM authorises the caller before this runs."""

import base64
import json
import os
from typing import Any

import boto3

sqs = boto3.client("sqs")


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Return 202 and the task's id, by default the request's; 400 if the body is not a task."""
    body = event.get("body") or ""
    try:
        task = json.loads(base64.b64decode(body) if event.get("isBase64Encoded") else body)
        task = {"task_id": event["requestContext"]["requestId"], **task, "prompt": task["prompt"]}
    except (ValueError, TypeError, KeyError):
        return {"statusCode": 400, "body": json.dumps({"error": "the body must be a JSON object with a prompt"})}
    sqs.send_message(QueueUrl=os.environ["TASK_QUEUE_URL"], MessageBody=json.dumps(task))
    return {"statusCode": 202, "body": json.dumps({"task_id": task["task_id"]})}
