"""Asks a provider whether it takes a key and serves a model: by its list of models, which costs nothing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal
from urllib.parse import urlsplit

from pointsman.entrypoints.settings import Settings
from pointsman.routing.catalog import Provider

_SECONDS = 15
"""How long a provider has to answer."""
_REFUSED = frozenset({401, 402, 403})


@dataclass(frozen=True, slots=True)
class Heard:
    """A provider's word on one model."""

    state: Literal["served", "gone", "key_refused", "no_answer"]
    detail: str = ""
    """Status or error, never what a provider wrote."""
    retires: date | None = None
    """The day after which it is not served any more; None: none was named."""


def hear(provider: Provider, settings: Settings, key: str, models: Iterable[str]) -> dict[str, Heard]:
    """Return what the provider says of each model, where the stack would ask it."""
    base_url = settings.google_gemini_base_url if provider is Provider.GEMINI else settings.anthropic_base_url
    if settings.model_calls == "loopback" and urlsplit(base_url).hostname not in ("127.0.0.1", "localhost"):
        return dict.fromkeys(models, Heard("no_answer", "MODEL_CALLS is loopback: no provider may be asked"))
    look = _gemini(key, base_url) if provider is Provider.GEMINI else _claude(key, base_url)
    return {model: look(model) for model in models}


def _gemini(key: str, base_url: str) -> Callable[[str], Heard]:
    import httpx2
    from google import genai
    from google.genai import errors, types

    client = genai.Client(
        api_key=key, http_options=types.HttpOptions(base_url=base_url or None, timeout=_SECONDS * 1000)
    )

    def look(model: str) -> Heard:
        try:
            client.models.get(model=model)
        except errors.APIError as error:
            bad_key = error.code == 400 and "API_KEY_INVALID" in str(error.details)
            return _refusal(401 if bad_key else error.code, gone=error.status == "NOT_FOUND")
        except (httpx2.HTTPError, ValueError) as error:
            return Heard("no_answer", type(error).__name__)
        return Heard("served")

    return look


def _claude(key: str, base_url: str) -> Callable[[str], Heard]:
    import anthropic

    client = anthropic.Anthropic(api_key=key, base_url=base_url or None, max_retries=0, timeout=_SECONDS)

    def look(model: str) -> Heard:
        try:
            info = client.models.retrieve(model)
        except anthropic.APIStatusError as error:
            return _refusal(error.status_code, gone=getattr(error, "type", None) == "not_found_error")
        except anthropic.APIError as error:
            return Heard("no_answer", type(error).__name__)
        if info.lifecycle == "retired":
            return Heard("gone", "retired")
        return Heard("served", retires=info.retires_at.date() if info.retires_at else None)

    return look


def _refusal(status: int, *, gone: bool) -> Heard:
    """Return what a refusal means; a 404 that is not in the provider's own words says nothing of the model."""
    if gone:
        return Heard("gone", str(status))
    return Heard("key_refused" if status in _REFUSED else "no_answer", str(status))
