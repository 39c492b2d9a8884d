"""What requests of every form have in common: the fields that a task has, the tools that it has not, the errors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pointsman.contracts.unknown_fields import nearest_name
from pointsman.values import strict_json
from pointsman.values.limits import LARGEST_OUTPUT
from pointsman.values.taxonomy import Tier
from pointsman.values.turns import Role

type ModelNames = Mapping[str, Tier | None]
"""What may be asked for as `model`, and the tier that it chooses; None: the task is classified."""
AUTO = "pointsman/auto"
TIER_MODELS: dict[str, Tier | None] = {AUTO: None} | {f"pointsman/{tier}": tier for tier in Tier}
NO_TOOLS = (
    "is not supported: a task is one answer in text, and no tool is called (docs/ways/http.md, Tools); "
    "send {choice} none to get one, or call the provider"
)
"""With the parameter that chooses among tools."""
NO_TOOL_TURNS = (
    "is not supported: no tool is called, so that a conversation has none (docs/ways/http.md, Tools); "
    "call the provider for this one"
)
_NO_MEDIA = "is not supported: a task is text, without images, audio or files; call the provider for them"
ANY_OBJECT = {"type": "object"}
"""The schema of `json_object`."""
OWN_FIELDS = ("private", "max_cost_usd")
"""Fields of a task that no other API has."""
_ELSEWHERE = ("tier", "type", "deadline", "reply_to")
"""Fields of a task that this door does not take; ignored, they would change what is done."""
_PLAIN_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
"""What may stand in a header."""
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
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.task_id = status, code, task_id
        self.retry_after = retry_after
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
    output_schema: dict[str, Any] | None = None
    stop: list[str] | None = None
    private: bool = False
    max_cost_usd: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    stream: bool = False
    """Whether the answer, which comes whole, is to have the form of a stream."""
    stream_usage: bool = False
    unknown: tuple[str, ...] = ()
    """Fields that no API and no task has, each with the one that was probably meant. They are ignored."""


def read_fields(body: bytes) -> dict[str, Any]:
    """Return a body's fields."""
    try:
        fields = strict_json.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise invalid("body", "must be JSON in UTF-8") from None
    except strict_json.NotStrictJson as error:
        raise invalid("body", str(error)) from None
    if not isinstance(fields, dict):
        raise invalid("body", "must be a JSON object with a model")
    return fields


def unknown_names(fields: dict[str, Any], known: frozenset[str]) -> tuple[str, ...]:
    """Return the names of fields that are ignored, each with the one that was probably meant.

    Raises:
        ChatError: a name is close to one that decides what is done, as `privat`.
    """
    unknown = []
    for name in sorted(fields.keys() - known):
        nearest = nearest_name(name, (*OWN_FIELDS, *_ELSEWHERE), alike=0.75)
        if nearest in OWN_FIELDS:
            raise unsupported(name, f"is no parameter; did you mean {nearest}?")
        if nearest:
            raise unsupported(name, "is not taken here: choose the tier by model, or send the task to the queue")
        meant = nearest_name(name, sorted(known), alike=0.75)
        shown = name if _PLAIN_NAME.fullmatch(name) else "a field"
        unknown.append(f"{shown} (did you mean {meant}?)" if meant else shown)
    return tuple(unknown)


def asked_tier(fields: dict[str, Any], models: ModelNames) -> Tier | None:
    """Return the tier that `model` asks for; None: the task is classified."""
    model = fields.get("model")
    if not isinstance(model, str) or model not in models:
        words = f"model: must be one of {', '.join(models)}"
        raise ChatError(404, words, code="model_not_found", param="model")
    return models[model]


def spoken(turns: list[tuple[str, str]], where: str) -> tuple[str | None, str | None, list[dict[str, str]] | None]:
    """Return instructions, and the one user message as a prompt or else the conversation.

    `turns` are roles and texts; `where` is the field that states them.
    """
    instructions = [text for role, text in turns if role in _INSTRUCTIONS and text]
    said = [(role, text) for role, text in turns if role not in _INSTRUCTIONS and (text or role == "user")]
    if not any(role == "user" and text.strip() for role, text in said):
        raise invalid(where, "must hold a user message with text")
    system = "\n\n".join(instructions) or None
    if len(said) == 1:
        return system, said[0][1], None
    return system, None, [{"role": role, "content": text} for role, text in said]


def role_of(message: Any, where: str) -> str:
    """Return who speaks."""
    if not isinstance(message, dict):
        raise invalid(where, "must be an object with role and content")
    role = message.get("role")
    if role in ("tool", "function"):
        raise unsupported(f"{where}.role", NO_TOOL_TURNS)
    if not isinstance(role, str) or role not in {*_INSTRUCTIONS, *Role}:
        raise invalid(f"{where}.role", "must be system, developer, user or assistant")
    return role


def text_of(content: Any, where: str, kinds: Mapping[str, str], silent: frozenset[str] = frozenset()) -> str:
    """Return the text of a message: a string, or parts of these kinds, each with the field of its text.

    `silent` are kinds that say nothing, as a model's thinking.
    """
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise invalid(where, "must be text or a list of text parts")
    texts = []
    for number, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if isinstance(kind, str) and kind in silent:
            continue
        if not isinstance(kind, str):
            raise invalid(f"{where}[{number}].type", "must be a string")
        if kind not in kinds:
            raise unsupported(f"{where}[{number}].type", NO_TOOL_TURNS if "tool" in kind else _NO_MEDIA)
        if not isinstance(text := part.get(kinds[kind]), str):
            raise invalid(f"{where}[{number}].{kinds[kind]}", "must be a string")
        texts.append(text)
    return "\n".join(texts)


def json_format(stated: Any, where: str) -> dict[str, Any] | None:
    """Return the schema that a format in OpenAI's form asks for; None: text.

    In chat completions the schema stands in `json_schema`, in responses beside the type.
    """
    if stated is None:
        return None
    if not isinstance(stated, dict):
        raise invalid(where, "must be an object with a type")
    match stated.get("type"):
        case "text":
            return None
        case "json_object":
            return ANY_OBJECT
        case "json_schema":
            inner = stated.get("json_schema", stated)
            schema = inner.get("schema") if isinstance(inner, dict) else None
            if not isinstance(schema, dict):
                raise invalid(where, "must hold a schema, as a JSON Schema object")
            return schema
    raise unsupported(f"{where}.type", "must be text, json_object or json_schema")


def stops(value: Any, name: str) -> list[str] | None:
    """Return the texts that end the answer: one, or a list of them."""
    if value in (None, [], ""):
        return None
    stated = [value] if isinstance(value, str) else value
    if not isinstance(stated, list) or not all(isinstance(text, str) for text in stated):
        raise invalid(name, "must be a text or a list of texts")
    return stated


def metadata_of(fields: dict[str, Any], user: Any) -> dict[str, str]:
    """Return `metadata`, with who the request is for as one entry."""
    metadata = fields.get("metadata") or {}
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise invalid("metadata", "must be an object of strings")
    if user is not None and not isinstance(user, str):
        raise invalid("user", "must be a string")
    return metadata if user is None else {"user": user, **metadata}


def output_limit(fields: dict[str, Any], *names: str) -> int | None:
    """Return the output cap that one of the names states; one above what any model can is no cap of its own, as at
    other doors.
    """
    stated = {name: fields[name] for name in names if fields.get(name) is not None}
    for name, limit in stated.items():
        if isinstance(limit, bool) or not isinstance(limit, int | float) or limit < 1 or limit != int(limit):
            raise invalid(name, "must be a whole number from 1")
    if len(set(stated.values())) > 1:
        raise invalid("max_tokens", "must not differ from max_completion_tokens")
    return min(int(next(iter(stated.values()))), LARGEST_OUTPUT) if stated else None


def cost_limit(fields: dict[str, Any]) -> str | None:
    """Return what the task and its subtasks may cost, in dollars as text; None: what budget and limits leave."""
    value = fields.get("max_cost_usd")
    if value is not None and not isinstance(value, str):
        raise invalid("max_cost_usd", 'must be dollars as a string, like "0.25"')
    return value


def flag(fields: dict[str, Any], name: str) -> bool:
    """Return a field that is true or false, false where it is absent."""
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid(name, "must be true or false")
    return bool(value)


def invalid(param: str, rule: str) -> ChatError:
    """Return the error of a value that breaks a rule."""
    return ChatError(400, f"{param}: {rule}", code="invalid_value", param=param)


def unsupported(param: str, rule: str = "is not supported") -> ChatError:
    """Return the error of what a task does not have."""
    return ChatError(400, f"{param}: {rule}", code="unsupported_parameter", param=param)
