"""Retry hints of the fake providers in every form, through the real SDKs."""

import time
from email.utils import parsedate_to_datetime
from typing import Any

import anthropic
import pytest
from google import genai
from google.genai import errors as gemini_errors

from tests.support.fake_providers import FakeProviders
from tests.support.sdk_calls import ask_claude, ask_gemini, gemini_details


def refused(provider: FakeProviders, clients: tuple[genai.Client, anthropic.Anthropic], action: Any) -> list[Any]:
    """Return the headers of both providers' refusals under an action."""
    gemini, claude = clients
    provider.fault("gemini", action)
    provider.fault("anthropic", action)
    with pytest.raises(gemini_errors.APIError) as gemini_error:
        ask_gemini(gemini)
    with pytest.raises(anthropic.APIStatusError) as claude_error:
        ask_claude(claude)
    return [gemini_error.value.response.headers, claude_error.value.response.headers]


@pytest.fixture
def clients(provider: FakeProviders, gemini: genai.Client, claude: anthropic.Anthropic) -> Any:
    assert provider.requests() == []
    return gemini, claude


@pytest.mark.parametrize(
    ("hint", "name", "values", "delay"),
    [
        (7, "retry-after", ["7"], 7),
        (13262, "retry-after", ["13262"], 13262),
        (1.5, "retry-after", ["1.5"], 1.5),
        (0, "retry-after", ["0"], 0),
        (-5, "retry-after", ["-5"], None),
        (1e300, "retry-after", ["1e+300"], 1e300),
        ({"retry_after": 7, "form": "list"}, "retry-after", ["7, 7"], 7),
        ({"retry_after": 7, "form": "twice"}, "retry-after", ["7", "7"], 7),
        ({"retry_after": 90, "form": "ms"}, "retry-after-ms", ["90000"], 90),
        ({"retry_after": 0.25, "form": "ms"}, "retry-after-ms", ["250"], 0.25),
        ({"raw": "soon"}, "retry-after", ["soon"], None),
        ({"raw": "nan"}, "retry-after", ["nan"], None),
        ({"raw": ""}, "retry-after", [""], None),
        ({"raw": "5", "form": "twice"}, "retry-after", ["5", "5"], None),
        ({"raw": "-1", "form": "ms"}, "retry-after-ms", ["-1"], None),
    ],
    ids=str,
)
def test_hint_is_a_header(
    provider: FakeProviders, clients: Any, hint: Any, name: str, values: list[str], delay: float | None
) -> None:
    for headers in refused(provider, clients, {"rate_limit": hint}):
        assert headers.get_list(name) == values
    assert [entry["retry_after"] for entry in provider.requests()] == [delay, delay]


@pytest.mark.parametrize("seconds", [30, -3600])
def test_hint_is_a_date(provider: FakeProviders, clients: Any, seconds: float) -> None:
    for headers in refused(provider, clients, {"rate_limit": {"retry_after": seconds, "form": "date"}}):
        away = parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time()
        assert seconds - 5 < away <= seconds + 1


@pytest.mark.parametrize(
    ("hint", "duration"),
    [
        ({"retry_after": 26}, "26s"),
        ({"retry_after": 1.5}, "1.5s"),
        ({"retry_after": -3}, "-3s"),
        ({"raw": "soon"}, "soon"),
        ({"raw": "1e300s"}, "1e300s"),
    ],
    ids=str,
)
def test_hint_of_gemini_is_a_detail(
    provider: FakeProviders, gemini: genai.Client, hint: dict[str, Any], duration: str
) -> None:
    provider.fault("gemini", {"rate_limit": {**hint, "form": "retry_info"}})
    with pytest.raises(gemini_errors.ClientError) as caught:
        ask_gemini(gemini)
    assert gemini_details(caught.value)["RetryInfo"]["retryDelay"] == duration
    assert caught.value.response.headers.get("retry-after") is None


def test_any_error_may_have_a_hint(provider: FakeProviders, clients: Any) -> None:
    action = {"status": {"code": 503, "headers": {"retry-after": "9", "x-should-retry": "false"}}}
    for headers in refused(provider, clients, action):
        assert (headers["retry-after"], headers["x-should-retry"]) == ("9", "false")
    assert [entry["retry_after"] for entry in provider.requests()] == [9, 9]


def test_error_may_have_any_type_code_and_details(provider: FakeProviders, claude: anthropic.Anthropic) -> None:
    details = {"error_code": "something_new"}
    provider.fault("anthropic", {"status": {"code": 418, "type": "teapot_error", "message": "No.", "details": details}})
    with pytest.raises(anthropic.APIStatusError) as caught:
        ask_claude(claude)
    error = caught.value
    assert (error.status_code, error.type, error.error_code, error.api_message) == (
        418,
        "teapot_error",
        "something_new",
        "No.",
    )
