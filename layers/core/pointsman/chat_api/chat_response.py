"""How a task's end looks in the form of OpenAI's chat completions."""

from typing import Any

from pointsman.chat_api.request_fields import ChatError, ModelNames
from pointsman.client import Result
from pointsman.values import strict_json
from pointsman.values.status import Status

_FAILURES = {
    "refused": (400, "content_filter", "invalid_request_error"),
    "blocked": (400, "content_filter", "invalid_request_error"),
    "invalid": (400, "invalid_request", "invalid_request_error"),
    "too_long": (400, "context_length_exceeded", "invalid_request_error"),
    "cancelled": (410, "cancelled", "invalid_request_error"),  # no client repeats it: it would be cancelled still
    "private": (400, "private", "invalid_request_error"),
    "over_budget": (429, "insufficient_quota", "insufficient_quota"),
    "over_limit": (429, "insufficient_quota", "insufficient_quota"),
    "over_max_cost": (429, "insufficient_quota", "insufficient_quota"),
    "quota_exhausted": (429, "insufficient_quota", "insufficient_quota"),
    "deadline": (504, "deadline", "server_error"),
}
"""Status, code and type by why a task failed; any other reason is 502."""


def completion(task_id: str, result: Result, created: int) -> dict[str, Any]:
    """Return a completed task as a `chat.completion`; `created` is Unix seconds."""
    usage, truncated = result.usage, result.truncated
    message = {"role": "assistant", "content": result.answer or "", "refusal": None}
    return {
        "id": task_id,
        "object": "chat.completion",
        "created": created,
        "model": result.model,
        "choices": [
            {"index": 0, "message": message, "logprobs": None, "finish_reason": "length" if truncated else "stop"}
        ],
        "usage": {
            "prompt_tokens": usage.prompt,
            "completion_tokens": usage.output,
            "total_tokens": usage.total,
            "prompt_tokens_details": {"cached_tokens": usage.cache_read},
            "completion_tokens_details": {"reasoning_tokens": usage.thinking},
        },
    }


def as_stream(whole: dict[str, Any], *, with_usage: bool) -> str:
    """Return a completion as server-sent events: the whole answer in one chunk."""
    (choice,) = whole["choices"]
    common = {**{name: whole[name] for name in ("id", "created", "model")}, "object": "chat.completion.chunk"}
    delta = {name: choice["message"][name] for name in ("role", "content")}
    chunks = [
        {**common, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {**common, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]},
    ]
    if with_usage:
        chunks.append({**common, "choices": [], "usage": whole["usage"]})
    return "".join(event(chunk) for chunk in chunks) + "data: [DONE]\n\n"


def event(data: dict[str, Any]) -> str:
    """Return one server-sent event."""
    return f"data: {strict_json.dumps(data)}\n\n"


def failure(task_id: str, status: Status, reason: str | None) -> ChatError:
    """Return what a failed or rejected task is answered with."""
    if status is Status.REJECTED:  # its form was judged before it was sent: another task has its id
        return ChatError(409, f"the task was rejected: {reason}", code="idempotency_conflict", task_id=task_id)
    http, code, kind = _FAILURES.get(reason or "", (502, reason or "failed", "server_error"))
    return ChatError(http, f"the task failed: {reason}", code=code, type=kind, task_id=task_id)


def model_list(models: ModelNames) -> dict[str, Any]:
    """Return the list of models, in OpenAI's and Anthropic's form at once."""
    data = [model(name, models) for name in models]
    return {"object": "list", "data": data, "has_more": False, "first_id": data[0]["id"], "last_id": data[-1]["id"]}


def model(name: str, models: ModelNames) -> dict[str, Any]:
    """Return what is said of a model.

    Raises:
        ChatError: there is none of that name.
    """
    if name not in models:
        raise ChatError(404, f"model: must be one of {', '.join(models)}", code="model_not_found", param="model")
    openai = {"id": name, "object": "model", "created": 0, "owned_by": "pointsman"}
    return openai | {"type": "model", "display_name": name, "created_at": "1970-01-01T00:00:00Z"}
