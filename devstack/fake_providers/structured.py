"""Structured output: a value that is valid for a JSON schema and depends on the prompt.

A list named `subtasks` has one entry for each list item in the prompt, and none without list items.

Supports JSON Schema as both SDKs send it, with Gemini's upper-case types and `nullable`. It ignores `pattern`, `not`
and `prefixItems`: a schema with one of them may get an invalid value.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

from devstack.fake_providers import classify, compare
from devstack.fake_providers.text import first_words, list_items

type StructuredForm = Literal["fenced", "surrounded", "trailing_comma", "half_surrogate", "escaped_half_surrogate"]
"""How structured output may be written instead of as plain JSON. Half a surrogate pair stands at the end of each free
text; without one, after the JSON."""
type _Schema = Mapping[str, Any]

_HALF_PAIR = "\ud83d"

_MOST_LEVELS = 8
"""Below it, optional properties and items are left out, so that a recursive schema ends."""
_DEFAULT_ITEMS = 2


def stated_schema(system: str) -> _Schema | None:
    """Return the JSON schema that instructions end with, where they ask for JSON by one; `None` if they do not."""
    _, said, schema = system.rpartition("JSON Schema:\n")
    try:
        stated = json.loads(schema) if said else None
    except ValueError:
        return None
    return stated if isinstance(stated, dict) else None


def compose(model: str, prompt: str, schema: _Schema, form: StructuredForm | None = None) -> str:
    """Return the JSON answer to `prompt` under `schema`, in a form that a reader has to mend if one is given."""
    ending = _HALF_PAIR if form in ("half_surrogate", "escaped_half_surrogate") else ""
    written = json.dumps(_Filler(schema, model, ending).value(schema, prompt, ""), ensure_ascii=False)
    match form:
        case "fenced":
            return f"```json\n{written}\n```"
        case "surrounded":
            return f"Here is the result:\n\n{written}\n\nTell me if you need more."
        case "trailing_comma":
            return f"{written[:-1]},{written[-1]}"
        case "half_surrogate" | "escaped_half_surrogate":
            written = written if ending in written else f"{written} {ending}"
            return written if form == "half_surrogate" else written.replace(ending, json.dumps(ending)[1:-1])
    return written


class _Filler:
    def __init__(self, root: _Schema, model: str, ending: str) -> None:
        self._root = root
        self._label = f"[stand-in {model}]"
        self._ending = ending

    def value(self, schema: _Schema, text: str, name: str, depth: int = 0) -> Any:
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return _chosen(schema["enum"], text)
        match _kind(schema):
            case "object":
                return self._object(schema, text, depth)
            case "array":
                return self._array(schema, text, name, depth)
            case "integer":
                return int(_number(schema, 1))
            case "number":
                return _number(schema, _confidence(text) if name == "confidence" else 1.0)
            case "boolean":
                return _digest(name + text) % 2 == 0
            case "null":
                return None
            case _:
                return self._string(schema, text, name)

    def _resolved(self, schema: _Schema) -> _Schema:
        """Return the schema with references followed, `allOf` merged and the first choice that is not null taken."""
        while True:
            if isinstance(reference := schema.get("$ref"), str):
                target: Any = self._root
                for key in reference.removeprefix("#/").split("/"):
                    target = target[key]
                schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
            elif choices := schema.get("anyOf") or schema.get("oneOf"):
                schema = next((choice for choice in choices if _kind(choice) != "null"), choices[0])
            elif parts := schema.get("allOf"):
                schema = {key: value for part in parts for key, value in self._resolved(part).items()}
            else:
                return schema

    def _object(self, schema: _Schema, text: str, depth: int) -> dict[str, Any]:
        properties: _Schema = schema.get("properties") or {}
        required = schema.get("required") or ()
        if not properties and schema.get("additionalProperties") is not False:  # any object, or a map
            values = schema.get("additionalProperties")
            part = values if isinstance(values, dict) else {}
            return {key: self.value(part, text, key, depth + 1) for key in required or ("answer",)}
        return {
            key: self.value(part, text, key, depth + 1)
            for key, part in properties.items()
            if depth < _MOST_LEVELS or key in required
        }

    def _array(self, schema: _Schema, text: str, name: str, depth: int) -> list[Any]:
        items = self._resolved(schema.get("items") or {})
        least, most = int(schema.get("minItems") or 0), int(schema.get("maxItems") or 1_000_000)
        if name == "subtasks":
            return [_subtask(line, self._ending) for line in list_items(text)[:most]]
        if self._classifies(items):
            messages = self._listed_ids(items, classify.fenced_messages(text))
            if len(messages) >= least:
                return [
                    {**self._object(items, message, depth + 1), "id": message_id}
                    for message_id, message in messages[:most]
                ]
        count = min(max(least, 0 if depth >= _MOST_LEVELS else _DEFAULT_ITEMS), most)
        return [
            self.value(items, f"{text} ({number + 1})" if count > 1 else text, name, depth + 1)
            for number in range(count)
        ]

    def _classifies(self, items: _Schema) -> bool:
        properties = items.get("properties") or {}
        return "id" in properties and bool(self._resolved(properties.get("type") or {}).get("enum"))

    def _listed_ids(self, items: _Schema, messages: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return the messages whose ids the schema lists; all of them if it lists none."""
        ids = self._resolved(items["properties"]["id"]).get("enum")
        return [message for message in messages if message[0] in ids] if ids else messages

    def _string(self, schema: _Schema, text: str, name: str) -> str:
        match schema.get("format"):
            case "date-time":
                return "2026-01-01T00:00:00Z"
            case "date":
                return "2026-01-01"
        words = f"{self._label} {name or 'answer'}: {first_words(text)}"
        longest = int(schema.get("maxLength") or len(words) + 1_000_000) - len(self._ending)
        return words.ljust(int(schema.get("minLength") or 0), ".")[:longest] + self._ending


def _subtask(line: str, ending: str) -> dict[str, Any]:
    """Return a list item as a subtask; with a type only where a keyword decides it."""
    task_type, sure = classify.guess_task_type(line)
    return {"prompt": line + ending, **({"type": task_type} if sure else {})}


def _confidence(text: str) -> float:
    return 0.9 if classify.guess_task_type(text)[1] else 0.4


def _kind(schema: _Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name.lower() != "null"), "null")
    if isinstance(kind, str):
        return kind.lower()
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _chosen(choices: list[Any], text: str) -> Any:
    """Return the better of two answers, the text's task type or tier, a choice that it names, or one by its hash."""
    if {str(choice) for choice in choices} == compare.WORDS and (better := compare.better_answer(text)):
        return better
    task_type, _ = classify.guess_task_type(text)
    for keyword in (task_type, classify.tier_of(task_type)):
        if keyword in choices:
            return keyword
    by_hash = choices[_digest(text) % len(choices)]
    return next((choice for choice in choices if str(choice).lower() in text.lower()), by_hash)


def _number(schema: _Schema, default: float) -> float:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    step = 1 if _kind(schema) == "integer" else 1e-6
    if low is not None:
        default = max(default, low if "minimum" in schema else low + step)
    if high is not None:
        default = min(default, high if "maximum" in schema else high - step)
    return default


def _digest(text: str) -> int:
    return hashlib.sha256(text.encode()).digest()[0]
