"""Do tasks get through: the queues, what reads them, the alarms, and who is told of them?"""

from collections.abc import Iterator
from typing import Any

from pointsman_cli.doctor.finding import Finding, ok, to_do, unchecked
from pointsman_cli.doctor.stack_probe import StackProbe


def queues(patient: StackProbe) -> Iterator[Finding]:
    """Say what waits, what the dead-letter queue holds, and whether the router reads."""
    settings = patient.target.settings
    tasks, dead = (_attributes(patient, url) for url in (settings.task_queue_url, settings.dlq_url))
    under_way = int(tasks["ApproximateNumberOfMessagesNotVisible"])
    yield ok("queue", "tasks", f"{tasks['ApproximateNumberOfMessages']} waiting, {under_way} in the router's hands")
    lie = int(dead["ApproximateNumberOfMessages"]) + int(dead["ApproximateNumberOfMessagesNotVisible"])
    if lie:
        yield to_do("queue", "dead letters", f"{lie} of them", "see why with `pointsman replay`")
    else:
        yield ok("queue", "dead letters", "none")
    yield from _reader(patient, tasks["QueueArn"])


def _attributes(patient: StackProbe, url: str) -> dict[str, str]:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "QueueArn"]
    attributes: dict[str, str] = patient.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)[
        "Attributes"
    ]
    return attributes


def _reader(patient: StackProbe, queue: str) -> Iterator[Finding]:
    mappings = patient.client("lambda").list_event_source_mappings(EventSourceArn=queue)["EventSourceMappings"]
    if not mappings:
        yield to_do("queue", "router", "nothing reads the queue", "deploy again")
    for mapping in mappings:
        state = mapping.get("State", "unknown")
        if state in ("Enabled", "Creating", "Enabling", "Updating"):
            yield ok("queue", "router", "reads the queue" if state == "Enabled" else f"is about to read it: {state}")
        else:
            command = f"aws lambda update-event-source-mapping --uuid {mapping['UUID']} --enabled"
            yield to_do("queue", "router", f"does not read the queue: {state}", f"let it: `{command}`")


def alarms(patient: StackProbe) -> Iterator[Finding]:
    """Say which alarms ring; an alarm's description says what to do."""
    if patient.local:
        yield unchecked("alarms", "all", "the emulator has no metrics of SQS and Step Functions, so none could ring")
        return
    alarms = _alarms(patient)
    ringing = [alarm for alarm in alarms if alarm["StateValue"] == "ALARM"]
    for alarm in ringing:
        yield to_do("alarm", _short(patient, alarm), f"rings since {alarm['StateUpdatedTimestamp']:%Y-%m-%d %H:%M} UTC",
                    alarm.get("AlarmDescription") or "see docs/operations.md")  # fmt: skip
    for alarm in alarms:
        if not alarm.get("ActionsEnabled", True):
            command = f"aws cloudwatch enable-alarm-actions --alarm-names {alarm['AlarmName']}"
            yield to_do("alarm", _short(patient, alarm), "tells nobody: its actions are off", f"`{command}`")
    if not alarms:
        yield to_do("alarms", "all", "there are none", "deploy again")
    elif not ringing:
        blind = sum(alarm["StateValue"] == "INSUFFICIENT_DATA" for alarm in alarms)
        yield ok("alarms", "all", f"{len(alarms)}, none rings" + (f"; {blind} without data yet" if blind else ""))


def told(patient: StackProbe) -> Iterator[Finding]:
    """Say whether somebody gets the alarms and reports."""
    if patient.local:
        yield unchecked("alarms", "recipients", "the local stack sends no mail")
        return
    topic = patient.target.settings.report_topic_arn
    subscriptions = patient.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    for subscription in subscriptions:
        if subscription["SubscriptionArn"] == "PendingConfirmation":
            yield to_do("alarms", subscription["Endpoint"], "has not confirmed", "follow the link in AWS's mail")
    confirmed = sum(subscription["SubscriptionArn"].startswith("arn:") for subscription in subscriptions)
    if confirmed:
        yield ok("alarms", "recipients", str(confirmed))
    elif not subscriptions:
        yield to_do("alarms", "recipients", "nobody", "deploy with --parameter-overrides AlarmEmail=you@example.com")


def _alarms(patient: StackProbe) -> list[dict[str, Any]]:
    resources = patient.client("cloudformation").get_paginator("list_stack_resources")
    pages = resources.paginate(StackName=patient.target.stack_name)
    names = [
        summary["PhysicalResourceId"]
        for page in pages
        for summary in page["StackResourceSummaries"]
        if summary["ResourceType"] == "AWS::CloudWatch::Alarm" and summary.get("PhysicalResourceId")
    ]
    if not names:
        return []
    metric_alarms: list[dict[str, Any]] = patient.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    return metric_alarms


def _short(patient: StackProbe, alarm: dict[str, Any]) -> str:
    """Return the name that docs/operations.md has: without the stack's and without CloudFormation's own letters."""
    name = str(alarm["AlarmName"]).removeprefix(f"{patient.target.stack_name}-")
    return name.rpartition("-")[0].removesuffix("Alarm") or name
