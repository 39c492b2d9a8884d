from typing import Any

import pytest

from pointsman.execution.model_schema import grammar_of, in_words

PERSON = {
    "type": "object",
    "description": "Who",
    "properties": {
        "name": {"type": "string", "minLength": 1, "description": "In full"},
        "age": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}], "default": None},
        "kind": {"$ref": "#/$defs/Kind"},
        "tags": {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 3},
    },
    "required": ["name", "kind"],
    "$defs": {"Kind": {"type": "string", "enum": ["a", "b"]}},
}


def test_a_schema_is_closed_and_its_bounds_stand_in_descriptions() -> None:
    assert grammar_of(PERSON) == {
        "type": "object",
        "description": "Who",
        "properties": {
            "name": {"type": "string", "description": 'In full\n\n{"minLength":1}'},
            "age": {"anyOf": [{"type": "integer", "description": '{"minimum":0}'}, {"type": "null"}]},
            "kind": {"type": "string", "enum": ["a", "b"]},
            "tags": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "description": '{"maxItems":3}',
            },
        },
        "required": ["name", "kind"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("schema", "grammar"),
    [
        ({"const": "x"}, {"type": "string", "enum": ["x"]}),
        ({"enum": ["x", None]}, {"anyOf": [{"type": "string", "enum": ["x"]}, {"type": "null"}]}),
        ({"enum": [1, 2, True]}, {"anyOf": [{"type": "integer", "enum": [1, 2]}, {"type": "boolean"}]}),
        ({"type": ["string", "null"]}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ({"allOf": [{"type": "string"}], "title": "T"}, {"type": "string", "title": "T"}),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}),
        ({"type": "string", "format": "phone"}, {"type": "string", "description": '{"format":"phone"}'}),
    ],
)
def test_what_providers_take_otherwise_is_written_so(schema: dict[str, Any], grammar: dict[str, Any]) -> None:
    assert grammar_of(schema) == grammar


RECURSIVE = {
    "type": "object",
    "properties": {"inner": {"$ref": "#"}},
}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"type": "object", "additionalProperties": {"type": "integer"}},
        {"type": "array"},
        {"type": "object", "properties": {"any": True}},
        {"allOf": [{"type": "object"}, {"type": "object"}]},
        {"enum": [[1]]},
        {"$ref": "#/$defs/absent"},
        {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(30)}},
        RECURSIVE,
    ],
)
def test_what_no_grammar_holds_is_said_in_words(schema: dict[str, Any]) -> None:
    assert grammar_of(schema) is None
    assert in_words({"type": "object"}).endswith('JSON Schema:\n{"type":"object"}')
