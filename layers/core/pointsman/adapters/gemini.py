"""Gemini's generateContent behind `ModelClient`: one request, and what happened as data."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2
from google import genai
from google.genai import errors, types

from pointsman.adapters.answers import counted, refused, storable, usage_doubt
from pointsman.adapters.error_response import ErrorResponse, gemini_details, interpret_response, raise_error_response
from pointsman.adapters.models_tls import models_tls
from pointsman.adapters.retry_hints import retry_after, retry_info
from pointsman.execution.calls import ModelRequest
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.execution.refusals import Refusal
from pointsman.routing.catalog import Provider
from pointsman.values.times import PACIFIC, next_midnight
from pointsman.values.turns import Role
from pointsman.values.usage import Usage

_BLOCKING = frozenset({"SAFETY", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT"})
"""Finish reasons that say no to the content. RECITATION and LANGUAGE are one answer's chance: the next one passes."""
_CHANCE = frozenset({"RECITATION", "LANGUAGE", "IMAGE_RECITATION"})
_TIERS = {"standard": False, "flex": True, "batch": True}
"""Values of the header `x-gemini-service-tier` whose price is known, and whether it is the batch price."""


class Gemini:
    """`ModelClient` for the Gemini API. The SDK retries nothing unless asked to."""

    def __init__(self, key: str, base_url: str | None) -> None:
        self._client = gemini_client(key, base_url)

    def ask(self, question: ModelRequest) -> CallResult:
        """Generate content once."""
        config = types.GenerateContentConfig(
            system_instruction=question.system or None,
            max_output_tokens=question.max_output_tokens,
            stop_sequences=list(question.stop) or None,
            automatic_continuation=False,  # else the SDK asks on by itself, beyond what was reserved
            http_options=types.HttpOptions(
                timeout=int(question.timeout * 1000), headers={"x-pointsman-attempt": question.tag}
            ),
        )
        if question.schema is not None or question.json_only:
            config.response_mime_type = "application/json"
        if question.schema is not None:
            config.response_json_schema = question.schema
        if isinstance(question.effort_value, int):
            config.thinking_config = types.ThinkingConfig(thinking_budget=question.effort_value)
        elif question.effort_value is not None:
            config.thinking_config = types.ThinkingConfig(
                thinking_level=types.ThinkingLevel(question.effort_value.upper())
            )
        try:
            answer = self._client.models.generate_content(
                model=question.model, contents=_contents(question), config=config
            )
        except ErrorResponse as response:
            return _refused(response)
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            return CallResult(Outcome.NOT_SENT, detail=type(error).__name__)
        except (httpx2.HTTPError, errors.APIError, AttributeError, ValueError, TypeError) as error:
            # no answer, or one that is none
            return CallResult(Outcome.UNKNOWN, detail=type(error).__name__)
        return _read(answer)


def _contents(question: ModelRequest) -> list[types.Content]:
    roles = {Role.USER: "user", Role.ASSISTANT: "model"}
    return [types.Content(role=roles[turn.role], parts=[types.Part(text=turn.text)]) for turn in question.turns]


def gemini_client(key: str, base_url: str | None) -> genai.Client:
    """Return the SDK's client without retries, which raises an error response as `ErrorResponse`."""
    http = {"event_hooks": {"response": [raise_error_response]}, "verify": models_tls()}
    return genai.Client(api_key=key, http_options=types.HttpOptions(base_url=base_url or None, client_args=http))


def _read(answer: types.GenerateContentResponse) -> CallResult:
    outcome, text, detail = _content(answer)
    stated, usage, tier = answer.usage_metadata, _usage(answer.usage_metadata), _service_tier(answer)
    if not answer.candidates and outcome is Outcome.EMPTY and usage is None:
        return CallResult(Outcome.UNKNOWN, detail="200 without candidates or usage")
    return CallResult(
        outcome,
        text,
        usage,
        answer.model_version,
        answer.response_id,
        detail=detail,
        cost_doubt=usage_doubt(usage, text, stated.total_token_count if stated else None)
        or ("more cached than sent" if stated and _cached_above_prompt(stated) else "")
        or ("" if tier in _TIERS else f"service tier {tier[:20]}"),
        batch=_TIERS.get(tier, False),
    )


def _content(answer: types.GenerateContentResponse) -> tuple[Outcome, str, str]:
    """Return the outcome, the text and the detail for people."""
    feedback = answer.prompt_feedback
    if feedback is not None and feedback.block_reason is not None:
        return Outcome.BLOCKED, "", f"blocked {feedback.block_reason.name}"
    if not answer.candidates:
        return Outcome.EMPTY, "", "no candidates"
    first = answer.candidates[0]
    parts = first.content.parts if first.content and first.content.parts else []
    text = storable("".join(part.text for part in parts if part.text and not part.thought))
    finish = first.finish_reason.name if first.finish_reason else "NONE"
    if finish in _CHANCE:
        text = ""
    if finish in _BLOCKING:
        outcome = Outcome.BLOCKED
    elif not text.strip():
        outcome = Outcome.EMPTY
    elif finish in ("STOP", "NONE"):
        outcome = Outcome.ANSWERED
    else:
        outcome = Outcome.TRUNCATED if finish in ("MAX_TOKENS", "CONTINUATION") else Outcome.EMPTY
    return outcome, text, "" if outcome is Outcome.ANSWERED else f"finish_reason {finish}"


def _service_tier(answer: types.GenerateContentResponse) -> str:
    headers = (answer.sdk_http_response.headers if answer.sdk_http_response else None) or {}
    return {name.lower(): value.lower() for name, value in headers.items()}.get("x-gemini-service-tier", "standard")


def _cached_above_prompt(stated: types.GenerateContentResponseUsageMetadata) -> bool:
    sent = (stated.prompt_token_count or 0) + (stated.tool_use_prompt_token_count or 0)
    return (stated.cached_content_token_count or 0) > sent


def _usage(stated: types.GenerateContentResponseUsageMetadata | None) -> Usage | None:
    """Gemini's prompt count holds the cached tokens; thoughts stand beside the candidates' tokens and are billed so.

    None when it does not say what came in: such a call's cost is not known.
    """
    if stated is None or stated.prompt_token_count is None:
        return None
    cached, thoughts = stated.cached_content_token_count or 0, stated.thoughts_token_count or 0
    prompt = stated.prompt_token_count + (stated.tool_use_prompt_token_count or 0)
    return counted(
        Usage(
            input=max(prompt - cached, 0),
            cache_read=cached,
            output=(stated.candidates_token_count or 0) + thoughts,
            thinking=thoughts,
        )
    )


def _refused(response: ErrorResponse) -> CallResult:
    """A violated quota of the day ends it, however short the delay beside it; else the delay is what counts."""
    (error, meaning), details = interpret_response(Provider.GEMINI, response), gemini_details(response)
    if meaning.outcome is Outcome.RATE_LIMITED and any("PerDay" in quota for quota in _violated_quotas(details)):
        meaning = Refusal(Outcome.QUOTA_EXHAUSTED, until=next_midnight(datetime.now(UTC), PACIFIC))
    hint = retry_info(details)
    result = refused(response, error, meaning, retry_after(response.headers) if hint is None else hint, None)
    return replace(result, paid_project=_paid_project(_violated_quotas(details)))


def _paid_project(quotas: list[str]) -> bool | None:
    """Return whether the quotas are those of a project linked to billing, by their ids.

    Users' logs of 2026 have `GenerateRequestsPerDayPerProjectPerModel-FreeTier` and
    `GenerateContentPaidTierInputTokensPerModelPerMinute-PaidTier2`; ids without either word say nothing.
    """
    if any("PaidTier" in quota for quota in quotas):
        return True
    return False if any("FreeTier" in quota for quota in quotas) else None


def _violated_quotas(details: list[Mapping[str, Any]]) -> list[str]:
    return [
        str(violation.get("quotaId", ""))
        for entry in details
        if str(entry.get("@type", "")).endswith("QuotaFailure") and isinstance(entry.get("violations"), list)
        for violation in entry["violations"]
        if isinstance(violation, dict)
    ]
