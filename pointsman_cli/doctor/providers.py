"""Asks a provider whether it accepts a key and serves a model, by reading the model's description, which is free."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from urllib.parse import urlsplit

from pointsman.adapters.error_response import ErrorResponse, interpret_response
from pointsman.entrypoints.settings import Settings
from pointsman.execution.batch import ProviderBatch
from pointsman.execution.outcome import AccountTrouble, Outcome
from pointsman.routing.catalog import Provider

_TIMEOUT_SECONDS = 15


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """What a provider says about one model."""

    state: Literal["served", "gone", "account_refused", "no_answer"]
    detail: str = ""
    """Status or error name, never text from the provider."""
    retires: date | None = None
    """The last day on which it is served. None if the provider names none."""
    trouble: AccountTrouble | None = None
    """Of `account_refused`."""


_NO_MODEL = ProviderAnswer("no_answer", "200 without a model in it")


def ask_provider(provider: Provider, settings: Settings, key: str, models: Iterable[str]) -> dict[str, ProviderAnswer]:
    """Return what the provider says about each model, asked at the stack's base URL."""
    base_url = settings.google_gemini_base_url if provider is Provider.GEMINI else settings.anthropic_base_url
    if settings.model_calls == "loopback" and urlsplit(base_url).hostname not in ("127.0.0.1", "localhost"):
        return dict.fromkeys(models, ProviderAnswer("no_answer", "MODEL_CALLS is loopback: no provider may be asked"))
    look_up = _gemini(key, base_url) if provider is Provider.GEMINI else _claude(key, base_url)
    return {model: look_up(model) for model in models}


def list_batches(settings: Settings, key: str, since: datetime) -> list[ProviderBatch] | None:
    """Return Claude's message batches in the key's workspace; None: no other machine may be asked.

    Raises:
        BatchError: They could not be read.
    """
    from pointsman.adapters.claude_batches import ClaudeBatches

    base_url = settings.anthropic_base_url
    if settings.model_calls == "loopback" and urlsplit(base_url).hostname not in ("127.0.0.1", "localhost"):
        return None
    return ClaudeBatches(key, base_url or None).listed(since)


def _gemini(key: str, base_url: str) -> Callable[[str], ProviderAnswer]:
    import httpx2
    from google.genai import errors, types

    from pointsman.adapters.gemini import gemini_client

    client = gemini_client(key, base_url)
    patience = types.GetModelConfig(http_options=types.HttpOptions(timeout=_TIMEOUT_SECONDS * 1000))

    def look_up(model: str) -> ProviderAnswer:
        try:
            description = client.models.get(model=model, config=patience)
        except ErrorResponse as response:
            return _refusal(Provider.GEMINI, response)
        except (httpx2.HTTPError, errors.APIError, ValueError, TypeError) as error:
            return ProviderAnswer("no_answer", type(error).__name__)
        return ProviderAnswer("served") if description.name else _NO_MODEL

    return look_up


def _claude(key: str, base_url: str) -> Callable[[str], ProviderAnswer]:
    import anthropic

    from pointsman.adapters.claude import claude_client

    client = claude_client(key, base_url)

    def look_up(model: str) -> ProviderAnswer:
        try:
            description = client.models.retrieve(model, timeout=_TIMEOUT_SECONDS)
        except anthropic.APIConnectionError as error:
            if isinstance(error.__cause__, ErrorResponse):
                return _refusal(Provider.ANTHROPIC, error.__cause__)
            return ProviderAnswer("no_answer", type(error).__name__)
        except (anthropic.APIError, ValueError, TypeError) as error:
            return ProviderAnswer("no_answer", type(error).__name__)
        if getattr(description, "type", None) != "model":
            return _NO_MODEL
        if description.lifecycle == "retired":
            return ProviderAnswer("gone", "retired")
        return ProviderAnswer("served", retires=description.retires_at.date() if description.retires_at else None)

    return look_up


def _refusal(provider: Provider, response: ErrorResponse) -> ProviderAnswer:
    """Return what a refusal means for the model, by the table that the functions go by."""
    _, meaning = interpret_response(provider, response)
    if meaning.outcome is Outcome.RETIRED:
        return ProviderAnswer("gone", str(response.status))
    if meaning.account:
        return ProviderAnswer("account_refused", f"{response.status} {meaning.account}", trouble=meaning.account)
    return ProviderAnswer("no_answer", str(response.status))
