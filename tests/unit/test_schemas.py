"""The schemas of the commands' documents."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.schemas import SCHEMAS

_FIELDS_OF_A_TASK = {"max_cost_usd"}
"""As its sender states them."""


def property_sets(part: Any) -> Iterator[dict[str, Any]]:
    """Yield the properties of each object in a schema."""
    if isinstance(part, dict):
        yield part.get("properties", {})
    for entry in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from property_sets(entry)


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.name.partition(".")[0])
def test_money_is_in_whole_nano_dollars(path: Path) -> None:
    """Other forms of an amount are deprecated: each stands beside such a field."""
    for fields in property_sets(json.loads(path.read_text(encoding="utf-8"))):
        amounts = {name for name in fields if re.search(r"(^|_)(usd|nano)$", name)} - _FIELDS_OF_A_TASK
        whole = {name for name in amounts if name.endswith("nano_usd")}
        assert whole or not amounts, amounts
        for name in whole:
            kinds = fields[name].get("type", "integer")
            assert set([kinds] if isinstance(kinds, str) else kinds) <= {"integer", "null", "object"}, name
