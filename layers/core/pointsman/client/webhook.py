"""For those whom Pointsman calls back: is a webhook's request genuine?"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pointsman.client.errors import WebhookError
from pointsman.contracts.webhook import complaint


def verify_webhook(
    headers: Mapping[str, str], body: bytes | str, secret: str, *, now: datetime | None = None
) -> dict[str, Any]:
    """Return what a webhook tells of a task's end, once it is known to come from who has the secret, and to be new.

    Args:
        headers: The request's, in any case.
        body: The request's, byte for byte as it came, or as text where it is given so (a Lambda function's event).
        secret: The host's, as `pointsman webhook secret HOST` prints it: `whsec_…`; several with spaces between
            while one is replaced.
        now: The time; without: now.

    Raises:
        WebhookError: It is not genuine, or more than five minutes old or ahead: answer 400 and do nothing.
        ValueError: The secret is none.
    """
    try:
        data = body.encode() if isinstance(body, str) else body
    except UnicodeEncodeError:
        raise WebhookError("body is no UTF-8 text") from None
    if words := complaint(headers, data, secret, now or datetime.now(UTC)):
        raise WebhookError(words)
    event: dict[str, Any] = json.loads(data)
    return event
