"""The Gemini API's format: `models/{model}:generateContent`, with errors as `google.rpc.Status`."""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, override

from devstack.fake_providers.structured import stated_schema
from devstack.fake_providers.text import count_tokens
from devstack.fake_providers.thinking import gemini_effort
from devstack.fake_providers.wire import (
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

_HEADERS = {"content-type": "application/json; charset=UTF-8"}

# HTTP status: (google.rpc code, message).
_ERRORS: dict[int, tuple[str, str]] = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    403: ("PERMISSION_DENIED", "The caller does not have permission."),
    404: (
        "NOT_FOUND",
        "This model models/{model} is no longer available. Please update your code to use a newer model.",
    ),
    409: ("ABORTED", "The operation was aborted."),
    429: ("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    499: ("CANCELLED", "The operation was cancelled."),
    500: ("INTERNAL", "An internal error has occurred. Please retry."),
    503: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}
_METRIC = "generativelanguage.googleapis.com/generate_content_free_tier_"
_QUOTAS: dict[QuotaKind, tuple[str, str]] = {
    "requests_per_day": ("GenerateRequestsPerDayPerProjectPerModel-FreeTier", _METRIC + "requests"),
    "requests_per_minute": ("GenerateRequestsPerMinutePerProjectPerModel-FreeTier", _METRIC + "requests"),
    "tokens_per_minute": ("GenerateContentInputTokensPerModelPerMinute-FreeTier", _METRIC + "input_token_count"),
}


class GeminiWire(Wire):
    """The Gemini API, `v1` and `v1beta` alike."""

    name: ProviderName = "gemini"
    statuses = frozenset(_ERRORS)

    @override
    def parse(self, body: Mapping[str, Any], model: str | None, headers: Mapping[str, str]) -> Call:
        contents = body.get("contents")
        if not isinstance(contents, list) or not contents:
            raise BadRequestError("* GenerateContentRequest.contents: contents is not specified")
        roles = [content.get("role", "user") for content in contents]
        if roles[0] != "user" or any(role == after for role, after in pairwise(roles)):
            raise BadRequestError("Please ensure that multiturn requests alternate between user and model.")
        if roles[-1] != "user":
            raise BadRequestError("Please ensure that multiturn requests end with a user role.")
        prompt = "\n".join(_text(content) for content in contents)
        system = _text(body.get("systemInstruction") or {})
        config = body.get("generationConfig") or {}
        schema = config.get("responseJsonSchema") or config.get("responseSchema")
        if schema is None and config.get("responseMimeType") == "application/json":
            schema = stated_schema(system) or {"type": "object", "properties": {"answer": {"type": "string"}}}
        thinking = config.get("thinkingConfig") or {}
        return Call(
            model=model or "",
            prompt=prompt,
            system=system,
            max_tokens=config.get("maxOutputTokens"),
            schema=schema,
            stop=tuple(config.get("stopSequences") or ()),
            input_tokens=max(1, count_tokens(prompt) + count_tokens(system)),
            effort=gemini_effort(model or "", thinking),
            show_thinking=bool(thinking.get("include_thoughts", thinking.get("includeThoughts"))),
            service_tier=body.get("serviceTier"),
        )

    @override
    def refuse_missing_key(self, headers: Mapping[str, str], request_id: str) -> Reply | None:
        if headers.get("x-goog-api-key"):
            return None
        return _status(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers. Please use API Key.")

    @override
    def refuse_invalid_key(self, request_id: str) -> Reply:
        reason = {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "API_KEY_INVALID",
            "domain": "googleapis.com",
            "metadata": {"service": "generativelanguage.googleapis.com"},
        }
        message = "API key not valid. Please pass a valid API key."
        return _status(400, "INVALID_ARGUMENT", message, details=[reason])

    @override
    def answer(self, call: Call, draft: Draft, request_id: str) -> Reply:
        document: dict[str, Any] = {}
        if draft.blocked is None:
            document["candidates"] = [_candidate(call, draft)]
        else:
            document["promptFeedback"] = {"blockReason": draft.blocked}
        usage = _usage(call, draft)
        if usage is not None:
            document["usageMetadata"] = usage
        document |= {"modelVersion": draft.model, "responseId": request_id}
        counts = usage or {}
        return Reply(
            status=200,
            body=encode_json(document),
            headers={**_HEADERS, "x-gemini-service-tier": draft.service_tier or call.service_tier or "standard"},
            model=draft.model,
            input_tokens=counts.get("promptTokenCount", call.input_tokens),
            output_tokens=counts.get("candidatesTokenCount", 0) + counts.get("thoughtsTokenCount", 0),
            thinking_tokens=counts.get("thoughtsTokenCount"),
        )

    @override
    def error(self, status: int, request_id: str, *, model: str, fields: ErrorFields | None = None) -> Reply:
        fields = fields or ErrorFields()
        code, message = _ERRORS.get(status, ("UNKNOWN", "Unknown error."))
        return _status(
            status,
            fields.kind or code,
            fields.message or message.format(model=model),
            details=fields.details,
            headers=fields.headers,
            seconds=fields.retry_after,
        )

    @override
    def refuse_over_quota(self, call: Call, shortage: Shortage, request_id: str, *, details: bool = True) -> Reply:
        quota_id, metric = _QUOTAS[shortage.kind]
        message = (
            "You exceeded your current quota, please check your plan and billing details. "
            "For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.\n"
            f"* Quota exceeded for metric: {metric}, limit: {shortage.limit}, model: {call.model}\n"
            f"Please retry in {shortage.retry_after:g}s."
        )
        violation = {
            "quotaMetric": metric,
            "quotaId": quota_id,
            "quotaDimensions": {"location": "global", "model": call.model},
            "quotaValue": str(shortage.limit),
        }
        error_details: list[dict[str, Any]] = [
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{math.ceil(shortage.retry_after)}s"},
        ]
        seconds = math.ceil(shortage.retry_after) if details else None
        return _status(429, "RESOURCE_EXHAUSTED", message, details=error_details if details else None, seconds=seconds)

    @override
    def refuse_too_long(self, call: Call, limit: int, request_id: str) -> Reply:
        count = max(call.input_tokens, limit + 1)
        message = f"The input token count ({count}) exceeds the maximum number of tokens allowed ({limit})."
        return _status(400, "INVALID_ARGUMENT", message)

    @override
    def is_error(self, document: Any) -> bool:
        error = document.get("error") if isinstance(document, dict) else None
        return isinstance(error, dict) and "code" in error and isinstance(error.get("status"), str)


def _text(content: Mapping[str, Any]) -> str:
    return "".join(part.get("text", "") for part in content.get("parts") or ())


def _candidate(call: Call, draft: Draft) -> dict[str, Any]:
    content: dict[str, Any] = {"role": "model"}
    parts: list[dict[str, Any]] = []
    if draft.thinking_tokens and call.show_thinking:
        parts.append({"text": f"[stand-in {draft.model}] thinks.", "thought": True})
    if draft.text:
        parts.append({"text": draft.text})
    if parts:
        content["parts"] = parts
    reason = draft.stop or ("MAX_TOKENS" if draft.truncated else "STOP")
    return {"content": content, "finishReason": reason, "index": 0}


def _usage(call: Call, draft: Draft) -> dict[str, Any] | None:
    counted: dict[str, Any] = {
        "promptTokenCount": call.input_tokens,
        "candidatesTokenCount": draft.output_tokens or None,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": call.input_tokens}],
    }
    if "candidatesTokenCount" not in (draft.usage or {}):  # others than the counted ones come with their own thoughts
        counted["thoughtsTokenCount"] = draft.thinking_tokens or None
    usage = overlay_usage(counted, draft.usage)
    if usage is not None and draft.usage is not None and "totalTokenCount" not in draft.usage:
        parts = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "toolUsePromptTokenCount")
        usage["totalTokenCount"] = sum(usage.get(part, 0) for part in parts)
    return usage


def _status(
    status: int,
    code: str,
    message: str,
    *,
    details: Any = None,
    headers: HeaderFields | None = None,
    seconds: float | None = None,
) -> Reply:
    error: dict[str, Any] = {"code": status, "message": message, "status": code}
    if details is not None:
        error["details"] = details
    return Reply(
        status=status, body=encode_json({"error": error}), headers={**_HEADERS, **(headers or {})}, retry_after=seconds
    )
