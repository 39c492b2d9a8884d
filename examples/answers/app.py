"""Notifies the team of a failed task, except for reasons that are reported elsewhere."""

import os
from typing import Any

import boto3

sns = boto3.client("sns")
REPORTED_ELSEWHERE = {"over_budget"}
"""Pointsman itself notifies of a used-up budget."""


def handler(event: dict[str, Any], _: object) -> None:
    """Publish task, reason, number of attempts and cost."""
    task = event["detail"]
    if task["reason"] in REPORTED_ELSEWHERE:
        return
    cost = (task["cost_nano_usd"] or 0) / 1e9
    text = f"Task {task['task_id']} failed: {task['reason']}, after {task['attempts']} attempts and ${cost:.4f}."
    sns.publish(TopicArn=os.environ["TOPIC_ARN"], Subject="A task failed", Message=text)
