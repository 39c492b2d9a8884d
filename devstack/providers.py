"""Which providers a local stack really calls, and which ones are fake."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from devstack.info import FakedProviders

FAKE_KEY = "stand-in"
"""The key of a fake provider."""

# The defaults of the template parameters with these names.
GEMINI_KEY_PARAMETER = "/pointsman/gemini-api-key"
ANTHROPIC_KEY_PARAMETER = "/pointsman/anthropic-api-key"

_OVERRIDES = {
    "ModelOverrideOrchestration": "MODEL_OVERRIDE_ORCHESTRATION",
    "ModelOverrideImplementation": "MODEL_OVERRIDE_IMPLEMENTATION",
    "ModelOverrideReasoning": "MODEL_OVERRIDE_REASONING",
}


class _Provider(BaseModel):
    model_config = ConfigDict(frozen=True)

    key: str
    """Empty: the provider is fake."""
    base_url: str
    """The base URL that the environment sets; empty for the provider's own."""

    @property
    def leaves_machine(self) -> bool:
        return bool(self.key) and urlsplit(self.base_url).hostname not in {"127.0.0.1", "localhost", "::1"}


class Providers(BaseModel):
    """Keys, base URLs and model overrides from the caller's environment."""

    model_config = ConfigDict(frozen=True)

    gemini: _Provider
    anthropic: _Provider
    overrides: dict[str, str]
    faked: bool
    """Whether a fake provider answers where a key is missing; else nobody does."""

    @classmethod
    def of(cls, environ: Mapping[str, str], *, stand_in: bool = False) -> "Providers":
        """Return the providers that an environment configures: both fake without a key, and with one key the other
        is fake only if `stand_in`.
        """
        return cls(
            faked=stand_in or not (environ.get("GEMINI_API_KEY") or environ.get("ANTHROPIC_API_KEY")),
            gemini=_Provider(key=environ.get("GEMINI_API_KEY", ""), base_url=environ.get("GOOGLE_GEMINI_BASE_URL", "")),
            anthropic=_Provider(
                key=environ.get("ANTHROPIC_API_KEY", ""), base_url=environ.get("ANTHROPIC_BASE_URL", "")
            ),
            overrides={name: environ[source] for name, source in _OVERRIDES.items() if environ.get(source)},
        )

    @property
    def stand_in(self) -> FakedProviders:
        """The fake providers."""
        return FakedProviders(
            gemini=self.faked and not self.gemini.key, anthropic=self.faked and not self.anthropic.key
        )

    def parameters(self, fake_providers_url: str | None) -> dict[str, str]:
        """Return the template parameters that follow from this; none of them is a key."""
        leaves_machine = self.gemini.leaves_machine or self.anthropic.leaves_machine
        return {
            "GeminiBaseUrl": f"{fake_providers_url}/gemini" if self.stand_in.gemini else self.gemini.base_url,
            "AnthropicBaseUrl": f"{fake_providers_url}/anthropic"
            if self.stand_in.anthropic
            else self.anthropic.base_url,
            "ModelCalls": "live" if leaves_machine else "loopback",
            "StandIn": "true" if self.stand_in.any else "false",
            **self.overrides,
        }

    def keys(self) -> dict[str, str]:
        """Return the keys for Parameter Store, by parameter name; a provider that nobody plays has none."""
        keys = {GEMINI_KEY_PARAMETER: self.gemini.key, ANTHROPIC_KEY_PARAMETER: self.anthropic.key}
        return {name: key or FAKE_KEY for name, key in keys.items() if key or self.faked}
