"""Is the stack deployed, is it still what was deployed, and is this machine's clock right?"""

import io
import json
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pointsman_cli.doctor.finding import Finding, ok, to_do, unchecked
from pointsman_cli.doctor.stack_probe import StackProbe

_WHOLE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
_PATIENCE, _PAUSE = 300, 2
"""Seconds that CloudFormation has to compare, and between two looks."""
_SKEW = 30
"""Seconds: deadlines and the days of the books go by AWS's clock; requests are refused from 5 minutes on."""


def stack_findings(patient: StackProbe) -> Iterator[Finding]:
    """Say how the last deployment ended."""
    name, stack = patient.target.stack_name, patient.described["Stacks"][0]
    state, since = stack["StackStatus"], stack.get("LastUpdatedTime") or stack["CreationTime"]
    if state in _WHOLE:
        yield ok("stack", name, f"{state}, deployed {since:%Y-%m-%d %H:%M} UTC")
    elif state.endswith("_IN_PROGRESS"):
        yield to_do("stack", name, state, "wait for the deployment to end, then look again")
    else:
        events = f"aws cloudformation describe-stack-events --stack-name {name}"
        yield to_do("stack", name, state, f"read why with `{events}`, mend it, and deploy again")


def drift(patient: StackProbe) -> Iterator[Finding]:
    """Say whether resources were changed past CloudFormation since they were deployed."""
    name, drift = patient.target.stack_name, patient.described["Stacks"][0].get("DriftInformation", {})
    if patient.compares:
        yield from _compared(patient)
    elif drift.get("StackDriftStatus") == "DRIFTED":
        yield to_do("drift", name, "resources were changed by hand", "see which: add --drift")
    elif drift.get("StackDriftStatus") == "IN_SYNC":
        at = drift.get("LastCheckTimestamp")
        yield ok("drift", name, f"none when it was last compared{f', {at:%Y-%m-%d}' if at else ''}")
    else:
        yield unchecked("drift", name, "never compared; --drift does it, in about a minute")


def _compared(patient: StackProbe) -> Iterator[Finding]:
    cloudformation, name = patient.client("cloudformation"), patient.target.stack_name
    detection = cloudformation.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
    until = time.monotonic() + _PATIENCE
    while True:
        seen = cloudformation.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if seen["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            break
        if time.monotonic() > until:
            yield unchecked("drift", name, f"CloudFormation was not done after {_PATIENCE} s")
            return
        time.sleep(_PAUSE)
    resources = _drifts(cloudformation, name)
    changed = [resource for resource in resources if resource["StackResourceDriftStatus"] in ("MODIFIED", "DELETED")]
    for resource in changed:
        yield to_do(
            "drift", resource["LogicalResourceId"], _difference(resource), "deploy again, or take it into template.yaml"
        )
    compared = sum(resource["StackResourceDriftStatus"] != "NOT_CHECKED" for resource in resources)
    if seen["DetectionStatus"] == "DETECTION_FAILED":
        yield unchecked("drift", name, f"CloudFormation could not compare all: {seen.get('DetectionStatusReason')}")
    elif not changed:
        yield ok("drift", name, f"none in the {compared} resources that CloudFormation can compare")


def _drifts(cloudformation: Any, stack: str) -> list[dict[str, Any]]:
    resources, token = [], None
    while True:
        page = cloudformation.describe_stack_resource_drifts(StackName=stack, **({"NextToken": token} if token else {}))
        resources += page["StackResourceDrifts"]
        if not (token := page.get("NextToken")):
            return resources


def _difference(resource: dict[str, Any]) -> str:
    if resource["StackResourceDriftStatus"] == "DELETED":
        return "was deleted by hand"
    paths = [difference["PropertyPath"] for difference in resource.get("PropertyDifferences", [])]
    return f"was changed by hand: {', '.join(paths) or 'properties'}"


def configuration(patient: StackProbe) -> Iterator[Finding]:
    """Say whether the functions decide by the `openclaw.json` that this examination goes by."""
    if not patient.compares:
        yield unchecked("drift", "openclaw.json", "not compared with the deployed one; --drift does it")
        return
    functions, name = patient.client("lambda"), patient.target.functions["RouterFunctionName"]
    layers = [layer["Arn"] for layer in functions.get_function_configuration(FunctionName=name).get("Layers", [])]
    core = next((arn for arn in layers if ":layer:CoreLayer" in arn), None)
    if core is None:
        yield to_do("drift", "openclaw.json", "the router has no layer with it", "deploy again")
        return
    where = functions.get_layer_version_by_arn(Arn=core)["Content"]["Location"]
    try:
        with urllib.request.urlopen(where, timeout=_PATIENCE) as answer:  # noqa: S310  (AWS's own, presigned)
            archive = zipfile.ZipFile(io.BytesIO(answer.read()))
        deployed = json.loads(archive.read("python/pointsman/openclaw.json"))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        yield unchecked("drift", "openclaw.json", f"the deployed one cannot be read: {type(error).__name__}")
        return
    if deployed == json.loads(patient.target.config_text):
        yield ok("drift", "openclaw.json", "the deployed one says the same")
    else:
        yield to_do(
            "drift",
            "openclaw.json",
            "the deployed one says something else",
            "deploy it, or name the right one with --config",
        )


def clock(patient: StackProbe) -> Iterator[Finding]:
    """Say how far this machine's clock is from AWS's, by the date of an answer: to the second."""
    if patient.local:
        yield unchecked("clock", "this machine", "the local stack runs by the same one")
        return
    before = datetime.now(UTC)
    answer = patient.client("cloudformation").describe_stacks(StackName=patient.target.stack_name)
    after = datetime.now(UTC)
    date_header = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    if not date_header:
        yield unchecked("clock", "this machine", "AWS's answer had no date")
        return
    theirs = parsedate_to_datetime(date_header)
    # The date is cut to the second, and was written between asking and being answered.
    skew = max((before - theirs).total_seconds() - 1, (theirs - after).total_seconds(), 0)
    if skew > _SKEW:
        yield to_do("clock", "this machine", f"{skew:.0f} s off AWS's", "set it by NTP, as `timedatectl set-ntp true`")
    else:
        yield ok("clock", "this machine", "as AWS's" if skew < 1 else f"{skew:.0f} s off AWS's")
