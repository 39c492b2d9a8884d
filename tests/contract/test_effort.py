"""What the real SDKs send for an effort, and what is read of an answer that is all thinking."""

import json
from typing import Any

import pytest

from pointsman.adapters.claude import Claude
from pointsman.adapters.gemini import Gemini
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.values.effort import Effort
from pointsman.values.usage import Usage
from tests.support.model_calls import KEY, ask_model, serve_response

HAIKU, SONNET, OPUS = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"
LITE = "gemini-3.5-flash-lite"
LEVELS = [level for level in Effort if level is not Effort.NONE]
SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
MESSAGE: dict[str, object] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": HAIKU,
    "content": [{"type": "text", "text": "done"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 4},
}
CONTENT: dict[str, object] = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "done"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 1, "totalTokenCount": 6},
    "modelVersion": LITE,
}


def ask_claude(answer: dict[str, object], model: str, **options: Any) -> tuple[CallResult, dict[str, Any]]:
    with serve_response(answer) as (url, received):
        adapter = Claude(KEY, url)
        result = ask_model(adapter, model, **options)
        adapter._client.close()
    return result, json.loads(received[0])


def ask_gemini(answer: dict[str, object], model: str, **options: Any) -> tuple[CallResult, dict[str, Any]]:
    with serve_response(answer) as (url, received):
        adapter = Gemini(KEY, url)
        result = ask_model(adapter, model, **options)
        adapter._client.close()
    return result, json.loads(received[0])


@pytest.mark.parametrize(
    ("model", "effort", "sent"),
    [
        (HAIKU, None, {}),
        (HAIKU, Effort.NONE, {"thinking": {"type": "disabled"}}),
        (SONNET, Effort.NONE, {"thinking": {"type": "between_tools"}}),
        (OPUS, Effort.NONE, {"output_config": {"effort": "low"}}),
        *[(model, level, {"output_config": {"effort": level}}) for model in (HAIKU, SONNET, OPUS) for level in LEVELS],
        ("claude-haiku-4-5", Effort.HIGH, {}),
    ],
)
def test_claude_is_told_its_effort(model: str, effort: Effort | None, sent: dict[str, Any]) -> None:
    result, request = ask_claude({**MESSAGE, "model": model}, model, effort=effort)
    assert result.outcome is Outcome.ANSWERED
    assert {name: request[name] for name in ("thinking", "output_config") if name in request} == sent


def test_effort_stands_beside_a_schema() -> None:
    answer = {**MESSAGE, "content": [{"type": "text", "text": '{"title": "x"}'}]}
    _, request = ask_claude(answer, HAIKU, effort=Effort.LOW, schema=SCHEMA)
    assert request["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}}
    _, request = ask_claude(answer, HAIKU, effort=Effort.NONE, schema=SCHEMA)
    assert request["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    assert request["thinking"] == {"type": "disabled"}


@pytest.mark.parametrize("limit", [21_333, 21_334, 128_000])
def test_large_output_cap_needs_no_stream(limit: int) -> None:
    """The SDK refuses a non-streaming call from 21,334 tokens on, unless a timeout is given."""
    result, request = ask_claude(MESSAGE, HAIKU, limit=limit, timeout=290.0)
    assert (result.outcome, request["max_tokens"]) == (Outcome.ANSWERED, limit)


@pytest.mark.parametrize(
    ("model", "effort", "sent"),
    [
        (LITE, None, None),
        (LITE, Effort.NONE, "MINIMAL"),
        (LITE, Effort.LOW, "LOW"),
        (LITE, Effort.MAX, "HIGH"),
        ("gemini-3.6-flash", Effort.NONE, "MINIMAL"),
        ("gemini-3.7-flash", Effort.NONE, "LOW"),
        ("gemini-3.8-flash", Effort.NONE, "LOW"),
        ("gemini-3.8-flash", Effort.XHIGH, "HIGH"),
        ("gemma-4-31b-it", Effort.HIGH, None),
        ("gemini-2.0-flash", Effort.HIGH, None),
    ],
)
def test_gemini_is_told_its_thinking_level(model: str, effort: Effort | None, sent: str | None) -> None:
    result, request = ask_gemini(CONTENT, model, effort=effort)
    assert result.outcome is Outcome.ANSWERED
    config = request["generationConfig"].get("thinkingConfig")
    assert (config and config["thinking_level"]) == sent


@pytest.mark.parametrize(("effort", "budget"), [(Effort.NONE, 0), (Effort.MEDIUM, 8_192), (Effort.MAX, 24_576)])
def test_gemini_2_5_is_told_a_budget(effort: Effort, budget: int) -> None:
    _, request = ask_gemini(CONTENT, "gemini-2.5-flash", effort=effort)
    assert request["generationConfig"]["thinkingConfig"] == {"thinking_budget": budget}


def test_claude_answer_that_is_all_thinking_is_empty_and_billed() -> None:
    thinking = {
        "content": [{"type": "thinking", "thinking": "", "signature": "x"}],
        "stop_reason": "max_tokens",
        "usage": {"input_tokens": 5, "output_tokens": 64, "output_tokens_details": {"thinking_tokens": 64}},
    }
    result, _ = ask_claude({**MESSAGE, **thinking}, HAIKU)
    assert (result.outcome, result.usage) == (Outcome.EMPTY, Usage(input=5, output=64, thinking=64))


def test_gemini_answer_that_is_all_thinking_is_empty_and_billed() -> None:
    """google/adk-python 1357 and NousResearch/hermes-agent 87208."""
    thinking = {
        "candidates": [{"content": {"role": "model"}, "finishReason": "MAX_TOKENS"}],
        "usageMetadata": {"promptTokenCount": 1706, "thoughtsTokenCount": 2999, "totalTokenCount": 4705},
    }
    result, _ = ask_gemini({**CONTENT, **thinking}, LITE, limit=3000)
    assert (result.outcome, result.usage) == (Outcome.EMPTY, Usage(input=1706, output=2999, thinking=2999))
