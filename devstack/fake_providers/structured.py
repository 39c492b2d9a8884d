"""Structured output: a value that is valid for a JSON schema and depends on the text.

A list of `subtasks` has one for each line that the text lists, and none where it lists nothing.

Knows JSON Schema as both SDKs send it, Gemini's upper-case types and `nullable` included. It does not know `pattern`,
`not` and `prefixItems`: a schema that needs them gets a value that may not be valid.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from devstack.fake_providers import classify
from devstack.fake_providers.text import first_words, listed

type Schema = Mapping[str, Any]

_DEEP = 8
"""Levels after which optional properties and items are left out, so that a recursive schema ends."""
_USUAL_ITEMS = 2


def compose(model: str, prompt: str, schema: Schema) -> str:
    """Return the JSON text that answers `prompt` under `schema`."""
    return json.dumps(_Filler(schema, model).value(schema, prompt, ""), ensure_ascii=False)


class _Filler:
    def __init__(self, root: Schema, model: str) -> None:
        self._root = root
        self._label = f"[stand-in {model}]"

    def value(self, schema: Schema, text: str, name: str, depth: int = 0) -> Any:
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
                return _number(schema, (0.9 if classify.task_type(text)[1] else 0.4) if name == "confidence" else 1.0)
            case "boolean":
                return _digest(name + text) % 2 == 0
            case "null":
                return None
            case _:
                return self._string(schema, text, name)

    def _resolved(self, schema: Schema) -> Schema:
        """Follow references, merge `allOf`, and take the first choice that is not null."""
        while True:
            if isinstance(reference := schema.get("$ref"), str):
                target: Any = self._root
                for key in reference.removeprefix("#/").split("/"):
                    target = target[key]
                schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
            elif choices := schema.get("anyOf") or schema.get("oneOf"):
                schema = next((one for one in choices if _kind(one) != "null"), choices[0])
            elif parts := schema.get("allOf"):
                schema = {key: value for part in parts for key, value in self._resolved(part).items()}
            else:
                return schema

    def _object(self, schema: Schema, text: str, depth: int) -> dict[str, Any]:
        properties: Schema = schema.get("properties") or {}
        required = schema.get("required") or ()
        return {
            key: self.value(part, text, key, depth + 1)
            for key, part in properties.items()
            if depth < _DEEP or key in required
        }

    def _array(self, schema: Schema, text: str, name: str, depth: int) -> list[Any]:
        items = self._resolved(schema.get("items") or {})
        least, most = int(schema.get("minItems") or 0), int(schema.get("maxItems") or 1_000_000)
        if name == "subtasks":
            return [_subtask(line) for line in listed(text)[:most]]
        if self._classifies(items):
            found = self._known_ids(items, classify.fenced_messages(text))
            if len(found) >= least:
                return [{**self._object(items, one, depth + 1), "id": message_id} for message_id, one in found[:most]]
        count = min(max(least, 0 if depth >= _DEEP else _USUAL_ITEMS), most)
        return [
            self.value(items, f"{text} ({number + 1})" if count > 1 else text, name, depth + 1)
            for number in range(count)
        ]

    def _classifies(self, items: Schema) -> bool:
        properties = items.get("properties") or {}
        return "id" in properties and bool(self._resolved(properties.get("type") or {}).get("enum"))

    def _known_ids(self, items: Schema, found: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Keep to the ids that the schema lists, if it lists them."""
        known = self._resolved(items["properties"]["id"]).get("enum")
        return [one for one in found if one[0] in known] if known else found

    def _string(self, schema: Schema, text: str, name: str) -> str:
        match schema.get("format"):
            case "date-time":
                return "2026-01-01T00:00:00Z"
            case "date":
                return "2026-01-01"
        words = f"{self._label} {name or 'answer'}: {first_words(text)}"
        return words.ljust(int(schema.get("minLength") or 0), ".")[
            : int(schema.get("maxLength") or len(words) + 1_000_000)
        ]


def _subtask(line: str) -> dict[str, Any]:
    """Return a listed line as a piece of work; its kind only where a keyword says so."""
    kind, sure = classify.task_type(line)
    return {"prompt": line, **({"type": kind} if sure else {})}


def _kind(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one.lower() != "null"), "null")
    if isinstance(kind, str):
        return kind.lower()
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _chosen(choices: list[Any], text: str) -> Any:
    """Pick by keyword: the kind of work or its tier, else a choice that the text names, else one by the text's hash."""
    kind, _ = classify.task_type(text)
    for wanted in (kind, classify.tier(kind)):
        if wanted in choices:
            return wanted
    return next((one for one in choices if str(one).lower() in text.lower()), choices[_digest(text) % len(choices)])


def _number(schema: Schema, usual: float) -> float:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    step = 1 if _kind(schema) == "integer" else 1e-6
    if low is not None:
        usual = max(usual, low if "minimum" in schema else low + step)
    if high is not None:
        usual = min(usual, high if "maximum" in schema else high - step)
    return usual


def _digest(text: str) -> int:
    return hashlib.sha256(text.encode()).digest()[0]
