"""What stands between a call and a model: retirement, used-up quota, backoff, circuit breaker and rate limits.

One item of the limit table holds it for all instances. Times are Unix milliseconds.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pointsman.execution.outcome import BREAKING, AccountTrouble, CallResult, Outcome
from pointsman.routing.catalog import Quota
from pointsman.values.times import PACIFIC, from_ms, next_midnight, to_ms

QUOTA_WINDOW = timedelta(seconds=63)
"""A minute, and the time that may pass between taking a slot and the request's arrival, so that 60 s hold there too."""
SLOT_USABLE_FOR = timedelta(seconds=2)
"""A slot taken longer ago than this is given back unused, never sent late."""
SLOT_KEPT_FOR = timedelta(seconds=180)
"""How long a slot stays on record: the window, and the longest call of the function that asks the free tier."""
BREAKER_TRIPS_AFTER = 5
"""Failures in a row that open the breaker."""
BREAKER_OPENS_FOR, BREAKER_OPENS_FOR_AT_MOST = timedelta(seconds=20), timedelta(minutes=5)
PROBE_LASTS = timedelta(minutes=2)
RETIRED_FOR = timedelta(days=1)
"""How long the provider's own not-found holds before one call asks again."""
ACCOUNT_PAUSES = timedelta(minutes=5), timedelta(hours=1)
"""The first and the longest pause after trouble with an account whose end the provider does not say; each doubles."""


_OF_ACCOUNT = ("account", "account_since", "account_until", "account_pauses")


@dataclass(frozen=True, slots=True)
class Slot:
    """One request under the quota: when its slot was taken, and its input tokens (first reserved, then actual)."""

    at: int
    tokens: int


@dataclass(frozen=True, slots=True)
class ModelState:
    """What all instances know of one model."""

    model: str
    retired: bool = False
    """The provider answered that the model is gone; see `is_retired`."""
    retired_at: int = 0
    quota_exhausted_until: int = 0
    """The day's quota is used up until then."""
    backoff_until: int = 0
    """The provider asked for no request until then."""
    failures: int = 0
    opens: int = 0
    open_until: int = 0
    probe_until: int = 0
    account: str | None = None
    """Why the provider does not serve the account or place (`AccountTrouble`), alike for all models that share it."""
    account_since: int = 0
    account_until: int = 0
    """No call is made before."""
    account_pauses: int = 0
    paid_project: bool | None = None
    """Whether the key's project is linked to billing, by the last quota that said so."""
    version: int = 0
    """Raised by every reservation of a slot: two that saw the same state cannot both take one."""
    slots: Mapping[str, Slot] = field(default_factory=dict)
    day: str = ""
    day_count: int = 0

    @property
    def half_open(self) -> bool:
        """Whether the breaker lets one probe through, once `open_until` has passed."""
        return self.opens > 0

    def is_retired(self, now: datetime) -> bool:
        """Return whether the provider's not-found still holds."""
        return self.retired and to_ms(now) < self.retired_at + _milliseconds(RETIRED_FOR)

    def account_trouble(self, now: datetime) -> AccountTrouble | None:
        """Return why the account or place is not served now; None when it is, or may be."""
        return AccountTrouble(self.account) if self.account and self.account_until > to_ms(now) else None


@dataclass(frozen=True, slots=True)
class Admission:
    """The write that admits a call: what the model's item gains and loses; with nothing to write it is empty."""

    slot: Slot | None = None
    stale: tuple[str, ...] = ()
    """Names of slots whose window has long passed."""
    day: str = ""
    day_count: int = 0
    probe_until: int = 0

    @property
    def writes(self) -> bool:
        """Whether the model's item changes."""
        return self.slot is not None or self.probe_until > 0


def admit(state: ModelState, quota: Quota | None, tokens: int, now: datetime) -> Admission | CallResult:
    """Return how a call of `tokens` input tokens is let through, or why it is not."""
    now_ms = to_ms(now)
    if state.is_retired(now):
        return CallResult(Outcome.RETIRED, detail="known to be retired")
    if trouble := state.account_trouble(now):
        until = from_ms(state.account_until)
        return CallResult(Outcome.ACCOUNT, until=until, detail=f"account not served: {trouble}", account=trouble)
    if state.quota_exhausted_until > now_ms:
        return CallResult(
            Outcome.QUOTA_EXHAUSTED, until=from_ms(state.quota_exhausted_until), detail="day's quota used up"
        )
    if state.backoff_until > now_ms:
        return _wait(Outcome.RATE_LIMITED, state.backoff_until - now_ms, "provider asked to wait")
    if state.open_until > now_ms:
        return _wait(Outcome.UNAVAILABLE, state.open_until - now_ms, "circuit breaker open")
    probe = 0
    if state.half_open or state.retired:
        if state.probe_until > now_ms:
            return _wait(Outcome.UNAVAILABLE, min(state.probe_until - now_ms, 5000), "one call asks whether it is back")
        probe = now_ms + _milliseconds(PROBE_LASTS)
    if quota is None:
        return Admission(probe_until=probe)
    return _take_slot(state, quota, tokens, now, probe)


def left_today(state: ModelState, most: int, now: datetime) -> int:
    """Return how many of `most` requests a day are left, by what is known; none once the provider has said so."""
    today = now.astimezone(PACIFIC).date().isoformat()
    if state.quota_exhausted_until > to_ms(now):
        return 0
    return max(most - (state.day_count if state.day == today else 0), 0)


def _take_slot(state: ModelState, quota: Quota, tokens: int, now: datetime, probe: int) -> Admission | CallResult:
    now_ms, today = to_ms(now), now.astimezone(PACIFIC).date().isoformat()
    used_today = state.day_count if state.day == today else 0
    if quota.rpd is not None and left_today(state, quota.rpd, now) == 0:
        return CallResult(Outcome.QUOTA_EXHAUSTED, until=next_midnight(now, PACIFIC), detail="day's quota used")
    if quota.tpm is not None:
        tokens = min(tokens, quota.tpm)  # an estimate above the quota: the call has its minute to itself
    window = sorted(
        (slot for slot in state.slots.values() if slot.at > now_ms - _milliseconds(QUOTA_WINDOW)),
        key=lambda slot: slot.at,
    )
    free_at = now_ms
    if quota.rpm is not None and len(window) >= quota.rpm:
        free_at = window[len(window) - quota.rpm].at + _milliseconds(QUOTA_WINDOW)
    if quota.tpm is not None:
        load = sum(slot.tokens for slot in window)
        for slot in window:
            if load + tokens <= quota.tpm:
                break
            load -= slot.tokens
            free_at = max(free_at, slot.at + _milliseconds(QUOTA_WINDOW))
    if free_at > now_ms:
        return _wait(Outcome.BUSY, free_at - now_ms, "quota of the minute in use")
    stale = tuple(name for name, slot in state.slots.items() if slot.at < now_ms - _milliseconds(SLOT_KEPT_FOR))
    return Admission(Slot(now_ms, tokens), stale[:40], today, used_today + 1, probe)


@dataclass(frozen=True, slots=True)
class HealthUpdate:
    """What a call's result changes in the model's state; `sets`, `removes` and `adds` name its fields."""

    sets: dict[str, Any] = field(default_factory=dict)
    removes: tuple[str, ...] = ()
    adds: dict[str, int] = field(default_factory=dict)
    shared_with: tuple[str, ...] = ()
    """Other models whose account is the same: what it says of the account holds for them too."""

    def __bool__(self) -> bool:
        return bool(self.sets or self.removes or self.adds)

    @property
    def of_account(self) -> "HealthUpdate":
        """What of it is about the account."""
        sets = {name: value for name, value in self.sets.items() if name in _OF_ACCOUNT}
        return HealthUpdate(sets, tuple(name for name in self.removes if name in _OF_ACCOUNT))


def health_update(state: ModelState, result: CallResult, now: datetime, sharing: tuple[str, ...] = ()) -> HealthUpdate:
    """Return what every instance is to know of the model after the result, and of those `sharing` its account."""
    update = _health_update(state, result, now, sharing)
    if result.paid_project in (None, state.paid_project):
        return update
    return replace(update, sets={**update.sets, "paid_project": result.paid_project})


def _health_update(state: ModelState, result: CallResult, now: datetime, sharing: tuple[str, ...]) -> HealthUpdate:
    now_ms, outcome = to_ms(now), result.outcome
    if outcome is Outcome.ACCOUNT:
        return _account_refused(state, result, now, sharing)
    if outcome is Outcome.RETIRED:
        return HealthUpdate({"retired": True, "retired_at": now_ms})
    if outcome is Outcome.QUOTA_EXHAUSTED:
        until = max(to_ms(result.until or next_midnight(now, PACIFIC)), state.quota_exhausted_until)
        return HealthUpdate({"quota_exhausted_until": until}, ("probe_until",))
    if outcome is Outcome.RATE_LIMITED and result.retry_after:
        return HealthUpdate(
            {"backoff_until": max(now_ms + math.ceil(result.retry_after * 1000), state.backoff_until)}, ("probe_until",)
        )
    if result.ours:
        return HealthUpdate()
    if outcome in BREAKING:
        return _after_failure(state, now_ms, result.retry_after)
    return _answered(state, sharing)


def _answered(state: ModelState, sharing: tuple[str, ...]) -> HealthUpdate:
    """Return the update after any other answer, which shows that the model is there and the account is served."""
    sets, removes = dict[str, Any](), list[str]()
    if state.failures or state.opens:
        sets |= {"failures": 0, "opens": 0}
        removes += ["open_until", "probe_until"]
    if state.retired:
        removes += ["retired", "retired_at", "probe_until"]
    if state.account:
        removes += _OF_ACCOUNT
    return HealthUpdate(sets, tuple(dict.fromkeys(removes)), shared_with=sharing if state.account else ())


def _account_refused(state: ModelState, result: CallResult, now: datetime, sharing: tuple[str, ...]) -> HealthUpdate:
    first, longest = ACCOUNT_PAUSES
    pause = min(first * 2 ** min(state.account_pauses, 8), longest)  # the longest is reached before
    until = result.until or now + pause
    sets = {
        "account": str(result.account),
        "account_since": state.account_since or to_ms(now),
        "account_until": max(to_ms(until), state.account_until),
        "account_pauses": state.account_pauses + 1,
    }
    return HealthUpdate(sets, ("probe_until",), shared_with=sharing)


def _after_failure(state: ModelState, now_ms: int, hint: float | None) -> HealthUpdate:
    backoff = {"backoff_until": now_ms + math.ceil(hint * 1000)} if hint else {}
    if not state.half_open and state.failures + 1 < BREAKER_TRIPS_AFTER:
        return HealthUpdate(backoff, (), {"failures": 1})
    pause = min(
        BREAKER_OPENS_FOR * 2 ** min(state.opens, 8), BREAKER_OPENS_FOR_AT_MOST
    )  # the longest is reached before
    return HealthUpdate(
        {**backoff, "failures": 0, "opens": state.opens + 1, "open_until": now_ms + _milliseconds(pause)},
        ("probe_until",),
    )


def _milliseconds(span: timedelta) -> int:
    """Return a span in milliseconds."""
    return int(span.total_seconds() * 1000)


def _wait(outcome: Outcome, milliseconds: int, detail: str) -> CallResult:
    return CallResult(outcome, retry_after=max(milliseconds, 1) / 1000, detail=detail)
