"""What a request in the form of OpenAI's chat completions asks for, in the words of a task."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pointsman.contracts.unknown_fields import nearest_name
from pointsman.values import strict_json
from pointsman.values.effort import Effort
from pointsman.values.limits import LARGEST_OUTPUT
from pointsman.values.taxonomy import Tier
from pointsman.values.turns import Role

AUTO = "pointsman/auto"
MODEL_NAMES: dict[str, Tier | None] = {AUTO: None} | {f"pointsman/{tier}": tier for tier in Tier}
"""What may be asked for as `model`, and the tier that it chooses; None: the task is classified."""

_INERT: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "tools": ([],),
    "functions": ([],),
    "stop": ([],),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "logprobs": (False,),
    "audio": (),
    "web_search_options": (),
}
"""Parameters that would change what the answer is and cannot be followed, and the values that ask for nothing."""
_CHOICE_OF_TOOLS = {"tools": "tool_choice", "functions": "function_call"}
"""Parameters that ask for nothing where the choice beside them is `none`."""
_NO_TOOLS = "is not supported: a task is one answer in text; send {choice} none to get one, or call the provider"
_RULES = {
    "n": "must be 1: for more answers send more requests, each with an Idempotency-Key of its own",
    **{name: _NO_TOOLS.format(choice=choice) for name, choice in _CHOICE_OF_TOOLS.items()},
}
"""What to do instead, by parameter."""
_ELSEWHERE = ("tier", "type", "deadline", "reply_to", "max_cost_usd")
"""Fields of a task that this door does not take; ignored, they would change what is done."""
KNOWN = frozenset(
    {
        *("private", "model", "messages", "max_tokens", "max_completion_tokens", "reasoning_effort", "metadata"),
        *("user", "stream", "stream_options", *_INERT, *_CHOICE_OF_TOOLS.values()),
        *("frequency_penalty", "logit_bias", "moderation", "parallel_tool_calls", "prediction", "presence_penalty"),
        *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "safety_identifier", "seed"),
        *("service_tier", "store", "temperature", "top_logprobs", "top_p", "verbosity"),
    }
)
"""The door's own parameter and OpenAI's, those included that only tune a model and are ignored."""
_INSTRUCTIONS = frozenset({"system", "developer"})


class ChatError(Exception):
    """A request that has no answer. Raised wherever that shows; the front door answers with it, in OpenAI's form.

    The message names field and rule, never a value.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str,
        param: str | None = None,
        type: str = "invalid_request_error",
        task_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.task_id, self.headers = status, task_id, headers or {}
        self.body = {"error": {"message": message, "type": type, "param": param, "code": code}}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request."""

    prompt: str | None
    """None: a conversation is asked to go on."""
    messages: list[dict[str, str]] | None = None
    system: str | None = None
    tier: Tier | None = None
    max_output_tokens: int | None = None
    effort: str | None = None
    private: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    stream: bool = False
    """Whether the answer, which comes whole, is to have the form of a stream."""
    stream_usage: bool = False


def read_chat(body: bytes) -> Asked:
    """Return what a body asks for; parameters that only tune a model are ignored.

    Raises:
        ChatError: it cannot be followed.
    """
    fields = _fields(body)
    _refuse_slips(fields)
    for name, inert in _INERT.items():
        unused = name in _CHOICE_OF_TOOLS and fields.get(_CHOICE_OF_TOOLS[name]) == "none"
        if fields.get(name) is not None and fields[name] not in inert and not unused:
            raise _unsupported(name, _RULES.get(name, "is not supported"))
    model = fields.get("model")
    if not isinstance(model, str) or model not in MODEL_NAMES:
        words = f"model: must be one of {', '.join(MODEL_NAMES)}"
        raise ChatError(404, words, code="model_not_found", param="model")
    system, prompt, messages = _texts(fields.get("messages"))
    options = fields.get("stream_options")
    return Asked(
        prompt=prompt,
        messages=messages,
        system=system,
        tier=MODEL_NAMES[model],
        max_output_tokens=_limit(fields),
        effort=_effort(fields.get("reasoning_effort")),
        private=_flag(fields, "private"),
        metadata=_metadata(fields),
        stream=_flag(fields, "stream"),
        stream_usage=isinstance(options, dict) and _flag(options, "include_usage"),
    )


def _refuse_slips(fields: dict[str, Any]) -> None:
    """Raise a ChatError for a name that is close to one that decides what is done, as `privat`."""
    for name in sorted(fields.keys() - KNOWN):
        nearest = nearest_name(name, ("private", *_ELSEWHERE), alike=0.75)
        if nearest == "private":
            raise _unsupported(name, "is no parameter; did you mean private?")
        if nearest:
            raise _unsupported(name, "is not taken here: choose the tier by model, or send the task to the queue")


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = strict_json.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise _invalid("body", "must be JSON in UTF-8") from None
    except strict_json.NotStrictJson as error:
        raise _invalid("body", str(error)) from None
    if not isinstance(fields, dict):
        raise _invalid("body", "must be a JSON object with model and messages")
    return fields


def _texts(messages: Any) -> tuple[str | None, str | None, list[dict[str, str]] | None]:
    """Return instructions, and the one user message as a prompt or else the conversation."""
    if not isinstance(messages, list) or not messages:
        raise _invalid("messages", "must be a list of messages")
    parts = [_message(message, f"messages[{number}]") for number, message in enumerate(messages)]
    instructions = [text for role, text in parts if role in _INSTRUCTIONS]
    spoken = [(role, text) for role, text in parts if role not in _INSTRUCTIONS and (text or role == "user")]
    if not any(role == "user" and text.strip() for role, text in spoken):
        raise _invalid("messages", "must hold a user message with text")
    system = "\n\n".join(instructions) or None
    if len(spoken) == 1:
        return system, spoken[0][1], None
    return system, None, [{"role": role, "content": text} for role, text in spoken]


def _message(message: Any, where: str) -> tuple[str, str]:
    if not isinstance(message, dict):
        raise _invalid(where, "must be an object with role and content")
    role, content = message.get("role"), message.get("content")
    if not isinstance(role, str) or role not in {*_INSTRUCTIONS, *Role}:
        raise _invalid(f"{where}.role", "must be system, developer, user or assistant")
    if message.get("tool_calls"):
        raise _unsupported(f"{where}.tool_calls")
    if content is None and role == "assistant":  # as in an answer that refuses
        content = message.get("refusal") or ""
    if isinstance(content, str):
        return role, content
    if not isinstance(content, list):
        raise _invalid(f"{where}.content", "must be text or a list of text parts")
    return role, "\n".join(_part(part, f"{where}.content[{number}]") for number, part in enumerate(content))


def _part(part: Any, where: str) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind not in ("text", "refusal"):
        raise _unsupported(f"{where}.type", "only text parts are supported")
    if not isinstance(text := part.get(kind), str):
        raise _invalid(f"{where}.{kind}", "must be a string")
    return text


def _limit(fields: dict[str, Any]) -> int | None:
    """Return the output cap; one above what any model can is no cap of its own, as at other doors."""
    stated = {name: fields[name] for name in ("max_completion_tokens", "max_tokens") if fields.get(name) is not None}
    for name, limit in stated.items():
        if isinstance(limit, bool) or not isinstance(limit, int | float) or limit < 1 or limit != int(limit):
            raise _invalid(name, "must be a whole number from 1")
    if len(set(stated.values())) > 1:
        raise _invalid("max_tokens", "must not differ from max_completion_tokens")
    return min(int(next(iter(stated.values()))), LARGEST_OUTPUT) if stated else None


def _effort(reasoning_effort: Any) -> str | None:
    """Return the task's effort; what OpenAI alone knows tunes a model and is ignored."""
    if reasoning_effort == "minimal":
        return Effort.NONE
    return reasoning_effort if reasoning_effort in list(Effort) else None


def _metadata(fields: dict[str, Any]) -> dict[str, str]:
    metadata, user = fields.get("metadata") or {}, fields.get("user")
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _invalid("metadata", "must be an object of strings")
    if user is not None and not isinstance(user, str):
        raise _invalid("user", "must be a string")
    return metadata if user is None else {"user": user, **metadata}


def _flag(fields: dict[str, Any], name: str) -> bool:
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise _invalid(name, "must be true or false")
    return bool(value)


def _invalid(param: str, rule: str) -> ChatError:
    return ChatError(400, f"{param}: {rule}", code="invalid_value", param=param)


def _unsupported(param: str, rule: str = "is not supported") -> ChatError:
    return ChatError(400, f"{param}: {rule}", code="unsupported_parameter", param=param)
