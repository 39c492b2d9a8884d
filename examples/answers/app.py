"""Tells the team of a task that failed, unless it failed for a reason that somebody else watches."""

import os
from typing import Any

import boto3

sns = boto3.client("sns")
WATCHED = {"over_budget"}
"""Pointsman itself tells when a budget is used up."""


def handler(event: dict[str, Any], _: object) -> None:
    """Publish what failed, why, after how many attempts and at what cost."""
    task = event["detail"]
    if task["reason"] in WATCHED:
        return
    cost = (task["cost_nano_usd"] or 0) / 1e9
    text = f"Task {task['task_id']} failed: {task['reason']}, after {task['attempts']} attempts and ${cost:.4f}."
    sns.publish(TopicArn=os.environ["TOPIC_ARN"], Subject="A task failed", Message=text)
