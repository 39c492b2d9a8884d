"""Whether the stack is deployed, runs the `openclaw.json` at hand, and agrees with this machine's clock."""

import io
import json
import urllib.request
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from pointsman_cli.doctor.finding import Finding, ok, to_do, unchecked
from pointsman_cli.doctor.stack_probe import StackProbe

_DEPLOYED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
_DOWNLOAD_SECONDS = 300
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
    layer = _core_layer(probe)
    if layer is None:
        yield to_do("drift", "openclaw.json", "the router has no layer with this file", "deploy again")
        return
    try:
        deployed = _config_in_layer(probe, layer)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError) as error:
        yield unchecked("drift", "openclaw.json", f"cannot read the deployed file: {type(error).__name__}")
        return
    if deployed == json.loads(probe.connection.config_text):
        yield ok("drift", "openclaw.json", "same as the deployed file")
    else:
        step = "deploy it, or name the right file with --config"
        yield to_do("drift", "openclaw.json", "differs from the deployed file", step)


def _core_layer(probe: StackProbe) -> str | None:
    """Return the ARN of the router's layer that holds `openclaw.json`."""
    router = probe.connection.functions["RouterFunctionName"]
    configuration = probe.client("lambda").get_function_configuration(FunctionName=router)
    arns = (layer["Arn"] for layer in configuration.get("Layers", []))
    return next((arn for arn in arns if ":layer:CoreLayer" in arn), None)


def _config_in_layer(probe: StackProbe, arn: str) -> Any:
    """Return the deployed `openclaw.json`."""
    location = probe.client("lambda").get_layer_version_by_arn(Arn=arn)["Content"]["Location"]
    with urllib.request.urlopen(location, timeout=_DOWNLOAD_SECONDS) as response:  # noqa: S310  (AWS's own, presigned)
        archive = zipfile.ZipFile(io.BytesIO(response.read()))
    return json.loads(archive.read("python/pointsman/openclaw.json"))


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
