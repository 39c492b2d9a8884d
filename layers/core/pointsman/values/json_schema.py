"""JSON Schemas that users declare for answers. The library is imported when one is declared, and never before."""

from collections.abc import Callable, Iterator
from typing import Any

type Schema = dict[str, Any]


def compiled(schema: Schema) -> Callable[[object], object]:
    """Return what raises a ValueError for a value that is not valid.

    Drafts 4, 6, 7 and 2019-09 by `$schema`, 7 without; a `$ref` may only point within.

    Raises:
        ValueError: the schema is none; the message names the rule.
    """
    import fastjsonschema

    if any(not reference.startswith("#") for reference in _references(schema)):
        raise ValueError("a $ref must point within the schema, as #/$defs/name")
    try:
        check: Callable[[object], object] = fastjsonschema.compile(schema, use_default=False)
    except Exception as error:  # noqa: BLE001  (what it raises for a broken schema is not said)
        raise ValueError(f"must be a JSON Schema ({error or type(error).__name__})") from None
    return check


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
