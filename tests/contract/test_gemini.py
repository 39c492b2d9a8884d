"""The Gemini adapter with the real SDK against the fake provider: the result of each fault."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from google.genai import types

from pointsman.adapters import gemini
from pointsman.adapters.gemini import Gemini
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.values.times import PACIFIC, next_midnight
from pointsman.values.usage import Usage
from tests.support.fake_providers import GEMINI_MODEL, FakeProviders
from tests.support.model_calls import EARLIER, FORGED, INPUT_TOKENS, KEY, PROMPT, ask_model, serve_response


@pytest.fixture(scope="module")
def client(provider_process: FakeProviders) -> Iterator[Gemini]:
    adapter = Gemini(KEY, f"{provider_process.url}/gemini")
    yield adapter
    adapter._client.close()


def ask_with_fault(provider: FakeProviders, client: Gemini, action: Any, **options: Any) -> CallResult:
    """Ask once, under a fault."""
    provider.fault("gemini", action)
    result = ask_model(client, GEMINI_MODEL, **options)
    assert len(provider.requests()) == 1
    return result


def test_answer_has_text_usage_model_and_request_id(provider: FakeProviders, client: Gemini) -> None:
    result = ask_model(client, GEMINI_MODEL)

    (request,) = provider.requests()
    assert result.outcome is Outcome.ANSWERED
    assert result.text.startswith(f"[stand-in {GEMINI_MODEL}]")
    assert result.usage == Usage(input=INPUT_TOKENS, output=request["output_tokens"])
    assert (result.answered_by, result.request_id, result.detail) == (GEMINI_MODEL, request["id"], "")
    assert request["attempt"] == "t-1.000001.000001"
    assert request["path"] == f"/gemini/v1/models/{GEMINI_MODEL}:generateContent"


def test_long_answer_is_returned_whole(provider: FakeProviders, client: Gemini) -> None:
    result = ask_with_fault(provider, client, {"answer": {"bytes": 300_000}}, limit=100_000)
    assert (result.outcome, len(result.text.encode())) == (Outcome.ANSWERED, 300_000)


def test_answer_follows_the_schema(provider: FakeProviders, client: Gemini) -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    result = ask_model(client, GEMINI_MODEL, schema=schema)
    assert result.outcome is Outcome.ANSWERED
    assert set(json.loads(result.text)) == {"title"}


def test_answer_at_max_tokens_is_truncated(provider: FakeProviders, client: Gemini) -> None:
    result = ask_model(client, GEMINI_MODEL, limit=5)
    assert (result.outcome, len(result.text), result.detail) == (Outcome.TRUNCATED, 20, "finish_reason MAX_TOKENS")
    assert result.usage == Usage(input=INPUT_TOKENS, output=5)


@pytest.mark.parametrize(
    ("usage_fields", "usage"),
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
            {"promptTokenCount": 11, "cachedContentTokenCount": 11, "candidatesTokenCount": 9},
            Usage(cache_read=11, output=9),
        ),
        (
            {"promptTokenCount": 10, "toolUsePromptTokenCount": 5, "candidatesTokenCount": 1},
            Usage(input=15, output=1),
        ),
        (
            {"promptTokenCount": 10, "candidatesTokenCount": None, "thoughtsTokenCount": 8},
            Usage(input=10, output=8, thinking=8),
        ),
    ],
)
def test_usage_is_split_by_kind(
    provider: FakeProviders, client: Gemini, usage_fields: dict[str, Any], usage: Usage
) -> None:
    result = ask_with_fault(provider, client, {"usage": usage_fields})
    assert (result.usage, result.cost_known) == (usage, True)


@pytest.mark.parametrize("usage_fields", [None, {"promptTokenCount": None}])
def test_answer_without_usage_has_an_unknown_cost(provider: FakeProviders, client: Gemini, usage_fields: Any) -> None:
    result = ask_with_fault(provider, client, {"usage": usage_fields})
    assert (result.outcome, result.usage, result.cost_known) == (Outcome.ANSWERED, None, False)


@pytest.mark.parametrize(
    ("usage_fields", "doubt"),
    [
        ({"promptTokenCount": 10, "candidatesTokenCount": None}, "text without tokens"),
        ({"promptTokenCount": 0, "candidatesTokenCount": 9}, "text without tokens"),
        ({"promptTokenCount": 10, "candidatesTokenCount": -1}, "negative usage"),
        ({"promptTokenCount": 11, "candidatesTokenCount": 9, "totalTokenCount": 88}, "total above the sum"),
        ({"promptTokenCount": 11, "candidatesTokenCount": 9, "totalTokenCount": 9}, "total below the sum"),
        ({"promptTokenCount": 11, "candidatesTokenCount": 9, "cachedContentTokenCount": 50}, "total below the sum"),
        (
            {
                "promptTokenCount": 11,
                "candidatesTokenCount": 9,
                "cachedContentTokenCount": 50,
                "totalTokenCount": None,
            },
            "more cached than sent",
        ),
        *(
            (
                {
                    "promptTokenCount": prompt,
                    "candidatesTokenCount": 9,
                    "cachedContentTokenCount": (prompt or 0) + 1,
                    "totalTokenCount": None,
                },
                "more cached than sent",
            )
            for prompt in (11, None)
        ),
    ],
)
def test_usage_that_cannot_be_has_an_unknown_cost(
    provider: FakeProviders, client: Gemini, usage_fields: dict[str, Any], doubt: str
) -> None:
    result = ask_with_fault(provider, client, {"usage": usage_fields})
    assert (result.outcome, result.cost_doubt, result.cost_known) == (Outcome.ANSWERED, doubt, False)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}, Outcome.BLOCKED),
        ({"candidates": []}, Outcome.EMPTY),
        ({"candidates": [{"finishReason": "RECITATION"}]}, Outcome.EMPTY),
    ],
)
@pytest.mark.parametrize(("total", "known"), [(11, True), (88, False)])
def test_total_above_the_sum_is_doubted_without_a_text(
    provider: FakeProviders, client: Gemini, body: dict[str, Any], outcome: Outcome, total: int, known: bool
) -> None:
    usage = {"promptTokenCount": 11, "totalTokenCount": total}
    result = ask_with_fault(provider, client, {"response": {"body": {**body, "usageMetadata": usage}}})
    assert (result.outcome, result.cost_known) == (outcome, known)


def test_answer_names_the_model_that_served_it(provider: FakeProviders, client: Gemini) -> None:
    assert ask_with_fault(provider, client, {"model": "gemini-3.8-flash"}).answered_by == "gemini-3.8-flash"


def test_used_up_daily_quota_ends_at_midnight_whatever_the_retry_delay(provider: FakeProviders, client: Gemini) -> None:
    result = ask_with_fault(provider, client, {"gemini_day_quota": 47})
    assert result.outcome is Outcome.QUOTA_EXHAUSTED
    assert result.until == next_midnight(datetime.now(UTC), PACIFIC)
    assert result.retry_after is None


def _refused_by(*quotas: str) -> dict[str, Any]:
    details = {
        "@type": "type.googleapis.com/google.rpc.QuotaFailure",
        "violations": [{"quotaId": id_} for id_ in quotas],
    }
    error = {"code": 429, "message": "Quota exceeded.", "status": "RESOURCE_EXHAUSTED", "details": [details]}
    return {"response": {"status": 429, "body": {"error": error}}}


@pytest.mark.parametrize(
    ("action", "paid"),
    [
        ({"gemini_day_quota": 47}, False),
        (_refused_by("GenerateContentInputTokensPerModelPerMinute-FreeTier"), False),
        (_refused_by("GenerateContentPaidTierInputTokensPerModelPerMinute"), True),
        (_refused_by("GenerateContentPaidTierInputTokensPerModelPerMinute-PaidTier2"), True),
        (_refused_by("GenerateRequestsPerMinutePerProjectPerModel"), None),
        ({"status": 429}, None),
        ({"status": 503}, None),
    ],
)
def test_quota_shows_whether_the_project_is_linked_to_billing(
    provider: FakeProviders, client: Gemini, action: Any, paid: bool | None
) -> None:
    assert ask_with_fault(provider, client, action).paid_project is paid


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
def test_rate_limit_keeps_its_retry_delay(
    provider: FakeProviders, client: Gemini, action: Any, seconds: float | None
) -> None:
    result = ask_with_fault(provider, client, action)
    assert (result.outcome, result.retry_after, result.until) == (Outcome.RATE_LIMITED, seconds, None)
    assert (result.usage, result.cost_known) == (None, True)


def test_rate_limit_with_a_date_becomes_a_delay(provider: FakeProviders, client: Gemini) -> None:
    result = ask_with_fault(provider, client, {"rate_limit": {"retry_after": 30, "form": "date"}})
    assert result.retry_after is not None
    assert 25 < result.retry_after <= 31  # a date has whole seconds, rounded up


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        ({"status": 400}, Outcome.INVALID),
        ({"status": {"code": 400, "message": f"bad: {PROMPT} {KEY}"}}, Outcome.INVALID),
        ({"status": 401}, Outcome.ACCOUNT),
        ({"status": 403}, Outcome.ACCOUNT),
        ("invalid_key", Outcome.ACCOUNT),
        ({"status": 404}, Outcome.RETIRED),
        ({"status": 500}, Outcome.UNAVAILABLE),
        ({"status": 503}, Outcome.UNAVAILABLE),
        ({"status": 504}, Outcome.UNAVAILABLE),
        ("too_long", Outcome.TOO_LONG),
    ],
    ids=str,
)
def test_http_error_has_an_outcome_and_no_cost(
    provider: FakeProviders, client: Gemini, action: Any, outcome: Outcome
) -> None:
    result = ask_with_fault(provider, client, action)
    assert (result.outcome, result.usage, result.cost_known) == (outcome, None, True)
    assert result.detail


@pytest.mark.parametrize("reason", ["SAFETY", "PROHIBITED_CONTENT", "OTHER"])
def test_blocked_prompt_has_its_reason_and_usage(provider: FakeProviders, client: Gemini, reason: str) -> None:
    result = ask_with_fault(provider, client, {"blocked": reason})
    assert (result.outcome, result.text, result.detail) == (Outcome.BLOCKED, "", f"blocked {reason}")
    assert result.usage == Usage(input=INPUT_TOKENS)


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("SAFETY", Outcome.BLOCKED),
        ("RECITATION", Outcome.EMPTY),
        ("LANGUAGE", Outcome.EMPTY),
        ("SPII", Outcome.BLOCKED),
        ("IMAGE_PROHIBITED_CONTENT", Outcome.BLOCKED),
        ("OTHER", Outcome.EMPTY),
        ("MALFORMED_FUNCTION_CALL", Outcome.EMPTY),
        ("MAX_TOKENS", Outcome.TRUNCATED),
        ("STOP", Outcome.ANSWERED),
    ],
)
def test_finish_reason_decides_the_outcome(
    provider: FakeProviders, client: Gemini, reason: str, outcome: Outcome
) -> None:
    result = ask_with_fault(provider, client, {"stop": reason})
    assert (result.outcome, result.cost_known) == (outcome, True)


def test_every_blocking_finish_reason_of_the_sdk_is_mapped() -> None:
    text = {reason.name for reason in types.FinishReason if not reason.name.startswith("IMAGE_")}
    words = ("SAFETY", "PROHIBITED", "RECITATION", "BLOCK", "SPII", "LANGUAGE")
    assert {name for name in text if any(word in name for word in words)} <= gemini._BLOCKING | gemini._CHANCE


def response(text: str, finish: str = "STOP", **more: object) -> dict[str, object]:
    part = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": finish}
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 1}
    return {"candidates": [part], "usageMetadata": usage, "modelVersion": GEMINI_MODEL, **more}


def test_sdk_sends_no_continuation_request_by_itself() -> None:
    """The SDK goes on by itself where a candidate has a token, unless it is told not to."""
    half: Any = response("half", "CONTINUATION")
    half["candidates"][0]["continuationToken"] = "dG9r"
    with serve_response(half, half, response("whole")) as (url, sent):
        adapter = Gemini(KEY, url)
        result = ask_model(adapter, GEMINI_MODEL)
        adapter._client.close()
    assert len(sent) == 1
    assert b"ontinuation" not in sent[0]
    assert (result.outcome, result.text, result.usage) == (Outcome.TRUNCATED, "half", Usage(input=5, output=1))


def test_lone_surrogate_in_the_text_is_replaced() -> None:
    with serve_response(response("half a smile \ud83d")) as (url, _):
        adapter = Gemini(KEY, url)
        result = ask_model(adapter, GEMINI_MODEL)
        adapter._client.close()
    assert (result.outcome, result.text) == (Outcome.ANSWERED, "half a smile ?")


@pytest.mark.parametrize("reason", [5, ["STOP"]])
def test_finish_reason_that_is_none_has_an_unknown_outcome(
    provider: FakeProviders, client: Gemini, reason: object
) -> None:
    body = {"candidates": [{"content": {"parts": [{"text": "ok"}]}, "finishReason": reason}]}
    result = ask_with_fault(provider, client, {"response": {"body": body}})
    assert (result.outcome, result.cost_known) == (Outcome.UNKNOWN, False)


def test_redirect_is_no_word_of_the_provider_and_is_not_followed(provider: FakeProviders, client: Gemini) -> None:
    elsewhere = {"location": f"{provider.url}/gemini/v1beta/elsewhere"}
    result = ask_with_fault(provider, client, {"response": {"status": 307, "headers": elsewhere, "body_text": ""}})
    assert (result.outcome, result.cost_known) == (Outcome.UNAVAILABLE, True)


def test_answer_without_text_is_empty_and_billed(provider: FakeProviders, client: Gemini) -> None:
    result = ask_with_fault(provider, client, "empty")
    assert (result.outcome, result.usage, result.cost_known) == (Outcome.EMPTY, Usage(input=INPUT_TOKENS), True)


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
def test_request_without_a_valid_response_has_an_unknown_outcome(
    provider: FakeProviders, client: Gemini, action: Any
) -> None:
    result = ask_with_fault(provider, client, action)
    assert (result.outcome, result.cost_known) == (Outcome.UNKNOWN, False)
    assert result.detail


def test_error_within_a_200_has_an_unknown_outcome(provider: FakeProviders, client: Gemini) -> None:
    result = ask_with_fault(provider, client, "error_in_200")
    assert (result.outcome, result.cost_known) == (Outcome.UNKNOWN, False)


@pytest.mark.parametrize("action", ["hang", {"delay": 3}], ids=str)
def test_timeout_has_an_unknown_outcome(provider: FakeProviders, client: Gemini, action: Any) -> None:
    began = time.monotonic()
    result = ask_with_fault(provider, client, action, timeout=0.4)
    assert (result.outcome, result.cost_known) == (Outcome.UNKNOWN, False)
    assert time.monotonic() - began < 2
    assert "Timeout" in result.detail


def test_request_that_was_not_sent_costs_nothing(closed_port: int) -> None:
    adapter = Gemini(KEY, f"http://127.0.0.1:{closed_port}/gemini")
    result = ask_model(adapter, GEMINI_MODEL)
    adapter._client.close()
    assert (result.outcome, result.cost_known) == (Outcome.NOT_SENT, True)


def test_each_turn_of_a_conversation_is_sent_as_its_speakers() -> None:
    with serve_response(response("Yes.")) as (url, sent):
        adapter = Gemini(KEY, url)
        assert ask_model(adapter, GEMINI_MODEL, earlier=EARLIER).outcome is Outcome.ANSWERED
        adapter._client.close()
    contents = json.loads(sent[0])["contents"]
    assert [(turn["role"], turn["parts"][0]["text"]) for turn in contents] == [
        ("user", FORGED),
        ("model", "May I?"),
        ("user", PROMPT),
    ]


def test_conversation_is_answered(provider: FakeProviders, client: Gemini) -> None:
    assert ask_model(client, GEMINI_MODEL, earlier=EARLIER).outcome is Outcome.ANSWERED
