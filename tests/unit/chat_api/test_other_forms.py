"""Requests and responses in the forms of OpenAI's responses and Anthropic's messages, by their SDKs' own types."""

import json
from typing import Any

import pytest
from anthropic.types import Message, RawMessageStreamEvent
from anthropic.types.message_create_params import MessageCreateParamsBase
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsBase
from pydantic import TypeAdapter

from pointsman.chat_api.chat_request import read_chat
from pointsman.chat_api.messages_form import (
    KNOWN_OF_MESSAGES,
    message,
    message_stream,
    messages_error,
    read_messages,
)
from pointsman.chat_api.request_fields import TIER_MODELS, Asked, ChatError
from pointsman.chat_api.responses_form import KNOWN_OF_RESPONSES, read_responses, response, response_stream
from pointsman.values.taxonomy import Tier
from pointsman.values.usage import Usage
from tests.support.results import completed

USAGE = Usage(input=10, cache_read=5, output=7, thinking=2)
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}}
HELLO = [{"role": "user", "content": "Hello"}]
TALK = [*HELLO, {"role": "assistant", "content": "Two."}, {"role": "user", "content": "3?"}]


def by_chat(**fields: Any) -> Asked:
    return read_chat(json.dumps({"model": "pointsman/auto", **fields}).encode(), TIER_MODELS)


def by_responses(**fields: Any) -> Asked:
    return read_responses(json.dumps({"model": "pointsman/auto", "input": "Hello", **fields}).encode(), TIER_MODELS)


def by_messages(**fields: Any) -> Asked:
    body = {"model": "pointsman/auto", "max_tokens": 9, "messages": HELLO, **fields}
    return read_messages(json.dumps(body).encode(), TIER_MODELS)


def test_a_response_is_asked_for_by_text_or_conversation() -> None:
    assert by_responses() == Asked("Hello")
    assert by_responses(input=[{"role": "user", "content": [{"type": "input_text", "text": "Hello"}]}]) == Asked(
        "Hello"
    )
    talk = by_responses(
        model="pointsman/reasoning",
        instructions="Be brief.",
        input=[
            *TALK[:1],
            {"type": "reasoning", "id": "r", "summary": []},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Two."}]},
            *TALK[2:],
        ],
        max_output_tokens=1_000_000,
        reasoning={"effort": "low"},
        text={"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}},
        metadata={"ticket": "T"},
        stream=True,
    )
    assert (talk.messages, talk.system, talk.tier, talk.stream) == (TALK, "Be brief.", Tier.REASONING, True)
    assert (talk.effort, talk.output_schema, talk.max_output_tokens) == ("low", SCHEMA, 128_000)


def test_a_message_is_asked_for_with_blocks_and_schema() -> None:
    assert by_messages() == Asked("Hello", max_output_tokens=9)
    thinking = {"type": "thinking", "thinking": "", "signature": "x"}
    blocks = [thinking, {"type": "text", "text": "Two.", "cache_control": {"type": "ephemeral"}}]
    talk = by_messages(
        system=[{"type": "text", "text": "Be"}, {"type": "text", "text": "brief."}],
        messages=[TALK[0], {"role": "assistant", "content": blocks}, TALK[2]],
        stop_sequences=["END"],
        thinking={"type": "disabled"},
        output_config={"effort": "high", "format": {"type": "json_schema", "schema": SCHEMA}},
        metadata={"user_id": "u"},
        tools=[{"name": "t", "input_schema": {}}],
        tool_choice={"type": "none"},
    )
    assert (talk.messages, talk.system, talk.stop, talk.effort) == (TALK, "Be\nbrief.", ["END"], "none")
    assert (talk.output_schema, talk.metadata) == (SCHEMA, {"user": "u"})


@pytest.mark.parametrize("ask", [by_responses, by_messages])
def test_own_fields_are_the_tasks(ask: Any) -> None:
    request = ask(private=True, max_cost_usd="0.25")
    assert (request.private, request.max_cost_usd) == (True, "0.25")


@pytest.mark.parametrize(
    ("ask", "fields", "param"),
    [
        (by_responses, {"tools": [{"type": "function"}]}, "tools"),
        (by_responses, {"previous_response_id": "r"}, "previous_response_id"),
        (by_responses, {"background": True}, "background"),
        (by_responses, {"input": [{"type": "function_call", "name": "f"}]}, "input[0].type"),
        (by_responses, {"input": [{"type": "item_reference", "id": "i"}]}, "input[0].type"),
        (by_responses, {"input": []}, "input"),
        (by_responses, {"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0].type"),
        (by_responses, {"instructions": 7}, "instructions"),
        (by_responses, {"privat": True}, "privat"),
        (by_messages, {"tools": [{"name": "t"}]}, "tools"),
        (by_messages, {"tools": [{"name": "t"}], "tool_choice": {"type": "any"}}, "tools"),
        (by_messages, {"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "messages[0].content[0].type"),
        (by_messages, {"messages": [{"role": "user", "content": [{"type": []}]}]}, "messages[0].content[0].type"),
        (by_messages, {"output_config": {"format": {"type": "json_object"}}}, "output_config.format"),
        (by_messages, {"max_tokens": 0}, "max_tokens"),
        (by_messages, {"privat": True}, "privat"),
    ],
)
def test_what_a_task_has_not_is_named(ask: Any, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(ChatError) as caught:
        ask(**fields)
    assert (caught.value.status, caught.value.body["error"]["param"]) == (400, param)


CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("ask", "turns"),
    [
        (by_chat, [{"role": "assistant", "content": None, "tool_calls": [CALL]}]),
        (by_chat, [{"role": "assistant", "content": None, "function_call": CALL["function"]}]),
        (by_chat, [{"role": "tool", "tool_call_id": "c", "content": "4"}]),
        (by_chat, [{"role": "function", "name": "f", "content": "4"}]),
        (by_responses, [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]),
        (by_responses, [{"type": "function_call_output", "call_id": "c", "output": "4"}]),
        (by_responses, [{"type": "web_search_call", "id": "w", "status": "completed"}]),
        (by_messages, [{"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]}]),
        (by_messages, [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "4"}]}]),
    ],
)
def test_turn_of_a_tool_is_told_that_no_tool_is_called(ask: Any, turns: list[Any]) -> None:
    with pytest.raises(ChatError, match=r"no tool is called.*call the provider") as caught:
        ask(**{"input" if ask is by_responses else "messages": [*HELLO, *turns]})
    assert (caught.value.status, caught.value.code) == (400, "unsupported_parameter")


@pytest.mark.parametrize(
    ("ask", "part"),
    [
        (by_chat, {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
        (by_chat, {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}),
        (by_chat, {"type": "file", "file": {"file_id": "f"}}),
        (by_responses, {"type": "input_image", "image_url": "https://example.com/a.png"}),
        (by_responses, {"type": "input_file", "file_id": "f"}),
        (by_messages, {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}),
        (by_messages, {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a"}}),
    ],
)
def test_part_that_is_no_text_is_told_that_a_task_is_text(ask: Any, part: dict[str, Any]) -> None:
    turns = [{"role": "user", "content": [{"type": "text", "text": "Look"}, part]}]
    with pytest.raises(ChatError, match="a task is text, without images, audio or files") as caught:
        ask(**{"input" if ask is by_responses else "messages": turns})
    assert caught.value.status == 400


def test_all_parameters_of_both_sdks_are_known() -> None:
    assert set(ResponseCreateParamsBase.__annotations__) <= KNOWN_OF_RESPONSES
    assert set(MessageCreateParamsBase.__annotations__) <= KNOWN_OF_MESSAGES


@pytest.mark.parametrize("truncated", [False, True])
def test_a_response_is_one_for_openais_own_types(truncated: bool) -> None:
    whole = response("t-1", completed("ö", USAGE, truncated=truncated), 5)
    built = Response.model_validate(whole)
    assert (built.output_text, built.status) == ("ö", "incomplete" if truncated else "completed")
    assert built.usage
    assert (built.usage.input_tokens, built.usage.output_tokens, built.usage.total_tokens) == (15, 7, 22)
    events = [event.split("\ndata: ")[1] for event in response_stream(whole).split("\n\n")[:-1]]
    read = [TypeAdapter[Any](ResponseStreamEvent).validate_json(event) for event in events]
    assert [event.sequence_number for event in read] == list(range(9))
    assert [event.delta for event in read if event.type == "response.output_text.delta"] == ["ö"]
    assert read[-1].response == built


@pytest.mark.parametrize(("truncated", "stop"), [(False, "end_turn"), (True, "max_tokens")])
def test_a_message_is_one_for_anthropics_own_types(truncated: bool, stop: str) -> None:
    whole = message("t-1", completed("ö", USAGE, truncated=truncated))
    built = Message.model_validate(whole)
    assert (built.stop_reason, built.usage.input_tokens, built.usage.cache_read_input_tokens) == (stop, 10, 5)
    events = [event.split("\ndata: ")[1] for event in message_stream(whole).split("\n\n")[:-1]]
    read = [TypeAdapter[Any](RawMessageStreamEvent).validate_json(event) for event in events]
    assert [event.type for event in read] == [
        *("message_start", "content_block_start", "content_block_delta", "content_block_stop"),
        *("message_delta", "message_stop"),
    ]


def test_an_error_has_anthropics_form() -> None:
    error = ChatError(429, "over_budget", code="insufficient_quota", task_id="t-1")
    assert messages_error(error) == {
        "type": "error",
        "error": {"type": "rate_limit_error", "message": "over_budget"},
        "request_id": "t-1",
    }
