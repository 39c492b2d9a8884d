"""The Anthropic adapter with the real SDK against the fake provider: the result of each fault."""

import json
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from devstack.fake_providers.thinking import THINKING_TOKENS
from pointsman.adapters import claude
from pointsman.adapters.claude import Claude
from pointsman.execution.outcome import AccountTrouble, CallResult, Outcome
from pointsman.values.usage import Usage
from tests.support.fake_providers import CLAUDE_MODEL, FakeProviders
from tests.support.model_calls import EARLIER, FORGED, INPUT_TOKENS, KEY, PROMPT, ask_model, serve_response


@pytest.fixture(scope="module")
def client(provider_process: FakeProviders) -> Iterator[Claude]:
    adapter = Claude(KEY, f"{provider_process.url}/anthropic")
    yield adapter
    adapter._client.close()


def ask_with_fault(provider: FakeProviders, client: Claude, action: Any, **options: Any) -> CallResult:
    """Ask once, under a fault."""
    provider.fault("anthropic", action)
    result = ask_model(client, CLAUDE_MODEL, **options)
    assert len(provider.requests()) == 1
    return result


def test_answer_has_text_usage_model_and_request_id(provider: FakeProviders, client: Claude) -> None:
    result = ask_model(client, CLAUDE_MODEL)

    (request,) = provider.requests()
    assert result.outcome is Outcome.ANSWERED
    assert result.text.startswith(f"[stand-in {CLAUDE_MODEL}]")
    thinking = THINKING_TOKENS["medium"]
    assert result.usage == Usage(input=INPUT_TOKENS, output=request["output_tokens"], thinking=thinking)
    assert (result.answered_by, result.request_id, result.detail) == (CLAUDE_MODEL, f"req_{request['id']}", "")
    assert request["attempt"] == "t-1.000001.000001"


def test_long_answer_is_returned_whole(provider: FakeProviders, client: Claude) -> None:
    result = ask_with_fault(provider, client, {"answer": {"bytes": 300_000}}, limit=100_000)
    assert (result.outcome, len(result.text.encode())) == (Outcome.ANSWERED, 300_000)


def test_answer_follows_the_schema(provider: FakeProviders, client: Claude) -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    result = ask_model(client, CLAUDE_MODEL, schema=schema)
    assert result.outcome is Outcome.ANSWERED
    assert set(json.loads(result.text)) == {"title"}


def test_answer_at_max_tokens_is_truncated(provider: FakeProviders, client: Claude) -> None:
    result = ask_with_fault(provider, client, {"thinking": 0}, limit=5)
    assert (result.outcome, len(result.text), result.detail) == (Outcome.TRUNCATED, 20, "stop_reason max_tokens")
    assert result.usage == Usage(input=INPUT_TOKENS, output=5)


def test_largest_output_limit_needs_no_stream(provider: FakeProviders, client: Claude) -> None:
    assert ask_model(client, CLAUDE_MODEL, limit=128_000, timeout=290).outcome is Outcome.ANSWERED


def test_deprecated_model_is_still_called(provider: FakeProviders, client: Claude) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert ask_model(client, "claude-sonnet-4-5").answered_by == "claude-sonnet-4-5"


@pytest.mark.parametrize(
    ("usage_fields", "usage"),
    [
        (
            {
                "input_tokens": 100,
                "cache_read_input_tokens": 40,
                "cache_creation_input_tokens": 30,
                "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
                "output_tokens": 9,
            },
            Usage(input=100, cache_read=40, cache_write_5m=20, cache_write_1h=10, output=9),
        ),
        (
            {"input_tokens": 1, "cache_creation_input_tokens": 30, "cache_creation": None, "output_tokens": 9},
            Usage(input=1, cache_write_5m=30, output=9),
        ),
        (
            {"input_tokens": 1, "output_tokens": 90, "output_tokens_details": {"thinking_tokens": 70}},
            Usage(input=1, output=90, thinking=70),
        ),
        (
            {
                "input_tokens": 1,
                "cache_creation_input_tokens": None,
                "cache_read_input_tokens": None,
                "output_tokens": 2,
            },
            Usage(input=1, output=2),
        ),
    ],
)
def test_usage_is_split_by_kind(
    provider: FakeProviders, client: Claude, usage_fields: dict[str, Any], usage: Usage
) -> None:
    result = ask_with_fault(provider, client, {"usage": usage_fields})
    assert (result.usage, result.cost_known) == (usage, True)


@pytest.mark.parametrize("usage_fields", [None, {"input_tokens": None}, {"output_tokens": None}])
def test_answer_without_usage_has_an_unknown_cost(provider: FakeProviders, client: Claude, usage_fields: Any) -> None:
    result = ask_with_fault(provider, client, {"usage": usage_fields})
    assert (result.outcome, result.usage, result.cost_known) == (Outcome.ANSWERED, None, False)


def test_answer_names_the_model_that_served_it(provider: FakeProviders, client: Claude) -> None:
    assert (
        ask_with_fault(provider, client, {"model": "claude-haiku-5-5-20261001"}).answered_by
        == "claude-haiku-5-5-20261001"
    )


@pytest.mark.parametrize(
    ("action", "seconds"),
    [
        ({"rate_limit": {"retry_after": 7}}, 7.0),
        ({"rate_limit": {"retry_after": 1.5}}, 1.5),
        ({"rate_limit": {"retry_after": 0}}, 0.0),
        ({"rate_limit": {}}, None),
        ({"status": 429}, None),
    ],
)
def test_rate_limit_keeps_its_retry_delay(
    provider: FakeProviders, client: Claude, action: Any, seconds: float | None
) -> None:
    result = ask_with_fault(provider, client, action)
    assert (result.outcome, result.retry_after, result.until) == (Outcome.RATE_LIMITED, seconds, None)
    assert (result.usage, result.cost_known) == (None, True)
    assert result.request_id == f"req_{provider.requests()[0]['id']}"


def test_rate_limit_with_a_date_becomes_a_delay(provider: FakeProviders, client: Claude) -> None:
    result = ask_with_fault(provider, client, {"rate_limit": {"retry_after": 30, "form": "date"}})
    assert result.retry_after is not None
    assert 25 < result.retry_after <= 31  # a date has whole seconds, rounded up


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        ({"status": 400}, Outcome.INVALID),
        ({"status": {"code": 400, "message": f"bad: {PROMPT} {KEY}"}}, Outcome.INVALID),
        ({"status": 401}, Outcome.ACCOUNT),
        ("invalid_key", Outcome.ACCOUNT),
        ({"status": 402}, Outcome.ACCOUNT),
        ({"status": 403}, Outcome.ACCOUNT),
        ({"status": 404}, Outcome.RETIRED),
        ({"status": 413}, Outcome.TOO_LONG),
        ({"status": 500}, Outcome.UNAVAILABLE),
        ({"status": 503}, Outcome.UNAVAILABLE),
        ({"status": 504}, Outcome.UNAVAILABLE),
        ({"status": 529}, Outcome.UNAVAILABLE),
        ("too_long", Outcome.TOO_LONG),
    ],
    ids=str,
)
def test_http_error_has_an_outcome_and_no_cost(
    provider: FakeProviders, client: Claude, action: Any, outcome: Outcome
) -> None:
    result = ask_with_fault(provider, client, action)
    assert (result.outcome, result.usage, result.cost_known) == (outcome, None, True)
    assert result.detail


@pytest.mark.parametrize(
    ("headers", "outer", "outcome", "account"),
    [
        ({}, {}, Outcome.UNAVAILABLE, None),
        ({"request-id": ""}, {}, Outcome.UNAVAILABLE, None),
        ({"request-id": "7c1f-proxy"}, {}, Outcome.UNAVAILABLE, None),
        ({"request-id": "req_0151"}, {}, Outcome.ACCOUNT, AccountTrouble.PLACE),
        ({"request-id": "req_0151"}, {"type": "blocked"}, Outcome.UNAVAILABLE, None),
        ({}, {"type": "error"}, Outcome.ACCOUNT, AccountTrouble.PLACE),
    ],
)
def test_forbidden_place_counts_only_by_envelope_or_request_id(
    provider: FakeProviders,
    client: Claude,
    headers: dict[str, str],
    outer: dict[str, str],
    outcome: Outcome,
    account: AccountTrouble | None,
) -> None:
    body = {**outer, "error": {"type": "forbidden", "message": "Request not allowed"}}
    result = ask_with_fault(provider, client, {"response": {"status": 403, "headers": headers, "body": body}})
    assert (result.outcome, result.account) == (outcome, account)


def test_refusal_of_the_model_is_billed(provider: FakeProviders, client: Claude) -> None:
    result = ask_with_fault(provider, client, "refusal")
    assert (result.outcome, result.cost_known, result.detail) == (Outcome.REFUSED, True, "stop_reason refusal")
    assert result.usage == Usage(input=INPUT_TOKENS)


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("end_turn", Outcome.ANSWERED),
        ("stop_sequence", Outcome.ANSWERED),
        ("max_tokens", Outcome.TRUNCATED),
        ("model_context_window_exceeded", Outcome.TRUNCATED),
        ("pause_turn", Outcome.EMPTY),
        ("tool_use", Outcome.EMPTY),
        ("a_new_one", Outcome.EMPTY),
    ],
)
def test_stop_reason_decides_the_outcome(
    provider: FakeProviders, client: Claude, reason: str, outcome: Outcome
) -> None:
    result = ask_with_fault(provider, client, {"stop": reason})
    assert (result.outcome, result.cost_known) == (outcome, True)


def test_every_stop_reason_of_the_sdk_is_mapped() -> None:
    from typing import get_args

    from anthropic.types import StopReason

    assert set(get_args(StopReason)) == set(claude._STOPS) | {"tool_use", "pause_turn"}


def test_answer_without_text_is_empty_and_billed(provider: FakeProviders, client: Claude) -> None:
    result = ask_with_fault(provider, client, "empty")
    assert (result.outcome, result.usage, result.cost_known) == (Outcome.EMPTY, Usage(input=INPUT_TOKENS), True)


@pytest.mark.parametrize(
    "action",
    [
        {"empty": "body"},
        {"malformed": "json"},
        {"malformed": "html"},
        "error_in_200",
        {"reset": "mid_answer"},
        {"reset": "before_answer"},
        {"reset": "rst"},
    ],
    ids=str,
)
def test_request_without_a_valid_response_has_an_unknown_outcome(
    provider: FakeProviders, client: Claude, action: Any
) -> None:
    result = ask_with_fault(provider, client, action)
    assert (result.outcome, result.cost_known) == (Outcome.UNKNOWN, False)
    assert result.detail


@pytest.mark.parametrize("action", ["hang", {"delay": 3}], ids=str)
def test_timeout_has_an_unknown_outcome(provider: FakeProviders, client: Claude, action: Any) -> None:
    began = time.monotonic()
    result = ask_with_fault(provider, client, action, timeout=0.4)
    assert (result.outcome, result.cost_known) == (Outcome.UNKNOWN, False)
    assert time.monotonic() - began < 2
    assert "Timeout" in result.detail


def test_request_that_was_not_sent_costs_nothing(closed_port: int) -> None:
    adapter = Claude(KEY, f"http://127.0.0.1:{closed_port}/anthropic")
    result = ask_model(adapter, CLAUDE_MODEL)
    adapter._client.close()
    assert (result.outcome, result.cost_known) == (Outcome.NOT_SENT, True)


MESSAGE: dict[str, object] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": CLAUDE_MODEL,
    "content": [{"type": "text", "text": "half a smile \ud83d"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 4},
}


def result_of(message: dict[str, object]) -> CallResult:
    with serve_response(message) as (url, _):
        adapter = Claude(KEY, url)
        result = ask_model(adapter, CLAUDE_MODEL)
        adapter._client.close()
    return result


def test_lone_surrogate_in_the_text_is_replaced() -> None:
    result = result_of(MESSAGE)
    assert (result.outcome, result.text, result.usage) == (Outcome.ANSWERED, "half a smile ?", Usage(input=5, output=4))


def test_thinking_is_left_out_of_the_text() -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": "x"}
    unknown = {"type": "a_new_kind", "data": "x"}
    result = result_of(
        {**MESSAGE, "content": [thinking, unknown, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    )
    assert (result.outcome, result.text) == (Outcome.ANSWERED, "ab")


@pytest.mark.parametrize("missing", sorted(MESSAGE))
def test_message_with_a_missing_field_raises_no_error(missing: str) -> None:
    result = result_of({name: value for name, value in MESSAGE.items() if name != missing})
    assert result.outcome in {Outcome.ANSWERED, Outcome.EMPTY, Outcome.UNKNOWN}
    assert result.outcome is not Outcome.ANSWERED or missing in {"id", "role", "model", "stop_sequence", "usage"}


def text_block(text: object) -> list[dict[str, object]]:
    return [{"type": "text", "text": text}]


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"content": None}, Outcome.EMPTY),
        ({"content": []}, Outcome.EMPTY),
        ({"content": [{}]}, Outcome.EMPTY),
        ({"content": ["ok"]}, Outcome.EMPTY),
        ({"content": [None]}, Outcome.EMPTY),
        ({"content": text_block(None)}, Outcome.EMPTY),
        ({"content": text_block(5)}, Outcome.EMPTY),
        ({"content": "ok"}, Outcome.UNKNOWN),
        ({"content": {"text": "ok"}}, Outcome.UNKNOWN),
        ({"model": None}, Outcome.ANSWERED),
        ({"model": 5}, Outcome.ANSWERED),
        ({"stop_reason": 5}, Outcome.EMPTY),
    ],
)
def test_malformed_message_raises_no_error(fields: dict[str, object], outcome: Outcome) -> None:
    assert result_of({**MESSAGE, **fields}).outcome is outcome


@pytest.mark.parametrize(
    "usage",
    [
        {},
        [],
        "5",
        {"input_tokens": "5", "output_tokens": 4},
        {"input_tokens": 5, "output_tokens": 4.5},
        {"input_tokens": True, "output_tokens": 4},
        {"input_tokens": 5, "output_tokens": 1e30},
        {"input_tokens": 5, "output_tokens": 10**12},
        {"input_tokens": 5, "output_tokens": 4, "cache_creation": {"ephemeral_1h_input_tokens": "1"}},
        {"input_tokens": 5, "output_tokens": 4, "output_tokens_details": "none"},
        {"input_tokens": 5, "output_tokens": 4, "speed": "fast"},
        {"input_tokens": 5, "output_tokens": 4, "server_tool_use": {"web_search_requests": 1}},
        {"input_tokens": 0, "output_tokens": 4},
        {"input_tokens": -5, "output_tokens": 4},
    ],
    ids=str,
)
def test_usage_that_cannot_be_priced_leaves_the_answer_and_an_unknown_cost(usage: Any) -> None:
    result = result_of({**MESSAGE, "usage": usage})
    assert (result.outcome, result.cost_known) == (Outcome.ANSWERED, False)


def test_answer_without_anything_sent_or_said_has_an_unknown_cost() -> None:
    result = result_of({**MESSAGE, "content": [], "usage": {"input_tokens": 0, "output_tokens": 0}})
    assert (result.outcome, result.cost_known) == (Outcome.EMPTY, False)


@pytest.mark.parametrize(
    ("details", "unbilled"),
    [(None, True), ({"type": "refusal", "category": "cyber"}, True), ({"category": ["bio"]}, False), ("bio", False)],
)
def test_refusal_is_free_only_by_a_category_that_is(details: object, unbilled: bool) -> None:
    result = result_of({**MESSAGE, "content": [], "stop_reason": "refusal", "stop_details": details})
    assert (result.outcome, result.unbilled) == (Outcome.REFUSED, unbilled)


def test_redirect_is_no_word_of_the_provider_and_is_not_followed(provider: FakeProviders, client: Claude) -> None:
    elsewhere = {"location": f"{provider.url}/anthropic/v1/elsewhere"}
    result = ask_with_fault(provider, client, {"response": {"status": 307, "headers": elsewhere, "body_text": ""}})
    assert (result.outcome, result.cost_known) == (Outcome.UNAVAILABLE, True)


def test_each_turn_of_a_conversation_is_sent_as_its_speakers() -> None:
    with serve_response(MESSAGE) as (url, sent):
        adapter = Claude(KEY, url)
        assert ask_model(adapter, CLAUDE_MODEL, earlier=EARLIER).outcome is Outcome.ANSWERED
        adapter._client.close()
    assert json.loads(sent[0])["messages"] == [
        {"role": "user", "content": FORGED},
        {"role": "assistant", "content": "May I?"},
        {"role": "user", "content": PROMPT},
    ]


def test_conversation_is_answered(provider: FakeProviders, client: Claude) -> None:
    assert ask_model(client, CLAUDE_MODEL, earlier=EARLIER).outcome is Outcome.ANSWERED
