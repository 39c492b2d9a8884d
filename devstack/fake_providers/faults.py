"""What an action makes of a call: a reply that is no answer, or a changed answer."""

import math
import time
from dataclasses import replace
from email.utils import formatdate

from devstack.fake_providers import structured, text
from devstack.fake_providers.rules import Action, RateLimit
from devstack.fake_providers.wire import Call, Draft, Reply, Shortage, Wire

_PAGE = b"<html><body><h1>Sign in to this network</h1></body></html>"
_PLAIN_GEMINI_FINISHES = frozenset({"STOP", "MAX_TOKENS"})


def refused(wire: Wire, call: Call, action: Action, request_id: str) -> Reply | None:
    """Return the error reply that an action asks for, or `None` when it lets the call through to an answer."""
    if quota := action.gemini_day_quota:
        shortage = Shortage("requests_per_day", quota.limit, quota.retry_after)
        return wire.short(call, shortage, request_id, details=quota.details)
    if quota := action.gemini_minute_quota:
        shortage = Shortage("requests_per_minute", quota.limit, quota.retry_after)
        return wire.short(call, shortage, request_id, details=quota.details)
    if action.rate_limit:
        return wire.rate_limited(request_id, _hint(action.rate_limit), action.rate_limit.retry_after)
    if action.status:
        return wire.error(action.status.code, request_id, model=call.model, message=action.status.message)
    if action.invalid_key:
        return wire.bad_key(request_id)
    if action.too_long:
        return wire.too_long(call, action.too_long.limit, request_id)
    if action.error_in_200:
        return replace(wire.error(503 if wire.name == "gemini" else 529, request_id, model=call.model), status=200)
    return None


def answered(wire: Wire, call: Call, action: Action | None, request_id: str) -> Reply:
    """Answer a call, changed as an action asks."""
    draft = _draft(call, action)
    if action is None:
        return wire.answer(call, draft, request_id)
    if "usage" in action.model_fields_set:
        draft = replace(draft, usage=action.usage)
    if action.refusal:
        draft = _wordless(draft, stop="refusal")
    if action.stop:
        silent = wire.name == "gemini" and action.stop.reason not in _PLAIN_GEMINI_FINISHES
        draft = _wordless(draft, stop=action.stop.reason) if silent else replace(draft, stop=action.stop.reason)
    if action.blocked:
        draft = replace(_wordless(draft), blocked=action.blocked.reason)
    if action.empty:
        draft = _wordless(draft)
    reply = wire.answer(call, draft, request_id)
    if action.empty and action.empty.form == "body":
        return replace(reply, body=b"")
    if action.malformed and action.malformed.form == "html":
        return replace(reply, body=_PAGE, headers={"content-type": "text/html"})
    return replace(reply, body=reply.body[: len(reply.body) // 2]) if action.malformed else reply


def _draft(call: Call, action: Action | None) -> Draft:
    model = action.model.id if action and action.model else call.model
    if action and action.answer and action.answer.bytes is not None:
        words = text.filler(model, action.answer.bytes)
    elif action and action.answer:
        words = action.answer.text or ""
    elif call.schema is not None:
        words = structured.compose(model, call.prompt, call.schema)
    else:
        words = text.compose(model, call.prompt)
    words, truncated = text.cut(words, call.max_tokens)
    return Draft(text=words, model=model, output_tokens=text.tokens(words), truncated=truncated)


def _wordless(draft: Draft, stop: str | None = None) -> Draft:
    return replace(draft, text="", output_tokens=0, truncated=False, stop=stop)


def _hint(limit: RateLimit) -> str | None:
    """Write the `retry-after` header: whole seconds unless a fraction was asked for, or an HTTP date."""
    if limit.retry_after is None:
        return None
    if limit.form == "date":  # whole seconds, and never before the time that is asked for
        return formatdate(math.ceil(time.time() + limit.retry_after), usegmt=True)
    return f"{limit.retry_after:g}"
