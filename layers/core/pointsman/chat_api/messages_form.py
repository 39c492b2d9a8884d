"""Anthropic's messages: what a request asks for, and how a task's end looks, whole, as a stream and as an error."""

from typing import Any

from pointsman.chat_api.request_fields import (
    NO_TOOLS,
    OWN_FIELDS,
    Asked,
    ChatError,
    ModelNames,
    asked_tier,
    cost_limit,
    flag,
    invalid,
    output_limit,
    read_fields,
    role_of,
    spoken,
    stops,
    text_of,
    unknown_names,
    unsupported,
)
from pointsman.client import Result
from pointsman.values import strict_json
from pointsman.values.effort import Effort

_TEXTS = {"text": "text"}
_SILENT = frozenset({"thinking", "redacted_thinking"})
_TOOLS = ("tools", "mcp_servers", "container")
KNOWN_OF_MESSAGES = frozenset(
    {
        *(*OWN_FIELDS, "model", "messages", "max_tokens", "system", "stop_sequences", "stream", "thinking", "metadata"),
        *("output_config", "output_format", "tool_choice", *_TOOLS, "temperature", "top_k", "top_p", "service_tier"),
        *("cache_control", "context_management", "inference_geo", "speed", "betas", "diagnostics"),
        *("user_profile_id", "workspace_id"),
    }
)
_ERROR_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
}
"""`error.type` by status; any other is an `invalid_request_error` below 500 and an `api_error` from there on."""


def read_messages(body: bytes, models: ModelNames) -> Asked:
    """Return what a body asks for; parameters that only tune a model are ignored.

    Raises:
        ChatError: it cannot be followed.
    """
    fields = read_fields(body)
    unknown = unknown_names(fields, KNOWN_OF_MESSAGES)
    choice = fields.get("tool_choice")
    for name in _TOOLS:
        if fields.get(name) and not (name == "tools" and isinstance(choice, dict) and choice.get("type") == "none"):
            raise unsupported(name, NO_TOOLS.format(choice="tool_choice of type"))
    tier, messages = asked_tier(fields, models), fields.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid("messages", "must be a list of messages")
    turns = [
        (
            role_of(message, f"messages[{number}]"),
            text_of(message.get("content"), f"messages[{number}].content", _TEXTS, _SILENT),
        )
        for number, message in enumerate(messages)
    ]
    instructions = text_of(fields.get("system") or "", "system", _TEXTS)
    system, prompt, conversation = spoken([("system", instructions), *turns], "messages")
    metadata = fields.get("metadata") or {}
    user = metadata.get("user_id") if isinstance(metadata, dict) else None
    return Asked(
        prompt=prompt,
        messages=conversation,
        system=system,
        tier=tier,
        max_output_tokens=output_limit(fields, "max_tokens"),
        effort=_effort(fields),
        output_schema=_schema(fields),
        stop=stops(fields.get("stop_sequences"), "stop_sequences"),
        private=flag(fields, "private"),
        max_cost_usd=cost_limit(fields),
        metadata={"user": user} if isinstance(user, str) else {},
        stream=flag(fields, "stream"),
        unknown=unknown,
    )


def _effort(fields: dict[str, Any]) -> str | None:
    config, thinking = fields.get("output_config"), fields.get("thinking")
    if isinstance(thinking, dict) and thinking.get("type") == "disabled":
        return Effort.NONE
    effort = config.get("effort") if isinstance(config, dict) else None
    return effort if effort in list(Effort) else None


def _schema(fields: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema of `output_config.format`, or of `output_format` as betas had it."""
    config = fields.get("output_config")
    where, stated = "output_format", fields.get("output_format")
    if isinstance(config, dict) and config.get("format"):
        where, stated = "output_config.format", config["format"]
    if stated is None:
        return None
    schema = stated.get("schema") if isinstance(stated, dict) and stated.get("type") == "json_schema" else None
    if not isinstance(schema, dict):
        raise invalid(where, "must be of type json_schema, with a schema")
    return schema


def message(task_id: str, result: Result) -> dict[str, Any]:
    """Return a completed task as a `message`."""
    return {
        "id": task_id,
        "type": "message",
        "role": "assistant",
        "model": result.model,
        "content": [{"type": "text", "text": result.answer or ""}],
        "stop_reason": "max_tokens" if result.truncated else "end_turn",
        "stop_sequence": None,
        "stop_details": None,
        "usage": {
            "input_tokens": result.usage.input,
            "cache_creation_input_tokens": result.usage.cache_write_5m + result.usage.cache_write_1h,
            "cache_read_input_tokens": result.usage.cache_read,
            "output_tokens": result.usage.output,
            "output_tokens_details": {"thinking_tokens": result.usage.thinking},
            "service_tier": "standard",
        },
    }


def message_stream(whole: dict[str, Any]) -> str:
    """Return a message as server-sent events: the whole text in one delta."""
    (block,) = whole["content"]
    begun = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 0}}
    ending = {name: whole[name] for name in ("stop_reason", "stop_sequence", "stop_details")}
    events: list[tuple[str, dict[str, Any]]] = [
        ("message_start", {"message": begun}),
        ("content_block_start", {"index": 0, "content_block": {**block, "text": ""}}),
        ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": block["text"]}}),
        ("content_block_stop", {"index": 0}),
        ("message_delta", {"delta": ending, "usage": whole["usage"]}),
        ("message_stop", {}),
    ]
    return "".join(f"event: {name}\ndata: {strict_json.dumps({'type': name, **data})}\n\n" for name, data in events)


def messages_error(error: ChatError) -> dict[str, Any]:
    """Return an error in Anthropic's form."""
    kind = _ERROR_TYPES.get(error.status, "invalid_request_error" if error.status < 500 else "api_error")
    return {"type": "error", "error": {"type": kind, "message": str(error)}, "request_id": error.task_id}
