"""Whether tasks get through: the queues, the router's event source mapping, the alarms and their subscribers."""

import shlex
from collections.abc import Iterator
from typing import Any

from devstack import StackInfo
from devstack.supervisor import SupervisorSettings, supervisor_is_running
from devstack.supervisor.alarms import short_alarm_name
from pointsman_cli.doctor.stack_probe import Finding, StackProbe, ok, to_do, unchecked

_POLLING = frozenset({"Enabled", "Creating", "Enabling", "Updating"})
"""States of an event source mapping that polls the queue, or is about to."""


def queue_findings(probe: StackProbe) -> Iterator[Finding]:
    """Report the waiting messages, the dead letters, and whether the router polls the queue."""
    settings = probe.connection.settings
    tasks, dead = (_attributes(probe, url) for url in (settings.task_queue_url, settings.dlq_url))
    in_flight = int(tasks["ApproximateNumberOfMessagesNotVisible"])
    yield ok("queue", "tasks", f"{tasks['ApproximateNumberOfMessages']} waiting, {in_flight} in flight")
    dead_letters = int(dead["ApproximateNumberOfMessages"]) + int(dead["ApproximateNumberOfMessagesNotVisible"])
    if dead_letters:
        yield to_do("queue", "dead letters", str(dead_letters), "see why with `pointsman replay`")
    else:
        yield ok("queue", "dead letters", "none")
    yield from _router_findings(probe, tasks["QueueArn"])


def reply_queue_findings(probe: StackProbe) -> Iterator[Finding]:
    """Report what ReplyQueueArns names and no reply can be sent to: tasks that ask for it are rejected."""
    settings = probe.connection.settings
    for arn in settings.reply_queues:
        if arn in settings.reply_places:
            yield ok("queue", arn.rpartition(":")[2], "takes replies")
        else:
            step = "name a standard SQS queue of the stack's region in ReplyQueueArns, and deploy"
            yield to_do("queue", arn, "takes no replies", step)


def _attributes(probe: StackProbe, url: str) -> dict[str, str]:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "QueueArn"]
    response = probe.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)
    attributes: dict[str, str] = response["Attributes"]
    return attributes


def _router_findings(probe: StackProbe, queue: str) -> Iterator[Finding]:
    mappings = probe.client("lambda").list_event_source_mappings(EventSourceArn=queue)["EventSourceMappings"]
    if not mappings:
        yield to_do("queue", "router", "nothing polls the queue", "deploy again")
    for mapping in mappings:
        state = mapping.get("State", "unknown")
        if state in _POLLING:
            yield ok("queue", "router", "polls the queue" if state == "Enabled" else f"starts polling: {state}")
        else:
            command = f"aws lambda update-event-source-mapping --uuid {mapping['UUID']} --enabled"
            yield to_do("queue", "router", f"does not poll the queue: {state}", f"enable it: `{command}`")


def alarm_findings(probe: StackProbe) -> Iterator[Finding]:
    """Report the alarms that fire. Their descriptions are the next steps."""
    local = probe.connection.clients
    if isinstance(local, StackInfo):
        if not supervisor_is_running(local.state_dir):
            says = "does not run, so no schedule runs and no alarm goes off"
            yield to_do("alarms", "supervisor", says, "start it with `pointsman up`")
            return
        yield ok("alarms", "supervisor", "runs the schedules and evaluates the alarms")
    elif probe.local:
        yield unchecked("alarms", "all", "nothing evaluates them on this emulator")
        return
    alarms = _alarms(probe)
    firing = [alarm for alarm in alarms if alarm["StateValue"] == "ALARM"]
    for alarm in firing:
        since = f"firing since {alarm['StateUpdatedTimestamp']:%Y-%m-%d %H:%M} UTC"
        yield to_do(
            "alarm", _short_name(probe, alarm), since, alarm.get("AlarmDescription") or "see docs/operations.md"
        )
    for alarm in alarms:
        if not alarm.get("ActionsEnabled", True):
            command = f"aws cloudwatch enable-alarm-actions --alarm-names {alarm['AlarmName']}"
            yield to_do("alarm", _short_name(probe, alarm), "notifies nobody: its actions are disabled", f"`{command}`")
    if not alarms:
        yield to_do("alarms", "all", "none exist", "deploy again")
    elif not firing:
        without_data = sum(alarm["StateValue"] == "INSUFFICIENT_DATA" for alarm in alarms)
        suffix = f"; {without_data} without data yet" if without_data else ""
        yield ok("alarms", "all", f"{len(alarms)}, none firing{suffix}")


def subscription_findings(probe: StackProbe) -> Iterator[Finding]:
    """Report who receives the alarms and reports."""
    if probe.local:
        yield _local_recipient(probe)
        return
    topic = probe.connection.settings.report_topic_arn
    subscriptions = probe.client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    for subscription in subscriptions:
        if subscription["SubscriptionArn"] == "PendingConfirmation":
            step = "follow the link in the mail from AWS"
            yield to_do("alarms", subscription["Endpoint"], "subscription not confirmed", step)
    confirmed = sum(subscription["SubscriptionArn"].startswith("arn:") for subscription in subscriptions)
    if confirmed:
        yield ok("alarms", "recipients", str(confirmed))
    elif not subscriptions:
        yield to_do("alarms", "recipients", "none", "deploy with --parameter-overrides AlarmEmail=you@example.com")


def _local_recipient(probe: StackProbe) -> Finding:
    local = probe.connection.clients
    command = SupervisorSettings.load(local.state_dir).on_alarm if isinstance(local, StackInfo) else ()
    if command:
        return ok("alarms", "recipients", f"the command {shlex.join(command)}")
    says = "the local stack sends no mail; `pointsman up --on-alarm COMMAND` has a command run"
    return unchecked("alarms", "recipients", says)


def _alarms(probe: StackProbe) -> list[dict[str, Any]]:
    paginator = probe.client("cloudformation").get_paginator("list_stack_resources")
    names = [
        resource["PhysicalResourceId"]
        for page in paginator.paginate(StackName=probe.connection.stack_name)
        for resource in page["StackResourceSummaries"]
        if resource["ResourceType"] == "AWS::CloudWatch::Alarm" and resource.get("PhysicalResourceId")
    ]
    if not names:
        return []
    alarms: list[dict[str, Any]] = probe.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    return alarms


def _short_name(probe: StackProbe, alarm: dict[str, Any]) -> str:
    return short_alarm_name(probe.connection.stack_name, str(alarm["AlarmName"]))
