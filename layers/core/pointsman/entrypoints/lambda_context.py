"""What the handlers read of Lambda's context."""

from typing import Protocol

TIMEOUT_MARGIN = 5.0
"""Seconds before a function's timeout at which a claim's lease ends, or a caller is answered."""

KEEP_WARM = {"keep_warm": True}
"""The event of the template's schedules that keep a function warm: it has started by the time it reads this."""


class LambdaContext(Protocol):
    """The part of Lambda's context that is used."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the timeout."""
        ...


def seconds_left(context: LambdaContext) -> float:
    """Return the seconds until the timeout."""
    return context.get_remaining_time_in_millis() / 1000
