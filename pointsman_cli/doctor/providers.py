"""Asks a provider whether it accepts a key and serves a model, by reading the model's description, which is free."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal
from urllib.parse import urlsplit

from pointsman.entrypoints.settings import Settings
from pointsman.routing.catalog import Provider

_TIMEOUT_SECONDS = 15
_KEY_REFUSED = frozenset({401, 402, 403})


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """What a provider says about one model."""

    state: Literal["served", "gone", "key_refused", "no_answer"]
    detail: str = ""
    """Status or error name, never text from the provider."""
    retires: date | None = None
    """The last day on which it is served. None if the provider names none."""


def ask_provider(provider: Provider, settings: Settings, key: str, models: Iterable[str]) -> dict[str, ProviderAnswer]:
    """Return what the provider says about each model, asked at the stack's base URL."""
    base_url = settings.google_gemini_base_url if provider is Provider.GEMINI else settings.anthropic_base_url
    if settings.model_calls == "loopback" and urlsplit(base_url).hostname not in ("127.0.0.1", "localhost"):
        return dict.fromkeys(models, ProviderAnswer("no_answer", "MODEL_CALLS is loopback: no provider may be asked"))
    look_up = _gemini(key, base_url) if provider is Provider.GEMINI else _claude(key, base_url)
    return {model: look_up(model) for model in models}


def _gemini(key: str, base_url: str) -> Callable[[str], ProviderAnswer]:
    import httpx2
    from google import genai
    from google.genai import errors, types

    options = types.HttpOptions(base_url=base_url or None, timeout=_TIMEOUT_SECONDS * 1000)
    client = genai.Client(api_key=key, http_options=options)

    def look_up(model: str) -> ProviderAnswer:
        try:
            client.models.get(model=model)
        except errors.APIError as error:
            bad_key = error.code == 400 and "API_KEY_INVALID" in str(error.details)
            return _refusal(401 if bad_key else error.code, gone=error.status == "NOT_FOUND")
        except (httpx2.HTTPError, ValueError) as error:
            return ProviderAnswer("no_answer", type(error).__name__)
        return ProviderAnswer("served")

    return look_up


def _claude(key: str, base_url: str) -> Callable[[str], ProviderAnswer]:
    import anthropic

    client = anthropic.Anthropic(api_key=key, base_url=base_url or None, max_retries=0, timeout=_TIMEOUT_SECONDS)

    def look_up(model: str) -> ProviderAnswer:
        try:
            description = client.models.retrieve(model)
        except anthropic.APIStatusError as error:
            return _refusal(error.status_code, gone=getattr(error, "type", None) == "not_found_error")
        except anthropic.APIError as error:
            return ProviderAnswer("no_answer", type(error).__name__)
        if description.lifecycle == "retired":
            return ProviderAnswer("gone", "retired")
        return ProviderAnswer("served", retires=description.retires_at.date() if description.retires_at else None)

    return look_up


def _refusal(status: int, *, gone: bool) -> ProviderAnswer:
    """Return what a refusal means. A 404 without the provider's own error body says nothing about the model."""
    if gone:
        return ProviderAnswer("gone", str(status))
    return ProviderAnswer("key_refused" if status in _KEY_REFUSED else "no_answer", str(status))
