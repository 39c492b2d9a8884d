"""What is left: of the free tiers' quotas for the day, and of the budget."""

from collections.abc import Iterator
from datetime import UTC, datetime

from pointsman.execution.budget import charge, spent
from pointsman.execution.model_health import ModelState
from pointsman.values.taxonomy import Tier
from pointsman.values.times import PACIFIC, month_key, to_ms
from pointsman_cli import output
from pointsman_cli.doctor.finding import Finding, ok, to_do
from pointsman_cli.doctor.stack_probe import StackProbe, configured

NEAR = 0.8
"""Share of a cap from which it is named, as by the alarm MonthSpend."""


def quotas(patient: StackProbe) -> Iterator[Finding]:
    """Say how many free requests are left today, and which models rest."""
    policy, today = patient.policy, patient.now.astimezone(PACIFIC).date().isoformat()
    for name in configured(policy):
        state = patient.states.get(name, ModelState(name))
        if trouble := _resting(state, patient.now):
            yield to_do("quota", name, *trouble)
        elif (quota := policy.quota(policy.catalog.get(name))) is not None:
            used = state.day_count if state.day == today else 0
            if quota.rpd is None:
                yield ok("quota", name, f"{used} requests today; no limit of the day is known")
            elif used >= quota.rpd:
                state_it = "nothing until midnight Pacific; state the real quota in openclaw.json if it is larger"
                yield to_do("quota", name, f"0 of {quota.rpd} requests left today", state_it)
            else:
                yield ok("quota", name, f"{quota.rpd - used} of {quota.rpd} requests left today")


def _resting(state: ModelState, now: datetime) -> tuple[str, str] | None:
    """Return what holds calls to the model back, and what to do."""
    here = to_ms(now)
    if state.quota_exhausted_until > here:
        until = datetime.fromtimestamp(state.quota_exhausted_until / 1000, UTC)
        return (
            f"its quota of the day is used up until {until:%H:%M} UTC",
            "nothing: tasks go the way openclaw.json lets them",
        )
    if state.open_until > here or state.half_open:
        return "its circuit breaker is open: it failed five times in a row", "look at the provider's status page"
    return None


def budget_findings(patient: StackProbe) -> Iterator[Finding]:
    """Say of each cap what is left, with what calls under way have reserved."""
    budget_options, zone = patient.policy.config.pointsman.budget, patient.target.settings.zone
    counters = patient.target.runtime.stores.ledger_reader.counters(month_key(patient.now, zone))
    caps = {cap.counter: cap for tier in Tier for cap in charge(budget_options, tier, 0, patient.now, zone).caps}
    if not caps:
        raise_it = "state pointsman.budget.month_usd in openclaw.json and deploy"
        yield to_do("budget", "month", "there is no cap on what is spent", raise_it)
    for name, cap in sorted(caps.items(), key=lambda entry: not entry[0].startswith("month")):
        used = spent(cap, counters)
        says = f"{output.exact_dollars(max(cap.limit - used, 0))} of {output.exact_dollars(cap.limit)} left"
        if used >= NEAR * cap.limit:
            yield to_do(
                "budget", name, says, "raise it in openclaw.json and deploy, or find the dear tasks in the report"
            )
        else:
            yield ok("budget", name, says)
