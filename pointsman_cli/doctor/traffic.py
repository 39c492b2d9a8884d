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
    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "QueueArn"]
    found: dict[str, str] = patient.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=wanted)[
        "Attributes"
    ]
    return found


def _reader(patient: StackProbe, queue: str) -> Iterator[Finding]:
    found = patient.client("lambda").list_event_source_mappings(EventSourceArn=queue)["EventSourceMappings"]
    if not found:
        yield to_do("queue", "router", "nothing reads the queue", "deploy again")
    for each in found:
        state = each.get("State", "unknown")
        if state in ("Enabled", "Creating", "Enabling", "Updating"):
            yield ok("queue", "router", "reads the queue" if state == "Enabled" else f"is about to read it: {state}")
        else:
            command = f"aws lambda update-event-source-mapping --uuid {each['UUID']} --enabled"
            yield to_do("queue", "router", f"does not read the queue: {state}", f"let it: `{command}`")


def alarms(patient: StackProbe) -> Iterator[Finding]:
    """Say which alarms ring; an alarm's description says what to do."""
    if patient.local:
        yield unchecked("alarms", "all", "the emulator has no metrics of SQS and Step Functions, so none could ring")
        return
    found = _alarms(patient)
    ringing = [each for each in found if each["StateValue"] == "ALARM"]
    for each in ringing:
        yield to_do("alarm", _short(patient, each), f"rings since {each['StateUpdatedTimestamp']:%Y-%m-%d %H:%M} UTC",
                    each.get("AlarmDescription") or "see docs/operations.md")  # fmt: skip
    for each in found:
        if not each.get("ActionsEnabled", True):
            command = f"aws cloudwatch enable-alarm-actions --alarm-names {each['AlarmName']}"
            yield to_do("alarm", _short(patient, each), "tells nobody: its actions are off", f"`{command}`")
    if not found:
        yield to_do("alarms", "all", "there are none", "deploy again")
    elif not ringing:
        blind = sum(each["StateValue"] == "INSUFFICIENT_DATA" for each in found)
        yield ok("alarms", "all", f"{len(found)}, none rings" + (f"; {blind} without data yet" if blind else ""))


def told(patient: StackProbe) -> Iterator[Finding]:
    """Say whether somebody gets the alarms and reports."""
    if patient.local:
        yield unchecked("alarms", "recipients", "the local stack sends no mail")
        return
    topic = patient.target.settings.report_topic_arn
    found = patient.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    for each in found:
        if each["SubscriptionArn"] == "PendingConfirmation":
            yield to_do("alarms", each["Endpoint"], "has not confirmed", "follow the link in AWS's mail")
    confirmed = sum(each["SubscriptionArn"].startswith("arn:") for each in found)
    if confirmed:
        yield ok("alarms", "recipients", str(confirmed))
    elif not found:
        yield to_do("alarms", "recipients", "nobody", "deploy with --parameter-overrides AlarmEmail=you@example.com")


def _alarms(patient: StackProbe) -> list[dict[str, Any]]:
    resources = patient.client("cloudformation").get_paginator("list_stack_resources")
    pages = resources.paginate(StackName=patient.target.stack_name)
    names = [
        each["PhysicalResourceId"]
        for page in pages
        for each in page["StackResourceSummaries"]
        if each["ResourceType"] == "AWS::CloudWatch::Alarm" and each.get("PhysicalResourceId")
    ]
    if not names:
        return []
    found: list[dict[str, Any]] = patient.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    return found


def _short(patient: StackProbe, alarm: dict[str, Any]) -> str:
    """Return the name that docs/operations.md has: without the stack's and without CloudFormation's own letters."""
    name = str(alarm["AlarmName"]).removeprefix(f"{patient.target.stack_name}-")
    return name.rpartition("-")[0].removesuffix("Alarm") or name
