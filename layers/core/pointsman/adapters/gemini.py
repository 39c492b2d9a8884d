"""Gemini's generateContent behind `ModelClient`: one request, and what happened as data."""

from datetime import UTC, datetime
from typing import Any

import httpx2
from google import genai
from google.genai import errors, types

from pointsman.adapters.retry_hints import bounded, retry_after, storable
from pointsman.execution.calls import ModelRequest
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.values.times import PACIFIC, next_midnight
from pointsman.values.usage import Usage

_BLOCKING = frozenset({"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE", "IMAGE_SAFETY"})


class Gemini:
    """`ModelClient` for the Gemini API. The SDK retries nothing unless asked to."""

    def __init__(self, key: str, base_url: str | None) -> None:
        self._client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=base_url or None))

    def ask(self, question: ModelRequest) -> CallResult:
        """Generate content once."""
        config = types.GenerateContentConfig(
            system_instruction=question.system or None,
            max_output_tokens=question.max_output_tokens,
            automatic_continuation=False,  # else the SDK asks on by itself, beyond what was reserved
            http_options=types.HttpOptions(
                timeout=int(question.timeout * 1000), headers={"x-pointsman-attempt": question.tag}
            ),
        )
        if question.schema is not None:
            config.response_mime_type = "application/json"
            config.response_json_schema = question.schema
        if isinstance(question.effort_value, int):
            config.thinking_config = types.ThinkingConfig(thinking_budget=question.effort_value)
        elif question.effort_value is not None:
            config.thinking_config = types.ThinkingConfig(
                thinking_level=types.ThinkingLevel(question.effort_value.upper())
            )
        try:
            answer = self._client.models.generate_content(model=question.model, contents=question.prompt, config=config)
        except errors.APIError as error:
            return _refusal(error)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            return CallResult(Outcome.NOT_SENT, detail=type(error).__name__)
        except (httpx2.HTTPError, ValueError, TypeError) as error:  # no answer, or one that is none
            return CallResult(Outcome.UNKNOWN, detail=type(error).__name__)
        return _read(answer)


def _read(answer: types.GenerateContentResponse) -> CallResult:
    usage = _usage(answer.usage_metadata)
    served, request_id = answer.model_version, answer.response_id
    feedback = answer.prompt_feedback
    if feedback is not None and feedback.block_reason is not None:
        return CallResult(
            Outcome.BLOCKED, "", usage, served, request_id, detail=f"blocked {feedback.block_reason.name}"
        )
    if not answer.candidates:
        if usage is None:
            return CallResult(Outcome.UNKNOWN, detail="200 without candidates or usage")
        return CallResult(Outcome.EMPTY, "", usage, served, request_id, detail="no candidates")
    first = answer.candidates[0]
    parts = first.content.parts if first.content and first.content.parts else []
    text = storable("".join(part.text for part in parts if part.text and not part.thought))
    finish = first.finish_reason.name if first.finish_reason else "NONE"
    if finish in _BLOCKING:
        outcome = Outcome.BLOCKED
    elif not text.strip():
        outcome = Outcome.EMPTY
    elif finish in ("STOP", "NONE"):
        outcome = Outcome.ANSWERED
    else:
        outcome = Outcome.TRUNCATED if finish in ("MAX_TOKENS", "CONTINUATION") else Outcome.EMPTY
    detail = "" if outcome is Outcome.ANSWERED else f"finish_reason {finish}"
    return CallResult(outcome, text, usage, served, request_id, detail=detail)


def _usage(stated: types.GenerateContentResponseUsageMetadata | None) -> Usage | None:
    """Gemini's prompt count holds the cached tokens; thoughts stand beside the candidates' tokens and are billed so.

    None when it does not say what came in, or when its total is above its parts: such a call's cost is not known.
    """
    if stated is None or stated.prompt_token_count is None:
        return None
    cached, thoughts = stated.cached_content_token_count or 0, stated.thoughts_token_count or 0
    prompt = stated.prompt_token_count + (stated.tool_use_prompt_token_count or 0)
    output = (stated.candidates_token_count or 0) + thoughts
    if (stated.total_token_count or 0) > prompt + output:
        return None
    return Usage(
        input=max(prompt - cached, 0),
        cache_read=cached,
        output=output,
        thinking=thoughts,
    )


def _refusal(error: errors.APIError) -> CallResult:
    status, detail = error.code, f"{error.code} {error.status or ''}".strip()
    if status == 429:
        return _over_quota(error, detail)
    if status == 404:
        outcome = Outcome.RETIRED
    elif status in (401, 403):
        outcome = Outcome.AUTH
    elif status >= 500 or status == 408:
        outcome = Outcome.UNAVAILABLE
    elif _reason(error) == "API_KEY_INVALID":  # Gemini says 400 of a bad key
        outcome = Outcome.AUTH
    else:
        outcome = Outcome.INVALID
    return CallResult(outcome, detail=detail)


def _over_quota(error: errors.APIError, detail: str) -> CallResult:
    """A violated quota of the day ends it, however short the delay beside it; else the delay is what counts."""
    details = _details(error)
    ids = [
        str(violation.get("quotaId", ""))
        for entry in details
        if str(entry.get("@type", "")).endswith("QuotaFailure")
        for violation in entry.get("violations", [])
    ]
    if any("PerDay" in quota for quota in ids):
        until = next_midnight(datetime.now(UTC), PACIFIC)
        return CallResult(Outcome.QUOTA_EXHAUSTED, until=until, detail=f"{detail} quota of the day")
    delays = [entry.get("retryDelay") for entry in details if str(entry.get("@type", "")).endswith("RetryInfo")]
    hint = _seconds(delays[0]) if delays else retry_after(getattr(error.response, "headers", {}))
    return CallResult(Outcome.RATE_LIMITED, retry_after=hint, detail=detail)


def _details(error: errors.APIError) -> list[dict[str, Any]]:
    body = error.details
    inner = body.get("error", body) if isinstance(body, dict) else {}
    details = inner.get("details", []) if isinstance(inner, dict) else []
    return [entry for entry in details if isinstance(entry, dict)]


def _reason(error: errors.APIError) -> str | None:
    return next((entry["reason"] for entry in _details(error) if "reason" in entry), None)


def _seconds(duration: Any) -> float | None:
    """Return the seconds of a protobuf duration in JSON, like 26s or 1.5s."""
    try:
        return bounded(float(str(duration).removesuffix("s"))) if duration is not None else None
    except ValueError:
        return None
