"""Parses the values of `pointsman init`, whether they come from options or from prompts.

Each function raises BadInputError if the value is not valid.
"""

import re
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from pointsman_cli.errors import BadInputError

LONGEST_STACK_NAME = 40
"""CloudFormation allows 128 characters, but schedules are named after the stack, and EventBridge Scheduler takes names
of 64."""
_STACK_NAME = re.compile(rf"[A-Za-z][A-Za-z0-9-]{{0,{LONGEST_STACK_NAME - 1}}}")


def parse_region(text: str) -> str:
    """Return an AWS region."""
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", text):
        raise BadInputError(f"--region: {text!r} is not an AWS region such as eu-central-1")
    return text


def parse_stack_name(text: str) -> str:
    """Return a name for the CloudFormation stack."""
    if not _STACK_NAME.fullmatch(text):
        raise BadInputError(
            f"--stack: must start with a letter and have up to {LONGEST_STACK_NAME} letters, digits and hyphens"
        )
    return text


def parse_email(text: str) -> str:
    """Return an address; empty for none."""
    if text in ("", "-"):
        return ""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise BadInputError("--email: must be an address, or - for none")
    return text


def parse_time_zone(text: str) -> str:
    """Return an IANA time zone."""
    try:
        return ZoneInfo(text).key
    except (LookupError, ValueError, OSError):
        raise BadInputError(f"--time-zone: {text!r} is not an IANA time zone such as Europe/Berlin") from None


def parse_budget(text: str) -> Decimal | None:
    """Return an amount in USD; None for no cap."""
    if text == "none":
        return None
    try:
        amount = Decimal(text.removeprefix("$"))
    except InvalidOperation:
        raise BadInputError("--budget: must be an amount in dollars, or none") from None
    if not 0 <= amount <= 1_000_000:
        raise BadInputError("--budget: must be from 0 to 1,000,000 dollars")
    return amount


def parse_architecture(text: str) -> str:
    """Return a Lambda architecture."""
    if text not in ("arm64", "x86_64"):
        raise BadInputError("--architecture: must be arm64 or x86_64")
    return text
