"""How a webhook is signed, and how its receiver knows that: Standard Webhooks 1.0.0 (standardwebhooks.com), `v1`."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from pointsman.values.status import Status

PREFIX_OF_SECRETS = "whsec_"
TOLERANCE = timedelta(minutes=5)
"""How far the sender's clock may be from the receiver's, either way, and how late a request may come."""
_SHORTEST, _LONGEST = 24, 64
"""Bytes of a key, by the standard."""


def event_id(task_id: str, generation: int, status: Status) -> str:
    """Return what identifies a task's end, whoever is told and how often; without a dot, which the signature needs."""
    return f"{task_id}_{generation}_{status}"


def keys_of(secret: str) -> list[bytes]:
    """Return the keys of a secret: `whsec_` and base64, or several of them with spaces between while one is replaced.

    Raises:
        ValueError: it is no such secret; the message is the rule.
    """
    return [_key(part) for part in secret.split()] or [_key("")]


def host_secret(secret: str, host: str) -> str:
    """Return the secret that a host and its receivers get, made of the stack's: it tells nothing of another host's.

    While the stack's secret is replaced it has several parts too.

    Args:
        secret: The stack's.
        host: As `reply_to.address_of` names it, without `https://`: in lower case, with a port unless it is 443.

    Raises:
        ValueError: the stack's secret is none; the message is the rule.
    """
    derived = (hmac.digest(key, f"pointsman webhook {host}".encode(), hashlib.sha256) for key in keys_of(secret))
    return " ".join(PREFIX_OF_SECRETS + base64.b64encode(key).decode() for key in derived)


def _key(stated: str) -> bytes:
    try:
        key = base64.b64decode(stated.removeprefix(PREFIX_OF_SECRETS), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not stated.startswith(PREFIX_OF_SECRETS) or not _SHORTEST <= len(key) <= _LONGEST:
        raise ValueError(f"must be {PREFIX_OF_SECRETS} and {_SHORTEST} to {_LONGEST} bytes in base64")
    return key


def signed(secret: str, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the headers that sign a body, by each of the secret's keys."""
    stamp = str(int(at.timestamp()))
    signatures = (_signature(key, message_id, stamp, body) for key in keys_of(secret))
    return {"webhook-id": message_id, "webhook-timestamp": stamp, "webhook-signature": " ".join(signatures)}


def complaint(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> str | None:
    """Return what is wrong with a request that claims to be signed; None: it is genuine and of this time."""
    lowered = {name.lower(): value for name, value in headers.items()}
    message_id, stamp = lowered.get("webhook-id", ""), lowered.get("webhook-timestamp", "")
    signatures = lowered.get("webhook-signature", "").split()
    if not message_id or not signatures or not re.fullmatch(r"[0-9]{1,12}", stamp, re.ASCII):
        return "webhook-id, webhook-timestamp or webhook-signature is missing or no such header"
    if abs(now.timestamp() - int(stamp)) > TOLERANCE.total_seconds():
        return f"webhook-timestamp is more than {TOLERANCE.seconds // 60} minutes away from now"
    expected = [_signature(key, message_id, stamp, body).encode() for key in keys_of(secret)]
    matches = [hmac.compare_digest(ours, theirs.encode(errors="replace")) for ours in expected for theirs in signatures]
    return None if any(matches) else "webhook-signature is not made with this secret"


def _signature(key: bytes, message_id: str, stamp: str, body: bytes) -> str:
    digest = hmac.digest(key, f"{message_id}.{stamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(digest).decode()
