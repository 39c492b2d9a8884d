"""What is left of the free tiers' daily quotas, of the budget, and of the account's concurrency."""

from collections.abc import Iterator
from datetime import UTC, datetime

from pointsman.execution.budget import charge, spent
from pointsman.execution.model_health import ModelState
from pointsman.values.taxonomy import Tier
from pointsman.values.times import PACIFIC, local_day, to_ms
from pointsman_cli import output
from pointsman_cli.doctor.stack_probe import Finding, StackProbe, configured_models, ok, to_do, unchecked

_WARNING_SHARE = 0.8
"""Share of a cap that needs attention, the same as for the alarm MonthSpend."""


def quota_findings(probe: StackProbe) -> Iterator[Finding]:
    """Report the free requests left today, and the models that get no calls at the moment."""
    policy, today = probe.policy, probe.now.astimezone(PACIFIC).date().isoformat()
    for name in configured_models(policy):
        state = probe.states.get(name, ModelState(name))
        if obstacle := _obstacle(state, probe.now):
            yield to_do("quota", name, *obstacle)
        elif (quota := policy.quota(policy.catalog.get(name))) is not None:
            used = state.day_count if state.day == today else 0
            if quota.rpd is None:
                yield ok("quota", name, f"{used} requests today, no known daily limit")
            elif used >= quota.rpd:
                step = "resets at midnight Pacific; if your real quota is larger, set it in openclaw.json"
                yield to_do("quota", name, f"0 of {quota.rpd} requests left today", step)
            else:
                yield ok("quota", name, f"{quota.rpd - used} of {quota.rpd} requests left today")


def _obstacle(state: ModelState, now: datetime) -> tuple[str, str] | None:
    """Return what keeps calls from the model, and the next step."""
    now_ms = to_ms(now)
    if state.quota_exhausted_until > now_ms:
        until = datetime.fromtimestamp(state.quota_exhausted_until / 1000, UTC)
        return f"daily quota exhausted until {until:%H:%M} UTC", "resets by itself; until then openclaw.json decides"
    if state.open_until > now_ms or state.half_open:
        return "circuit breaker open after five failures in a row", "check the provider's status page"
    return None


_ROOM_ENOUGH = 50
"""Concurrent invocations with which no task of a small team waits for another; new accounts have 10."""


def concurrency_findings(probe: StackProbe) -> Iterator[Finding]:
    """Report how many functions the account may run at once, and what that means for tasks."""
    if probe.local:
        yield unchecked("concurrency", "Lambda", "the local stack has no account's limit")
        return
    limits = probe.client("lambda").get_account_settings()["AccountLimit"]
    most, unreserved = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    words = f"{most} invocations at once in the account and region, {unreserved} of them not reserved"
    if unreserved < _ROOM_ENOUGH:
        step = "tasks above that wait; request a higher quota of concurrent executions (L-B99A9384), which is free"
        yield to_do("concurrency", "Lambda", words, step)
    else:
        yield ok("concurrency", "Lambda", words)


def budget_findings(probe: StackProbe) -> Iterator[Finding]:
    """Report what is left under each cap; what running calls reserve counts as left."""
    budget, zone = probe.policy.config.pointsman.budget, probe.connection.settings.zone
    today = local_day(probe.now, zone)
    counters = probe.connection.runtime.stores.ledger_reader.counters(f"{today:%Y-%m}", today.day)
    caps = {cap.counter: cap for tier in Tier for cap in charge(budget, tier, 0, probe.now, zone).caps}
    if not caps:
        step = "set pointsman.budget.month_usd in openclaw.json and deploy"
        yield to_do("budget", "month", "no spending cap", step)
    for name, cap in sorted(caps.items(), key=lambda entry: not entry[0].startswith("month")):
        used = spent(cap, counters)
        left = f"{output.exact_dollars(max(cap.limit - used, 0))} of {output.exact_dollars(cap.limit)} left"
        if used >= _WARNING_SHARE * cap.limit:
            step = "raise the cap in openclaw.json and deploy, or find the most expensive tasks in the report"
            yield to_do("budget", name, left, step)
        else:
            yield ok("budget", name, left)
