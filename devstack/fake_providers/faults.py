"""Applies a fault rule's action to a call: an error reply, or a changed answer."""

import math
import time
from dataclasses import replace
from email.utils import formatdate

from devstack.fake_providers import structured, text
from devstack.fake_providers.rules import Action, RateLimit
from devstack.fake_providers.wire import Call, Draft, Reply, Shortage, Wire

_PAGE = b"<html><body><h1>Sign in to this network</h1></body></html>"
_PLAIN_GEMINI_FINISHES = frozenset({"STOP", "MAX_TOKENS"})


def refuse_call(wire: Wire, call: Call, action: Action, request_id: str) -> Reply | None:
    """Return the error reply that an action asks for; `None` if the call gets an answer."""
    if quota := action.gemini_day_quota:
        shortage = Shortage("requests_per_day", quota.limit, quota.retry_after)
        return wire.refuse_over_quota(call, shortage, request_id, details=quota.details)
    if quota := action.gemini_minute_quota:
        shortage = Shortage("requests_per_minute", quota.limit, quota.retry_after)
        return wire.refuse_over_quota(call, shortage, request_id, details=quota.details)
    if action.rate_limit:
        return wire.refuse_rate_limited(request_id, _hint(action.rate_limit), action.rate_limit.retry_after)
    if action.status:
        return wire.error(action.status.code, request_id, model=call.model, message=action.status.message)
    if action.invalid_key:
        return wire.refuse_invalid_key(request_id)
    if action.too_long:
        return wire.refuse_too_long(call, action.too_long.limit, request_id)
    if action.error_in_200:
        return replace(wire.error(503 if wire.name == "gemini" else 529, request_id, model=call.model), status=200)
    return None


def answer_call(wire: Wire, call: Call, action: Action | None, request_id: str) -> Reply:
    """Return the answer to a call, changed as the action asks."""
    draft = _draft(call, action)
    if action is None:
        return wire.answer(call, draft, request_id)
    if "usage" in action.model_fields_set:
        draft = replace(draft, usage=action.usage)
    if action.refusal:
        draft = _without_text(draft, stop="refusal")
    if action.stop:
        silent = wire.name == "gemini" and action.stop.reason not in _PLAIN_GEMINI_FINISHES
        draft = _without_text(draft, stop=action.stop.reason) if silent else replace(draft, stop=action.stop.reason)
    if action.blocked:
        draft = replace(_without_text(draft), blocked=action.blocked.reason)
    if action.empty:
        draft = _without_text(draft)
    reply = wire.answer(call, draft, request_id)
    if action.empty and action.empty.form == "body":
        return replace(reply, body=b"")
    if action.malformed and action.malformed.form == "html":
        return replace(reply, body=_PAGE, headers={"content-type": "text/html"})
    return replace(reply, body=reply.body[: len(reply.body) // 2]) if action.malformed else reply


def _draft(call: Call, action: Action | None) -> Draft:
    model = action.model.id if action and action.model else call.model
    if action and action.answer and action.answer.bytes is not None:
        answer = text.text_of_size(model, action.answer.bytes)
    elif action and action.answer:
        answer = action.answer.text or ""
    elif call.schema is not None:
        answer = structured.compose(model, call.prompt, call.schema)
    else:
        answer = text.plain_answer(model, call.prompt)
    answer, truncated = text.cut_to_tokens(answer, call.max_tokens)
    return Draft(text=answer, model=model, output_tokens=text.count_tokens(answer), truncated=truncated)


def _without_text(draft: Draft, stop: str | None = None) -> Draft:
    return replace(draft, text="", output_tokens=0, truncated=False, stop=stop)


def _hint(limit: RateLimit) -> str | None:
    """Return the `retry-after` header: seconds, with a fraction only if one was set, or an HTTP date."""
    if limit.retry_after is None:
        return None
    if limit.form == "date":  # whole seconds, rounded up
        return formatdate(math.ceil(time.time() + limit.retry_after), usegmt=True)
    return f"{limit.retry_after:g}"
