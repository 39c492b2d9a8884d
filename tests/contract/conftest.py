import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import anthropic
    from google import genai

    from tests.support.fake_providers import FakeProviders


@pytest.fixture
def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="module")
def gemini(provider_process: "FakeProviders") -> "Iterator[genai.Client]":
    from tests.support.sdk_calls import gemini_client

    client = gemini_client(provider_process.url)
    yield client
    client.close()


@pytest.fixture(scope="module")
def claude(provider_process: "FakeProviders") -> "Iterator[anthropic.Anthropic]":
    from tests.support.sdk_calls import claude_client

    with claude_client(provider_process.url) as client:
        yield client
