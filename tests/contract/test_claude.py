"""The Anthropic adapter with the real SDK against the stand-in: what each fault becomes."""

import json
import time
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from pointsman.adapters import claude
from pointsman.adapters.claude import Claude
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.values.usage import Usage
from tests.contract.conftest import KEY, PROMPT, SYSTEM, asked, saying
from tests.support.fake_providers import FakeProviders

MODEL = "claude-haiku-5-5"
IN = -(-len(PROMPT) // 4) + -(-len(SYSTEM) // 4)


@pytest.fixture(scope="module")
def client(_provider: FakeProviders) -> Iterator[Claude]:
    adapter = Claude(KEY, f"{_provider.url}/anthropic")
    yield adapter
    adapter._client.close()


def met(provider: FakeProviders, client: Claude, action: Any, **options: Any) -> CallResult:
    """Ask once, with that fault."""
    provider.fault("anthropic", action)
    result = asked(client, MODEL, **options)
    assert len(provider.requests()) == 1
    return result


def test_an_answer(provider: FakeProviders, client: Claude) -> None:
    result = asked(client, MODEL)

    (request,) = provider.requests()
    assert result.outcome is Outcome.ANSWERED
    assert result.text.startswith(f"[stand-in {MODEL}]")
    assert result.usage == Usage(input=IN, output=request["output_tokens"])
    assert (result.answered_by, result.request_id, result.detail) == (MODEL, f"req_{request['id']}", "")
    assert request["attempt"] == "t-1.000001.000001"


def test_a_long_answer(provider: FakeProviders, client: Claude) -> None:
    result = met(provider, client, {"answer": {"bytes": 300_000}}, limit=100_000)
    assert (result.outcome, len(result.text.encode())) == (Outcome.ANSWERED, 300_000)


def test_structured_output(provider: FakeProviders, client: Claude) -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    result = asked(client, MODEL, schema=schema)
    assert result.outcome is Outcome.ANSWERED
    assert set(json.loads(result.text)) == {"title"}


def test_max_tokens(provider: FakeProviders, client: Claude) -> None:
    result = asked(client, MODEL, limit=5)
    assert (result.outcome, len(result.text), result.detail) == (Outcome.TRUNCATED, 20, "stop_reason max_tokens")
    assert result.usage == Usage(input=IN, output=5)


def test_the_largest_output_needs_no_stream(provider: FakeProviders, client: Claude) -> None:
    assert asked(client, MODEL, limit=128_000, timeout=290).outcome is Outcome.ANSWERED


def test_a_model_on_its_way_out_is_asked_all_the_same(provider: FakeProviders, client: Claude) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        assert asked(client, "claude-sonnet-4-5").answered_by == "claude-sonnet-4-5"


@pytest.mark.parametrize(
    ("stated", "usage"),
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
def test_usage_by_kind(provider: FakeProviders, client: Claude, stated: dict[str, Any], usage: Usage) -> None:
    result = met(provider, client, {"usage": stated})
    assert (result.usage, result.cost_known) == (usage, True)


@pytest.mark.parametrize("stated", [None, {"input_tokens": None}, {"output_tokens": None}])
def test_an_answer_without_usage_has_an_unknown_cost(provider: FakeProviders, client: Claude, stated: Any) -> None:
    result = met(provider, client, {"usage": stated})
    assert (result.outcome, result.usage, result.cost_known) == (Outcome.ANSWERED, None, False)


def test_another_model_may_answer(provider: FakeProviders, client: Claude) -> None:
    assert met(provider, client, {"model": "claude-haiku-5-5-20261001"}).answered_by == "claude-haiku-5-5-20261001"


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
def test_rate_limits(provider: FakeProviders, client: Claude, action: Any, seconds: float | None) -> None:
    result = met(provider, client, action)
    assert (result.outcome, result.retry_after, result.until) == (Outcome.RATE_LIMITED, seconds, None)
    assert (result.usage, result.cost_known) == (None, True)
    assert result.request_id == f"req_{provider.requests()[0]['id']}"


def test_a_rate_limit_with_a_date(provider: FakeProviders, client: Claude) -> None:
    result = met(provider, client, {"rate_limit": {"retry_after": 30, "form": "date"}})
    assert result.retry_after is not None
    assert 25 < result.retry_after <= 31  # a date has whole seconds, rounded up


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        ({"status": 400}, Outcome.INVALID),
        ({"status": {"code": 400, "message": f"bad: {PROMPT} {KEY}"}}, Outcome.INVALID),
        ({"status": 401}, Outcome.AUTH),
        ("invalid_key", Outcome.AUTH),
        ({"status": 402}, Outcome.AUTH),
        ({"status": 403}, Outcome.AUTH),
        ({"status": 404}, Outcome.RETIRED),
        ({"status": 413}, Outcome.TOO_LONG),
        ({"status": 500}, Outcome.UNAVAILABLE),
        ({"status": 503}, Outcome.UNAVAILABLE),
        ({"status": 504}, Outcome.UNAVAILABLE),
        ({"status": 529}, Outcome.UNAVAILABLE),
        ("too_long", Outcome.INVALID),
    ],
    ids=str,
)
def test_refusals_bill_nothing(provider: FakeProviders, client: Claude, action: Any, outcome: Outcome) -> None:
    result = met(provider, client, action)
    assert (result.outcome, result.usage, result.cost_known) == (outcome, None, True)
    assert result.detail


def test_a_refusal_of_the_model_is_paid(provider: FakeProviders, client: Claude) -> None:
    result = met(provider, client, "refusal")
    assert (result.outcome, result.cost_known, result.detail) == (Outcome.REFUSED, True, "stop_reason refusal")
    assert result.usage == Usage(input=IN)


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
def test_stop_reasons(provider: FakeProviders, client: Claude, reason: str, outcome: Outcome) -> None:
    result = met(provider, client, {"stop": reason})
    assert (result.outcome, result.cost_known) == (outcome, True)


def test_every_stop_reason_of_the_sdk_has_a_meaning() -> None:
    from typing import get_args

    from anthropic.types import StopReason

    assert set(get_args(StopReason)) == set(claude._STOPS) | {"tool_use", "pause_turn"}


def test_an_answer_without_a_word(provider: FakeProviders, client: Claude) -> None:
    result = met(provider, client, "empty")
    assert (result.outcome, result.usage, result.cost_known) == (Outcome.EMPTY, Usage(input=IN), True)


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
def test_what_was_sent_and_not_answered_has_an_unknown_end(
    provider: FakeProviders, client: Claude, action: Any
) -> None:
    result = met(provider, client, action)
    assert (result.outcome, result.cost_known) == (Outcome.UNKNOWN, False)
    assert result.detail


@pytest.mark.parametrize("action", ["hang", {"delay": 3}], ids=str)
def test_timeouts(provider: FakeProviders, client: Claude, action: Any) -> None:
    began = time.monotonic()
    result = met(provider, client, action, timeout=0.4)
    assert (result.outcome, result.cost_known) == (Outcome.UNKNOWN, False)
    assert time.monotonic() - began < 2
    assert "Timeout" in result.detail


def test_what_never_left_costs_nothing(closed_port: int) -> None:
    adapter = Claude(KEY, f"http://127.0.0.1:{closed_port}/anthropic")
    result = asked(adapter, MODEL)
    adapter._client.close()
    assert (result.outcome, result.cost_known) == (Outcome.NOT_SENT, True)


MESSAGE: dict[str, object] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": MODEL,
    "content": [{"type": "text", "text": "half a smile \ud83d"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 4},
}


def given_an(answer: dict[str, object]) -> CallResult:
    with saying(answer) as (url, _):
        adapter = Claude(KEY, url)
        result = asked(adapter, MODEL)
        adapter._client.close()
    return result


def test_a_text_that_no_store_takes_is_mended() -> None:
    result = given_an(MESSAGE)
    assert (result.outcome, result.text, result.usage) == (Outcome.ANSWERED, "half a smile ?", Usage(input=5, output=4))


def test_thinking_is_no_part_of_the_text() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "x"}
    new = {"type": "a_new_kind", "data": "x"}
    result = given_an(
        {**MESSAGE, "content": [thought, new, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}
    )
    assert (result.outcome, result.text) == (Outcome.ANSWERED, "ab")


@pytest.mark.parametrize("missing", sorted(MESSAGE))
def test_a_message_with_a_part_missing_raises_nothing(missing: str) -> None:
    result = given_an({name: value for name, value in MESSAGE.items() if name != missing})
    assert result.outcome in {Outcome.ANSWERED, Outcome.EMPTY, Outcome.UNKNOWN}
    assert result.outcome is not Outcome.ANSWERED or missing in {"id", "role", "model", "stop_sequence", "usage"}


@pytest.mark.parametrize(
    "strange", [{"content": None}, {"content": []}, {"usage": {}}, {"model": None}, {"content": [{}]}]
)
def test_a_strange_message_raises_nothing(strange: dict[str, object]) -> None:
    assert given_an({**MESSAGE, **strange}).outcome in {Outcome.ANSWERED, Outcome.EMPTY, Outcome.UNKNOWN}
