"""Whether somebody has changed resources outside CloudFormation."""

import time
from collections.abc import Iterator
from typing import Any

from pointsman_cli.doctor.finding import Finding, ok, to_do, unchecked
from pointsman_cli.doctor.stack_probe import StackProbe

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
