"""The Gemini adapter with the real SDK against the stand-in: what each fault becomes."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.genai import types

from pointsman.adapters import gemini
from pointsman.adapters.gemini import Gemini
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.values.times import PACIFIC, next_midnight
from pointsman.values.usage import Usage
from tests.contract.conftest import KEY, PROMPT, SYSTEM, asked, saying
from tests.support.fake_providers import FakeProviders

MODEL = "gemini-3.5-flash-lite"
IN = -(-len(PROMPT) // 4) + -(-len(SYSTEM) // 4)


@pytest.fixture(scope="module")
def client(_provider: FakeProviders) -> Iterator[Gemini]:
    adapter = Gemini(KEY, f"{_provider.url}/gemini")
    yield adapter
    adapter._client.close()


def met(provider: FakeProviders, client: Gemini, action: Any, **options: Any) -> CallResult:
    """Ask once, with that fault."""
    provider.fault("gemini", action)
    result = asked(client, MODEL, **options)
    assert len(provider.requests()) == 1
    return result


def test_an_answer(provider: FakeProviders, client: Gemini) -> None:
    result = asked(client, MODEL)

    (request,) = provider.requests()
    assert result.outcome is Outcome.ANSWERED
    assert result.text.startswith(f"[stand-in {MODEL}]")
    assert result.usage == Usage(input=IN, output=request["output_tokens"])
    assert (result.answered_by, result.request_id, result.detail) == (MODEL, request["id"], "")
    assert request["attempt"] == "t-1.000001.000001"
    assert request["path"] == f"/gemini/v1/models/{MODEL}:generateContent"


def test_a_long_answer(provider: FakeProviders, client: Gemini) -> None:
    result = met(provider, client, {"answer": {"bytes": 300_000}}, limit=100_000)
    assert (result.outcome, len(result.text.encode())) == (Outcome.ANSWERED, 300_000)


def test_structured_output(provider: FakeProviders, client: Gemini) -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    result = asked(client, MODEL, schema=schema)
    assert result.outcome is Outcome.ANSWERED
    assert set(json.loads(result.text)) == {"title"}


def test_max_tokens(provider: FakeProviders, client: Gemini) -> None:
    result = asked(client, MODEL, limit=5)
    assert (result.outcome, len(result.text), result.detail) == (Outcome.TRUNCATED, 20, "finish_reason MAX_TOKENS")
    assert result.usage == Usage(input=IN, output=5)


@pytest.mark.parametrize(
    ("stated", "usage"),
    [
        (
            {
                "promptTokenCount": 1000,
                "cachedContentTokenCount": 400,
                "candidatesTokenCount": 20,
                "thoughtsTokenCount": 70,
            },
            Usage(input=600, cache_read=400, output=90, thinking=70),
        ),
        (
            {"promptTokenCount": 10, "toolUsePromptTokenCount": 5, "candidatesTokenCount": 1},
            Usage(input=15, output=1),
        ),
        ({"promptTokenCount": 10, "candidatesTokenCount": None}, Usage(input=10)),
        (
            {"promptTokenCount": 10, "candidatesTokenCount": None, "thoughtsTokenCount": 8},
            Usage(input=10, output=8, thinking=8),
        ),
    ],
)
def test_usage_by_kind(provider: FakeProviders, client: Gemini, stated: dict[str, Any], usage: Usage) -> None:
    result = met(provider, client, {"usage": stated})
    assert (result.usage, result.cost_known) == (usage, True)


@pytest.mark.parametrize("stated", [None, {"promptTokenCount": None}])
def test_an_answer_without_usage_has_an_unknown_cost(provider: FakeProviders, client: Gemini, stated: Any) -> None:
    result = met(provider, client, {"usage": stated})
    assert (result.outcome, result.usage, result.cost_known) == (Outcome.ANSWERED, None, False)


def test_another_model_may_answer(provider: FakeProviders, client: Gemini) -> None:
    assert met(provider, client, {"model": "gemini-3.8-flash"}).answered_by == "gemini-3.8-flash"


def test_a_used_up_day_however_short_the_delay_beside_it(provider: FakeProviders, client: Gemini) -> None:
    result = met(provider, client, {"gemini_day_quota": 47})
    assert result.outcome is Outcome.QUOTA_EXHAUSTED
    assert result.until == next_midnight(datetime.now(UTC), PACIFIC)
    assert result.retry_after is None


@pytest.mark.parametrize(
    ("action", "seconds"),
    [
        ({"gemini_minute_quota": 47}, 47.0),
        ({"gemini_day_quota": {"details": False}}, None),
        ({"rate_limit": {"retry_after": 7}}, 7.0),
        ({"rate_limit": {"retry_after": 1.5}}, 1.5),
        ({"rate_limit": {"retry_after": 0}}, 0.0),
        ({"rate_limit": {}}, None),
        ({"status": 429}, None),
    ],
)
def test_rate_limits(provider: FakeProviders, client: Gemini, action: Any, seconds: float | None) -> None:
    result = met(provider, client, action)
    assert (result.outcome, result.retry_after, result.until) == (Outcome.RATE_LIMITED, seconds, None)
    assert (result.usage, result.cost_known) == (None, True)


def test_a_rate_limit_with_a_date(provider: FakeProviders, client: Gemini) -> None:
    result = met(provider, client, {"rate_limit": {"retry_after": 30, "form": "date"}})
    assert result.retry_after is not None
    assert 25 < result.retry_after <= 31  # a date has whole seconds, rounded up


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        ({"status": 400}, Outcome.INVALID),
        ({"status": {"code": 400, "message": f"bad: {PROMPT} {KEY}"}}, Outcome.INVALID),
        ({"status": 401}, Outcome.AUTH),
        ({"status": 403}, Outcome.AUTH),
        ("invalid_key", Outcome.AUTH),
        ({"status": 404}, Outcome.RETIRED),
        ({"status": 500}, Outcome.UNAVAILABLE),
        ({"status": 503}, Outcome.UNAVAILABLE),
        ({"status": 504}, Outcome.UNAVAILABLE),
        ("too_long", Outcome.INVALID),
    ],
    ids=str,
)
def test_refusals_bill_nothing(provider: FakeProviders, client: Gemini, action: Any, outcome: Outcome) -> None:
    result = met(provider, client, action)
    assert (result.outcome, result.usage, result.cost_known) == (outcome, None, True)
    assert result.detail


@pytest.mark.parametrize("reason", ["SAFETY", "PROHIBITED_CONTENT", "OTHER"])
def test_a_blocked_prompt(provider: FakeProviders, client: Gemini, reason: str) -> None:
    result = met(provider, client, {"blocked": reason})
    assert (result.outcome, result.text, result.detail) == (Outcome.BLOCKED, "", f"blocked {reason}")
    assert result.usage == Usage(input=IN)


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("SAFETY", Outcome.BLOCKED),
        ("RECITATION", Outcome.BLOCKED),
        ("SPII", Outcome.BLOCKED),
        ("OTHER", Outcome.EMPTY),
        ("MALFORMED_FUNCTION_CALL", Outcome.EMPTY),
        ("MAX_TOKENS", Outcome.TRUNCATED),
        ("STOP", Outcome.ANSWERED),
    ],
)
def test_finish_reasons(provider: FakeProviders, client: Gemini, reason: str, outcome: Outcome) -> None:
    result = met(provider, client, {"stop": reason})
    assert (result.outcome, result.cost_known) == (outcome, True)


def test_every_blocking_finish_reason_of_the_sdk_is_known() -> None:
    text = {reason.name for reason in types.FinishReason if not reason.name.startswith("IMAGE_")}
    words = ("SAFETY", "PROHIBITED", "RECITATION", "BLOCK", "SPII", "LANGUAGE")
    assert {name for name in text if any(word in name for word in words)} <= gemini._BLOCKING


def reply(text: str, finish: str = "STOP", **more: object) -> dict[str, object]:
    part = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": finish}
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 1}
    return {"candidates": [part], "usageMetadata": usage, "modelVersion": MODEL, **more}


def test_the_sdk_does_not_ask_on_by_itself() -> None:
    with saying(reply("half", "CONTINUATION", continuationToken="dG9r")) as (url, sent):
        adapter = Gemini(KEY, url)
        result = asked(adapter, MODEL)
        adapter._client.close()
    assert len(sent) == 1
    assert b"ontinuation" not in sent[0]
    assert (result.outcome, result.text, result.usage) == (Outcome.TRUNCATED, "half", Usage(input=5, output=1))


def test_a_text_that_no_store_takes_is_mended() -> None:
    with saying(reply("half a smile \ud83d")) as (url, _):
        adapter = Gemini(KEY, url)
        result = asked(adapter, MODEL)
        adapter._client.close()
    assert (result.outcome, result.text) == (Outcome.ANSWERED, "half a smile ?")


def test_an_answer_without_a_word(provider: FakeProviders, client: Gemini) -> None:
    result = met(provider, client, "empty")
    assert (result.outcome, result.usage, result.cost_known) == (Outcome.EMPTY, Usage(input=IN), True)


@pytest.mark.parametrize(
    "action",
    [
        {"empty": "body"},
        {"malformed": "json"},
        {"malformed": "html"},
        {"reset": "mid_answer"},
        {"reset": "before_answer"},
        {"reset": "rst"},
    ],
    ids=str,
)
def test_what_was_sent_and_not_answered_has_an_unknown_end(
    provider: FakeProviders, client: Gemini, action: Any
) -> None:
    result = met(provider, client, action)
    assert (result.outcome, result.cost_known) == (Outcome.UNKNOWN, False)
    assert result.detail


def test_an_error_in_a_200_is_no_answer(provider: FakeProviders, client: Gemini) -> None:
    result = met(provider, client, "error_in_200")
    assert (result.outcome, result.cost_known) == (Outcome.UNKNOWN, False)


@pytest.mark.parametrize("action", ["hang", {"delay": 3}], ids=str)
def test_timeouts(provider: FakeProviders, client: Gemini, action: Any) -> None:
    began = time.monotonic()
    result = met(provider, client, action, timeout=0.4)
    assert (result.outcome, result.cost_known) == (Outcome.UNKNOWN, False)
    assert time.monotonic() - began < 2
    assert "Timeout" in result.detail


def test_what_never_left_costs_nothing(closed_port: int) -> None:
    adapter = Gemini(KEY, f"http://127.0.0.1:{closed_port}/gemini")
    result = asked(adapter, MODEL)
    adapter._client.close()
    assert (result.outcome, result.cost_known) == (Outcome.NOT_SENT, True)


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("26s", 26.0), ("1.5s", 1.5), ("0s", 0.0), ("-3s", 0.0), (None, None), ("soon", None), ("nans", None), (7, 7.0)],
)
def test_durations(duration: Any, seconds: float | None) -> None:
    assert gemini._seconds(duration) == seconds


def test_an_absurd_duration_can_still_be_added_to_a_time() -> None:
    seconds = gemini._seconds("1e300s")
    assert seconds is not None
    assert datetime.now(UTC) + timedelta(seconds=seconds)
