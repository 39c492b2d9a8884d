"""The providers' clients: each is built when its provider is first asked, so that no SDK is imported for nothing."""

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pointsman.adapters.secret_keys import key_from
from pointsman.entrypoints.settings import Settings
from pointsman.entrypoints.stores import Stores
from pointsman.ports import ModelClient
from pointsman.routing.catalog import Provider
from pointsman.values.errors import NotLoopbackError

if TYPE_CHECKING:  # of the economy lane's function only
    from pointsman.batch_ports import BatchClient


class ModelClients:
    """Builds and keeps the client of each provider."""

    def __init__(self, settings: Settings, stores: Stores) -> None:
        self._settings, self._stores = settings, stores
        self._clients: dict[Provider, ModelClient] = {}
        self._batches: BatchClient | None = None

    def __call__(self, provider: Provider) -> ModelClient:
        """Return the provider's client.

        Raises:
            MissingKeyError: Its key is nowhere.
            NotLoopbackError: It would call another machine, and calls are limited to this one.
        """
        if provider not in self._clients:
            self._clients[provider] = adapter_of(provider)(*self._access(provider))
        return self._clients[provider]

    def batches(self) -> "BatchClient":
        """Return the client of Claude's batches, the only ones that are used.

        Raises:
            MissingKeyError: As above; so is NotLoopbackError.
        """
        if self._batches is None:
            from pointsman.adapters.claude_batches import ClaudeBatches

            self._batches = ClaudeBatches(*self._access(Provider.ANTHROPIC))
        return self._batches

    def _access(self, provider: Provider) -> tuple[str, str | None]:
        """Return the provider's key and base URL."""
        settings = self._settings
        if provider is Provider.GEMINI:
            name, parameter, base_url = (
                "GEMINI_API_KEY",
                settings.gemini_key_parameter,
                settings.google_gemini_base_url,
            )
        else:
            name, parameter, base_url = (
                "ANTHROPIC_API_KEY",
                settings.anthropic_key_parameter,
                settings.anthropic_base_url,
            )
        if settings.model_calls == "loopback" and urlsplit(base_url).hostname not in ("127.0.0.1", "localhost"):
            raise NotLoopbackError("MODEL_CALLS is loopback: a model may only be asked on this machine")
        key = key_from(name, parameter, lambda: self._stores.ssm)
        return key, base_url or None


def adapter_of(provider: Provider) -> Callable[[str, str | None], ModelClient]:
    """Return the provider's adapter, which imports its SDK."""
    if provider is Provider.GEMINI:
        from pointsman.adapters.gemini import Gemini

        return Gemini
    from pointsman.adapters.claude import Claude

    return Claude
