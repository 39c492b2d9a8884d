"""Places to reply to: an SQS queue by its ARN, a webhook by its URL, or else a Step Functions task token."""

import re

WEBHOOK = "https://"
_URL = re.compile(
    r"https://(?P<host>[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*)(:(?P<port>[0-9]{1,5}))?"
    r"(?P<rest>[/?][!-~]*)?",
    re.ASCII | re.IGNORECASE,
)
_TOKEN = re.compile(r"[A-Za-z0-9+/=_-]{20,}", re.ASCII)
"""A task token is base64 of some hundred bytes: what is shorter or has other characters is a place mistyped."""
_HTTPS = 443
_FIFO = ".fifo"
_STANDARD_QUEUE = re.compile(r"arn:aws[a-z-]*:sqs:[a-z0-9-]+:[0-9]+:[A-Za-z0-9_-]{1,80}", re.ASCII)


def check_form(reply_to: str) -> str:
    """Return the place, if its form can be that of one.

    Raises:
        ValueError: it cannot; the message is the rule.
    """
    if "://" in reply_to:
        webhook_host(reply_to)
    elif reply_to.startswith("arn:") and reply_to.endswith(_FIFO):
        raise ValueError("must be a standard SQS queue: a FIFO queue takes no message without a group")
    elif not (_TOKEN.fullmatch(reply_to) or (reply_to.startswith("arn:") and _is_plain(reply_to))):
        raise ValueError("must be an SQS queue ARN, an https:// URL or a Step Functions task token")
    return reply_to


def _is_plain(text: str) -> bool:
    return text.isprintable() and text.strip() == text


def is_standard_queue(arn: str) -> bool:
    """Return whether an ARN is a standard SQS queue's: nothing else that has an ARN takes replies."""
    return bool(_STANDARD_QUEUE.fullmatch(arn))


def in_region(queue_arn: str, partition: str, region: str) -> bool:
    """Return whether a queue is in that partition (`aws`, `aws-cn` and so on) and region."""
    return queue_arn.startswith(f"arn:{partition}:sqs:{region}:")


def webhook_host(url: str) -> tuple[str, int]:
    """Return the host name in lower case and the port of a webhook's URL.

    Raises:
        ValueError: it is no URL that a webhook may have; the message is the rule.
    """
    if not url.startswith(WEBHOOK):
        raise ValueError("a webhook must begin with https://")
    authority = re.split(r"[/?#\\]", url.removeprefix(WEBHOOK), maxsplit=1)[0]
    if "@" in authority:
        raise ValueError("a webhook must have no user or password in its URL")
    if "#" in url:
        raise ValueError("a webhook must have no fragment in its URL")
    match = _URL.fullmatch(url)
    if not match:
        raise ValueError("a webhook must be an https:// URL in ASCII with a host name, a valid port and no spaces")
    host, port = match["host"].lower(), int(match["port"] or _HTTPS)
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", host.rpartition(".")[2]):  # so URL parsers tell an IPv4 address
        raise ValueError("a webhook must name its host, not an IP address")
    if len(host) > 253 or not 0 < port < 65_536:
        raise ValueError("a webhook must have a host name of at most 253 characters and a port from 1 to 65535")
    return host, port


def address_of(reply_to: str) -> str | None:
    """Return what must be allowed, and may be shown, of a place: a queue's ARN, `https://` and a webhook's host.

    None: a task token, which needs no leave. Path and query of a webhook may hold secrets of its owner's, as a token is
    one. A port is part of the host unless it is 443.
    """
    if reply_to.startswith("arn:"):
        return reply_to
    if not reply_to.startswith(WEBHOOK):
        return None
    host, port = webhook_host(reply_to)
    return f"{WEBHOOK}{host}" + ("" if port == _HTTPS else f":{port}")


def refusal(reply_to: str, allowed: frozenset[str]) -> str | None:
    """Return the rule that forbids a place; `allowed` are the addresses that the stack's parameters name."""
    address = address_of(reply_to)
    if address is None or address in allowed:
        return None
    if address.startswith(WEBHOOK):
        return "must be a webhook at one of the hosts in parameter WebhookHosts"
    return "must be one of the queues in parameter ReplyQueueArns, in the stack's region"


def printable(reply_to: str) -> str:
    """Return what may be shown of a place."""
    return address_of(reply_to) or "task token"
