"""Which provider is really called by a local stack, and for which the stand-in answers."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from devstack.info import StandIns

STAND_IN_KEY = "stand-in"
"""What stands in a key's place where the stand-in answers."""

# The defaults of the template's parameters of these names.
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
    """Empty if there is none: then the stand-in answers."""
    base_url: str
    """Where the environment says that the provider is called; empty for its own address."""

    @property
    def leaves_machine(self) -> bool:
        return bool(self.key) and urlsplit(self.base_url).hostname not in {"127.0.0.1", "localhost", "::1"}


class Providers(BaseModel):
    """Keys, addresses and overrides, as the caller's environment has them."""

    model_config = ConfigDict(frozen=True)

    gemini: _Provider
    anthropic: _Provider
    overrides: dict[str, str]

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Providers":
        """Read them from an environment."""
        return cls(
            gemini=_Provider(key=environ.get("GEMINI_API_KEY", ""), base_url=environ.get("GOOGLE_GEMINI_BASE_URL", "")),
            anthropic=_Provider(
                key=environ.get("ANTHROPIC_API_KEY", ""), base_url=environ.get("ANTHROPIC_BASE_URL", "")
            ),
            overrides={name: environ[source] for name, source in _OVERRIDES.items() if environ.get(source)},
        )

    @property
    def stand_in(self) -> StandIns:
        """For whom the stand-in answers: each provider without a key."""
        return StandIns(gemini=not self.gemini.key, anthropic=not self.anthropic.key)

    def parameters(self, standin_url: str | None) -> dict[str, str]:
        """Return the template's parameters that follow from this, and no key among them."""
        leaves_machine = self.gemini.leaves_machine or self.anthropic.leaves_machine
        return {
            "GeminiBaseUrl": self.gemini.base_url if self.gemini.key else f"{standin_url}/gemini",
            "AnthropicBaseUrl": self.anthropic.base_url if self.anthropic.key else f"{standin_url}/anthropic",
            "ModelCalls": "live" if leaves_machine else "loopback",
            "StandIn": "true" if self.stand_in.any else "false",
            **self.overrides,
        }

    def keys(self) -> dict[str, str]:
        """Return what is to stand in Parameter Store, by name."""
        return {
            GEMINI_KEY_PARAMETER: self.gemini.key or STAND_IN_KEY,
            ANTHROPIC_KEY_PARAMETER: self.anthropic.key or STAND_IN_KEY,
        }
