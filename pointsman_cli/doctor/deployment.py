"""Whether the stack is deployed, agrees with the template and the `openclaw.json` at hand, and with this clock."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pointsman_cli import deployed_config
from pointsman_cli.doctor.stack_probe import Finding, StackProbe, ok, to_do, unchecked
from pointsman_cli.errors import CommandError

_DEPLOYED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
_SKEW_SECONDS = 30
"""AWS's clock decides deadlines and the ledger's days. AWS refuses requests from 5 minutes of skew on."""


def stack_findings(probe: StackProbe) -> Iterator[Finding]:
    """Report how the last deployment ended."""
    name, stack = probe.connection.stack_name, probe.description["Stacks"][0]
    status, since = stack["StackStatus"], stack.get("LastUpdatedTime") or stack["CreationTime"]
    if status in _DEPLOYED:
        yield ok("stack", name, f"{status}, deployed {since:%Y-%m-%d %H:%M} UTC")
    elif status.endswith("_IN_PROGRESS"):
        yield to_do("stack", name, status, "wait until the deployment ends, then run doctor again")
    else:
        events = f"aws cloudformation describe-stack-events --stack-name {name}"
        yield to_do("stack", name, status, f"see why with `{events}`, fix it and deploy again")


def config_findings(probe: StackProbe) -> Iterator[Finding]:
    """Report whether the functions run the `openclaw.json` of this examination."""
    if not probe.detect_drift:
        yield unchecked("drift", "openclaw.json", "not compared with the deployed file; add --drift")
        return
    try:
        deployed = deployed_config.deployed_config(probe.connection, again=True)
    except deployed_config.NoConfigError:
        yield to_do("drift", "openclaw.json", "the router has no layer with this file", "deploy again")
        return
    except CommandError as error:
        yield unchecked("drift", "openclaw.json", str(error))
        return
    if differing := deployed_config.differences(probe.connection.config_text, deployed):
        words = ", ".join(difference.path or "all of it" for difference in differing[:3])
        step = "see with `pointsman config diff`; deploy it, or name the right file with --config"
        yield to_do("drift", "openclaw.json", f"differs from the deployed file: {words}", step)
    else:
        yield ok("drift", "openclaw.json", "same as the deployed file")


def clock_findings(probe: StackProbe) -> Iterator[Finding]:
    """Report how far this machine's clock is from AWS's, to the second, by the date of a response."""
    if probe.local:
        yield unchecked("clock", "this machine", "the local stack uses the same clock")
        return
    before = datetime.now(UTC)
    response = probe.client("cloudformation").describe_stacks(StackName=probe.connection.stack_name)
    after = datetime.now(UTC)
    date_header = response["ResponseMetadata"]["HTTPHeaders"].get("date")
    if not date_header:
        yield unchecked("clock", "this machine", "the response of AWS had no date")
        return
    aws_time = parsedate_to_datetime(date_header)
    # The header is cut to the second, and was written between request and response.
    skew = max((before - aws_time).total_seconds() - 1, (aws_time - after).total_seconds(), 0)
    if skew > _SKEW_SECONDS:
        step = "synchronise it by NTP, for example with `timedatectl set-ntp true`"
        yield to_do("clock", "this machine", f"{skew:.0f} s off AWS's clock", step)
    else:
        yield ok("clock", "this machine", "in sync with AWS" if skew < 1 else f"{skew:.0f} s off AWS's clock")


_DETECTION_SECONDS = 300
_POLL_SECONDS = 2


def drift_findings(probe: StackProbe) -> Iterator[Finding]:
    """Report the resources that differ from the template, by the last comparison or, with `--drift`, by a new one."""
    if probe.detect_drift:
        yield from _detected(probe)
        return
    name, last = probe.connection.stack_name, probe.description["Stacks"][0].get("DriftInformation", {})
    if last.get("StackDriftStatus") == "DRIFTED":
        yield to_do("drift", name, "resources were changed by hand", "add --drift to see which")
    elif last.get("StackDriftStatus") == "IN_SYNC":
        at = last.get("LastCheckTimestamp")
        yield ok("drift", name, f"none in the last comparison{f', {at:%Y-%m-%d}' if at else ''}")
    else:
        yield unchecked("drift", name, "never compared; add --drift, which takes about a minute")


def _detected(probe: StackProbe) -> Iterator[Finding]:
    cloudformation, name = probe.client("cloudformation"), probe.connection.stack_name
    detection = _wait_for_detection(cloudformation, name)
    if detection is None:
        yield unchecked("drift", name, f"CloudFormation did not finish within {_DETECTION_SECONDS} s")
        return
    resources = _resource_drifts(cloudformation, name)
    changed = [resource for resource in resources if resource["StackResourceDriftStatus"] in ("MODIFIED", "DELETED")]
    for resource in changed:
        step = "deploy again, or add the change to template.yaml"
        yield to_do("drift", resource["LogicalResourceId"], _difference(resource), step)
    compared = sum(resource["StackResourceDriftStatus"] != "NOT_CHECKED" for resource in resources)
    if detection["DetectionStatus"] == "DETECTION_FAILED":
        reason = detection.get("DetectionStatusReason")
        yield unchecked("drift", name, f"CloudFormation could not compare all resources: {reason}")
    elif not changed:
        yield ok("drift", name, f"none in the {compared} resources that CloudFormation can compare")


def _wait_for_detection(cloudformation: Any, stack: str) -> dict[str, Any] | None:
    """Return how a new drift detection ended. None if it takes too long."""
    detection = cloudformation.detect_stack_drift(StackName=stack)["StackDriftDetectionId"]
    until = time.monotonic() + _DETECTION_SECONDS
    while True:
        response: dict[str, Any] = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if response["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            return response
        if time.monotonic() > until:
            return None
        time.sleep(_POLL_SECONDS)


def _resource_drifts(cloudformation: Any, stack: str) -> list[dict[str, Any]]:
    resources, token = [], None
    while True:
        page = cloudformation.describe_stack_resource_drifts(StackName=stack, **({"NextToken": token} if token else {}))
        resources += page["StackResourceDrifts"]
        if not (token := page.get("NextToken")):
            return resources


def _difference(resource: dict[str, Any]) -> str:
    if resource["StackResourceDriftStatus"] == "DELETED":
        return "deleted by hand"
    paths = [difference["PropertyPath"] for difference in resource.get("PropertyDifferences", [])]
    return f"changed by hand: {', '.join(paths) or 'properties'}"
