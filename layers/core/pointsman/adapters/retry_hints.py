"""When a provider asks to be asked again: the hint's forms in headers and in Google's `RetryInfo`, in seconds."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

LONGEST_HINT = 86_400.0
"""Seconds: what asks for more is asked again once a day."""
_NONSENSE = 366 * 86_400.0
"""Seconds: a hint beyond it is none, such as a Unix time."""
_UNIT = re.compile(r"\s*s(ec(ond)?s?)?$", re.IGNORECASE)
_HTTP_DATE = re.compile(r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} \S+")


class Headers(Protocol):
    """HTTP headers, any name of which may stand there more than once."""

    def get_list(self, name: str) -> list[str]:
        """Return the values."""


def bounded(seconds: float) -> float | None:
    """Return the seconds up to `LONGEST_HINT`; None for what says nothing: no number, negative, or absurd."""
    if math.isnan(seconds) or seconds < 0 or seconds > _NONSENSE:
        return None
    return min(seconds, LONGEST_HINT)


def retry_after(headers: Headers) -> float | None:
    """Return the seconds that `retry-after-ms` or `retry-after` asks for; of several the longest, None without any.

    `retry-after` is a number or an HTTP date (RFC 9110), alone or in a list; the SDKs read `retry-after-ms` too.
    Proxies also write `30s` and ISO 8601.
    """
    exact = [_number(part, 1000) for value in headers.get_list("retry-after-ms") for part in value.split(",")]
    if any(seconds is not None for seconds in exact):
        return _longest(exact)
    return _longest([seconds for value in headers.get_list("retry-after") for seconds in _seconds_in(value)])


def retry_info(details: list[Mapping[str, Any]]) -> float | None:
    """Return the seconds of `google.rpc.RetryInfo` among an error's details; None when it is not there."""
    delays = [entry.get("retryDelay") for entry in details if str(entry.get("@type", "")).endswith("RetryInfo")]
    return _longest([_duration(delay) for delay in delays])


def _seconds_in(value: str) -> list[float | None]:
    if dates := _HTTP_DATE.findall(value):
        return [_seconds_until(date) for date in dates]
    return [*(_number(part, 1) for part in value.split(",")), _seconds_until(value)]


def _number(text: str, per_second: int) -> float | None:
    try:
        return bounded(float(_UNIT.sub("", text.strip())) / per_second)
    except ValueError:
        return None


def _seconds_until(date: str) -> float | None:
    """Return the seconds from now until then, 0 for a moment that has passed; one without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(date.strip()) if "T" in date[:12] else parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return bounded(max((aware - datetime.now(UTC)).total_seconds(), 0.0))


def _duration(value: Any) -> float | None:
    """Return the seconds of a protobuf duration: `26s`, `1.5s`, a number, or `{"seconds": 26, "nanos": 5}`."""
    if isinstance(value, dict):
        seconds, nanos = value.get("seconds", 0), value.get("nanos", 0)
        return _number(str(seconds), 1) if not nanos else _number(f"{seconds}.{nanos:09}", 1)
    return None if value is None else _number(str(value).strip().removesuffix("s"), 1)


def _longest(hints: list[float | None]) -> float | None:
    return max((seconds for seconds in hints if seconds is not None), default=None)
