"""A task's JSON Schema as both providers take it: what their structured output holds an answer to.

It is a subset of JSON Schema: Claude takes neither recursion nor open objects nor most bounds (anthropic 2.14.0
`lib/_parse/_transform.py`; platform.claude.com, structured outputs), Gemini no other enums than strings and numbers.
What is left out of the grammar stands in a description, and the answer is checked against the whole schema.
"""

from dataclasses import dataclass, field
from typing import Any

from pointsman.values import strict_json

type _Schema = dict[str, Any]

_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"},
)
"""Of strings, that Claude takes."""
_SCALARS = frozenset({"string", "integer", "number", "boolean", "null"})
_SAID = frozenset({"description", "title"})
_SILENT = frozenset(
    {"$schema", "$id", "$comment", "$defs", "definitions", "default", "examples", "additionalProperties"}
)
"""Keywords that bound no answer, or are held by the grammar's form."""
_MOST_NODES, _MOST_OPTIONAL, _MOST_UNIONS = 500, 24, 16
"""Schemas inside each other once references are followed; and Claude's limits for a grammar (platform.claude.com,
structured outputs, schema complexity)."""
_IN_WORDS = """\
Answer with JSON alone, without a code fence and without a word around it. It must be valid under this JSON Schema:
"""


class _NoGrammarError(Exception):
    """The schema cannot be said in the subset. Raised inside; the schema then goes in words."""


def grammar_of(schema: _Schema) -> _Schema | None:
    """Return the schema in the subset that both providers hold an answer to; None: it has to be said in words."""
    try:
        return _Grammar(schema).of(schema, ())
    except _NoGrammarError:
        return None


def in_words(schema: _Schema) -> str:
    """Return the instruction to answer by the schema, for a provider that is given no grammar."""
    return _IN_WORDS + strict_json.dumps(schema)


@dataclass(slots=True)
class _Grammar:
    root: _Schema
    counts: dict[str, int] = field(default_factory=lambda: {"nodes": 0, "optional": 0, "unions": 0})

    def of(self, schema: Any, followed: tuple[str, ...]) -> _Schema:
        """Return a schema's grammar; `followed` are the references that led here."""
        self._count("nodes", _MOST_NODES)
        if not isinstance(schema, dict):  # `true` takes anything
            raise _NoGrammarError
        schema = dict(schema)
        while "$ref" in schema or "allOf" in schema:
            schema, followed = self._merged(schema, followed)
        grammar = self._body(schema, followed)
        return self._described(schema, grammar)

    def _count(self, what: str, most: int) -> None:
        self.counts[what] += 1
        if self.counts[what] > most:
            raise _NoGrammarError

    def _merged(self, schema: _Schema, followed: tuple[str, ...]) -> tuple[_Schema, tuple[str, ...]]:
        """Return the schema with its reference, or a single `allOf`, put in its place."""
        if (reference := schema.pop("$ref", None)) is not None:
            if reference in followed:  # it holds itself
                raise _NoGrammarError
            inner, followed = self._target(reference), (*followed, reference)
        else:
            parts = schema.pop("allOf")
            if not isinstance(parts, list) or len(parts) != 1 or not isinstance(parts[0], dict):
                raise _NoGrammarError
            inner = parts[0]
        if (inner.keys() & schema.keys()) - _SAID - _SILENT:
            raise _NoGrammarError
        return {**inner, **schema}, followed

    def _target(self, reference: Any) -> _Schema:
        target: Any = self.root
        for key in str(reference).removeprefix("#").split("/")[1:]:
            key = key.replace("~1", "/").replace("~0", "~")
            target = target.get(key) if isinstance(target, dict) else None
        if not isinstance(target, dict):
            raise _NoGrammarError
        return target

    def _body(self, schema: _Schema, followed: tuple[str, ...]) -> _Schema:
        if "const" in schema:
            return self._choice([schema.pop("const")], schema)
        if "enum" in schema:
            return self._choice(schema.pop("enum"), schema)
        for word in ("anyOf", "oneOf"):
            if isinstance(choices := schema.pop(word, None), list):
                if schema.keys() & {"type", "properties", "items", "anyOf", "oneOf"}:
                    raise _NoGrammarError
                return self._union([self.of(choice, followed) for choice in choices])
        kind = schema.pop("type", None)
        if isinstance(kind, list):
            return self._union([self.of({**schema, "type": one}, followed) for one in kind])
        match kind:
            case "object":
                return self._object(schema, followed)
            case "array" if "items" in schema and isinstance(schema["items"], dict):
                least = schema.get("minItems")
                bound = {"minItems": schema.pop("minItems")} if least in (0, 1) else {}
                return {"type": "array", "items": self.of(schema.pop("items"), followed), **bound}
            case "string" if schema.get("format") in _FORMATS:
                return {"type": "string", "format": schema.pop("format")}
            case str() if kind in _SCALARS:
                return {"type": kind}
        raise _NoGrammarError

    def _union(self, parts: list[_Schema]) -> _Schema:
        if len(parts) == 1:
            return parts[0]
        self._count("unions", _MOST_UNIONS)
        return {"anyOf": parts}

    def _choice(self, values: Any, schema: _Schema) -> _Schema:
        """Return the grammar of some values: Gemini's enums have strings or numbers, one type each."""
        schema.pop("type", None)
        parts: list[_Schema] = []
        if texts := [value for value in values if isinstance(value, str)]:
            parts.append({"type": "string", "enum": texts})
        if numbers := [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]:
            whole = all(isinstance(value, int) for value in numbers)
            parts.append({"type": "integer" if whole else "number", "enum": numbers})
        parts += [{"type": "boolean"}] if any(isinstance(value, bool) for value in values) else []
        parts += [{"type": "null"}] if None in values else []
        if not parts or any(isinstance(value, dict | list) for value in values):
            raise _NoGrammarError
        return self._union(parts)

    def _object(self, schema: _Schema, followed: tuple[str, ...]) -> _Schema:
        properties = schema.pop("properties", None)
        if not properties or isinstance(schema.get("additionalProperties"), dict):
            raise _NoGrammarError  # any object, or a map: Claude knows closed objects only
        required = [name for name in schema.pop("required", ()) if name in properties]
        for _ in range(len(properties) - len(required)):
            self._count("optional", _MOST_OPTIONAL)
        return {
            "type": "object",
            "properties": {name: self.of(part, followed) for name, part in properties.items()},
            "required": required,
            "additionalProperties": False,
        }

    @staticmethod
    def _described(schema: _Schema, grammar: _Schema) -> _Schema:
        """Return the grammar with title and description, the latter followed by the bounds that it does not hold."""
        said = {name: schema[name] for name in ("title", "description") if isinstance(schema.get(name), str)}
        bounds = {name: value for name, value in schema.items() if name not in _SAID | _SILENT and name not in grammar}
        if bounds:
            own = f"{said['description']}\n\n" if "description" in said else ""
            said["description"] = own + strict_json.dumps(bounds)
        return {**grammar, **said}
