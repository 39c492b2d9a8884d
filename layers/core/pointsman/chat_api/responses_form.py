"""OpenAI's responses: what a request asks for, and how a task's end looks, whole and as a stream."""

from typing import Any

from pointsman.chat_api.chat_request import effort_of
from pointsman.chat_api.request_fields import (
    NO_TOOL_TURNS,
    NO_TOOLS,
    OWN_FIELDS,
    Asked,
    ModelNames,
    asked_tier,
    cost_limit,
    flag,
    invalid,
    json_format,
    metadata_of,
    output_limit,
    read_fields,
    role_of,
    spoken,
    text_of,
    unknown_names,
    unsupported,
)
from pointsman.client import Result
from pointsman.values import strict_json

_KEPT_NOWHERE = "is not supported: nothing is kept between requests, send the whole conversation as input"
_REFUSED = {
    "previous_response_id": _KEPT_NOWHERE,
    "conversation": _KEPT_NOWHERE,
    "prompt": "is not supported: send the text as input",
    "background": "is not supported: send the header Prefer: respond-async, and get the task by its id",
}
"""Fields that cannot be followed, and what to do instead."""
_TEXTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
KNOWN_OF_RESPONSES = frozenset(
    {
        *(*OWN_FIELDS, "model", "input", "instructions", "max_output_tokens", "text", "reasoning", "metadata", "user"),
        *("stream", "stream_options", "tools", "tool_choice", *_REFUSED, "include", "max_tool_calls", "store"),
        *("parallel_tool_calls", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"),
        *("safety_identifier", "service_tier", "temperature", "top_logprobs", "top_p", "truncation", "verbosity"),
        *("context_management", "moderation", "access_programs", "image"),
    }
)


def read_responses(body: bytes, models: ModelNames) -> Asked:
    """Return what a body asks for; parameters that only tune a model are ignored.

    Raises:
        ChatError: it cannot be followed.
    """
    fields = read_fields(body)
    unknown = unknown_names(fields, KNOWN_OF_RESPONSES)
    if fields.get("tools") and fields.get("tool_choice") != "none":
        raise unsupported("tools", NO_TOOLS.format(choice="tool_choice"))
    for name, rule in _REFUSED.items():
        if fields.get(name):
            raise unsupported(name, rule)
    tier, turns = asked_tier(fields, models), _turns(fields.get("input"))
    instructions, text, reasoning = fields.get("instructions"), fields.get("text"), fields.get("reasoning")
    if instructions is not None and not isinstance(instructions, str):
        raise invalid("instructions", "must be a text")
    system, prompt, conversation = spoken([("system", instructions or ""), *turns], "input")
    return Asked(
        prompt=prompt,
        messages=conversation,
        system=system,
        tier=tier,
        max_output_tokens=output_limit(fields, "max_output_tokens"),
        effort=effort_of(reasoning.get("effort")) if isinstance(reasoning, dict) else None,
        output_schema=json_format(text.get("format"), "text.format") if isinstance(text, dict) else None,
        private=flag(fields, "private"),
        max_cost_usd=cost_limit(fields),
        metadata=metadata_of(fields, fields.get("user")),
        stream=flag(fields, "stream"),
        unknown=unknown,
    )


def _turns(stated: Any) -> list[tuple[str, str]]:
    if isinstance(stated, str):
        return [("user", stated)]
    if not isinstance(stated, list) or not stated:
        raise invalid("input", "must be a text or a list of messages")
    turns = []
    for number, item in enumerate(stated):
        where, kind = f"input[{number}]", item.get("type", "message") if isinstance(item, dict) else None
        if kind == "reasoning":  # a model's thinking, of an answer that is sent back
            continue
        if kind not in ("message", None):
            calls = isinstance(kind, str) and "_call" in kind
            raise unsupported(f"{where}.type", NO_TOOL_TURNS if calls else "must be message")
        turns.append((role_of(item, where), text_of(item.get("content"), f"{where}.content", _TEXTS)))
    return turns


def response(task_id: str, result: Result, created: int) -> dict[str, Any]:
    """Return a completed task as a `response`; `created` is Unix seconds."""
    usage, status = result.usage, "incomplete" if result.truncated else "completed"
    part = {"type": "output_text", "text": result.answer or "", "annotations": [], "logprobs": []}
    message = {"id": f"msg_{task_id}", "type": "message", "role": "assistant", "status": status, "content": [part]}
    return {
        "id": task_id,
        "object": "response",
        "created_at": created,
        "completed_at": None if result.truncated else created,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if result.truncated else None,
        "instructions": None,
        "max_output_tokens": None,
        "metadata": {},
        "model": result.model,
        "output": [message],
        "parallel_tool_calls": False,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "none",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "usage": {
            "input_tokens": usage.prompt,
            "input_tokens_details": {
                "cached_tokens": usage.cache_read,
                "cache_write_tokens": usage.cache_write_5m + usage.cache_write_1h,
            },
            "output_tokens": usage.output,
            "output_tokens_details": {"reasoning_tokens": usage.thinking},
            "total_tokens": usage.total,
        },
        "user": None,
    }


def response_stream(whole: dict[str, Any]) -> str:
    """Return a response as server-sent events: the whole text in one delta."""
    (message,) = whole["output"]
    (part,) = message["content"]
    begun = {**whole, "status": "in_progress", "completed_at": None, "incomplete_details": None, "output": []}
    begun["usage"] = None
    at, inside = {"output_index": 0}, {"item_id": message["id"], "output_index": 0, "content_index": 0}
    events: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": begun}),
        ("response.in_progress", {"response": begun}),
        ("response.output_item.added", {**at, "item": {**message, "status": "in_progress", "content": []}}),
        ("response.content_part.added", {**inside, "part": {**part, "text": ""}}),
        ("response.output_text.delta", {**inside, "delta": part["text"], "logprobs": []}),
        ("response.output_text.done", {**inside, "text": part["text"], "logprobs": []}),
        ("response.content_part.done", {**inside, "part": part}),
        ("response.output_item.done", {**at, "item": message}),
        (f"response.{whole['status']}", {"response": whole}),
    ]
    return "".join(
        f"event: {name}\ndata: {strict_json.dumps({'type': name, 'sequence_number': number, **data})}\n\n"
        for number, (name, data) in enumerate(events)
    )
