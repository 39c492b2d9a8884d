"""The forms in which the front door is asked and answers: one per path that takes a task."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pointsman.chat_api import chat_response, messages_form, responses_form
from pointsman.chat_api.chat_request import read_chat
from pointsman.chat_api.request_fields import Asked, ChatError, ModelNames
from pointsman.client import Result


@dataclass(frozen=True, slots=True)
class ApiForm:
    """How one API asks and is answered."""

    read: Callable[[bytes, ModelNames], Asked]
    completed: Callable[[str, Result, int], dict[str, Any]]
    """Of the task's id, its result and Unix seconds."""
    stream: Callable[[dict[str, Any], Asked], str]
    """Return a whole answer as server-sent events."""
    error: Callable[[ChatError], dict[str, Any]]


CHAT = ApiForm(
    read_chat,
    chat_response.completion,
    lambda whole, asked: chat_response.as_stream(whole, with_usage=asked.stream_usage),
    lambda error: error.body,
)
RESPONSES = ApiForm(
    responses_form.read_responses,
    responses_form.response,
    lambda whole, _: responses_form.response_stream(whole),
    lambda error: error.body,
)
MESSAGES = ApiForm(
    messages_form.read_messages,
    lambda task_id, result, _: messages_form.message(task_id, result),
    lambda whole, _: messages_form.message_stream(whole),
    messages_form.messages_error,
)
FORMS = {"/v1/chat/completions": CHAT, "/v1/responses": RESPONSES, "/v1/messages": MESSAGES}
"""By path."""


def form_of(path: str, headers: dict[str, str]) -> ApiForm:
    """Return the form in which a request expects its errors: its path's, else Anthropic's SDK's own."""
    for prefix, form in FORMS.items():
        if path == prefix or path.startswith(f"{prefix}/"):
            return form
    return MESSAGES if "anthropic-version" in headers else CHAT
