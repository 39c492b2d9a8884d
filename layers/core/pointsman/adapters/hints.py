"""When a provider wants to be asked again."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that header `retry-after` asks for: a number or an HTTP date; None when it says neither."""
    stated = headers.get("retry-after")
    if stated is None:
        return None
    try:
        return max(float(stated), 0.0)
    except ValueError:
        pass
    try:
        return _seconds_until(parsedate_to_datetime(stated))
    except (ValueError, TypeError):
        return None


def _seconds_until(moment: datetime) -> float:
    """Return the seconds from now until then, never below 0; a moment without a zone is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max((aware - datetime.now(UTC)).total_seconds(), 0.0)
