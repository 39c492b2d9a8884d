"""The Anthropic API's format: `POST /v1/messages`, with errors as `{"type": "error", "error": {...}}`."""

import math
from collections.abc import Mapping
from typing import Any, override

from devstack.fake_providers.structured import stated_schema
from devstack.fake_providers.text import count_tokens
from devstack.fake_providers.thinking import claude_effort
from devstack.fake_providers.wire import (
    NO_THINKING,
    BadRequestError,
    Call,
    Draft,
    ErrorFields,
    HeaderFields,
    ProviderName,
    QuotaKind,
    Reply,
    Shortage,
    Wire,
    encode_json,
    overlay_usage,
)

# HTTP status: (error.type, message).
_ERRORS: dict[int, tuple[str, str]] = {
    400: ("invalid_request_error", "The request is not valid."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the Anthropic API."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "model: {model}"),
    408: ("timeout_error", "Request timed out"),
    409: ("conflict_error", "The request conflicts with the current state of the resource."),
    413: ("request_too_large", "Request exceeds the maximum allowed number of bytes."),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
    503: ("api_error", "Service unavailable"),
    504: ("timeout_error", "Request timed out"),
    529: ("overloaded_error", "Overloaded"),
}
_QUOTAS: dict[QuotaKind, tuple[str, str]] = {
    "requests_per_minute": ("requests", "requests per minute"),
    "requests_per_day": ("requests", "requests per day"),
    "tokens_per_minute": ("input-tokens", "input tokens per minute"),
}
_VERSION_WITHOUT_SAMPLING = "2026-10-21"
"""From this `anthropic-version` on, sampling parameters are refused, for older models too."""
_SAMPLING = ("temperature", "top_p", "top_k")
_SIGNATURE = "c3RhbmQtaW4="
"""Of every thinking block; real ones are long and differ."""


class AnthropicWire(Wire):
    """The Messages API, without streaming."""

    name: ProviderName = "anthropic"
    statuses = frozenset(_ERRORS)

    @override
    def parse(self, body: Mapping[str, Any], model: str | None, headers: Mapping[str, str]) -> Call:
        for key in ("model", "messages", "max_tokens"):
            if not body.get(key):
                raise BadRequestError(f"{key}: Field required")
        if body.get("stream"):
            raise BadRequestError("stream: the stand-in does not stream; llmock under /llmock does")
        version = headers.get("anthropic-version", "")
        if version >= _VERSION_WITHOUT_SAMPLING and (refused := next((key for key in _SAMPLING if key in body), None)):
            raise BadRequestError(f"{refused}: not supported in API version {version}")
        if body["messages"][0].get("role") != "user":
            raise BadRequestError('messages: first message must use the "user" role')
        if body["messages"][-1].get("role") == "assistant":
            raise BadRequestError("This model does not support assistant message prefill.")
        if blank := [n for n, message in enumerate(body["messages"]) if not _text(message.get("content")).strip()]:
            raise BadRequestError(f"messages.{blank[0]}: text content blocks must contain non-whitespace text")
        prompt = "\n".join(_text(message.get("content")) for message in body["messages"])
        system = _text(body.get("system"))
        output_format = (body.get("output_config") or {}).get("format") or {}
        if blank_stops := [n for n, stop in enumerate(body.get("stop_sequences") or ()) if not stop.strip()]:
            raise BadRequestError(f"stop_sequences.{blank_stops[0]}: each stop sequence must contain non-whitespace")
        geo = body.get("inference_geo")
        if geo is not None and "-4-5" in body["model"]:
            raise BadRequestError(f"inference_geo: not supported for {body['model']}")
        return Call(
            model=body["model"],
            prompt=prompt,
            system=system,
            max_tokens=body["max_tokens"],
            schema=output_format.get("schema") or stated_schema(system),
            stop=tuple(body.get("stop_sequences") or ()),
            input_tokens=max(1, count_tokens(prompt) + count_tokens(system)),
            effort=claude_effort(body),
            show_thinking=(body.get("thinking") or {}).get("display") == "summarized",
            inference_geo=geo,
        )

    @override
    def refuse_missing_key(self, headers: Mapping[str, str], request_id: str) -> Reply | None:
        if headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer").strip():
            return None
        return self.refuse_invalid_key(request_id)

    @override
    def refuse_invalid_key(self, request_id: str) -> Reply:
        return self.error(401, request_id, model="")

    @override
    def answer(self, call: Call, draft: Draft, request_id: str) -> Reply:
        ended_by = draft.stopped_by if draft.stop is None else None
        stop = draft.stop or ("max_tokens" if draft.truncated else "stop_sequence" if ended_by else "end_turn")
        document: dict[str, Any] = {
            "id": f"msg_{request_id}",
            "type": "message",
            "role": "assistant",
            "model": draft.model,
            "content": _content(call, draft),
            "stop_reason": stop,
            "stop_sequence": ended_by,
        }
        if stop == "refusal":
            document["stop_details"] = {"type": "refusal", "category": draft.category, "explanation": None}
        usage = overlay_usage(_counted(call, draft), draft.usage)
        if usage is not None:
            document["usage"] = usage
        counts = usage or {}
        cached = counts.get("cache_creation_input_tokens", 0) + counts.get("cache_read_input_tokens", 0)
        return Reply(
            status=200,
            body=encode_json(document),
            headers=_headers(request_id),
            model=draft.model,
            input_tokens=counts.get("input_tokens", call.input_tokens) + cached,
            output_tokens=counts.get("output_tokens", draft.output_tokens + draft.thinking_tokens),
            thinking_tokens=(counts.get("output_tokens_details") or {}).get("thinking_tokens"),
            usage=usage,
            stop_details=document.get("stop_details"),
        )

    @override
    def error(self, status: int, request_id: str, *, model: str, fields: ErrorFields | None = None) -> Reply:
        fields = fields or ErrorFields()
        kind, message = _ERRORS.get(status, ("api_error", "Error"))
        error: dict[str, Any] = {"type": fields.kind or kind, "message": fields.message or message.format(model=model)}
        if fields.details is not None:
            error["details"] = fields.details
        return Reply(
            status=status,
            body=encode_json({"type": "error", "error": error, "request_id": f"req_{request_id}"}),
            headers={**_headers(request_id), **fields.headers},
            retry_after=fields.retry_after,
        )

    @override
    def refuse_over_quota(self, call: Call, shortage: Shortage, request_id: str, *, details: bool = True) -> Reply:
        header, description = _QUOTAS[shortage.kind]
        wait = math.ceil(shortage.retry_after)
        limit = f"{shortage.limit:,} {description} (model: {call.model})"
        message = f"This request would exceed your organization's rate limit of {limit}."
        headers: HeaderFields = {
            "retry-after": str(wait),
            f"anthropic-ratelimit-{header}-limit": str(shortage.limit),
            f"anthropic-ratelimit-{header}-remaining": "0",
        }
        fields = ErrorFields(message, headers=headers, retry_after=wait) if details else ErrorFields(message)
        return self.error(429, request_id, model=call.model, fields=fields)

    @override
    def refuse_too_long(self, call: Call, limit: int, request_id: str) -> Reply:
        message = f"prompt is too long: {max(call.input_tokens, limit + 1)} tokens > {limit} maximum"
        return self.error(400, request_id, model=call.model, fields=ErrorFields(message))

    @override
    def is_error(self, document: Any) -> bool:
        error = document.get("error") if isinstance(document, dict) and document.get("type") == "error" else None
        return isinstance(error, dict) and isinstance(error.get("type"), str)


def _text(content: Any) -> str:
    """Return a string as it is, or the text of a list of blocks."""
    if isinstance(content, str):
        return content
    return "".join(block.get("text", "") for block in content or () if isinstance(block, dict))


def _content(call: Call, draft: Draft) -> list[dict[str, str]]:
    blocks: list[dict[str, str]] = []
    if draft.thinking_tokens:
        thought = f"[stand-in {draft.model}] thinks." if call.show_thinking else ""
        blocks.append({"type": "thinking", "thinking": thought, "signature": _SIGNATURE})
    if draft.text:
        blocks.append({"type": "text", "text": draft.text})
    return blocks


def _counted(call: Call, draft: Draft) -> dict[str, Any]:
    counted = {
        "input_tokens": call.input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": draft.output_tokens + draft.thinking_tokens,
        "service_tier": draft.service_tier or "standard",
        "inference_geo": call.inference_geo,
    }
    # Other output tokens than the counted ones come with other details, or none.
    if call.effort != NO_THINKING and "output_tokens" not in (draft.usage or {}):
        counted["output_tokens_details"] = {"thinking_tokens": draft.thinking_tokens}
    return counted


def _headers(request_id: str) -> dict[str, str]:
    return {"content-type": "application/json", "request-id": f"req_{request_id}"}
