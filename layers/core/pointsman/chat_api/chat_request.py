"""What a request in the form of OpenAI's chat completions asks for, in the words of a task."""

from typing import Any

from pointsman.chat_api.request_fields import (
    NO_TOOL_TURNS,
    NO_TOOLS,
    OWN_FIELDS,
    Asked,
    ModelNames,
    asked_tier,
    cost_limit,
    flag,
    invalid,
    json_format,
    metadata_of,
    output_limit,
    read_fields,
    role_of,
    spoken,
    stops,
    text_of,
    unknown_names,
    unsupported,
)
from pointsman.values.effort import Effort
from pointsman.values.turns import Role

_INERT: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "tools": ([],),
    "functions": ([],),
    "modalities": (["text"],),
    "logprobs": (False,),
    "audio": (),
    "web_search_options": (),
}
"""Parameters that would change what the answer is and cannot be followed, and the values that ask for nothing."""
_CHOICE_OF_TOOLS = {"tools": "tool_choice", "functions": "function_call"}
"""Parameters that ask for nothing where the choice beside them is `none`."""
_RULES = {
    "n": "must be 1: for more answers send more requests, each with an Idempotency-Key of its own",
    **{name: NO_TOOLS.format(choice=choice) for name, choice in _CHOICE_OF_TOOLS.items()},
}
"""What to do instead, by parameter."""
KNOWN = frozenset(
    {
        *(*OWN_FIELDS, "model", "messages", "max_tokens", "max_completion_tokens", "reasoning_effort", "metadata"),
        *("user", "stream", "stream_options", "response_format", "stop", *_INERT, *_CHOICE_OF_TOOLS.values()),
        *("frequency_penalty", "logit_bias", "moderation", "parallel_tool_calls", "prediction", "presence_penalty"),
        *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier", "seed"),
        *("service_tier", "store", "temperature", "top_logprobs", "top_p", "verbosity"),
    }
)
"""The door's own parameter and OpenAI's, those included that only tune a model and are ignored."""


def read_chat(body: bytes, models: ModelNames) -> Asked:
    """Return what a body asks for; parameters that only tune a model are ignored.

    Raises:
        ChatError: it cannot be followed.
    """
    fields = read_fields(body)
    unknown = unknown_names(fields, KNOWN)
    for name, inert in _INERT.items():
        unused = name in _CHOICE_OF_TOOLS and fields.get(_CHOICE_OF_TOOLS[name]) == "none"
        if fields.get(name) is not None and fields[name] not in inert and not unused:
            raise unsupported(name, _RULES.get(name, "is not supported"))
    tier, messages = asked_tier(fields, models), fields.get("messages")
    if not isinstance(messages, list) or not messages:
        raise invalid("messages", "must be a list of messages")
    turns = [_message(message, f"messages[{number}]") for number, message in enumerate(messages)]
    system, prompt, conversation = spoken(turns, "messages")
    options = fields.get("stream_options")
    return Asked(
        prompt=prompt,
        messages=conversation,
        system=system,
        tier=tier,
        max_output_tokens=output_limit(fields, "max_completion_tokens", "max_tokens"),
        effort=effort_of(fields.get("reasoning_effort")),
        output_schema=json_format(fields.get("response_format"), "response_format"),
        stop=stops(fields.get("stop"), "stop"),
        private=flag(fields, "private"),
        max_cost_usd=cost_limit(fields),
        metadata=metadata_of(fields, fields.get("user")),
        stream=flag(fields, "stream"),
        unknown=unknown,
        stream_usage=isinstance(options, dict) and flag(options, "include_usage"),
    )


def _message(message: Any, where: str) -> tuple[str, str]:
    role = role_of(message, where)
    for name in ("tool_calls", "function_call"):
        if message.get(name):
            raise unsupported(f"{where}.{name}", NO_TOOL_TURNS)
    content = message.get("content")
    if content is None and role == Role.ASSISTANT:  # as in an answer that refuses
        content = message.get("refusal") or ""
    return role, text_of(content, f"{where}.content", {"text": "text", "refusal": "refusal"})


def effort_of(reasoning_effort: Any) -> str | None:
    """Return the task's effort; what OpenAI alone knows tunes a model and is ignored."""
    if reasoning_effort == "minimal":
        return Effort.NONE
    return reasoning_effort if reasoning_effort in list(Effort) else None
