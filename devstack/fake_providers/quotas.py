"""Quotas as the providers apply them: any 60 seconds, and days that end at midnight Pacific time."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, PositiveInt

from devstack.fake_providers.wire import Shortage

_WINDOW_SECONDS = 60.0
_PACIFIC = ZoneInfo("America/Los_Angeles")


class Limit(BaseModel):
    """The limits of a model; `None` is no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rpm: PositiveInt | None = None
    rpd: PositiveInt | None = None
    tpm: PositiveInt | None = None
    """Input tokens per minute."""


class Quotas:
    """Counts admitted calls for each model that has a limit. A refused call does not count."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._limits: dict[str, Limit] = {}
        self._admitted: dict[str, deque[tuple[float, int]]] = {}
        self._days: dict[str, tuple[str, int]] = {}

    @property
    def limits(self) -> Mapping[str, Limit]:
        """The limits by model."""
        return self._limits

    def limit(self, limits: Mapping[str, Limit]) -> None:
        """Set the limits of some models; the counts stay."""
        self._limits.update(limits)

    def clear(self) -> None:
        """Remove limits and counts."""
        self._limits.clear()
        self._admitted.clear()
        self._days.clear()

    def admit(self, model: str, tokens: int) -> Shortage | None:
        """Count a call, or return the quota that refuses it: the one with the longest wait."""
        limit = self._limits.get(model)
        if limit is None:
            return None
        now = self._clock()
        window = self._admitted.setdefault(model, deque())
        while window and window[0][0] <= now - _WINDOW_SECONDS:
            window.popleft()
        today = datetime.fromtimestamp(now, _PACIFIC)
        day, used = self._days.get(model, ("", 0))
        used = used if day == today.date().isoformat() else 0
        short: list[Shortage] = []
        if limit.rpd is not None and used >= limit.rpd:
            short.append(Shortage("requests_per_day", limit.rpd, _seconds_to_midnight(today)))
        if limit.rpm is not None and len(window) >= limit.rpm:
            short.append(Shortage("requests_per_minute", limit.rpm, window[-limit.rpm][0] + _WINDOW_SECONDS - now))
        if limit.tpm is not None and (wait := _token_wait(window, limit.tpm, tokens, now)) > 0:
            short.append(Shortage("tokens_per_minute", limit.tpm, wait))
        if short:
            return max(short, key=lambda shortage: shortage.retry_after)
        window.append((now, tokens))
        self._days[model] = (today.date().isoformat(), used + 1)
        return None


def _seconds_to_midnight(now: datetime) -> float:
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), _PACIFIC)
    return midnight.timestamp() - now.timestamp()


def _token_wait(window: deque[tuple[float, int]], limit: int, tokens: int, now: float) -> float:
    """Return the seconds until `tokens` fit: 0 if they do now, a whole window if they never will."""
    free = limit - sum(count for _, count in window)
    if free >= tokens:
        return 0.0
    for when, count in window:
        free += count
        if free >= tokens:
            return when + _WINDOW_SECONDS - now
    return _WINDOW_SECONDS
