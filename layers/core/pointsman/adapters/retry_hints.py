"""What both providers' answers have in common: when to ask again, and text that may hold half a character."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_HINT = 31 * 86_400.0
"""Seconds: beyond a month a hint says no more than that, and a time it is added to stays within the calendar."""


def bounded(seconds: float) -> float | None:
    """Return the seconds within 0 and `LONGEST`; None for what is no number."""
    return None if math.isnan(seconds) else min(max(seconds, 0.0), LONGEST_HINT)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that header `retry-after` asks for: a number or an HTTP date; None when it says neither."""
    header = headers.get("retry-after")
    if header is None:
        return None
    try:
        return bounded(float(header))
    except ValueError:
        pass
    try:
        return _seconds_until(parsedate_to_datetime(header))
    except (ValueError, TypeError, OverflowError):
        return None


def storable(text: str) -> str:
    """Return the text with lone surrogates replaced: an answer cut within a character has one, no store takes it."""
    return text.encode(errors="replace").decode()


def _seconds_until(moment: datetime) -> float | None:
    """Return the seconds from now until then, never below 0; a moment without a zone is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return bounded((aware - datetime.now(UTC)).total_seconds())
