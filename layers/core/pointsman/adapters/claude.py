"""Anthropic's Messages API behind `ModelClient`: one request, and what happened as data."""

from typing import Any

import anthropic

from pointsman.adapters.answers import counted, refused, storable, usage_doubt
from pointsman.adapters.error_response import ErrorResponse, interpret_response, raise_error_response
from pointsman.adapters.models_tls import models_tls
from pointsman.adapters.retry_hints import retry_after
from pointsman.execution.calls import ModelRequest
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.routing.catalog import Provider
from pointsman.values.effort import Effort
from pointsman.values.usage import Usage

_CONNECT_SECONDS = 5.0
_STOPS = {
    "end_turn": Outcome.ANSWERED,
    "stop_sequence": Outcome.ANSWERED,
    "max_tokens": Outcome.TRUNCATED,
    "model_context_window_exceeded": Outcome.TRUNCATED,
    "refusal": Outcome.REFUSED,
}
"""Stop reasons per the Messages API (anthropic 2.14.0 `types/stop_reason.py`); any other is no whole answer."""
_UNBILLED_REFUSALS = frozenset({"cyber", "general_harms", None})
"""Categories of a refusal before any output that costs nothing; others are billed in full (platform.claude.com,
2026-09-24)."""
_PRICED_GEOGRAPHIES = frozenset({None, "global", "not_available", "us"})
"""Values of `usage.inference_geo` whose price is known."""


class Claude:
    """`ModelClient` for Anthropic. The SDK's own retries are off: the workflow waits, not the function."""

    def __init__(self, key: str, base_url: str | None) -> None:
        self._client = claude_client(key, base_url)

    def ask(self, question: ModelRequest) -> CallResult:
        """Send one message."""
        try:
            answer = self._client.messages.create(
                **message_params(question),
                timeout=anthropic.Timeout(question.timeout, connect=min(_CONNECT_SECONDS, question.timeout)),
                extra_headers={"x-pointsman-attempt": question.tag},
            )
        except anthropic.APIConnectionError as error:
            return unanswered(error)
        except (anthropic.APIError, AttributeError, ValueError, TypeError) as error:  # an answer that is none
            return CallResult(Outcome.UNKNOWN, detail=type(error).__name__)
        return message_result(answer)


def message_params(question: ModelRequest) -> dict[str, Any]:
    """Return the parameters of a message, as a request of its own and an entry of a batch have them."""
    arguments: dict[str, Any] = {}
    output_config: dict[str, Any] = {}
    if question.schema is not None:
        output_config["format"] = {"type": "json_schema", "schema": question.schema}
    if question.effort is Effort.NONE:  # without a level beside it: the API refuses it at the two highest
        arguments["thinking"] = {"type": question.effort_value}
    elif question.effort is not None:
        output_config["effort"] = question.effort_value
    if output_config:
        arguments["output_config"] = output_config
    if question.stop:
        arguments["stop_sequences"] = list(question.stop)
    if question.system:
        arguments["system"] = question.system
    messages = [{"role": turn.role, "content": turn.text} for turn in question.turns]
    return {"model": question.model, "max_tokens": question.max_output_tokens, "messages": messages, **arguments}


def claude_client(key: str, base_url: str | None) -> anthropic.Anthropic:
    """Return the SDK's client without retries; an error response is the cause of the `APIConnectionError` that it
    raises, as an `ErrorResponse`.
    """
    http = _HttpClient(verify=models_tls(), event_hooks={"response": [raise_error_response]})
    return anthropic.Anthropic(api_key=key, base_url=base_url or None, max_retries=0, http_client=http)


class _HttpClient(anthropic.DefaultHttpxClient):
    """The SDK's HTTP client, which closes its connections when it is dropped, as the one that the SDK makes does."""

    def __del__(self) -> None:
        self.close()


def message_result(answer: Any) -> CallResult:
    """Return what a message came to, by the SDK's parsing, which checks nothing."""
    content = getattr(answer, "content", None) or []
    if getattr(answer, "type", None) != "message" or not isinstance(content, list):
        return CallResult(Outcome.UNKNOWN, detail="200 without a message in it")
    request_id, answered_by = getattr(answer, "_request_id", None), answer.model
    usage = _usage(answer.usage)
    texts = [block.text for block in content if getattr(block, "type", None) == "text"]
    text = storable("".join(text for text in texts if isinstance(text, str)))
    outcome = _STOPS.get(answer.stop_reason or "", Outcome.EMPTY)
    if outcome in (Outcome.ANSWERED, Outcome.TRUNCATED) and not text.strip():
        outcome = Outcome.EMPTY
    detail = "" if outcome is Outcome.ANSWERED else f"stop_reason {answer.stop_reason}"
    return CallResult(
        outcome,
        text,
        usage,
        answered_by if isinstance(answered_by, str) else None,
        request_id,
        detail=detail,
        unbilled=outcome is Outcome.REFUSED and not content and _category(answer) in _UNBILLED_REFUSALS,
        cost_doubt=usage_doubt(usage, text) or _terms_doubt(answer.usage),
        regional=getattr(answer.usage, "inference_geo", None) == "us",
        batch=getattr(answer.usage, "service_tier", None) == "batch",
    )


def _category(answer: Any) -> str | None:
    details = answer.stop_details
    category = getattr(details, "category", "not stated") if details else None
    return category if category is None else str(category)


def _terms_doubt(stated: Any) -> str:
    """Return why the catalogue's prices do not hold for the answer, by its own word; empty when they do."""
    if (geo := getattr(stated, "inference_geo", None)) not in _PRICED_GEOGRAPHIES:
        return f"inference_geo {str(geo)[:20]}"
    if (tier := getattr(stated, "service_tier", None)) not in (None, "standard", "batch"):
        return f"service_tier {str(tier)[:20]}"
    if (speed := getattr(stated, "speed", None)) not in (None, "standard"):
        return f"speed {str(speed)[:20]}"
    if getattr(getattr(stated, "server_tool_use", None), "web_search_requests", None):
        return "web searches"
    return ""


def _usage(stated: Any) -> Usage | None:
    """Anthropic's `input_tokens` leaves cache tokens out; writes are split by lifetime where it says so.

    None when it does not say what came in or went out, or not in numbers: such a call's cost is not known.
    """
    try:
        split, details = stated.cache_creation, stated.output_tokens_details
        hour = (split.ephemeral_1h_input_tokens or 0) if split else 0
        five = (split.ephemeral_5m_input_tokens or 0) if split else 0
        usage = Usage(
            input=stated.input_tokens,
            cache_read=stated.cache_read_input_tokens or 0,
            cache_write_5m=max(five, (stated.cache_creation_input_tokens or 0) - hour),
            cache_write_1h=hour,
            output=stated.output_tokens,
            thinking=(details.thinking_tokens or 0) if details else 0,
        )
    except (AttributeError, TypeError):
        return None
    return counted(usage)


def refused_by(response: ErrorResponse) -> CallResult:
    """Return what an error response means."""
    error, meaning = interpret_response(Provider.ANTHROPIC, response)
    return refused(response, error, meaning, retry_after(response.headers), response.headers.get("request-id"))


def unanswered(error: anthropic.APIConnectionError) -> CallResult:
    """A request that never left cost nothing; one that left and was not answered may have."""
    cause = error.__cause__
    if isinstance(cause, ErrorResponse):
        return refused_by(cause)
    name = type(cause).__name__
    sent = name not in ("ConnectError", "ConnectTimeout", "PoolTimeout", "UnsupportedProtocol")
    return CallResult(Outcome.UNKNOWN if sent else Outcome.NOT_SENT, detail=f"{type(error).__name__} ({name})")
