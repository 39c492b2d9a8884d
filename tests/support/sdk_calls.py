"""The providers' SDKs against the fake providers: clients without retries, and one call of each."""

from typing import Any

import anthropic
from google import genai
from google.genai import errors as gemini_errors
from google.genai import types

from tests.support.fake_providers import CLAUDE_MODEL, GEMINI_MODEL

READ_TIMEOUT_SECONDS = 0.4
"""Of the clients here, for `delay` and `hang`."""


def gemini_client(url: str, **options: Any) -> genai.Client:
    http = types.HttpOptions(base_url=f"{url}/gemini", timeout=int(READ_TIMEOUT_SECONDS * 1000), **options)
    return genai.Client(api_key="a-key", http_options=http)


def claude_client(url: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(
        api_key="a-key", base_url=f"{url}/anthropic", max_retries=0, timeout=READ_TIMEOUT_SECONDS
    )


def ask_gemini(client: genai.Client, prompt: str = "Plan the release.", **config: Any) -> types.GenerateContentResponse:
    return client.models.generate_content(
        model=GEMINI_MODEL, contents=prompt, config=types.GenerateContentConfig(**config) if config else None
    )


def ask_claude(
    client: anthropic.Anthropic, prompt: str = "Write a parser.", max_tokens: int = 1000, **more: Any
) -> anthropic.types.Message:
    return client.messages.create(
        model=CLAUDE_MODEL, max_tokens=max_tokens, messages=[{"role": "user", "content": prompt}], **more
    )


def claude_text(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def gemini_details(error: gemini_errors.APIError) -> dict[str, dict[str, Any]]:
    return {detail["@type"].rpartition(".")[2]: detail for detail in error.details["error"].get("details", [])}
