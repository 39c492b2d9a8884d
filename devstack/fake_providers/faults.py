"""Applies a fault rule's action to a call: an error reply, or a changed answer."""

import math
import time
from dataclasses import replace
from email.utils import formatdate

from devstack.fake_providers import structured, text
from devstack.fake_providers.actions import Action, ErrorStatus, RateLimit, RawResponse
from devstack.fake_providers.thinking import THINKING_TOKENS
from devstack.fake_providers.wire import (
    NO_THINKING,
    Call,
    Draft,
    ErrorFields,
    HeaderFields,
    Reply,
    Shortage,
    Wire,
    decode_json,
)

_PAGE = b"<html><body><h1>Sign in to this network</h1></body></html>"
_PLAIN_GEMINI_FINISHES = frozenset({"STOP", "MAX_TOKENS"})
_DEFAULT_OUTPUT_LIMIT = 65_536
"""Of a Gemini request without a limit of its own."""


def refuse_call(wire: Wire, call: Call, action: Action, request_id: str) -> Reply | None:
    """Return the error reply that an action asks for; `None` if the call gets an answer."""
    if quota := action.gemini_day_quota:
        shortage = Shortage("requests_per_day", quota.limit, quota.retry_after)
        return wire.refuse_over_quota(call, shortage, request_id, details=quota.details)
    if quota := action.gemini_minute_quota:
        shortage = Shortage("requests_per_minute", quota.limit, quota.retry_after)
        return wire.refuse_over_quota(call, shortage, request_id, details=quota.details)
    if action.rate_limit:
        return wire.error(429, request_id, model=call.model, fields=_hinting(action.rate_limit))
    if action.status:
        return wire.error(action.status.code, request_id, model=call.model, fields=_fields(action.status))
    if action.invalid_key:
        return wire.refuse_invalid_key(request_id)
    if action.too_long:
        return wire.refuse_too_long(call, action.too_long.limit, request_id)
    if action.error_in_200:
        return replace(wire.error(503 if wire.name == "gemini" else 529, request_id, model=call.model), status=200)
    if action.response and action.response.text is None:
        return _raw_reply(action.response)
    return None


def answer_call(wire: Wire, call: Call, action: Action | None, request_id: str) -> Reply:
    """Return the answer to a call, changed as the action asks."""
    draft = _draft(call, action)
    if action is None:
        return wire.answer(call, draft, request_id)
    if "usage" in action.model_fields_set:
        draft = replace(draft, usage=action.usage)
    if action.response:
        draft = replace(draft, usage=action.response.usage or {})
    if action.refusal:
        draft = replace(_without_text(draft, stop="refusal"), category=action.refusal.category)
        if action.refusal.text:
            draft = replace(draft, text=action.refusal.text, output_tokens=text.count_tokens(action.refusal.text))
    if action.stop:
        silent = wire.name == "gemini" and action.stop.reason not in _PLAIN_GEMINI_FINISHES
        draft = _without_text(draft, stop=action.stop.reason) if silent else replace(draft, stop=action.stop.reason)
    if action.blocked:
        draft = replace(_without_text(draft), blocked=action.blocked.reason)
    if action.service_tier:
        draft = replace(draft, service_tier=action.service_tier.name)
    if action.empty:
        draft = _without_text(draft)
    reply = wire.answer(call, draft, request_id)
    if action.response:
        return replace(reply, headers={**reply.headers, **action.response.headers}, cut_at=action.response.cut_at)
    if action.empty and action.empty.form == "body":
        return replace(reply, body=b"")
    if action.malformed and action.malformed.form == "html":
        return replace(reply, body=_PAGE, headers={"content-type": "text/html"})
    return replace(reply, body=reply.body[: len(reply.body) // 2]) if action.malformed else reply


def _draft(call: Call, action: Action | None) -> Draft:
    model = action.model.id if action and action.model else call.model
    answer = _answer_text(call, model, action)
    thinking = _thinking_tokens(call, action)
    room = None if call.max_tokens is None else max(0, call.max_tokens - thinking)
    answer, stopped_by = text.cut_before(answer, call.stop)
    answer, truncated = text.cut_to_tokens(answer, room)
    return Draft(
        text=answer,
        model=model,
        output_tokens=text.count_tokens(answer),
        thinking_tokens=thinking if room is None else min(thinking, call.max_tokens or 0),
        truncated=truncated or (room == 0 and thinking > 0),
        stopped_by=None if truncated else stopped_by,
    )


def _answer_text(call: Call, model: str, action: Action | None) -> str:
    if action and action.answer and action.answer.bytes is not None:
        return text.text_of_size(model, action.answer.bytes)
    if action and action.answer:
        return action.answer.text or ""
    if action and action.response:
        return action.response.text or ""
    if action and action.thinking and not action.thinking.text:
        return ""
    if call.schema is not None:
        form = action.structured.form if action and action.structured else None
        return structured.compose(model, call.prompt, call.schema, form)
    return text.plain_answer(model, call.prompt)


def _thinking_tokens(call: Call, action: Action | None) -> int:
    if call.effort == NO_THINKING or (action and action.response):
        return 0
    if action is None or action.thinking is None:
        return THINKING_TOKENS[call.effort]
    if action.thinking.tokens == "all":
        return call.max_tokens or _DEFAULT_OUTPUT_LIMIT
    return action.thinking.tokens


def _without_text(draft: Draft, stop: str | None = None) -> Draft:
    """Return the draft without text, and without the thinking that would have led to it."""
    return replace(draft, text="", output_tokens=0, thinking_tokens=0, truncated=False, stop=stop)


def _raw_reply(response: RawResponse) -> Reply:
    headers: HeaderFields = response.headers
    if "content-type" not in headers and response.content():
        headers = {"content-type": response.content_type(), **headers}
    reply = Reply(
        status=response.status,
        body=response.content(),
        headers=headers,
        retry_after=_asked_delay(headers),
        cut_at=response.cut_at,
    )
    return with_body_usage(reply) if response.status == 200 else reply


def with_body_usage(reply: Reply) -> Reply:
    """Return a reply with the model and the tokens of its body, for the journal."""
    document = decode_json(reply.body)
    if not isinstance(document, dict):
        return reply
    usage = document.get("usage") or document.get("usageMetadata")
    usage = usage if isinstance(usage, dict) else {}
    usage = {name: count for name, count in usage.items() if isinstance(count, int | dict)}
    thoughts, details = usage.get("thoughtsTokenCount", 0), usage.get("output_tokens_details")
    output = usage.get("output_tokens", usage.get("candidatesTokenCount", 0) + thoughts if usage else None)
    return replace(
        reply,
        model=document.get("model") or document.get("modelVersion"),
        input_tokens=usage.get("input_tokens", usage.get("promptTokenCount")),
        output_tokens=output,
        thinking_tokens=(details if isinstance(details, dict) else {}).get("thinking_tokens", thoughts or None),
    )


def _fields(error: ErrorStatus) -> ErrorFields:
    return ErrorFields(error.message, error.type, error.details, error.headers, _asked_delay(error.headers))


def _hinting(limit: RateLimit) -> ErrorFields:
    """Return a 429's hint: a number as it is, an HTTP date in whole seconds (rounded up), or any text."""
    seconds = limit.retry_after
    if limit.raw is None and seconds is None:
        return ErrorFields()
    hint = limit.raw if limit.raw is not None else _number(seconds or 0.0)
    delay = seconds if seconds is not None and seconds >= 0 else None
    match limit.form:
        case "retry_info":
            duration = limit.raw if limit.raw is not None else f"{hint}s"
            info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": duration}
            return ErrorFields(details=[info], retry_after=delay)
        case "date" if limit.raw is None:
            hint = formatdate(math.ceil(time.time() + (seconds or 0.0)), usegmt=True)
        case "ms" if limit.raw is None:
            hint = _number((seconds or 0.0) * 1000)
        case "list":
            hint = f"{hint}, {hint}"
        case "twice":
            return ErrorFields(headers={"retry-after": (hint, hint)}, retry_after=delay)
    name = "retry-after-ms" if limit.form == "ms" else "retry-after"
    return ErrorFields(headers={name: hint}, retry_after=delay)


def _number(value: float) -> str:
    """Return a number as providers write it: a fraction only if there is one, an exponent only if it is absurd."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:g}"


def _asked_delay(headers: HeaderFields) -> float | None:
    """Return the seconds that a plain hint asks for; `None` without one, or for one in an odd form."""
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if isinstance(value, str) and value.replace(".", "", 1).isdecimal():
            return float(value) * scale
    return None
