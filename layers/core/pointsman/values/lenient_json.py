"""JSON as models write it: one object, perhaps in a fence, between words, with a comma too many or half a character.

Only what is surely meant is mended. What is cut off stays unreadable, and so does an answer with two different objects.
"""

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

from pointsman.values import strict_json

_MOST_STARTS = 50
"""Braces that are tried as the object's beginning."""
_STRING_OR_SPARE_COMMA = re.compile(r'("(?:[^"\\]|\\.)*+(?:"|\Z))|,(?=\s*+[}\]])', re.DOTALL)
"""A string that is not closed goes to the end: else its end would be looked for again from each quote within."""


class UnreadableError(ValueError):
    """The text has no such object. Raised by `read_object`; the message names the rule, never the text."""


def read_object(text: str, keys: Collection[str]) -> dict[str, Any]:
    """Return the one object of the text that has all of the `keys`, and perhaps more; the caller checks its values.

    Half a surrogate pair and NUL become U+FFFD. NaN, a number beyond a double's
    range and a key given twice are never taken.

    Raises:
        UnreadableError: there is none, or there are two that differ.
    """
    matching = [fields for fields in _objects(text) if fields.keys() >= set(keys)]
    if not matching:
        raise UnreadableError(f"must be a JSON object with {' and '.join(keys)}")
    if any(fields != matching[0] for fields in matching):
        raise UnreadableError("must be one JSON object, not several that differ")
    return matching[0]


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Yield the objects that stand side by side in the text, whatever is between them."""
    rest = text
    for _ in range(_MOST_STARTS):
        start = rest.find("{")
        if start < 0:
            return
        rest = rest[start:]
        for attempt in (rest, _STRING_OR_SPARE_COMMA.sub(lambda part: part[1] or "", rest)):
            try:
                fields, end = _DECODER.raw_decode(attempt)
                fields = _storable(fields)
            except (ValueError, RecursionError):
                continue
            yield fields
            rest = attempt[end:]
            break
        else:
            rest = rest[1:]


def _storable(value: Any, depth: int = 0) -> Any:
    if depth > strict_json.DEEPEST:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        whole = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return whole.replace("\x00", "\ufffd")
    if isinstance(value, list):
        return [_storable(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_storable(key): _storable(item, depth + 1) for key, item in value.items()}
    return value


_DECODER = json.JSONDecoder(
    strict=False,  # a line break within a string is one
    parse_constant=strict_json.no_constant,
    parse_float=strict_json.finite_float,
    parse_int=strict_json.bounded_int,
    object_pairs_hook=strict_json.unique_keys,
)
