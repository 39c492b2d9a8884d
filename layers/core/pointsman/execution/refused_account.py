"""A provider that does not serve the account or place, as it is told to people: since when, until when, what to do."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pointsman.execution.model_health import ModelState
from pointsman.execution.outcome import AccountTrouble
from pointsman.routing.catalog import Provider
from pointsman.values.times import from_ms, to_text

STEPS = {
    AccountTrouble.KEY: "create a key at the provider and store it with `pointsman init --keys-only`",
    AccountTrouble.CREDIT: "buy credit or turn billing on at the provider",
    AccountTrouble.LIMIT: "raise the spend or usage limit at the provider, or wait until it renews",
    AccountTrouble.HOLD: "ask the provider's support why the organization is disabled",
    AccountTrouble.PLACE: "deploy to a region that the provider serves, or use another provider's models",
}
"""What ends each trouble."""
REASONS = {
    AccountTrouble.KEY: "the API key is refused, lacks a permission, or is not stored",
    AccountTrouble.CREDIT: "no credit is left, or billing is off",
    AccountTrouble.LIMIT: "a spend or usage limit is reached",
    AccountTrouble.HOLD: "the organization is disabled or on hold",
    AccountTrouble.PLACE: "the provider does not serve where the calls come from",
}


@dataclass(frozen=True, slots=True)
class RefusedAccount:
    """One provider's trouble, from the call that met it first until one is answered."""

    provider: Provider
    trouble: AccountTrouble
    since: datetime
    until: datetime
    """No call is made before. It may have passed: then the next call asks whether the trouble is over."""
    models: tuple[str, ...]

    @property
    def do(self) -> str:
        """The next step."""
        return STEPS[self.trouble]

    def detail(self, version: int) -> dict[str, Any]:
        """Return the event's detail."""
        return {
            "version": version,
            "provider": str(self.provider),
            "trouble": str(self.trouble),
            "since": to_text(self.since),
            "until": to_text(self.until),
            "models": list(self.models),
            "do": self.do,
        }

    def words(self) -> tuple[str, str]:
        """Return the same for people: a subject of one ASCII line, and a text."""
        lines = [
            f"{self.provider} serves no call since {to_text(self.since)}: {REASONS[self.trouble]}.",
            f"{', '.join(self.models)} get no call until {to_text(self.until)}; then one call asks again.",
            "Tasks go on to other providers of their chain; those without one wait until their deadline.",
            f"What to do: {self.do}.",
        ]
        return f"Pointsman: {self.provider} does not serve the account ({self.trouble})", "\n".join(lines) + "\n"


def refused_accounts(states: Iterable[ModelState], provider_of: Callable[[str], Provider]) -> list[RefusedAccount]:
    """Return the trouble of each provider that has one, by the state that says so last."""
    refused: dict[Provider, list[ModelState]] = {}
    for state in states:
        if state.account:
            refused.setdefault(provider_of(state.model), []).append(state)
    return [_latest(provider, refused[provider]) for provider in sorted(refused)]


def _latest(provider: Provider, states: list[ModelState]) -> RefusedAccount:
    last = max(states, key=lambda state: state.account_until)
    return RefusedAccount(
        provider,
        AccountTrouble(str(last.account)),
        from_ms(last.account_since),
        from_ms(last.account_until),
        tuple(sorted(state.model for state in states)),
    )
