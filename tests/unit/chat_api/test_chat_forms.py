"""Requests and responses in the form of OpenAI's chat completions."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

from pointsman.chat_api import chat_response
from pointsman.chat_api.chat_request import KNOWN, read_chat
from pointsman.chat_api.request_fields import TIER_MODELS, Asked, ChatError
from pointsman.values.limits import LARGEST_OUTPUT
from pointsman.values.status import Status
from pointsman.values.taxonomy import Tier
from pointsman.values.usage import Usage
from tests.support.results import completed

HELLO = [{"role": "user", "content": "Hello"}]


def asked(**fields: Any) -> Asked:
    return read_chat(json.dumps({"model": "pointsman/auto", "messages": HELLO, **fields}).encode(), TIER_MODELS)


def refused(**fields: Any) -> tuple[int, str, str]:
    with pytest.raises(ChatError) as caught:
        asked(**fields)
    error = caught.value.body["error"]
    assert error["message"].startswith(f"{error['param']}: ")
    assert error["type"] == "invalid_request_error"
    return caught.value.status, error["param"], error["code"]


def test_a_message_is_the_prompt_itself() -> None:
    assert asked() == Asked("Hello")


@pytest.mark.parametrize("tier", Tier)
def test_a_model_chooses_a_tier_or_none(tier: Tier) -> None:
    assert asked(model=f"pointsman/{tier}").tier is tier
    assert asked(model="pointsman/auto").tier is None


def test_instructions_go_into_system_and_a_conversation_stays_one() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "One"}, {"type": "text", "text": "and two?"}]},
        {"role": "assistant", "content": "Three."},
        {"role": "developer", "content": "In French."},
        {"role": "user", "content": "And four?"},
    ]
    result = asked(messages=messages)
    assert result.system == "Be brief.\n\nIn French."
    assert result.prompt is None
    assert result.messages == said(user="One\nand two?", assistant="Three.", user_again="And four?")


def said(**texts: str) -> list[dict[str, str]]:
    return [{"role": speaker.partition("_")[0], "content": text} for speaker, text in texts.items()]


@pytest.mark.parametrize(
    ("turn", "read"),
    [
        ({"content": None, "refusal": "No."}, {"assistant": "No."}),
        ({"content": [{"type": "refusal", "refusal": "No."}]}, {"assistant": "No."}),
        ({"content": None}, {}),
        ({}, {}),
        ({"content": ""}, {}),
    ],
)
def test_assistant_turn_without_content_is_its_refusal_or_left_out(turn: dict[str, Any], read: dict[str, str]) -> None:
    """open-webui/open-webui 12441: OpenAI's own answers have such turns."""
    turns = [{"role": "user", "content": "Tell me"}, {"role": "assistant", **turn}, {"role": "user", "content": "Why?"}]
    assert asked(messages=turns).messages == said(user="Tell me", **read, user_again="Why?")


def test_user_turn_without_content_is_refused() -> None:
    assert refused(messages=[{"role": "user", "content": None}])[:2] == (400, "messages[0].content")


def test_chat_request_maps_to_a_task() -> None:
    result = asked(max_tokens=9, metadata={"ticket": "PAY-1"}, user="u-1", private=True, stream=False)
    assert (result.max_output_tokens, result.metadata, result.private) == (9, {"ticket": "PAY-1", "user": "u-1"}, True)
    assert asked(max_tokens=9, max_completion_tokens=9).max_output_tokens == 9
    streamed = asked(stream=True, stream_options={"include_usage": True})
    assert (streamed.stream, streamed.stream_usage) == (True, True)


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 0.2, "top_p": 1, "seed": 7, "store": False, "tool_choice": "none"},
        {"n": 1, "tools": [], "functions": [], "stop": None, "response_format": {"type": "text"}, "logprobs": False},
        {"max_tokens": None, "metadata": None, "user": None, "stream": None, "stream_options": None},
    ],
)
def test_sampling_options_and_empty_requests_are_ignored(fields: dict[str, Any]) -> None:
    assert asked(**fields) == Asked("Hello")


@pytest.mark.parametrize(
    ("fields", "status", "param", "code"),
    [
        ({"n": 2}, 400, "n", "unsupported_parameter"),
        ({"tools": [{"type": "function"}]}, 400, "tools", "unsupported_parameter"),
        ({"functions": [{}]}, 400, "functions", "unsupported_parameter"),
        ({"stop": 7}, 400, "stop", "invalid_value"),
        ({"stop": [1]}, 400, "stop", "invalid_value"),
        ({"response_format": "json"}, 400, "response_format", "invalid_value"),
        ({"response_format": {"type": "grammar"}}, 400, "response_format.type", "unsupported_parameter"),
        ({"response_format": {"type": "json_schema"}}, 400, "response_format", "invalid_value"),
        ({"logprobs": True}, 400, "logprobs", "unsupported_parameter"),
        ({"modalities": ["audio"]}, 400, "modalities", "unsupported_parameter"),
        ({"model": "gpt-5"}, 404, "model", "model_not_found"),
        ({"model": None}, 404, "model", "model_not_found"),
        ({"model": ["pointsman/auto"]}, 404, "model", "model_not_found"),
        ({"messages": []}, 400, "messages", "invalid_value"),
        ({"messages": "Hello"}, 400, "messages", "invalid_value"),
        ({"messages": [{"role": "system", "content": "a"}]}, 400, "messages", "invalid_value"),
        ({"messages": [{"role": "user", "content": " "}]}, 400, "messages", "invalid_value"),
        ({"messages": [*HELLO, "a"]}, 400, "messages[1]", "invalid_value"),
        ({"messages": [{"role": "tool", "content": "a"}]}, 400, "messages[0].role", "unsupported_parameter"),
        ({"messages": [{"role": [], "content": "a"}]}, 400, "messages[0].role", "invalid_value"),
        ({"messages": [{"role": "user", "content": None}]}, 400, "messages[0].content", "invalid_value"),
        (
            {"messages": [*HELLO, {"role": "assistant", "content": None, "tool_calls": [{}]}]},
            *(400, "messages[1].tool_calls", "unsupported_parameter"),
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]},
            *(400, "messages[0].content[0].type", "unsupported_parameter"),
        ),
        ({"max_tokens": 0}, 400, "max_tokens", "invalid_value"),
        ({"max_tokens": True}, 400, "max_tokens", "invalid_value"),
        ({"max_tokens": 1.5}, 400, "max_tokens", "invalid_value"),
        ({"max_tokens": "9"}, 400, "max_tokens", "invalid_value"),
        ({"max_tokens": 1, "max_completion_tokens": 2}, 400, "max_tokens", "invalid_value"),
        ({"metadata": {"a": 1}}, 400, "metadata", "invalid_value"),
        ({"metadata": [1]}, 400, "metadata", "invalid_value"),
        ({"user": 7}, 400, "user", "invalid_value"),
        ({"stream": "yes"}, 400, "stream", "invalid_value"),
        ({"private": 1}, 400, "private", "invalid_value"),
        ({"max_cost_usd": 0.25}, 400, "max_cost_usd", "invalid_value"),
    ],
)
def test_unsupported_option_is_named_in_the_error(fields: dict[str, Any], status: int, param: str, code: str) -> None:
    assert refused(**fields) == (status, param, code)


def test_output_limit_is_taken_as_clients_write_it() -> None:
    assert asked(max_tokens=9.0).max_output_tokens == 9
    assert asked(max_completion_tokens=1_000_000).max_output_tokens == LARGEST_OUTPUT


def test_tools_are_taken_where_none_may_be_called() -> None:
    assert asked(tools=[{"type": "function"}], tool_choice="none") == asked()
    assert asked(functions=[{"name": "f"}], function_call="none") == asked()
    assert refused(tools=[{"type": "function"}], tool_choice="auto") == (400, "tools", "unsupported_parameter")


@pytest.mark.parametrize(
    "name", ["privat", "Private", "pivate", "tier", "teir", "dead_line", "reply-to", "max_cost_us"]
)
def test_slip_in_a_field_that_decides_what_is_done_is_refused(name: str) -> None:
    assert refused(**{name: True}) == (400, name, "unsupported_parameter")


@pytest.mark.parametrize(
    "name", ["top_k", "min_p", "models", "max_retries", "thinking", "extra_body", "api_key", "cache"]
)
def test_other_unknown_names_are_ignored_and_named(name: str) -> None:
    answered = asked(**{name: 1})
    assert replace(answered, unknown=()) == asked()
    assert [words.partition(" ")[0] for words in answered.unknown] == [name]


def test_all_parameters_of_openai_are_known() -> None:
    assert set(CompletionCreateParamsNonStreaming.__annotations__) <= KNOWN


@pytest.mark.parametrize(("fields", "next_step"), [({"n": 2}, "more requests"), ({"tools": [{}]}, "tool_choice none")])
def test_refusal_says_what_to_do_instead(fields: dict[str, Any], next_step: str) -> None:
    with pytest.raises(ChatError, match=next_step):
        asked(**fields)


def test_byte_order_mark_before_a_body_is_ignored() -> None:
    body = json.dumps({"model": "pointsman/auto", "messages": HELLO}).encode()
    assert read_chat(b"\xef\xbb\xbf" + body, TIER_MODELS) == read_chat(body, TIER_MODELS)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xff", b'"\\ud800"', b"null"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(ChatError) as caught:
        read_chat(body, TIER_MODELS)
    assert (caught.value.status, caught.value.body["error"]["param"]) == (400, "body")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
MESSAGE = st.fixed_dictionaries({}, optional={"role": st.sampled_from(["user", "tool"]) | JSON, "content": JSON})
NAMES = ("n", "tools", "stop", "max_tokens", "metadata", "user", "stream", "stream_options", "private", "modalities")


@given(
    st.fixed_dictionaries(
        {"model": st.sampled_from(list(TIER_MODELS)) | JSON, "messages": st.lists(MESSAGE, max_size=3) | JSON},
        optional=dict.fromkeys(NAMES, JSON),
    )
)
def test_any_json_is_followed_or_refused_and_nothing_else(fields: dict[str, Any]) -> None:
    with suppress(ChatError):
        assert read_chat(json.dumps(fields).encode(), TIER_MODELS).prompt


USAGE = Usage(input=10, cache_read=5, output=7, thinking=2)


@pytest.mark.parametrize(("truncated", "finish"), [(False, "stop"), (True, "length")])
def test_a_completion_is_one_for_openais_own_types(truncated: bool, finish: str) -> None:
    built = chat_response.completion("t-1", completed("ö", USAGE, truncated=truncated), 5)
    result = ChatCompletion.model_validate(built, strict=True)
    assert (result.id, result.choices[0].finish_reason, result.choices[0].message.content) == ("t-1", finish, "ö")
    usage = result.usage
    assert usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (15, 7, 22)
    assert usage.prompt_tokens_details
    assert usage.prompt_tokens_details.cached_tokens == 5


def test_a_stream_says_the_same_in_one_piece() -> None:
    whole = chat_response.completion("t-1", completed("a\nb", USAGE), 5)
    *events, done, rest = chat_response.as_stream(whole, with_usage=True).split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    chunks = [ChatCompletionChunk.model_validate_json(event.removeprefix("data: ")) for event in events]
    assert [choice.delta.content for chunk in chunks for choice in chunk.choices] == ["a\nb", None]
    assert [choice.finish_reason for chunk in chunks for choice in chunk.choices] == [None, "stop"]
    assert chunks[-1].usage
    assert chunks[-1].usage.total_tokens == 22


@pytest.mark.parametrize(
    ("status", "reason", "http", "code"),
    [
        (Status.FAILED, "refused", 400, "content_filter"),
        (Status.FAILED, "over_budget", 429, "insufficient_quota"),
        (Status.FAILED, "deadline", 504, "deadline"),
        (Status.FAILED, "no_model_left", 502, "no_model_left"),
        (Status.FAILED, None, 502, "failed"),
        (Status.REJECTED, "task_id: is taken by a task with other content", 409, "idempotency_conflict"),
    ],
)
def test_a_failure_keeps_its_reason(status: Status, reason: str | None, http: int, code: str) -> None:
    error = chat_response.failure("t-1", status, reason)
    assert (error.status, error.body["error"]["code"], error.task_id) == (http, code, "t-1")


@pytest.mark.parametrize(
    ("reasoning_effort", "effort"),
    [(None, None), ("none", "none"), ("minimal", "none"), ("high", "high"), ("max", "max"), ("auto", None), ({}, None)],
)
def test_reasoning_effort_is_the_task_s_effort(reasoning_effort: Any, effort: str | None) -> None:
    assert asked(reasoning_effort=reasoning_effort).effort == effort


SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}}


@pytest.mark.parametrize(
    ("response_format", "schema"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, {"type": "object"}),
        ({"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": SCHEMA}}, SCHEMA),
    ],
)
def test_response_format_is_the_task_s_schema(response_format: Any, schema: Any) -> None:
    assert asked(response_format=response_format).output_schema == schema


@pytest.mark.parametrize(("stop", "stops"), [(None, None), ([], None), ("END", ["END"]), (["a", "b"], ["a", "b"])])
def test_stop_is_one_text_or_several(stop: Any, stops: Any) -> None:
    assert asked(stop=stop).stop == stops
