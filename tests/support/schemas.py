"""The JSON documents of commands, held against their schemas in docs/schemas."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from tests.support.paths import ROOT

SCHEMAS = ROOT / "docs" / "schemas"


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def check_document(name: str, document: Any) -> None:
    """Hold what `pointsman NAME --json` printed against its schema."""
    errors = [f"{'.'.join(map(str, error.path))}: {error.message}" for error in _validator(name).iter_errors(document)]
    assert errors == [], errors
